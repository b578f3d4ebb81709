"""A subset of Python in a separate interpreter (pydantic-monty), on any system.

Safety comes from the interpreter, which has no way to reach files, processes or the network, and from the worker
process around it. The subset has no NumPy and few standard modules: suitable for reward functions, not for programs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import Any

from quintain.errors import CapabilityError, SandboxError, SandboxUnavailable
from quintain.sandbox.backend import BackendSettings, Snippet
from quintain.sandbox.budget import machine_budget
from quintain.sandbox.clock import cpu_seconds
from quintain.sandbox.jail.program import ends_with_semicolon, shorten
from quintain.sandbox.jail.values import UnsupportedValueError, encode_value
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Exceeded, Result, Status, plain_text
from quintain.sandbox.session import Session

__all__ = ["MontyBackend", "make_backend"]

PROTECTIONS = ("interpreter without system calls", "worker process", "time limit", "memory limit", "recursion limit")
MAX_REPR = 1 << 16
MEBIBYTE = 1 << 20


class _OutputLimitError(Exception):
    """The snippet printed more than its limit."""


class _Output:
    """Collect what a snippet prints, up to a limit per stream; the worker of one that prints more is killed.

    Args:
        limit: Maximum number of characters of each stream.
        worker: Process of the worker, or 0 if it is not known. Its interpreter does not end for an error raised here.
    """

    def __init__(self, limit: int, worker: int) -> None:
        self.limit = limit
        self.worker = worker
        self.text = {"stdout": "", "stderr": ""}
        self.truncated = False

    def __call__(self, stream: str, text: str) -> None:
        kept = self.text[stream] + text
        self.text[stream] = kept[: self.limit]
        if len(kept) > self.limit:
            if self.worker and not self.truncated:
                with contextlib.suppress(OSError):
                    os.kill(self.worker, getattr(signal, "SIGKILL", signal.SIGTERM))
            self.truncated = True
            raise _OutputLimitError


class MontyBackend:
    """Run snippets in pydantic-monty's worker processes.

    Args:
        workers: Maximum number of worker processes, >= 1.

    Raises:
        SandboxUnavailable: If pydantic-monty is not installed.
    """

    name = "monty"

    def __init__(self, workers: int) -> None:
        try:
            import pydantic_monty
        except ImportError as error:
            raise SandboxUnavailable("the monty backend needs a library: pip install pydantic-monty") from error
        self._monty = pydantic_monty
        self._workers = workers
        self._lock = threading.Lock()
        self._pool: Any = None
        self._abandoned: list[Any] = []

    def _started(self) -> Any:
        with self._lock:
            if self._pool is None:
                self._pool = self._monty.Monty(min_processes=1, max_processes=self._workers)
                self._pool.__enter__()
            return self._pool

    def run(self, snippet: Snippet, session: Session | None) -> Result:
        """Run one snippet; see ``Sandbox.run``."""
        return self.call(snippet, session)[0]

    def call(self, snippet: Snippet, session: Session | None) -> tuple[Result, Any]:
        """Run the snippet's code, if any, and call its function; return also the value that it returned, plain data."""
        if snippet.stdin or snippet.files or snippet.seed is not None:
            raise CapabilityError("the monty backend has no standard input, files or seed; use the fork backend")
        if session is None:
            with machine_budget.slot(), self._open(snippet.limits) as interpreter:
                return self._execute(interpreter, snippet)
        with session.lock:
            if session.closed:
                raise SandboxError("the session is closed")
            if session.interpreter is None:
                session.interpreter = self._open(session.limits)
                session.interpreter.active = session.interpreter.__enter__()
            with machine_budget.slot():
                result, value = self._execute(session.interpreter.active, snippet)
            if result.state_lost:
                session.restarts += 1
                self.end_session(session)
            return result, value

    def _open(self, limits: Limits) -> Any:
        # Its clock does not stop while the worker waits for a core; the CPU time is looked at afterwards.
        bounds = {"max_feed_duration_secs": limits.wall_limit_s, "max_memory": limits.memory_mb * MEBIBYTE}
        return _Interpreter(self._started().checkout(script_name="<snippet>", limits=bounds))

    def _execute(self, interpreter: Any, snippet: Snippet) -> tuple[Result, Any]:
        monty = self._monty
        worker = getattr(interpreter, "worker_pid", None) or 0  # older releases do not report it
        output = _Output(snippet.limits.output_bytes, worker)
        cpu_start = cpu_seconds(worker) if worker else 0.0
        start = time.monotonic()
        status: Status = "ok"
        exceeded: Exceeded | None = None
        detail, value, trace = "", None, ""
        try:
            if snippet.code or snippet.function is None:
                value = interpreter.feed_run(snippet.code, print_callback=output)
            if snippet.function is not None:
                names = {f"argument_{i}": argument for i, argument in enumerate(snippet.arguments)}
                value = interpreter.feed_run(
                    f"{snippet.function}({', '.join(names)})", inputs=names, print_callback=output
                )
        except monty.MontyCrashedError as error:
            status, detail = "crashed", str(error)
        except monty.MontyError as error:
            status, detail = _judge(error)
            trace = _traceback(error)
        except _OutputLimitError:
            status = "output_limit"
        cpu_s = max(0.0, cpu_seconds(worker) - cpu_start) if worker else 0.0
        if cpu_s > snippet.limits.cpu_s:
            status, detail, exceeded = "timeout", f"CPU limit of {snippet.limits.cpu_s:g} s", "cpu"
        elif status == "timeout":
            exceeded = "wall"
        if output.truncated:
            status, detail, exceeded = "output_limit", f"more than {snippet.limits.output_kb} KiB of output", None
        plain = True
        if status == "ok" and snippet.function is not None:
            try:
                encode_value(value)
            except UnsupportedValueError as error:
                status, detail, plain = "error", f"not plain data: {error}", False
        result = Result(
            status=status,
            stdout=plain_text(output.text["stdout"]),
            stderr=plain_text(output.text["stderr"] + trace),
            value_repr=_shown(value) if status == "ok" and not ends_with_semicolon(snippet.code) else None,
            truncated=output.truncated,
            wall_s=time.monotonic() - start,
            cpu_s=cpu_s,
            exceeded=exceeded,
            detail=plain_text(detail)[:500],
            state_lost=status in ("timeout", "memory", "crashed", "output_limit"),
            backend=self.name,
            level="subset",
            protections=PROTECTIONS,
        )
        return result, value if status == "ok" and plain else None

    def end_session(self, session: Session) -> None:
        """Release a session's interpreter."""
        interpreter, session.interpreter = session.interpreter, None
        if interpreter is not None:
            interpreter.__exit__(None, None, None)

    def describe(self) -> dict[str, Any]:
        """Return facts for the record of a run."""
        return {"backend": self.name, "level": "subset", "protections": list(PROTECTIONS), "workers": self._workers}

    def warm(self, flavours: tuple[str, ...]) -> None:
        """Start the worker processes."""
        self._started()

    def forget(self) -> None:
        """In a forked copy of the host: keep the pool from being closed; its processes belong to the original."""
        self._lock = threading.Lock()
        self._abandoned.append(self._pool)
        self._pool = None

    def close(self) -> None:
        """Stop the worker processes."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)


def make_backend(settings: BackendSettings) -> MontyBackend:
    """Make the ``monty`` backend."""
    return MontyBackend(settings.workers)


class _Interpreter:
    """One checked-out interpreter, entered and left like the checkout itself."""

    def __init__(self, checkout: Any) -> None:
        self._checkout = checkout
        self.active: Any = None

    def __enter__(self) -> Any:
        return self._checkout.__enter__()

    def __exit__(self, *details: Any) -> None:
        self._checkout.__exit__(*details)


def _judge(error: Any) -> tuple[Status, str]:
    message = str(error)
    if message.startswith("TimeoutError: feed time limit"):
        return "timeout", message
    if message.startswith("MemoryError"):
        return "memory", message
    if message.startswith("SystemExit"):
        return "exited", message
    return "error", message


def _traceback(error: Any) -> str:
    return str(error.display()).replace("<python-input-0>", "<snippet>") + "\n" if hasattr(error, "display") else ""


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return shorten(plain_text(repr(value)), MAX_REPR)
    except (RecursionError, ValueError, MemoryError):
        return f"<{type(value).__name__}>"
