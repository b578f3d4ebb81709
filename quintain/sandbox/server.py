"""The host's handle on one fork server and on the children that it forks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from quintain.errors import SandboxError
from quintain.sandbox.clock import cpu_seconds
from quintain.sandbox.flavours import Flavour, locate
from quintain.sandbox.jail.protocol import FrameReader, ProtocolError

__all__ = ["Child", "ForkServer", "ServerSetupFailed", "SetupReport"]

JAIL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jail")
BOOTSTRAP = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location(
    "_quintain_jail", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["_quintain_jail"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from _quintain_jail.zygote import main
config, sys.argv[:] = json.loads(sys.argv[2]), [""]
main(config)
"""
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",  # the same snippet iterates over its sets in the same order every time
    "MALLOC_ARENA_MAX": "2",  # each further arena would take 64 MiB of a snippet's address space
    **{
        f"{library}_NUM_THREADS": "1"  # a server with threads cannot fork safely
        for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    },
}
START_TIMEOUT_S = 120.0
SETUP_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 30.0
FRAME_LIMIT = 1 << 22


class ServerSetupFailed(SandboxError):
    """A fork server could not put a protection in force; ``step`` names it."""

    def __init__(self, step: str, detail: str) -> None:
        """Keep the step beside the message."""
        self.step = step
        super().__init__(detail)


@dataclass(frozen=True)
class SetupReport:
    """A child's report of its set-up, sent before any untrusted code runs in it."""

    failed: str | None = None
    detail: str = ""


