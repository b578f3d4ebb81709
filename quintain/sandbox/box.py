"""``Sandbox``: run untrusted Python from synchronous, threaded and asynchronous programs alike."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from quintain.errors import ConfigurationError, SandboxError, SandboxUnavailable
from quintain.sandbox.backend import BACKENDS, Backend, BackendSettings, Snippet
from quintain.sandbox.flavours import importable
from quintain.sandbox.levels import LEVELS
from quintain.sandbox.limits import Limits
from quintain.sandbox.packages import checked_packages
from quintain.sandbox.result import Result
from quintain.sandbox.session import Session

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Sandbox", "UnsafeSandboxWarning", "shared"]

POOLED_PER_WORKER = 2


class UnsafeSandboxWarning(UserWarning):
    """Code runs without confinement because the user asked for it by name."""


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)


def _checked_files(files: Mapping[str, str | bytes]) -> dict[str, bytes]:
    checked = {}
    for name, content in files.items():
        parts = name.split("/")
        if not name or "\0" in name or name.startswith("/") or any(part in ("", ".", "..") for part in parts):
            raise ConfigurationError(f"a file name must be a plain relative path, got {name!r}")
        checked[name] = _bytes(content)
    return checked


def _require_imports(backend: Backend, packages: tuple[str, ...]) -> None:
    """Import packages in the sandbox.

    Raises:
        SandboxUnavailable: If that fails; an installed package may lack what it needs.
        SandboxError: If the server that preloads them cannot start.
    """
    result = backend.run(Snippet(f"import {', '.join(packages)}", limits=Limits(cpu_s=60, memory_mb=2048)), None)
    if not result.ok:
        reason = result.stderr.strip().rpartition("\n")[2] or result.detail
        raise SandboxUnavailable(
            f"snippets cannot import {', '.join(packages)} here: {reason}; repair or leave out what is broken"
        )


class Sandbox:
    """Run untrusted Python programs, isolated as strongly as this machine allows.

    Construction is cheap: no process starts before the first run. One sandbox serves any number of threads and event
    loops at once, and survives ``os.fork`` (the copy starts its own servers).

    Args:
        backend: Name of a registered back-end: ``fork`` (Linux), ``monty`` (a subset of Python, on any system),
            ``container`` (docker or podman), or ``unsafe-local`` (no confinement; warns each time).
        require: For ``fork``: the weakest acceptable level, ``"A"`` (strongest), ``"B"`` or ``"C"``.
        level: For ``fork``: the exact level; ``None`` takes the strongest that works here.
        workers: Maximum number of snippets that run at the same time, >= 1; ``None`` takes the number of cores. All
            processes of a user together run no more than the machine has cores; waiting for that counts against no
            limit.
        limits: Default limits of every run; ``None`` takes those of ``Limits()``.
        writable_scratch: Whether snippets may write files in their working directory. ``None`` is yes, except at level
            C, which has no quota for them.
        allow_subprocess: Whether snippets may start processes; needs level A or B.
        pool_size: Number of confined interpreters kept waiting per flavour, to lower latency; ``None`` takes two per
            worker.
        image: For ``container``: the image to run; ``None`` takes ``python:3.12-slim``.
        packages: For ``fork`` and ``unsafe-local``: packages of this Python environment that snippets can import
            beside NumPy and SymPy, by the names under which they are imported, such as ``["pandas"]``. Containers have
            the packages of their image.

    Attributes:
        importable: Names of the packages that snippets can import beyond the standard library; empty where the
            back-end does not know.

    Raises:
        ConfigurationError: If the back-end is unknown or the arguments contradict each other.
        MissingDependencyError: If a package is not installed.
    """

    def __init__(
        self,
        backend: str = "fork",
        *,
        require: str = "C",
        level: str | None = None,
        workers: int | None = None,
        limits: Limits | None = None,
        writable_scratch: bool | None = None,
        allow_subprocess: bool = False,
        pool_size: int | None = None,
        image: str | None = None,
        packages: str | Sequence[str] = (),
        _fault: str | None = None,
    ) -> None:
        if not BACKENDS.facts(backend).levels and (level or allow_subprocess or writable_scratch is not None):
            raise ConfigurationError(
                f"level, allow_subprocess and writable_scratch do not apply to backend {backend!r}"
            )
        has_packages = BACKENDS.facts(backend).packages
        if packages and not has_packages:
            raise ConfigurationError(
                f"packages do not apply to backend {backend!r}, which has none of this environment's; use 'fork', or "
                "'container' with an image that has them"
            )
        for name, value in (("require", require), ("level", level)):
            if value is not None and value not in LEVELS:
                raise ConfigurationError(f"{name} must be 'A', 'B' or 'C', got {value!r}")
        if workers is not None and workers < 1:
            raise ConfigurationError(f"workers must be at least 1, got {workers!r}")
        self.backend = backend
        self.require = require
        self.level = level
        self.limits = limits or Limits()
        self.workers = workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or 1
        self.writable_scratch = writable_scratch
        self.allow_subprocess = allow_subprocess
        self.pool_size = POOLED_PER_WORKER * self.workers if pool_size is None else pool_size
        self.image = image
        self.packages = checked_packages(packages)
        self.importable = importable(self.packages) if has_packages else ()
        self._fault = _fault
        self._impl: Backend | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closed = False
        _living.add(self)

    # -- running ---------------------------------------------------------------------------------------------------

    def run(
        self,
        code: str,
        *,
        stdin: str | bytes = "",
        files: Mapping[str, str | bytes] | None = None,
        limits: Limits | None = None,
        session: Session | None = None,
        seed: int | None = None,
    ) -> Result:
        """Run a snippet until it ends or exceeds a limit.

        Args:
            code: Python source. The value of a trailing expression is reported, as in an interactive interpreter.
            stdin: Standard input of the snippet.
            files: Files to put into its working directory: relative paths and contents.
            limits: Limits of this run; ``None`` takes the sandbox's.
            session: Session to run in; ``None`` runs in a fresh namespace.
            seed: Seed of ``random`` and ``numpy.random``; fresh entropy when ``None``.

        Returns:
            The result. Errors, time-outs and crashes of the snippet are results, never exceptions.

        Raises:
            SandboxUnavailable: If this machine does not offer the required protection.
            SandboxError: If the sandbox itself failed; the snippet is not run again.
        """
        checked = {} if files is None else _checked_files(files)
        text = code.encode("utf-8", "replace").decode() if not code.isascii() else code
        snippet = Snippet(text, _bytes(stdin), checked, limits or self.limits, seed)
        return self._started().run(snippet, session)

    async def arun(
        self,
        code: str,
        *,
        stdin: str | bytes = "",
        files: Mapping[str, str | bytes] | None = None,
        limits: Limits | None = None,
        session: Session | None = None,
        seed: int | None = None,
    ) -> Result:
        """Run a snippet without blocking the event loop; see ``run``."""
        import asyncio

        def work() -> Result:
            return self.run(code, stdin=stdin, files=files, limits=limits, session=session, seed=seed)

        return await asyncio.get_running_loop().run_in_executor(self._threads(), work)

    def session(self, *, limits: Limits | None = None, science: bool | None = None) -> Session:
        """Return an interpreter that keeps its names from run to run; use it as a context manager.

        Args:
            limits: Limits of its process; ``None`` takes the sandbox's.
            science: Whether NumPy and SymPy can be imported in it. ``None``: if the first snippet mentions them.
        """
        flavour = None if science is None else ("science" if science else "bare")
        return Session(self._started(), limits or self.limits, flavour)

    def call(
        self,
        function: str,
        arguments: Sequence[Any] = (),
        *,
        code: str = "",
        limits: Limits | None = None,
        session: Session | None = None,
    ) -> tuple[Result, Any]:
        """Call a function that untrusted code defines, with plain data in and plain data out.

        Args:
            function: Name of the function.
            arguments: Positional arguments: numbers, text, bytes, lists, tuples, sets, dictionaries.
            code: Source to run first, in the same namespace; may be empty in a session that has defined the function.
            limits: Limits of the run; ``None`` takes the sandbox's.
            session: Session to run in; ``None`` runs in a fresh namespace.

        Returns:
            The result, and the value that the code claims its function returned (``None`` unless ``ok``).
        """
        checked = code if code.isascii() else code.encode("utf-8", "replace").decode()
        snippet = Snippet(checked, limits=limits or self.limits, function=function, arguments=tuple(arguments))
        return self._started().call(snippet, session)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self, *, flavours: tuple[str, ...] = ("bare",)) -> Sandbox:
        """Start the servers now instead of at the first run; return the sandbox itself.

        Args:
            flavours: ``bare``, ``science`` or both.
        """
        self._started().warm(flavours)
        return self

    def describe(self) -> dict[str, Any]:  # Any: JSON values
        """Return JSON-able facts about backend, level and protections for the record of a run. Starts the sandbox."""
        backend = self._started()
        facts = backend.describe()
        if facts["protections"]:
            return facts
        self.run("")  # protections are known after the first child has applied them
        return backend.describe()

    def close(self) -> None:
        """Kill running snippets and stop every process. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            backend, self._impl = self._impl, None
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        if backend is not None:
            backend.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> Backend:
        backend = self._impl
        if backend is not None:
            return backend
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if self._impl is None:
                self._impl = self._make_backend()
            return self._impl

    def _make_backend(self) -> Backend:
        if not BACKENDS.facts(self.backend).confined:
            message = f"{self.backend}: untrusted code runs with this user's rights and without confinement"
            warnings.warn(message, UnsafeSandboxWarning, stacklevel=4)
        backend = BACKENDS.make(
            self.backend,
            BackendSettings(
                workers=self.workers,
                limits=self.limits,
                require=self.require,
                level=self.level,
                writable_scratch=self.writable_scratch,
                allow_subprocess=self.allow_subprocess,
                pool_size=self.pool_size,
                image=self.image,
                packages=self.packages,
                fault=self._fault,
            ),
        )
        if self.packages:
            try:
                _require_imports(backend, self.packages)
            except BaseException:
                backend.close()
                raise
        return backend

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if self._executor is None:
                from concurrent.futures import ThreadPoolExecutor

                self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="quintain-sandbox")
            return self._executor

    def _forget(self) -> None:
        """Drop all resources in a forked copy of the host process."""
        self._lock = threading.Lock()
        self._executor = None
        if self._impl is not None:
            self._impl.forget()


_living: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_shared: dict[tuple[str, ...], Sandbox] = {}
_shared_lock = threading.Lock()


def shared(packages: tuple[str, ...] = ()) -> Sandbox:
    """Return the sandbox of this process, made on first use and closed at exit.

    Args:
        packages: Further packages that snippets can import; there is one sandbox for each selection.

    Raises:
        MissingDependencyError: If a package is not installed.
    """
    with _shared_lock:
        box = _shared.get(packages)
        if box is None or box._closed:
            box = _shared[packages] = Sandbox(packages=packages)
        return box


def _after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for sandbox in list(_living):
        sandbox._forget()


def _at_exit() -> None:
    for sandbox in list(_living):
        sandbox.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
