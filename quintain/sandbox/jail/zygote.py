"""The fork server: a Python process with preloaded libraries that forks one confined child for each run.

A child starts as a copy of this process, so whatever this process read would be visible to all later children.
Therefore it never reads the code to run: with each request the host passes file descriptors, among them a channel from
which only the child reads the code.
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
from .terminal import leave_terminal

__all__ = ["main"]

READY = encode_frame({"ready": True})
LARGEST_REQUEST = 4096  # bytes
MAX_DESCRIPTORS = 8


def main(config: dict[str, Any]) -> None:
    """Set up a fork server, report to the host over the control socket, and serve until the host is gone.

    The report is one JSON message: ``{"ready": [protections], "landlock_abi": version}``, or ``{"failed": step,
    "detail": message}`` if a protection could not be put in force; then the process exits.

    Args:
        config: What :class:`~quintain.sandbox.server.ForkServer` passes on the command line, as JSON:

            - ``level``: level of protection, ``"A"``, ``"B"``, ``"C"`` or ``"none"``.
            - ``control``: descriptor of the socket on which requests arrive.
            - ``host``: process descriptor (pidfd) of the host.
            - ``preload``: names of the modules to import before the first fork.
            - ``package_directories``: directories from which they are imported.
            - ``package_modules``: what children may import beside the standard library, for
              :class:`~quintain.sandbox.jail.finder.PackageFinder`.
            - ``package_paths``: files and directories of these packages, which children may read.
            - ``allow_subprocess``: whether children may start processes.
            - ``processes``: maximum number of processes of a child.
            - ``fault``: name of a set-up step that fails on purpose, for tests, or ``None``.
    """
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
    run_step(plan, "no terminal", leave_terminal)
    take_short_turns()  # children inherit the short time slices, so a short run need not wait for busy processes
    user = plan.level == "B"
    if plan.has_namespaces:
        if user:
            run_step(plan, "user namespace", lambda: namespaces.new_user_and_pid_namespace(user=True))
        else:
            run_step(plan, "process namespace", lambda: namespaces.new_user_and_pid_namespace(user=False))
        child = os.fork()  # a new process namespace holds only children made after it: the server is the first
        if child:
            control.close()
            os.close(config["host"])
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        plan.protections += ["process namespace", *(["user namespace"] if user else [])]
        run_step(plan, "no terminal", leave_terminal)
    plan.protections.append("no terminal")

    _preload(config["preload"], config["package_directories"], keep_fork_hooks=plan.allow_subprocess)
    sys.meta_path.append(PackageFinder(config["package_modules"]))  # finds what is not imported yet
    if len(os.listdir("/proc/self/task")) != 1:  # a fork copies one thread, and locks that others hold stay locked
        raise SetupFailed("single thread", OSError(0, "a preloaded library started a thread"))

    readable = [*filesystem.library_paths(), *config["package_paths"]]
    if plan.allow_subprocess:
        readable += filesystem.program_paths()
    with open("/proc/self/statm") as statm:
        plan.base_memory = int(statm.read().split()[0]) * resource.getpagesize()
    gc.collect()  # fewer pages for a fork to copy
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


#: Optional companions of preloaded libraries, such as of pandas, that start threads when they are imported.
_STARTS_THREADS = frozenset({"pyarrow"})


def _preload(modules: list[str], directories: list[str], *, keep_fork_hooks: bool) -> None:
    """Import modules, so that children start with them loaded.

    Libraries register hooks that run at every fork, to reset locks and random number generators. They are not needed:
    this process has one thread and holds no lock when it forks, and generators are reseeded once the child is confined.
    They would also write to so many pages that a child had twice as much memory to copy. So they are not registered.

    Args:
        modules: Names of the modules.
        directories: Directories added to ``sys.path`` during the imports.
        keep_fork_hooks: Register the hooks all the same, because children may fork themselves.
    """
    register = os.register_at_fork
    if not keep_fork_hooks:
        os.register_at_fork = lambda **hooks: None
    sys.path += directories
    for name in _STARTS_THREADS.difference(modules):
        sys.modules[name] = None  # type: ignore[assignment]  # importing it raises ImportError
    for name in modules:
        importlib.import_module(name)
    for name in _STARTS_THREADS.difference(modules):
        del sys.modules[name]
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
    """Fork a child for each request, and report its exit code, CPU time and memory when it ends.

    Args:
        plan: The protections that every child puts in force, prepared in advance.
        control: Socket on which requests arrive: JSON, with descriptors in this order: a socket for reports on the
            child, then its stdin, stdout, stderr and channel, and optionally a scratch directory made by the host.
        host: Process descriptor (pidfd) of the host; it becomes readable when the host ends.
        own_namespace: Descriptor of this server's process namespace; -1 where there are no namespaces.
    """

    def __init__(self, plan: Plan, control: socket.socket, host: int, own_namespace: int) -> None:
        self.plan = plan
        self.control = control
        self.host = host
        self.own_namespace = own_namespace
        self.streams = Streams()
        self.harness = Harness(self.streams)
        self.harness.install()
        # Process descriptor of each living child -> its process id, and the socket for reports on it.
        self.children: dict[int, tuple[int, socket.socket]] = {}
        # Each child gets a user id computed from this number, since the kernel counts processes by user. It starts at
        # random, so that children of different servers rarely share one. The server's process id would not do: each
        # server has a process namespace of its own, in which its id is 1.
        self.counter = int.from_bytes(os.urandom(4), "little")

    def serve(self) -> None:
        """Serve until the host closes the control socket or dies; then kill every child and exit."""
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.host, select.POLLIN)
        gc.collect()
        gc.freeze()  # garbage collection in a child then skips the server's objects, and copies none of their pages
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
