"""Execute snippets inside a confined child and report what happened.

The report is a claim: a snippet can forge it. The host derives a status only from what it saw itself (exit, signals,
the clock, byte counts) and treats everything in the report as the snippet's own word.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import io
import linecache
import os
import signal
import sys
from types import FrameType, ModuleType
from typing import Any

from . import leftovers, privileges
from .program import compile_program, describe_error, shorten
from .protocol import encode_frame, read_frame, write_all
from .values import UnsupportedValueError, decode_value, encode_value

__all__ = ["HARNESS_FAILED", "Harness", "Streams"]

CHANNEL = 3
REPR_LIMIT = 1 << 16
NOTICE = 64
"""Room for the notice of what was left out of a longer one, in characters."""
HARNESS_FAILED = 113
"""Exit code of a child whose harness, not its snippet, went wrong."""


def _writer(descriptor: int) -> io.TextIOWrapper:
    raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)


def _is_closed(stream: io.TextIOWrapper) -> bool:
    try:
        return stream.closed
    except ValueError:  # it has lost its buffer
        return True


class Streams:
    """The three standard streams, opened once before the fork; only their buffers are private to the child."""

    def __init__(self) -> None:
        """Open text streams on descriptors 0, 1 and 2."""
        self.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8", "replace")
        self.stdout = _writer(1)
        self.stderr = _writer(2)

    def install(self) -> None:
        """Make them the interpreter's."""
        for name in ("stdin", "stdout", "stderr"):
            stream = getattr(self, name)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)

    def restore(self) -> None:
        """Make them the interpreter's again, for the next snippet, where one replaced or closed them."""
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            if _is_closed(getattr(self, name)):
                setattr(self, name, _writer(descriptor))
            setattr(sys, name, getattr(self, name))

    def flush(self) -> None:
        """Empty the buffers, also those of objects that a snippet put in their place."""
        streams = [self.stdout, self.stderr]
        replaced = [getattr(sys, "stdout", None), getattr(sys, "stderr", None)]
        if replaced[0] is not self.stdout or replaced[1] is not self.stderr:
            streams = [*replaced, *streams]  # type: ignore[list-item]
        for stream in streams:
            try:
                stream.flush()
            except BaseException:  # a hostile replacement must not keep the report from being sent
                continue


