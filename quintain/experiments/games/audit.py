"""Position bias: does a language model choose by place or label? Check this before interpreting its choices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.agents.games import LLMPlayer
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean, rate
from quintain.experiments.games.match import Match

__all__ = ["BiasDecomposition", "PositionBias", "audit_position_bias", "discrimination_test"]

#: Share of the first-named option above which the study excluded a model.
EXCLUDE_ABOVE = 0.95
_NOTABLE = 0.05  # distance from one half that a verdict mentions
#: Questions below which the absence of a bias says nothing: an interval of 95 % is then wider than 0.3.
FEWEST = 40


@dataclass(frozen=True)
class PositionBias:
    """Whether a language model chooses by place or letter rather than by payoff.

    Attributes:
        first_named: Share of action questions answered with the option that was named first. Its interval takes
            questions for independent; those of one match are not, so the truth is less certain still.
        labels: Share of each label among the answers.
        illegal: Share of outputs that were no label.
        verdict: The conclusion, in one sentence.
    """

    first_named: Interval
    labels: dict[str, Interval]
    illegal: Interval
    verdict: str


def audit_position_bias(
    matches: Sequence[Match], agent: str | Collection[str], confidence: float = 0.95
) -> PositionBias | None:
    """Audit the answers of one language model; ``None`` if it gave none.

    Only questions with one order of names count for ``first_named``. Order and option are independent when the order is
    shuffled, and over players that name the options in opposite orders; with one fixed order the share says nothing
    about place alone, and the verdict says so.

    Args:
        matches: Any matches; seats of other players are ignored.
        agent: Name of the player, or names of several that are audited together.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    agents = {agent} if isinstance(agent, str) else set(agent)
    choices = [
        choice
        for match in matches
        for seat, name in enumerate(match.scheduled.agents)
        if name in agents
        for choice in _actions(match, seat)
    ]
    if not choices:
        return None
    legal = [choice for choice in choices if choice["option"] >= 0]
    ordered = [choice for choice in legal if choice["first"] >= 0]
    first_named = rate(sum(c["option"] == c["first"] for c in ordered), len(ordered), confidence)
    spoken = [c["label"] for c in legal if c["label"]]  # none where exchanged labels were averaged
    labels = {label: rate(spoken.count(label), len(spoken), confidence) for label in sorted(set(spoken))}
    illegal = rate(len(choices) - len(legal), len(choices), confidence)
    shuffled = len({choice["first"] for choice in ordered}) > 1
    verdict = _verdict(first_named, shuffled, bool(ordered)) if legal else "No answer was a label: nothing to audit."
    letter = max(labels, key=lambda label: labels[label].estimate, default="")
    if letter and labels[letter].estimate > EXCLUDE_ABOVE:
        verdict += (
            f" The label {letter!r} takes {labels[letter].estimate:.0%}: exchange labels to tell letter from payoff."
        )
    return PositionBias(first_named, labels, illegal, verdict)


def _verdict(share: Interval, shuffled: bool, asked: bool) -> str:
    if not asked:
        return "Every choice was averaged over several orders; there is no single order to be biased by."
    if not shuffled:
        return "The order of names was fixed, so place and option cannot be told apart; shuffle it for an audit."
    if share.estimate > EXCLUDE_ABOVE or share.estimate < 1 - EXCLUDE_ABOVE:
        return "Chooses by place, not by payoff: the study excluded such models. Do not read behaviour into its scores."
    if share.low > 0.5 or share.high < 0.5:
        return "Place matters: the interval excludes one half. Average over orders before reading anything into scores."
    if share.n < FEWEST:
        return f"No bias by place shows in {share.n} questions, which are too few to tell; ask at least {FEWEST}."
    return "No bias by place was found."


@dataclass(frozen=True)
class BiasDecomposition:
    """Influence of place, letter and meaning on the answers. Without influence, each share is one half.

    Attributes:
        letters: The pair of labels.
        place: Share of answers with the option that the question named first.
        letter: Share of answers with the first of the letters.
        meaning: Share of answers with option 0, whatever it was called.
        listed: Share of answers with the option that the rules named first. ``None`` if they named option 0 first
            throughout: then its place there counts as meaning, and a share of option 0 that changes sides between
            pairs of letters is not about payoffs.
        verdict: The strongest influence, in one sentence.
    """

    letters: tuple[str, str]
    place: Interval
    letter: Interval
    meaning: Interval
    listed: Interval | None
    verdict: str


