"""Prompts that describe a repeated game to a language model, and their variations.

A prompt has the six parts of Akata et al. (2025), in order: framing, payoffs, history, current round, question, and the
beginning of the answer, so that the next token is the label of an option. The wording is our own. All functions are
pure: text from the rules in ``info["rules"]`` and the rounds played so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from quintain.agents.games.game_info import GameRules, Round
from quintain.arguments import check_bool
from quintain.errors import ConfigurationError
from quintain.numerals import exact_number

__all__ = [
    "COVER_STORIES",
    "CoverStory",
    "Wording",
    "action_question",
    "describe",
    "describe_to_observer",
    "prediction_question",
]


@dataclass(frozen=True)
class CoverStory:
    """The words of a cover story.

    Attributes:
        setting: Opening sentences; ``{others}`` is replaced by the other players.
        option: Noun for an option, before its label. Default: ``"Option"``.
        other: Noun phrase for the other player. Default: ``"the other player"``.
    """

    setting: str
    option: str = "Option"
    other: str = "the other player"


#: Cover stories by name.
COVER_STORIES: dict[str, CoverStory] = {
    "plain": CoverStory("You and {others} play the same game again and again."),
    "cooking": CoverStory(
        "You take part in a cooking contest together with {others}. Each of you prepares a dish every evening.",
        "Recipe",
        "the other cook",
    ),
    "project": CoverStory(
        "You work on a joint project with {others}. Every week each of you picks an approach.",
        "Approach",
        "your colleague",
    ),
}

_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@dataclass(frozen=True)
class Wording:
    """The variations of the prompt's text.

    Attributes:
        cover: Cover story, a key of :data:`COVER_STORIES`. Default: ``"plain"``.
        spell_numbers: Whether whole payoffs from 0 to 10 are written as words. Default: false.
        goal: Whether the goal of earning as much as possible is stated. Default: false.
        forgiveness: Whether the prompt says that the other player sometimes makes mistakes. Default: false.
        disclosure: A sentence about the other player, inserted verbatim; empty for none.
        backwards: Whether the rules list the options from last to first, which separates the effect of an option's
            position in the rules from that of its payoffs. The order in questions does not depend on it. Default:
            false.
        story: The cover story that ``cover`` names; not an argument.

    Raises:
        ConfigurationError: If there is no such cover story, or a flag is neither true nor false.
    """

    cover: Literal["plain", "cooking", "project"] = "plain"
    spell_numbers: bool = False
    goal: bool = False
    forgiveness: bool = False
    disclosure: str = ""
    backwards: bool = False
    story: CoverStory = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cover not in COVER_STORIES:
            raise ConfigurationError(f"cover must be one of {sorted(COVER_STORIES)}, got {self.cover!r}")
        for name in ("spell_numbers", "goal", "forgiveness", "backwards"):
            check_bool(name, getattr(self, name))
        object.__setattr__(self, "story", COVER_STORIES[self.cover])


def describe(rules: GameRules, history: Sequence[Round], labels: Sequence[str], wording: Wording) -> str:
    """Write parts one to four: framing, payoffs, history, current round.

    Args:
        rules: The rules from the player's own point of view.
        history: The rounds played so far, own move first.
        labels: ``labels[k]`` stands for option k of every player.
        wording: Which variations of the text are used.
    """
    parts = [_framing(rules, labels, wording), *_payoffs(rules, labels, wording)]
    parts += [_describe_round(number, played, rules, labels, wording) for number, played in enumerate(history, start=1)]
    parts.append(f"This is round {len(history) + 1}.")
    return "\n".join(parts)


def describe_to_observer(rules: GameRules, history: Sequence[Round], labels: Sequence[str], wording: Wording) -> str:
    """Write parts one to four for an observer of two players: "player 1" has the seat of ``rules``.

    Args:
        rules: The rules of a game of two players, from player 1's point of view.
        history: The rounds played so far, player 1's move first.
        labels: ``labels[k]`` stands for option k of both players.
        wording: Which variations of the text are used; those that address a player (goal, forgiveness, disclosure) do
            not apply.
    """
    story, unit = wording.story, rules["unit"]
    options = [f"{story.option} {label}" for label in labels]
    own_options, other_options = _option_orders(rules, wording)
    lines = [
        "You watch player 1 and player 2, who play the same game again and again.",
        f"In each round each of them chooses between {_list([options[k] for k in own_options], 'and')}.",
    ]
    if rules["rounds"] is not None:
        lines.append(f"There are {rules['rounds']} rounds in total.")
    parts = [" ".join(lines), "The rules are:"]
    won = "player 1 wins {} and player 2 wins {}."
    for own, other in product(own_options, other_options):
        earned = [_amount(payoffs[own][other], unit, wording) for payoffs in rules["payoffs"]]
        parts.append(f"If player 1 chooses {options[own]} and player 2 chooses {options[other]}, {won.format(*earned)}")
    for number, played in enumerate(history, start=1):
        did = ["nothing valid" if move < 0 else options[move] for move in played.moves]
        earned = [_amount(payoff or 0.0, unit, wording) for payoff in played.payoffs]
        parts.append(
            f"In round {number} player 1 chose {did[0]} and player 2 chose {did[1]}. "
            f"Player 1 won {earned[0]}, player 2 won {earned[1]}."
        )
    return "\n".join([*parts, f"This is round {len(history) + 1}."])


def action_question(labels: Sequence[str], wording: Wording, expected: str = "") -> str:
    """Write part five: the question for the player's own option.

    Args:
        labels: The options' labels in the order in which the question names them.
        wording: Which variations of the text are used.
        expected: Label of the option that the player predicted for the other (predict-first); empty for none.
    """
    options = " or ".join(f"{wording.story.option} {label}" for label in labels)
    if expected:
        belief = f"You expect {wording.story.other} to choose {wording.story.option} {expected} in this round. "
        return f"Q: {belief}Given that, which one is best for you in this round: {options}?"
    return f"Q: Which one do you choose in this round: {options}?"


def prediction_question(labels: Sequence[str], wording: Wording, player: str = "") -> str:
    """Write the question for another player's option, which predict-first asks first.

    Args:
        labels: The options' labels in the order in which the question names them.
        wording: Which variations of the text are used.
        player: Noun phrase for the player whose option is predicted; by default the other player.
    """
    options = " or ".join(f"{wording.story.option} {label}" for label in labels)
    return f"Q: Which one will {player or wording.story.other} choose in this round: {options}?"


def _framing(rules: GameRules, labels: Sequence[str], wording: Wording) -> str:
    story = wording.story
    players = len(rules["options"])
    others = story.other.replace("the other", "another") if players == 2 else f"{players - 1} other players"
    own = [f"{story.option} {labels[k]}" for k in _option_orders(rules, wording)[0]]
    lines = [story.setting.format(others=others), f"In each round you choose between {_list(own, 'and')}."]
    if rules["rounds"] is not None:
        lines.append(f"There are {rules['rounds']} rounds in total, always with the same partner.")
    elif rules["continuation"] is not None:
        percent = exact_number(round(100 * (1 - rules["continuation"]), 10))
        lines.append(f"After each round the game ends with a probability of {percent}%.")
    if wording.goal:
        lines.append(f"Your goal is to win as many {rules['unit']} as possible over all rounds.")
    if wording.forgiveness:
        lines.append(f"Mind that {story.other} can sometimes make mistakes.")
    if wording.disclosure:
        lines.append(wording.disclosure)
    return " ".join(lines)


def _option_orders(rules: GameRules, wording: Wording) -> list[Sequence[int]]:
    """Return every player's option indices in the order in which the rules list them."""
    ranges = [range(len(names)) for names in rules["options"]]
    return [options[::-1] if wording.backwards else options for options in ranges]