@dataclass
class Child:
    """One confined process and the host's ends of its pipes."""

    stdin: int
    stdout: int
    stderr: int
    channel: int
    status: socket.socket
    server: ForkServer
    frames: FrameReader = field(default_factory=lambda: FrameReader(FRAME_LIMIT))
    pidfd: int = -1
    setup: SetupReport | None = None
    snippets: int = 0
    scratch: int = -1
    released: bool = False
    _pid: int = 0

    def wait_until_ready(self) -> SetupReport:
        """Wait until the child is confined; return its report.

        Raises:
            SandboxError: If the fork server died or did not answer.
        """
        if self._is_set_up():
            assert self.setup is not None
            return self.setup
        deadline = time.monotonic() + SETUP_TIMEOUT_S
        poller = select.poll()
        poller.register(self.channel, select.POLLIN)
        poller.register(self.status, select.POLLIN)
        poller.register(self.server.pidfd, select.POLLIN)
        while not self._is_set_up():
            events = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not events:
                raise SandboxError("a child of the fork server did not finish its set-up in time")
            for descriptor, _ in events:
                if descriptor == self.server.pidfd:
                    self.server.lost()
                    raise SandboxError("the fork server died; it will be started again for the next run")
                if descriptor == self.channel and self.setup is None:
                    self._read_setup()
                elif descriptor == self.channel:
                    poller.unregister(self.channel)
                elif self._read_started():
                    poller.unregister(self.status)
        assert self.setup is not None
        return self.setup

    def _is_set_up(self) -> bool:
        return self.setup is not None and self.pidfd >= 0

    def _read_setup(self) -> None:
        try:
            data = os.read(self.channel, 65536)
            message = self.frames.feed(data)
        except (OSError, ProtocolError) as error:
            raise SandboxError(f"a child of the fork server reported garbage during set-up: {error}") from None
        if not data:
            self.setup = SetupReport("start", "the child died during its set-up")
        elif message is not None and "ready" in message:
            self.setup = SetupReport()
        elif message is not None:
            self.setup = SetupReport(message["failed"], message["detail"])

    def _read_started(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self.status, 4096, 1)
        if not data:
            self.server.lost()
            raise SandboxError("the fork server dropped a child; it will be started again for the next run")
        if not descriptors:
            raise SandboxError(f"the fork server could not fork: {data.decode(errors='replace')}")
        self.pidfd = descriptors[0]
        return True

    def signal(self, number: int) -> None:
        """Send a signal through the process descriptor, so that a recycled process id is never hit."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def cpu_time(self) -> float:
        """Return the CPU seconds of the whole process so far; 0 once it is gone."""
        pid = self.host_pid()
        return cpu_seconds(pid) if pid > 0 else 0.0

    def usage(self) -> tuple[float, float] | None:
        """Return the CPU seconds and the peak memory in MiB of the process so far; ``None`` once it is gone."""
        try:
            with open(f"/proc/{self.host_pid()}/status", "rb", buffering=0) as file:
                peak = re.search(rb"VmHWM:\s*(\d+) kB", file.read())
        except OSError:
            return None
        # Read after the memory: the number of a process that is gone by now may already be another's.
        cpu_s = self.cpu_time()
        if peak is None or not cpu_s or self._wait_for_end(0.0):
            return None
        return cpu_s, int(peak[1]) / 1024

    def host_pid(self) -> int:
        """Return the process's number as the host sees it; 0 or less once it is gone."""
        if not self._pid:
            try:
                with open(f"/proc/self/fdinfo/{self.pidfd}") as info:
                    self._pid = next(int(line.split()[1]) for line in info if line.startswith("Pid:"))
            except OSError:
                return 0
        return self._pid

    def _wait_for_end(self, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def close(self) -> None:
        """Kill the child if it still lives, and release every descriptor.

        A child that shares a directory with the host is waited for, because its owner removes that next.
        """
        if self.released:
            return
        if self.pidfd < 0:  # it may still be on its way; without its descriptor it could not be killed
            with contextlib.suppress(SandboxError, OSError):
                self.wait_until_ready()
        self.signal(signal.SIGKILL)
        if self.scratch >= 0 and self.pidfd >= 0:
            self._wait_for_end(KILL_TIMEOUT_S)
        self.release()

    def release(self) -> None:
        """Close the descriptors and nothing else, as a forked copy of the host must."""
        if self.released:
            return
        self.released = True
        self.server.finish(self)
        for name in ("stdin", "stdout", "stderr", "channel", "pidfd", "scratch"):
            descriptor = getattr(self, name)
            if descriptor >= 0:
                os.close(descriptor)
                setattr(self, name, -1)
        self.status.close()


class ForkServer:
    """Start a fork server and ask it for children.

    Args:
        flavour: The libraries that it preloads.
        level: Level of protection: ``A``, ``B``, ``C``, or ``none`` for no confinement.
        allow_subprocess: Whether snippets may start processes.
        processes: Maximum number of processes of a snippet, where it may start any.
        fault: Name of a set-up step that fails on purpose (for tests of the fail-closed rule); ``None`` for none.

    Raises:
        ServerSetupFailed: If a protection could not be put in force.
        SandboxError: If the server did not start for another reason.
    """

    def __init__(
        self, flavour: Flavour, level: str, *, allow_subprocess: bool, processes: int, fault: str | None
    ) -> None:
        self.flavour = flavour
        self.level = level
        self.children = 0
        self.busy = 0
        self._lost = False
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        host = os.pidfd_open(os.getpid())
        location = locate(flavour)
        config = {
            "level": level,
            "control": theirs.fileno(),
            "host": host,
            "package_directories": list(location.directories),
            "package_paths": list(location.paths),
            "package_modules": location.modules,
            "preload": [name for name in flavour.preload if name.split(".")[0] not in location.missing],
            "allow_subprocess": allow_subprocess,
            "processes": processes,
            "fault": fault,
        }
        interpreter = getattr(sys, "_base_executable", "") or sys.executable  # a venv's is a link to it
        try:
            self._process = subprocess.Popen(
                [interpreter, "-S", "-s", "-P", "-c", BOOTSTRAP, JAIL, json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=(theirs.fileno(), host),
            )
        finally:
            theirs.close()
            os.close(host)
        self.pidfd = os.pidfd_open(self._process.pid)
        try:
            self.protections, self.landlock_abi = self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self) -> tuple[tuple[str, ...], int]:
        self._control.settimeout(START_TIMEOUT_S)
        try:
            data = self._control.recv(65536)
        except OSError as error:
            raise SandboxError(f"the fork server did not start: {error}") from error
        self._control.settimeout(None)
        if not data:
            assert self._process.stderr is not None
            errors = self._process.stderr.read(4096).decode(errors="replace")
            raise SandboxError(f"the fork server died while starting: {errors.strip() or 'no message'}")
        message: dict[str, Any] = json.loads(data)
        if "failed" in message:
            raise ServerSetupFailed(message["failed"], message["detail"])
        return tuple(message["ready"]), int(message["landlock_abi"])

    @property
    def alive(self) -> bool:
        """Whether the server still listens: its socket is open, and no run has noticed its death.

        The sockets of a dying process close one after the other, so a run may notice before this one closes.
        """
        if self.pidfd < 0 or self._lost:
            return False
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        return not poller.poll(0)

    def spawn(self, request: dict[str, Any], scratch: int = -1) -> Child:
        """Ask for one child; it is confined in the background.

        Args:
            request: Settings of its scratch directory.
            scratch: Descriptor of a directory made by the host for it, or -1.

        Raises:
            SandboxError: If the server is gone.
        """
        stdin_theirs, stdin = os.pipe()
        stdout, stdout_theirs = os.pipe()
        stderr, stderr_theirs = os.pipe()
        channel, channel_theirs = socket.socketpair()
        status, status_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs = [status_theirs.fileno(), stdin_theirs, stdout_theirs, stderr_theirs, channel_theirs.fileno()]
        if scratch >= 0:
            theirs.append(scratch)
        child = Child(stdin, stdout, stderr, channel.detach(), status, self, scratch=scratch)
        for descriptor in (stdin, stdout, stderr, child.channel):
            os.set_blocking(descriptor, False)
        try:
            with self._lock:
                self.children += 1
                self.busy += 1
                socket.send_fds(self._control, [json.dumps(request).encode()], theirs)
        except OSError as error:
            child.close()
            raise SandboxError("the fork server is gone; it will be started again for the next run") from error
        finally:
            for descriptor in (stdin_theirs, stdout_theirs, stderr_theirs):
                os.close(descriptor)
            channel_theirs.close()
            status_theirs.close()
        return child

    def lost(self) -> None:
        """Note that a run found the server dead: it gets no further requests, and its waiting children run nothing."""
        self._lost = True

    def finish(self, child: Child) -> None:
        """Note that a child is gone."""
        with self._lock:
            self.busy -= 1

    def close(self) -> None:
        """Stop the server; it kills its children first."""
        if self.pidfd < 0:
            return
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.release()

    def release(self) -> None:
        """Close the descriptors without stopping the server, as a forked copy of the host must."""
        self._control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