def discrimination_test(
    matches: Sequence[Match], players: Mapping[str, LLMPlayer], confidence: float = 0.95
) -> BiasDecomposition | None:
    """Estimate the influence of place, letter and meaning from players whose labels and orders of names are crossed.

    All conditions (which option has the first letter, which one the question and perhaps the rules name first) have
    equal weight, so that the influences are not confounded. One value is the mean over the conditions in one cell:
    game, seat, opponent and repetition. Cells in which a condition has no legal answer are left out.

    Args:
        matches: Any matches; only answers to a single question about an own action count.
        players: Players by name that differ in these conditions alone. Where half of them read the rules
            :attr:`~quintain.agents.games.Wording.backwards`, the place in the rules is estimated too.
        confidence: Nominal coverage of the intervals, in (0, 1).

    Returns:
        ``None`` if no cell has all conditions.

    Raises:
        ConfigurationError: If the labels are not one pair and its exchange.
    """
    pairs = {tuple(player.settings.labels) for player in players.values()}
    letters = next((tuple(player.settings.labels) for player in players.values()), ())
    if len(letters) != 2 or pairs != {letters, letters[::-1]}:
        raise ConfigurationError(f"players need one pair of labels and the same exchanged, got {sorted(pairs)}")
    ways = len({player.settings.wording.backwards for player in players.values()})
    cells: dict[Any, dict[Any, list[tuple[bool, ...]]]] = defaultdict(lambda: defaultdict(list))
    for match in matches:
        for seat, name in enumerate(match.scheduled.agents):
            for choice in _actions(match, seat) if name in players else ():
                if choice["option"] >= 0 and choice["first"] >= 0:
                    settings, option = players[name].settings, choice["option"]
                    backwards = settings.wording.backwards
                    said = settings.labels[option] == letters[0]
                    found = option == choice["first"], said, option == 0, (option == 0) != backwards
                    others = match.scheduled.agents[:seat] + match.scheduled.agents[seat + 1 :]
                    condition = settings.labels[0] == letters[0], choice["first"], backwards
                    cells[match.scheduled.game, seat, others, match.scheduled.repetition][condition].append(found)
    whole = [cell for cell in cells.values() if len(cell) == 4 * ways]
    if not whole:
        return None
    values = np.array([np.mean([np.mean(answers, axis=0) for answers in cell.values()], axis=0) for cell in whole])
    place, letter, meaning, listed = (mean(values[:, k], confidence) for k in range(4))
    shares = {
        f"the letter ({letters[letter.estimate < 0.5]})": letter,
        f"the place in the question ({'last' if place.estimate < 0.5 else 'first'})": place,
    }
    option = int(meaning.estimate < 0.5)
    if ways == 1:
        return BiasDecomposition(
            (letters[0], letters[1]), place, letter, meaning, None,
            _cause(shares | {f"the option ({option}: its meaning, or its place in the rules)": meaning}),
        )  # fmt: skip
    shares |= {
        f"the place in the rules ({'last' if listed.estimate < 0.5 else 'first'})": listed,
        f"the meaning (option {option})": meaning,
    }
    return BiasDecomposition((letters[0], letters[1]), place, letter, meaning, listed, _cause(shares))


def _cause(shares: Mapping[str, Interval]) -> str:
    weights = {cause: abs(share.estimate - 0.5) for cause, share in shares.items()}
    strongest, *others = sorted(weights, key=lambda cause: -weights[cause])
    if weights[strongest] < _NOTABLE:
        return f"Nothing moves the answers by {100 * _NOTABLE:.0f} points."
    notable = [f"{cause}, {100 * weights[cause]:.0f}" for cause in others if weights[cause] >= _NOTABLE]
    rest = f"; then {'; '.join(notable)}" if notable else f"; the others by less than {100 * _NOTABLE:.0f} points"
    return f"It is {strongest} that moves the answers most, {100 * weights[strongest]:.0f} points from one half{rest}."


def _actions(match: Match, seat: int) -> Iterator[Mapping[str, Any]]:
    """Iterate over the answers to questions about the player's own action."""
    return (choice for choice in match.traces[seat] if choice["kind"] == "action")
