"""Strategies as probabilistic finite-state machines: what most of the classic ones are, and what runs fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quintain.errors import ConfigurationError

__all__ = ["Machine", "Traits", "memory_one"]


@dataclass(frozen=True)
class Traits:
    """Properties of a strategy.

    Attributes:
        memory: Number of past rounds on which the next move depends, >= 0; infinity if on all of them.
        stochastic: Whether moves are drawn at random. Default: false.
        knows_horizon: Whether moves depend on the number of rounds of the match. Default: false.
        watches_others: Whether moves depend on the others' moves, which takes a public history. Default: true.
        two_options: Whether the strategy is defined only for games in which every player has two options. Default:
            true.
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
    other ``other`` (as executed, noise included) its next state is ``following[s][2 * own + other]``. It starts in
    state 0.

    Attributes:
        name: Name of the strategy, for messages.
        cooperate: Probability of option 0 in each state.
        following: Four successors of each state: after (0, 0), (0, 1), (1, 0), (1, 1), own move first.
        memory: Number of past rounds on which the move depends, >= 0; infinity if on all of them.

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

        Several others count as defecting if one of them does. After an illegal or hidden move of another player, the
        machine changes state if its successor does not depend on that move, and otherwise stays: an alternator
        alternates through a void round, tit-for-tat stays until there is a move to answer.

        Args:
            state: The state in which the round was played.
            moves: Executed options, own first; negative where the move was illegal or is hidden.
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
        """Whether the option of any state is drawn at random."""
        return any(0 < p < 1 for p in self.cooperate)

    @property
    def traits(self) -> Traits:
        """Properties of the machine as a strategy."""
        watches = any(f[0] != f[1] or f[2] != f[3] for f in self.following)
        return Traits(self.memory, self.stochastic, watches_others=watches)


def memory_one(name: str, vector: Sequence[float], first: float = 1.0) -> Machine:
    """Make a machine whose move depends on the last round only.

    Args:
        name: Name of the strategy, for messages.
        vector: Probabilities of option 0 after (0, 0), (0, 1), (1, 0), (1, 1), own move first: p_CC, p_CD, p_DC, p_DD.
        first: Probability of option 0 in the first round. Default: 1.

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
