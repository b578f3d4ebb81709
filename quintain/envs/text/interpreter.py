"""The Python interpreter of text environments: runs blocks in the sandbox and shows their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from quintain.errors import SandboxError
from quintain.sandbox import Limits, Result, Sandbox, Session, shared
from quintain.sandbox.jail.program import shorten
from quintain.sandbox.packages import checked_packages

__all__ = ["MAX_OUTPUT_CHARS", "RESULT_HEADER", "Execution", "Interpreter"]

RESULT_HEADER = "Code Execution Results:"
#: Largest ``max_output_chars``, in characters: header and notes need room in the observation, too.
MAX_OUTPUT_CHARS = 99_000


@dataclass(frozen=True, slots=True)
class Execution:
    """The result of one block, by source. Only ``stdout`` is what the program printed as its output.

    Attributes:
        stdout: What the program wrote to standard output, whole.
        stderr: What it wrote to standard error: warnings and the traceback of an error.
        value: ``repr`` of the block's last expression, unless that is ``None``.
        notices: What the environment says about the run, one sentence each.
        ok: Whether the program ended without an error.
    """

    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    notices: tuple[str, ...] = ()
    ok: bool = False

    def facts(self) -> dict[str, Any]:
        """Return the sources as JSON-able data, for ``info``."""
        return {"stdout": self.stdout, "stderr": self.stderr, "value": self.value, "notices": list(self.notices)}

    def text(self, max_chars: int) -> str:
        """Return the observation: as in a notebook, the streams and then the value; in the end the notices.

        Args:
            max_chars: Maximum length of what the program wrote, in characters; more is left out with a notice.
        """
        written = [part.rstrip("\n") for part in (self.stdout, self.stderr, self.value) if part]
        output = shorten("\n".join(written), max_chars)
        return "\n".join([RESULT_HEADER, output or "(no output)", *self.notices])


class Interpreter:
    """Runs the blocks of an episode.

    Args:
        limits: Limits of each block.
        stateful: Whether variables persist between blocks, until :meth:`close`.
        packages: Further packages that blocks can import.

    Raises:
        MissingDependencyError: If a package is not installed.
    """

    def __init__(self, limits: Limits, *, stateful: bool, packages: str | Sequence[str] = ()) -> None:
        self._packages = checked_packages(packages)
        self._limits = limits
        self._stateful = stateful
        self._session: Session | None = None

    @cached_property
    def sandbox(self) -> Sandbox:
        """The process's shared sandbox with these packages; started when it is first needed."""
        return shared(self._packages)

    @cached_property
    def imports(self) -> str:
        """What programs can import, in one sentence."""
        names = ", ".join(["the standard library", *self.sandbox.importable])
        return f"Programs can import {' and '.join(names.rsplit(', ', 1))}."

    def run(self, program: str, *, seed: int, ignored: int = 0) -> Execution:
        """Run a block.

        Args:
            program: Python source code to execute.
            seed: Seed of ``random`` and ``numpy.random``, if the block starts a new interpreter.
            ignored: Number of further blocks in the same reply, which a notice mentions.

        Raises:
            SandboxError: If the sandbox itself failed.
        """
        is_new = self._session is None
        if self._stateful and is_new:
            # Any later block may import NumPy or SymPy, so the first one cannot decide for the whole episode.
            self._session = self.sandbox.session(limits=self._limits, science=True)
        result = self.sandbox.run(program, limits=self._limits, session=self._session, seed=seed if is_new else None)
        if result.status == "setup_failed":
            raise SandboxError(f"the sandbox could not run a program: {result.detail}")
        if result.state_lost:
            self.close()  # the next block starts a new interpreter, with a seed
        notices = _notices(result, self._limits, keeps_variables=self._session is not None)
        if ignored:
            notices.append(f"(only the first block was run; {ignored} more ignored)")
        return Execution(result.stdout, result.stderr, result.value_repr, tuple(notices), result.ok)

    def close(self) -> None:
        """End the session, if there is one; the next block starts a new interpreter."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _notices(result: Result, limits: Limits, *, keeps_variables: bool) -> list[str]:
    """Describe how a program ended, without measured times: observations are reproducible."""
    time_limit = f"{limits.cpu_s:g} seconds"
    if result.exceeded == "wall":
        time_limit = f"{limits.wall_limit_s:g} seconds, most of them waiting"
    notes = {
        "timeout": f"(TimeoutExpired: stopped after {time_limit})",
        "memory": f"(MemoryError: more than {limits.memory_mb} MiB used)",
        "output_limit": "(stopped: too much output)",
        "crashed": "(the interpreter crashed)",
        "exited": f"(the program exited with code {result.exit_code or 0})",
    }
    if result.status not in notes:
        return []
    if result.state_lost:
        return [notes[result.status], "(all variables are lost)"]
    return [notes[result.status], *(["(variables are kept)"] if keeps_variables else [])]
