"""Strategies as probabilistic finite-state machines: what most of the classic ones are, and what runs fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quintain.errors import ConfigurationError

__all__ = ["Machine", "Traits", "memory_one"]


@dataclass(frozen=True)
class Traits:
    """What a strategy needs and is.

    Attributes:
        memory: Past rounds its next move depends on; infinity if on all of them.
        stochastic: Whether it draws random numbers.
        knows_horizon: Whether it uses the number of rounds.
        watches_others: Whether its moves depend on the others' moves, so that it needs a public history.
        two_options: Whether it is defined only for games in which every player has two options.
    """

    memory: float = float("inf")
    stochastic: bool = False
    knows_horizon: bool = False
    watches_others: bool = True
    two_options: bool = True


@dataclass(frozen=True)
class Machine:
    """A finite-state machine for games of two options, option 0 being "cooperate".

    In state s it plays option 0 with probability ``cooperate[s]``. After a round in which it played ``own`` and the
    other ``other`` (as executed, trembles included) it goes on to ``following[s][2 * own + other]``. It starts in 0.

    Attributes:
        name: Name of the strategy.
        cooperate: One probability per state.
        following: Per state four successors: after (0, 0), (0, 1), (1, 0), (1, 1), own move first.
        memory: Past rounds its move depends on; infinity if on all of them.

    Raises:
        ConfigurationError: If a probability or a successor is out of range.
    """

    name: str
    cooperate: tuple[float, ...]
    following: tuple[tuple[int, int, int, int], ...]
    memory: float

    def __post_init__(self) -> None:
        if not self.cooperate or any(not 0 <= p <= 1 for p in self.cooperate):
            raise ConfigurationError(f"{self.name}: probabilities must lie in [0, 1], got {self.cooperate!r}")
        states = range(len(self.cooperate))
        if len(self.following) != len(states) or any(len(f) != 4 or not set(f) <= set(states) for f in self.following):
            raise ConfigurationError(f"{self.name}: every state needs four successors among {len(states)} states")

    def after(self, state: int, moves: Sequence[int]) -> int:
        """Return the state that follows a round.

        Several others count as defecting if one of them does. Where another made no legal move, or a hidden one, the
        machine goes on if its successor does not depend on that move, and otherwise stays: an alternator alternates
        through a void round, tit-for-tat waits for a move to answer.

        Args:
            state: The state in which the round was played.
            moves: As executed, own move first; negative where there was none or it is hidden.
        """
        own, *others = moves
        if own < 0:
            return state
        if min(others) >= 0:
            return self.following[state][2 * own + max(others)]
        cooperated, defected = self.following[state][2 * own : 2 * own + 2]
        return cooperated if cooperated == defected else state

    @property
    def stochastic(self) -> bool:
        """Whether any move is drawn at random."""
        return any(0 < p < 1 for p in self.cooperate)

    @property
    def traits(self) -> Traits:
        """The machine's properties."""
        watches = any(f[0] != f[1] or f[2] != f[3] for f in self.following)
        return Traits(self.memory, self.stochastic, watches_others=watches)


def memory_one(name: str, vector: Sequence[float], first: float = 1.0) -> Machine:
    """Make the machine that looks at the last round only.

    Args:
        name: Name of the strategy.
        vector: Probabilities of option 0 after (0, 0), (0, 1), (1, 0), (1, 1), own move first: p_CC, p_CD, p_DC, p_DD.
        first: Probability of option 0 in the first round.

    Raises:
        ConfigurationError: If there are not four probabilities.

    Example:
        >>> memory_one("win-stay-lose-shift", (1, 0, 0, 1)).cooperate
        (1.0, 1.0, 0.0, 0.0, 1.0)
    """
    if len(vector) != 4:
        raise ConfigurationError(f"{name}: a memory-one strategy has four probabilities, got {vector!r}")
    probabilities = tuple(float(p) for p in (first, *vector))
    memory = 0 if len(set(probabilities)) == 1 else 1
    return Machine(name, probabilities, ((1, 2, 3, 4),) * 5, memory)
