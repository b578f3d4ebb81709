"""What a search asks of a problem: next steps, values, and whether a solution is complete; and what that may cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from quintain.agents.search.tree import Tree
from quintain.arguments import check_number
from quintain.errors import AgentError

__all__ = ["Costs", "Problem", "SearchBudget", "Step"]


class Step(NamedTuple):
    """A proposed next step.

    Attributes:
        text: Text of the step, as it is appended to the prefix.
        tokens: Number of tokens that the policy generated for it. Default: 0.
        key: Equal for prefixes that may share a node; ``None`` for a node of its own. Default: none.
    """

    text: str
    tokens: int = 0
    key: str | None = None


class Problem(Protocol):
    """One problem: a policy that proposes steps, a value of prefixes, and a critic that knows complete solutions."""

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> Sequence[Step]:
        """Sample at most ``n`` next steps after a prefix; equal arguments give equal steps."""
        ...

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> Sequence[float]:
        """Return the value of each prefix, in [0, 1]: how near it is to a right solution."""
        ...

    async def criticise(self, prefix: Sequence[str]) -> str:
        """Return :data:`~quintain.agents.search.tree.END` for a complete solution, else a note or an empty text."""
        ...


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """Limits of a search; it ends with the first that is reached.

    Attributes:
        iterations: Maximum number of iterations, >= 1. Default: 100 (ReST-MCTS*).
        calls: Maximum number of proposed steps, >= 1. Default: no limit.
        tokens: Maximum number of tokens of proposed steps, >= 1; the last proposals may exceed it. Default: no limit.

    Raises:
        ConfigurationError: If a limit is below 1.
    """

    iterations: int = 100
    calls: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        for name in ("iterations", "calls", "tokens"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, low=1, integer=True)


class Costs:
    """Asks the problem, counts what that costs in the tree's facts, and checks the answers.

    Args:
        problem: Proposes steps and evaluates prefixes.
        tree: The tree, whose facts hold ``calls``, ``values``, ``critiques`` and ``tokens``.
        budget: Limits of the search.
    """

    def __init__(self, problem: Problem, tree: Tree, budget: SearchBudget) -> None:
        self._problem, self._budget = problem, budget
        self._facts = tree.facts
        for name in ("iterations", "calls", "values", "critiques", "tokens"):
            self._facts.setdefault(name, 0)

    @property
    def spent(self) -> bool:
        """Whether calls or tokens are used up."""
        return self.left() == 0 or (self._budget.tokens is not None and self._facts["tokens"] >= self._budget.tokens)

    def left(self) -> int | None:
        """Return how many steps may still be proposed; ``None`` for no limit."""
        return None if self._budget.calls is None else max(0, self._budget.calls - self._facts["calls"])

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> list[Step]:
        """Sample at most ``n`` steps, fewer where the budget ends."""
        left = self.left()
        n = n if left is None else min(n, left)
        if n < 1 or self.spent:
            return []
        steps = list(await self._problem.propose(prefix, n, seed))[:n]
        self._facts["calls"] += n
        self._facts["tokens"] += sum(step.tokens for step in steps)
        return steps

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> list[float]:
        """Return values.

        Raises:
            AgentError: If the value model returns anything but one finite number for each prefix.
        """
        if not prefixes:
            return []
        found: Any = list(await self._problem.evaluate(prefixes))
        self._facts["values"] += len(prefixes)
        if len(found) != len(prefixes) or not all(map(_is_number, found)):
            raise AgentError(f"the value model must return {len(prefixes)} finite numbers, and returned {found!r}")
        return [float(value) for value in found]

    async def criticise(self, prefix: Sequence[str]) -> str:
        """Return the critic's note."""
        self._facts["critiques"] += 1
        return await self._problem.criticise(prefix)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
