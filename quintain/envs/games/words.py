"""A repeated game as text, for people and language agents: its rules, its rounds, and parsing of option names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from quintain.envs.games.normal_form import NormalFormGame
from quintain.envs.games.rules import NO_MOVE, Rules
from quintain.numerals import exact_number

__all__ = ["TextView", "describe_game", "describe_round", "find_option", "unit_word"]

# Maximum length of the description of one player's move and payoff in a round, in characters.
_CHARS_PER_PLAYER = 160


def unit_word(amount: float, unit: str) -> str:
    """Write an amount with its unit: ``"1 point"``, ``"10 coins"``."""
    return f"{exact_number(amount)} {unit[:-1] if amount == 1 else unit}"


def _others(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the other player chooses {names[0]}"
    return "the others choose " + " and ".join(names)


def describe_game(game: NormalFormGame, rules: Rules, seat: int) -> str:
    """Describe the game to one player: number of players and rounds, and every payoff from its own point of view."""
    order = [(seat + k) % game.players for k in range(game.players)]
    own, *others = (game.options[player] for player in order)
    payoffs = game.seen_by(seat)
    partners = "another player" if game.players == 2 else f"{game.players - 1} other players"
    lines = [
        f"You play a game over several rounds with {partners}. Everyone chooses at the same time.",
        f"Your options: {', '.join(own)}.",
    ]
    if rules.horizon == "known":
        if rules.continuation is None:
            lines.append(f"There are {rules.rounds} rounds.")
        else:
            lines.append(f"After each round another one follows with probability {exact_number(rules.continuation)}.")
    if rules.noise:
        lines.append(f"With probability {exact_number(rules.noise)} a choice goes wrong and another option is played.")
    if payoffs[0].size <= 64:
        for cell in product(*(range(len(names)) for names in (own, *others))):
            chosen = [names[k] for names, k in zip(others, cell[1:], strict=True)]
            earned = [unit_word(payoffs[(player, *cell)], rules.unit) for player in range(game.players)]
            rest = "the other earns " if game.players == 2 else "the others earn "
            lines.append(
                f"If you choose {own[cell[0]]} and {_others(chosen)}, you earn {earned[0]} and "
                f"{rest}{' and '.join(earned[1:])}."
            )
    return "\n".join(lines)


def describe_round(
    number: int,
    moves: Sequence[int],
    payoffs: Sequence[float | None],
    options: Sequence[Sequence[str]],
    unit: str,
) -> str:
    """Describe a round to one player.

    Args:
        number: Number of the round, from 1.
        moves: Own move first, then the others' in seat order; :data:`NO_MOVE` where there was none or it is hidden.
        payoffs: Payoffs in the same order; ``None`` where hidden.
        options: Names of each player's options, in the same order.
        unit: Unit of the payoffs, in the plural.
    """
    chosen = ["an illegal move" if move == NO_MOVE else names[move] for move, names in zip(moves, options, strict=True)]
    earned = ["?" if payoff is None else unit_word(payoff, unit) for payoff in payoffs]
    text = f"Round {number}: you chose {chosen[0]} and earned {earned[0]}"
    if payoffs[1] is None:
        return text + "."
    rivals = [f"{choice} and earned {amount}" for choice, amount in zip(chosen[1:], earned[1:], strict=True)]
    return text + ("; the other player chose " if len(rivals) == 1 else "; the others chose ") + "; ".join(rivals) + "."


def find_option(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the option that ``text`` names, or ``None`` if it does not name exactly one.

    The whole text, without surrounding space, quotes or a full stop, is compared first; otherwise exactly one option
    must occur in it as a word. Case does not matter.
    """
    answer = text.strip().strip("\"'`.!* \n").casefold()
    names = [name.casefold() for name in options]
    if answer in names:
        return names.index(answer)
    padded = f" {''.join(ch if ch.isalnum() else ' ' for ch in answer)} "
    padded = " ".join(padded.split()).join("  ")
    found = [k for k, name in enumerate(names) if f" {' '.join(name.split())} " in padded]
    return found[0] if len(found) == 1 else None


class TextView:
    """The text observation of one seat: the rules, all rounds so far, and the question. Each round is described once.

    Args:
        game: The stage game, which decides option names and payoffs.
        rules: How it is repeated.
        seat: Index of the seat.

    Attributes:
        max_length: Maximum length of an observation, in characters.
    """

    def __init__(self, game: NormalFormGame, rules: Rules, seat: int) -> None:
        self._introduction = describe_game(game, rules, seat)
        self._options = [game.options[(seat + k) % game.players] for k in range(game.players)]
        self._unit = rules.unit
        self._rounds: list[str] = []
        self.max_length = len(self._introduction) + 200 + rules.rounds * (80 + _CHARS_PER_PLAYER * game.players)

    def reset(self) -> None:
        """Start a new match."""
        self._rounds.clear()

    @property
    def rounds_described(self) -> int:
        """Number of rounds described so far in this match."""
        return len(self._rounds)

    def observe(self, new_rounds: Iterable[tuple[Sequence[int], Sequence[float | None]]]) -> str:
        """Return the observation.

        Args:
            new_rounds: Moves and payoffs of the rounds that are not described yet, own first; see
                :func:`describe_round`.
        """
        for moves, payoffs in new_rounds:
            self._rounds.append(describe_round(len(self._rounds) + 1, moves, payoffs, self._options, self._unit))
        question = (
            f"Now comes round {len(self._rounds) + 1}. Which option do you choose: {' or '.join(self._options[0])}?"
        )
        return "\n".join([self._introduction, *self._rounds, question])
