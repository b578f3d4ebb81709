"""What a repeated game reports in ``info``, as its players read it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol, TypedDict, runtime_checkable

__all__ = ["ChecksRules", "GameRules", "Round"]


class GameRules(TypedDict):
    """``info["rules"]``: the rules of a match from one player's point of view, that player first in every list.

    Attributes:
        game: Name of the game.
        seat: Index of the player's seat, >= 0.
        payoffs: One tensor per player as nested lists, with one axis per player: ``payoffs[i][a_0][a_1]...``.
        options: Names of the options of every player.
        rounds: Number of rounds; ``None`` if it is random or hidden.
        continuation: Probability that another round follows; ``None`` if the number of rounds is fixed or hidden.
        noise: Probability that a chosen option is replaced by another one.
        history: Whether players see the others' moves and payoffs (``"public"``) or only their own (``"private"``).
        unit: Name of the unit of the payoffs, in the plural: ``"points"``.
    """

    game: str
    seat: int
    payoffs: list[Any]
    options: list[list[str]]
    rounds: int | None
    continuation: float | None
    noise: float
    history: Literal["public", "private"]
    unit: str


@runtime_checkable
class ChecksRules(Protocol):
    """A player that knows which games it can play; experiments ask before the first match."""

    def check_rules(self, rules: GameRules) -> None:
        """Check that the player can play a game.

        Args:
            rules: The rules as the player sees them, as in ``info["rules"]``.

        Raises:
            ConfigurationError: If it cannot; the message says why.
        """


class Round(NamedTuple):
    """A finished round, own entry first.

    Attributes:
        moves: The executed option of every player; negative where it was illegal or is hidden.
        payoffs: The payoff of every player; ``None`` where it is hidden.
    """

    moves: tuple[int, ...]
    payoffs: tuple[float | None, ...]
