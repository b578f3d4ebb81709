"""The Python interpreter of CodeReason-v0: runs blocks in the sandbox and formats their output as an observation."""

from __future__ import annotations

from functools import cached_property

from quintain.errors import SandboxError
from quintain.sandbox import Limits, Result, Sandbox, Session, shared

__all__ = ["MAX_OUTPUT_CHARS", "RESULT_HEADER", "Interpreter"]

RESULT_HEADER = "Code Execution Results:"
#: Largest ``max_output_chars``, in characters: header and notes need room in the observation, too.
MAX_OUTPUT_CHARS = 99_000


class Interpreter:
    """Runs the blocks of an episode.

    Args:
        limits: Limits of each block.
        max_output_chars: Maximum length of the output in an observation, in characters.
        stateful: Whether variables persist between blocks, until :meth:`close`.
    """

    def __init__(self, limits: Limits, *, max_output_chars: int, stateful: bool) -> None:
        self._limits = limits
        self._max_output_chars = max_output_chars
        self._stateful = stateful
        self._session: Session | None = None

    @cached_property
    def sandbox(self) -> Sandbox:
        """The process's shared sandbox; started when it is first needed."""
        return shared()

    def run(self, program: str, *, seed: int, ignored: int = 0) -> tuple[str, bool]:
        """Run a block.

        Args:
            program: Python source code to execute.
            seed: Seed of ``random`` and ``numpy.random``, if the block starts a new interpreter.
            ignored: Number of further blocks in the same reply, which the observation mentions.

        Returns:
            The observation, and whether the program ended without an error.

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
        notes = _notes(result, self._limits)
        if ignored:
            notes.append(f"(only the first block was run; {ignored} more ignored)")
        streams = (stream.rstrip("\n") for stream in (result.stdout, result.stderr) if stream)
        output = _truncate("\n".join(streams), self._max_output_chars)
        return "\n".join([RESULT_HEADER, output or "(no output)", *notes]), result.ok

    def close(self) -> None:
        """End the session, if there is one; the next block starts a new interpreter."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _notes(result: Result, limits: Limits) -> list[str]:
    """Describe how a program ended, without measured times: observations are reproducible."""
    notes = {
        "timeout": f"(TimeoutExpired: stopped after {limits.wall_s:g} seconds)",
        "memory": f"(MemoryError: more than {limits.memory_mb} MiB used)",
        "output_limit": "(stopped: too much output)",
        "crashed": "(the interpreter crashed)",
        "exited": "(the program ended the interpreter)",
    }
    ending = [notes[result.status]] if result.status in notes else []
    return [*ending, "(all variables are lost)"] if result.state_lost else ending


def _truncate(text: str, limit: int) -> str:
    """Keep the first two thirds and the last third of ``limit`` characters, and note how many are omitted."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit:,} characters omitted ...]\n{text[len(text) - tail :]}"