class Harness:
    """Run the snippets that arrive on the channel, one after another, in one namespace."""

    def __init__(self, streams: Streams) -> None:
        """Prepare the ``__main__`` module that snippets live in."""
        self.streams = streams
        self.module = ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        self.cell = 0
        self.begun = False
        self.no_input: io.TextIOWrapper | None = None
        self.reseeded = False
        self.running = False
        self.interrupted = False

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self.running:
            self.interrupted = True
            raise KeyboardInterrupt

    def install(self) -> None:
        """Put streams, ``__main__`` and the interrupt handler in place; done before the fork, for all children."""
        import threading  # preloaded; importing it earlier would register a hook for every fork

        sys.modules["__main__"] = self.module
        self.streams.install()
        for name in ("exit", "quit"):  # an interpreter that is started without ``site`` lacks them
            setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
        builtins.help = _sitebuiltins._Helper()
        threading.excepthook = self._on_thread_error
        if (platform := sys.modules.get("platform")) is not None:
            vars(platform)["_uname_cache"] = None  # it may hold the host's name
        sys.version = "{}.{} (sandbox) [C]".format(*sys.version_info)  # when and how it was built differs by machine
        signal.signal(signal.SIGINT, self._on_interrupt)

    def _on_thread_error(self, args: Any) -> None:
        if args.exc_type is not SystemExit:
            name = "" if args.thread is None else f" {args.thread.name}"
            trace = describe_error(args.exc_value, self.module.__dict__)
            print(f"Exception in thread{name}:\n{trace}", end="", file=sys.stderr)

    def rehearse(self) -> None:
        """Run a dummy snippet in a separate namespace, so that the memory pages it writes to are copied beforehand."""
        report = Harness(self.streams)._do({"code": "[1]"})
        encode_frame(report)
        linecache.cache.pop("<snippet>")

    def serve(self, base_memory: int) -> None:
        """Read requests until the channel closes or the host ends this process; never returns."""
        while True:
            request = read_frame(CHANNEL)
            if request is None:
                os._exit(0)
            write_all(CHANNEL, encode_frame(self._one(request, base_memory)))

    def _one(self, request: dict[str, Any], base_memory: int) -> dict[str, Any]:
        self.interrupted = False
        try:
            limits = request.get("limits")
            if limits is not None:
                privileges.limit_resources(base_memory, **limits)
            self._write_files(request.get("files", {}))
            self._reseed(request.get("seed"), request.get("code", ""))
            if "stdin" in request:  # a session's pipe has ended; every request brings its own input
                self._set_input(request["stdin"])
            if not self.begun:
                # From here on nothing can pass for a failed set-up, because untrusted code may have run.
                self.begun = True
                write_all(CHANNEL, encode_frame({"claim": "begun"}))
        except OSError as error:
            return {"claim": "setup_failed", "detail": f"{type(error).__name__}: {error}"}
        self.streams.restore()
        try:
            report = self._guarded(lambda: self._do(request))
            if leftovers.has_threads() and report["claim"] != "interrupted":
                report = self._guarded(leftovers.wait_for_threads) or report
            leftovers.stop(self.streams.stdout, self.streams.stderr)
            return report
        finally:
            self.streams.flush()

    def _set_input(self, data: str) -> None:
        """Make ``data`` the standard input; a reader of nothing is kept from cell to cell, unless it was replaced."""
        if data or self.no_input is None or sys.stdin is not self.no_input or self.no_input.closed:
            sys.stdin = io.TextIOWrapper(io.BytesIO(bytes.fromhex(data)), "utf-8", "replace")
            if not data:
                self.no_input = sys.stdin

    def _reseed(self, seed: int | None, code: str) -> None:
        """Give the global generators of ``random`` and NumPy the state of ``seed``, or a fresh one on their first use.

        Reseeding NumPy touches as much memory as running a small snippet, hence the look at the text.
        """
        if seed is None and (self.reseeded or "random" not in code):
            return
        self.reseeded = True
        for name in ("random", "numpy.random"):
            generator = sys.modules.get(name)
            if generator is not None:
                generator.seed(int.from_bytes(os.urandom(4), "little") if seed is None else seed % 2**32)

    def _write_files(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            directory = os.path.dirname(name)
            if directory:
                os.makedirs(directory, exist_ok=True)
            with open(name, "wb") as file:
                file.write(bytes.fromhex(content))

    def _guarded(self, action: Any) -> dict[str, Any]:
        """Run ``action``; turn every way it can end into a report."""
        try:
            try:
                self.running = True
                result: dict[str, Any] = action()
            finally:
                self.running = False
        except SystemExit as error:
            code = error.code
            number = code if type(code) is int else int(code is not None)
            if type(code) is str and not _is_closed(self.streams.stderr):
                print(code, file=self.streams.stderr)
            return {"claim": "exited", "exit_code": number & 0xFF}
        except BaseException as error:
            privileges.release_headroom()
            return self._describe(error)
        return result

    def _describe(self, error: BaseException) -> dict[str, Any]:
        kind = type(error)
        claim = "memory" if issubclass(kind, MemoryError) else "error"
        if issubclass(kind, KeyboardInterrupt):
            claim = "interrupted"
            if self.interrupted:  # where the snippet was when its time ended depends on the machine
                return {"claim": claim, "detail": kind.__name__}
        try:
            self.streams.stderr.write(describe_error(error, self.module.__dict__))
        except BaseException:  # a hostile exception, or no memory left to format it
            os.write(2, f"{kind.__name__}\n".encode("utf-8", "backslashreplace"))
        return {"claim": claim, "detail": kind.__name__[:200]}

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        report = self._run(request["code"]) if "code" in request else {}
        return self._call(request["function"], request["args"]) if "function" in request else report

    def _run(self, code: str) -> dict[str, Any]:
        self.cell += 1
        body, last = compile_program(code, "<snippet>" if self.cell == 1 else f"<snippet {self.cell}>")
        names = self.module.__dict__
        if body is not None:
            exec(body, names)
        if last is None:
            return {"claim": "ok"}
        value = eval(last, names)
        if value is None:
            return {"claim": "ok"}
        names["_"] = value
        text = shorten(str.__str__(repr(value)), REPR_LIMIT - NOTICE)
        return {"claim": "ok", "repr": text}

    def _call(self, name: str, arguments: list[Any]) -> dict[str, Any]:
        function = self.module.__dict__.get(name)
        if not callable(function):
            return {"claim": "error", "detail": f"the program defines no function named {name}"}
        value = function(*[decode_value(argument) for argument in arguments])
        self.running = False
        try:
            return {"claim": "ok", "value": encode_value(value)}
        except UnsupportedValueError as error:
            return {"claim": "ok", "unsupported": str(error)}
