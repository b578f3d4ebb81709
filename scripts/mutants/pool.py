"""A copy of the repository in which tests run, one forked process at a time, and heavy libraries are imported once."""

from __future__ import annotations

import compileall
import contextlib
import importlib
import json
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Copy", "Outcome"]

_COPIED = ("quintain", "tests", "examples", "papers", "benchmarks", "docs", "pyproject.toml", "README.md", "scripts")
_LIBRARIES = (
    "numpy", "scipy.stats", "scipy.optimize", "scipy.integrate", "gymnasium.vector", "pettingzoo", "torch",
    "torch._dynamo",
    "stable_baselines3", "mujoco", "pandas", "sympy", "hypothesis", "pytest", "nashpy", "statsmodels.api",
)  # fmt: skip

#: Return code of pytest (0: all passed, 1: some failed, 2: an import failed), or "timeout" or "crash".
Outcome = int | str


class Copy:
    """A temporary copy of the repository; the repository itself is never written to.

    Args:
        root: The repository.
    """

    def __init__(self, root: Path) -> None:
        for name in _LIBRARIES:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        for name in _COPIED:
            if (root / name).is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(root / name, self.folder / name, ignore=ignore, symlinks=True)
            elif (root / name).exists():
                shutil.copy(root / name, self.folder / name)
        compileall.compile_dir(str(self.folder / "quintain"), quiet=2)

    def close(self) -> None:
        """Delete the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def changed(self, path: str, source: str) -> Iterator[None]:
        """Change a file of the copy for a while."""
        file = self.folder / path
        before = file.read_bytes()
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            compiled.unlink()  # its date and size could fit the changed file
        try:
            file.write_text(source, "utf-8")
            yield
        finally:
            file.write_bytes(before)

    def run(self, tests: Sequence[str], limit: float, record: Path | None = None) -> tuple[Outcome, float]:
        """Run test files up to the first failure; return how that ended and the seconds of CPU time it took.

        Args:
            tests: Test files, from the root, in the order of execution.
            limit: CPU time in seconds, > 0; twenty times as much may pass on the clock.
            record: File for the functions of the package that were called, as JSON: first lines by file.
        """
        deadline = time.monotonic() + 20 * limit
        pid = os.fork()
        if pid == 0:
            self._child(tests, limit, record)
        while time.monotonic() < deadline:
            done, status, used = os.wait4(pid, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                return (code if code >= 0 else "crash"), used.ru_utime + used.ru_stime
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "timeout", limit

    def _child(self, tests: Sequence[str], limit: float, record: Path | None) -> None:
        code = 3
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 5))
            os.chdir(self.folder)
            log = os.open("mutants.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.dont_write_bytecode = True
            sys.path.insert(0, str(self.folder))
            os.environ["PYTHONPATH"] = str(self.folder)
            import pytest

            seen = _Calls(str(self.folder / "quintain")) if record else None
            # Looking for plugins and rewriting assertions take longer than most tests.
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            arguments = ["-x", "-q", "--assert=plain", "-p", "pytest_timeout", "-m", "not slow and not gpu", *tests]
            with seen or contextlib.nullcontext():
                code = int(pytest.main(arguments))
            if record and seen:
                record.write_text(json.dumps(seen.lines(self.folder)))
        finally:
            sys.stdout.flush()
            os._exit(code)


class _Calls:
    """Remembers which functions below a folder are called."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.codes: set[Any] = set()

    def __enter__(self) -> None:
        import threading

        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def __exit__(self, *exception: object) -> None:
        sys.settrace(None)

    def trace(self, frame: Any, event: str, argument: object) -> None:
        self.codes.add(frame.f_code)

    def lines(self, root: Path) -> dict[str, list[int]]:
        found: dict[str, set[int]] = {}
        for code in self.codes:
            if code.co_filename.startswith(self.folder):
                found.setdefault(str(Path(code.co_filename).relative_to(root)), set()).add(code.co_firstlineno)
        return {path: sorted(lines) for path, lines in found.items()}
