"""The Python programs of an episode: how many a reply may run, how the results are shown, and what is counted."""

from __future__ import annotations

from typing import Any

from quintain.envs.text.interpreter import RESULT_HEADER, Execution, Interpreter
from quintain.replies import Move
from quintain.seeding import SeedStream

__all__ = ["CODE_PROTOCOL", "UNMARKED_BLOCK", "Programs"]

CODE_PROTOCOL = """\
Answer the question below. Think step by step in plain text. At any moment you may write one Python program in a block
that starts with ```python and ends with ```. The block is run and what it prints comes back to you; you may do this up
to {max_code_calls} times. {imports} When you are sure, write your final answer between <<< and >>>."""

#: Observation after a reply with neither program nor answer, but with a block that names no language.
UNMARKED_BLOCK = """\
(not run: the block names no language; begin a program with ```python, or write the final answer between <<< and >>>)"""


class Programs:
    """Runs the programs of one episode after the other.

    Args:
        interpreter: Runs the programs, isolated from this process.
        max_calls: Maximum number of executed programs per episode, >= 0.
        max_output_chars: Maximum length of a program's output in an observation, in characters, 1 to 99,000.

    Attributes:
        calls: Number of programs executed in this episode.
        errors: Number of those that ended with an error.
        interpreter: Runs the programs, isolated from this process.
    """

    def __init__(self, interpreter: Interpreter, *, max_calls: int, max_output_chars: int) -> None:
        self.interpreter = interpreter
        self._max_calls = max_calls
        self._max_output_chars = max_output_chars
        self.begin("")

    def begin(self, key: str) -> None:
        """Begin an episode.

        Args:
            key: Text on which the seeds of its programs depend.
        """
        self.interpreter.close()
        self._key = key
        self.calls = self.errors = 0

    def run(self, move: Move) -> tuple[str, dict[str, Any]]:
        """Run a program.

        Args:
            move: A move of kind ``"code"``.

        Returns:
            The observation, and its parts by source.

        Raises:
            SandboxError: If the sandbox itself failed.
        """
        if self.calls >= self._max_calls:
            notice = f"(not run: all {self._max_calls} code calls are used; give your final answer)"
            return f"{RESULT_HEADER}\n{notice}", Execution(notices=(notice,)).facts()
        self.calls += 1
        seed = SeedStream(0, self._key, self.calls).seed
        execution = self.interpreter.run(move.text, seed=seed, ignored=move.ignored)
        self.errors += not execution.ok
        return execution.text(self._max_output_chars), execution.facts()

    def close(self) -> None:
        """End the interpreter's session."""
        self.interpreter.close()
