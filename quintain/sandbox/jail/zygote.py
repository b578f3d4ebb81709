"""The fork server: a warm interpreter that forks one confined child per snippet and never sees a snippet itself.

Whatever this process read would be inherited by every later child, so the host sends it descriptors only; the snippet
travels through a channel that the child alone reads.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

from . import filesystem, landlock, namespaces, privileges
from .finder import PackageFinder
from .harness import HARNESS_FAILED, Harness, Streams
from .lockdown import NewChild, Plan, SetupFailed, child_steps, lock_down, prepare, run_step
from .memory import use_huge_pages
from .protocol import encode_frame, write_all
from .scheduling import take_short_turns

__all__ = ["main"]

READY = encode_frame({"ready": True})
LARGEST_REQUEST = 4096  # bytes
MAX_DESCRIPTORS = 8


def main(config: dict[str, Any]) -> None:
    """Set the server up as ``config`` says, report, and serve until the host is gone."""
    control = socket.socket(fileno=config["control"])
    plan = Plan(config["level"], config["allow_subprocess"], config["processes"], config["fault"])
    try:
        server = _set_up(config, plan, control)
    except SetupFailed as failure:
        control.send(json.dumps({"failed": failure.step, "detail": str(failure)}).encode())
        os._exit(1)
    protections = plan.protections + [name for name, _ in plan.steps]
    report = {"ready": protections, "landlock_abi": plan.landlock_abi}
    control.send(json.dumps(report).encode())
    server.serve()


def _set_up(config: dict[str, Any], plan: Plan, control: socket.socket) -> Server:
    take_short_turns()  # short scheduler time slices, inherited by children (Linux 6.12)
    user = plan.level == "B"
    if plan.has_namespaces:
        if user:
            run_step(plan, "user namespace", lambda: namespaces.new_user_and_pid_namespace(user=True))
        else:
            run_step(plan, "process namespace", lambda: namespaces.new_user_and_pid_namespace(user=False))
        child = os.fork()
        if child:
            control.close()
            os.close(config["host"])
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        plan.protections += ["process namespace", *(["user namespace"] if user else [])]
    if os.getsid(0) != os.getpid():
        os.setsid()

    _preload(config["preload"], config["package_directories"], keep_fork_hooks=plan.allow_subprocess)
    sys.meta_path.append(PackageFinder(config["package_modules"]))  # for what the preloaded packages import later
    if len(os.listdir("/proc/self/task")) != 1:
        raise SetupFailed("single thread", OSError(0, "a preloaded library started a thread"))

    readable = [*filesystem.library_paths(), *config["package_paths"]]
    if plan.allow_subprocess:
        readable += filesystem.program_paths()
    with open("/proc/self/statm") as statm:
        plan.base_memory = int(statm.read().split()[0]) * resource.getpagesize()
    gc.collect()
    use_huge_pages()
    own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if plan.has_namespaces else -1
    if plan.has_namespaces:
        _enter_namespaces(plan, readable)
    if plan.confined:
        kept = privileges.KEPT_BY_SERVER if plan.has_namespaces else ()
        if os.geteuid() == 0 or plan.has_namespaces:
            run_step(plan, "server capabilities", lambda: privileges.drop_bounding_set(kept))
        prepare(plan, _landlock_rules(plan, readable))
    plan.own_pid = os.getpid()
    plan.steps = child_steps(plan)
    return Server(plan, control, config["host"], own_namespace)


def _preload(modules: list[str], directories: list[str], *, keep_fork_hooks: bool) -> None:
    """Import the modules that children find preloaded.

    Libraries register hooks for forks, to reset locks and generators. This process has one thread and holds no lock
    when it forks, and the generators are reseeded once the child is confined, so the hooks are not registered: running
    them would double the memory that each child has to copy.
    """
    register = os.register_at_fork
    if not keep_fork_hooks:
        os.register_at_fork = lambda **hooks: None
    sys.path += directories
    for name in modules:
        importlib.import_module(name)
    for directory in directories:
        sys.path.remove(directory)
    os.register_at_fork = register


def _enter_namespaces(plan: Plan, readable: list[str]) -> None:
    run_step(plan, "namespaces", namespaces.enter_namespaces)
    plan.protections += ["mount namespace", "network namespace", "ipc namespace", "uts namespace"]
    library = filesystem.standard_library()
    hidden = [f"{path}/{name}" for path in library for name in filesystem.SITE_DIRECTORIES]
    hidden += [f"/usr/lib/python3/{name}" for name in filesystem.SITE_DIRECTORIES]
    run_step(plan, "private root", lambda: namespaces.enter_private_root([*library, *readable], hidden))
    plan.protections.append("private read-only root")


def _landlock_rules(plan: Plan, readable: list[str]) -> list[tuple[str, int]]:
    """List what children may open; the site directories of the standard library are left out."""
    run = landlock.EXECUTE if plan.allow_subprocess else 0
    rules = [(path, landlock.READ | run if os.path.isdir(path) else landlock.READ_FILE_ONLY | run) for path in readable]
    for library in filesystem.standard_library():
        if plan.has_namespaces:
            rules.append((library, landlock.READ))
            continue
        rules.append((library, landlock.READ_DIR))
        for entry in os.scandir(library):
            if entry.name not in filesystem.SITE_DIRECTORIES:
                rights = landlock.READ if entry.is_dir() else landlock.READ_FILE_ONLY
                rules.append((entry.path, rights))
    rules += [("/dev/null", landlock.READ_WRITE_FILE), ("/dev/zero", landlock.READ_FILE_ONLY)]
    rules.append(("/dev/urandom", landlock.READ_FILE_ONLY))
    if plan.has_namespaces:
        rules.append((namespaces.SCRATCH_PARENT, landlock.SCRATCH | run))
    return rules


class Server:
    """Fork children on request and report how each one ended.

    Args:
        plan: What every child puts in force.
        control: Where requests arrive, each with the descriptors of one child.
        host: Process descriptor of the host; readable once the host is gone.
        own_namespace: Descriptor of this server's process namespace, or -1.
    """

    def __init__(self, plan: Plan, control: socket.socket, host: int, own_namespace: int) -> None:
        self.plan = plan
        self.control = control
        self.host = host
        self.own_namespace = own_namespace
        self.streams = Streams()
        self.harness = Harness(self.streams)
        self.harness.install()
        self.children: dict[int, tuple[int, socket.socket]] = {}
        # Where the user ids of children begin, which differ from those of other servers' children: limits on processes
        # are counted by user. The process id does not tell servers apart, since each has a namespace of its own.
        self.counter = int.from_bytes(os.urandom(4), "little")

    def serve(self) -> None:
        """Serve until the host closes the control socket or dies; then kill every child and exit."""
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.host, select.POLLIN)
        gc.collect()
        gc.freeze()
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self.host:
                    self._stop()
                elif descriptor == self.control.fileno():
                    pidfd = self._handle_request()
                    if pidfd is not None:
                        poller.register(pidfd, select.POLLIN)
                else:
                    poller.unregister(descriptor)
                    self._reap(descriptor)

    def _stop(self) -> None:
        for pidfd in self.children:
            try:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os._exit(0)

    def _handle_request(self) -> int | None:
        size = array.array("i").itemsize
        space = socket.CMSG_SPACE(MAX_DESCRIPTORS * size)
        data, ancillary, _, _ = self.control.recvmsg(LARGEST_REQUEST, space)
        if not data:
            self._stop()
        descriptors = array.array("i")
        for _, _, payload in ancillary:
            descriptors.frombytes(payload[: len(payload) - len(payload) % size])
        status = socket.socket(fileno=descriptors[0])
        request = json.loads(data)
        self.counter += 1
        try:
            pid = self._fork(request, list(descriptors[1:]))
        except OSError as error:
            with contextlib.suppress(OSError):  # the host has given this child up
                status.send(str(error).encode())
            status.close()
            return None
        finally:
            for descriptor in descriptors[1:]:
                os.close(descriptor)
        pidfd = os.pidfd_open(pid)
        self.children[pidfd] = (pid, status)
        try:
            socket.send_fds(status, [b"started"], [pidfd])
        except OSError:  # the host has given this child up
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        return pidfd

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        if self.own_namespace >= 0:
            namespaces.new_pid_namespace(self.own_namespace)
        pid = os.fork()
        if pid == 0:
            self._become_child(request, descriptors)
        return pid

    def _become_child(self, request: dict[str, Any], descriptors: list[int]) -> None:
        plan = self.plan
        parent = 0 if plan.has_namespaces else plan.own_pid
        child = NewChild(plan, request, descriptors, parent, self.counter, plan.ruleset, channel=descriptors[3])
        try:
            try:
                lock_down(child)
            except SetupFailed as failure:
                write_all(child.channel, encode_frame({"failed": failure.step, "detail": str(failure)}))
                os._exit(1)
            gc.enable()
            self.harness.rehearse()
            write_all(child.channel, READY)
            self.harness.serve(plan.base_memory)
        except BaseException as error:
            os.write(2, f"sandbox harness: {type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        finally:
            os._exit(HARNESS_FAILED)

    def _reap(self, pidfd: int) -> None:
        pid, status = self.children.pop(pidfd)
        os.close(pidfd)
        _, code, usage = os.wait4(pid, 0)
        report = {"code": code, "cpu_s": usage.ru_utime + usage.ru_stime, "max_rss_kb": usage.ru_maxrss}
        with contextlib.suppress(OSError):  # nobody may be waiting any more
            status.send(json.dumps(report).encode())
        status.close()