def _payoffs(rules: GameRules, labels: Sequence[str], wording: Wording) -> list[str]:
    lines = ["The rules are:"]
    for cell in product(*_option_orders(rules, wording)):
        earned = []
        for player in range(len(cell)):
            payoff: Any = rules["payoffs"][player]
            for move in cell:
                payoff = payoff[move]
            earned.append(_amount(payoff, rules["unit"], wording))
        chosen = [f"{wording.story.option} {labels[move]}" for move in cell]
        lines.append(f"If you choose {chosen[0]} and {_others(chosen[1:], earned[1:], wording, earned[0])}")
    return lines


def _others(chosen: list[str], earned: list[str], wording: Wording, own: str) -> str:
    other = wording.story.other
    if len(chosen) == 1:
        return f"{other} chooses {chosen[0]}, you win {own} and {other} wins {earned[0]}."
    return f"the others choose {_list(chosen, 'and')}, you win {own} and the others win {_list(earned, 'and')}."


def _describe_round(number: int, played: Round, rules: GameRules, labels: Sequence[str], wording: Wording) -> str:
    story, unit = wording.story, rules["unit"]

    def option(move: int) -> str:
        return "nothing valid" if move < 0 else f"{story.option} {labels[move]}"

    own = "nothing" if played.payoffs[0] is None else _amount(played.payoffs[0], unit, wording)
    if played.payoffs[1] is None:  # a private history
        return f"In round {number} you chose {option(played.moves[0])} and won {own}."
    names = [story.other] if len(played.moves) == 2 else [f"player {k}" for k in range(2, len(played.moves) + 1)]
    did = [f"{name} chose {option(move)}" for name, move in zip(names, played.moves[1:], strict=True)]
    won = [
        f"{name} won {_amount(payoff or 0.0, unit, wording)}"
        for name, payoff in zip(names, played.payoffs[1:], strict=True)
    ]
    moves = f"you chose {option(played.moves[0])} and {_list(did, 'and')}"
    return f"In round {number} {moves}. You won {own}, {_list(won, 'and')}."


def _amount(payoff: float, unit: str, wording: Wording) -> str:
    number = exact_number(payoff)
    if wording.spell_numbers and payoff in range(len(_NUMBERS)):
        number = _NUMBERS[int(payoff)]
    return f"{number} {unit[:-1] if payoff == 1 else unit}"


def _list(items: Sequence[str], word: str) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"
