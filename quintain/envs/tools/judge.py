"""The judge of an episode's calls: repeated ones, irrelevant ones, and what they changed beyond the goal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from quintain.envs.tools.calls import Call, canonical
from quintain.envs.tools.tool import Tool
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["LOOP", "Trace", "relevant_tools"]

#: Number of equal calls with equal results that count as a loop.
LOOP = 3


def relevant_tools(
    solution: Sequence[Call], tools: Mapping[str, Tool], toolkits: tuple[type[Toolkit], ...]
) -> frozenset[str]:
    """Return the tools that a task needs or may look around with.

    These are the tools of the reference solution, and the reading tools of their toolkits.

    Args:
        solution: The reference solution.
        tools: All tools of the episode by name.
        toolkits: Their toolkits.
    """
    used = {call.name for call in solution}
    kits = {tools[name].toolkit for name in used}
    return frozenset(used.union(*(reading_tools(kind) for kind in toolkits if kind.name in kits)))


@lru_cache
def reading_tools(kind: type[Toolkit]) -> frozenset[str]:
    """Return the names of the reading tools of a toolkit."""
    return frozenset(tool.name for tool in kind.tools if tool.reads)


class Trace:
    """Counts the calls of one episode.

    A call is repeated if an equal one, of tool and arguments, had the same result before; of a tool that writes, if an
    equal one was made before. Polling is no repetition as long as the result changes.

    Args:
        relevant: Names of the relevant tools; see :func:`relevant_tools`.

    Attributes:
        turns: Number of actions.
        calls: Number of calls that fit a tool's schema.
        failed: Number of them that could not be done.
        malformed: Number of actions that are no call of a known tool that fits its schema.
        irrelevant: Number of calls of tools that are not relevant.
        repeated: Number of repeated calls.
    """

    __slots__ = ("_made", "_relevant", "calls", "failed", "irrelevant", "malformed", "repeated", "turns")

    def __init__(self, relevant: frozenset[str]) -> None:
        self._relevant = relevant
        self._made: Counter[str] = Counter()
        self.turns = self.calls = self.failed = self.malformed = self.irrelevant = self.repeated = 0

    def add(self, call: Call, tool: Tool, result: str, *, failed: bool) -> None:
        """Count a call.

        Args:
            call: The call; it fits the tool's schema.
            tool: Its tool.
            result: Its result as text.
            failed: Whether it could not be done.
        """
        self.calls += 1
        self.failed += failed
        self.irrelevant += tool.name not in self._relevant
        made = canonical(call) + (f"\n{result}" if tool.reads or failed else "")
        self.repeated += made in self._made
        self._made[made] += 1

    @property
    def in_loop(self) -> bool:
        """Whether some call was made :data:`LOOP` times or more."""
        return max(self._made.values(), default=0) >= LOOP

    def metrics(self) -> dict[str, float]:
        """Return the counts, for ``info["metrics"]``."""
        return {
            "turns": float(self.turns),
            "calls": float(self.calls),
            "failed_calls": float(self.failed),
            "malformed_calls": float(self.malformed),
            "irrelevant_calls": float(self.irrelevant),
            "repeated_calls": float(self.repeated),
            "loop": float(self.in_loop),
        }
