"""Position-bias audit: does a language model choose by position or label? Run it before reading its choices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.agents.games import LLMPlayer
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean
from quintain.experiments.games.match import Match, ScheduledMatch

__all__ = ["BiasDecomposition", "PositionBias", "audit_position_bias", "discrimination_test"]

#: Share of the first-named option above which Akata et al. (2025) excluded a model.
EXCLUDE_ABOVE = 0.95
_NOTABLE = 0.05  # smallest distance from one half that a verdict mentions
#: Number of questions below which an audit cannot exclude a bias: a 95 % interval is wider than 0.3.
FEWEST = 40


@dataclass(frozen=True)
class PositionBias:
    """Result of a position-bias audit: whether a language model chooses by position or label rather than by payoff.

    Attributes:
        first_named: Share of action questions answered with the option that was named first. In all intervals the
            matches are clusters, because questions of one match depend on each other.
        labels: Share of each label among the legal answers.
        illegal: Share of outputs that are not one of the offered labels.
        verdict: The conclusion, in a sentence or two.
        worst_case: The lowest and the highest value that the estimate of ``first_named`` could have if the failed
            matches had been played; ``None`` without failed matches, and where matches end at random, because then
            nothing limits how many questions a failed match could have had.
    """

    first_named: Interval
    labels: dict[str, Interval]
    illegal: Interval
    verdict: str
    worst_case: tuple[float, float] | None = None


def audit_position_bias(
    matches: Sequence[Match],
    agent: str | Collection[str],
    confidence: float = 0.95,
    failed: Sequence[ScheduledMatch] = (),
) -> PositionBias | None:
    """Audit the answers of one language model; ``None`` if it gave none.

    ``first_named`` uses questions asked in a single order of the options; answers averaged over orders are left out. It
    measures position bias only if position and option are independent: the order is shuffled, or the audit pools
    players that name the options in opposite orders. With one fixed order the verdict says that they are confounded.

    Args:
        matches: Finished matches; seats of other players are ignored.
        agent: Name of the player, or names of several players whose answers are pooled.
        confidence: Nominal coverage of the intervals, in (0, 1).
        failed: Matches of the same run that failed for infrastructure reasons. Each would have had at most one
            question a round in every seat of ``agent``, and the worst case is that all or none of these were answered
            with the first-named option.
    """
    agents = {agent} if isinstance(agent, str) else set(agent)
    choices = [
        {**choice, "match": k}
        for k, match in enumerate(matches)
        for seat, name in enumerate(match.scheduled.agents)
        if name in agents
        for choice in _actions(match, seat)
    ]
    if not choices:
        return None
    legal = [choice for choice in choices if choice["option"] >= 0]
    ordered = [choice for choice in legal if choice["first"] >= 0]
    first_named = _share(ordered, [c["option"] == c["first"] for c in ordered], confidence)
    used = [c for c in legal if c["label"]]  # empty where exchanged labels were averaged
    labels = {
        label: _share(used, [c["label"] == label for c in used], confidence)
        for label in sorted({c["label"] for c in used})
    }
    illegal = _share(choices, [c["option"] < 0 for c in choices], confidence)
    shuffled = len({choice["first"] for choice in ordered}) > 1
    verdict = (
        _verdict(first_named, shuffled, bool(ordered))
        if legal
        else "No answer was one of the labels, so the audit does not apply."
    )
    letter = max(labels, key=lambda label: labels[label].estimate, default="")
    if letter and labels[letter].estimate > EXCLUDE_ABOVE:
        share = labels[letter].estimate
        verdict += f" {share:.0%} of the answers are {letter!r}: exchange the labels to separate label from payoff."
    lost = sum(name in agents for match in failed for name in match.agents)
    worst = _worst_case(matches, [c["option"] == c["first"] for c in ordered], lost) if lost and ordered else None
    if lost and ordered:
        verdict += _on_failures(worst, sum(not agents.isdisjoint(match.agents) for match in failed))
    return PositionBias(first_named, labels, illegal, verdict, worst)


def _worst_case(matches: Sequence[Match], flags: Sequence[bool], lost: int) -> tuple[float, float] | None:
    """Bound the share of true flags if ``lost`` seats of failed matches had added one flag a round each."""
    horizons = [match.horizon for match in matches if match.horizon is not None]
    if not horizons:
        return None
    unseen = lost * max(horizons)
    return sum(flags) / (len(flags) + unseen), (sum(flags) + unseen) / (len(flags) + unseen)


def _on_failures(worst: tuple[float, float] | None, count: int) -> str:
    which = f"{count} failed match{'' if count == 1 else 'es'}"
    if worst is None:
        return f" {which} could have had any number of questions, since matches end at random: no worst case is known."
    return f" Had {which} been played, the share could be anywhere between {worst[0]:.0%} and {worst[1]:.0%}."


def _share(choices: Sequence[Mapping[str, Any]], flags: Sequence[bool], confidence: float) -> Interval:
    matches = [choice["match"] for choice in choices]
    return mean([float(flag) for flag in flags], confidence, bounds=(0, 1), clusters=matches, unit="matches")


def _verdict(share: Interval, shuffled: bool, asked: bool) -> str:
    if not asked:
        return "Every choice was averaged over several orders of the options, so position bias does not apply."
    if not shuffled:
        return "The order of the options was fixed, which confounds position and option; shuffle it for an audit."
    if share.estimate > EXCLUDE_ABOVE or share.estimate < 1 - EXCLUDE_ABOVE:
        return "Chooses by position, not by payoff: the study excluded such models. Do not interpret its scores."
    if share.low > 0.5 or share.high < 0.5:
        return "Position bias: the interval excludes one half. Average over orders before interpreting scores."
    if share.n < FEWEST:
        return f"No position bias was found, but {share.n} questions are too few to exclude it; ask at least {FEWEST}."
    return "No position bias was found."


@dataclass(frozen=True)
class BiasDecomposition:
    """Influence of position, label and option on the answers. A share of one half means no influence.

    Attributes:
        letters: The pair of labels, such as ``("J", "F")``.
        position: Share of answers with the option that the question named first.
        letter: Share of answers with the first label of ``letters``.
        meaning: Share of answers with option 0 (and so with its payoffs), under either label.
        listed: Share of answers with the option that the rules named first. ``None`` if they always named option 0
            first; its position in the rules is then confounded with ``meaning``.
        verdict: The strongest influence, in one sentence.
    """

    letters: tuple[str, str]
    position: Interval
    letter: Interval
    meaning: Interval
    listed: Interval | None
    verdict: str


def discrimination_test(
    matches: Sequence[Match], players: Mapping[str, LLMPlayer], confidence: float = 0.95
) -> BiasDecomposition | None:
    """Estimate the influence of position, label and option from a crossed design of label assignments and orders.

    The conditions cross which option has the first label, which one the question names first and, if varied, which
    one the rules name first. They are weighted equally, so the influences are not confounded. One observation is the
    mean over the conditions of a cell (game, seat, opponent, repetition). Incomplete cells are left out.

    Args:
        matches: Finished matches; only questions about the model's own action, asked in a single order, are used.
        players: Players by name, which differ in these conditions alone. If half of them use the wording
            :attr:`~quintain.agents.games.Wording.backwards`, the position in the rules is estimated too.
        confidence: Nominal coverage of the intervals, in (0, 1).

    Returns:
        The shares with intervals over cells; ``None`` if no cell has all conditions.

    Raises:
        ConfigurationError: If the players do not use one pair of labels in both assignments.
    """
    pairs = {tuple(player.settings.labels) for player in players.values()}
    letters = next((tuple(player.settings.labels) for player in players.values()), ())
    if len(letters) != 2 or pairs != {letters, letters[::-1]}:
        raise ConfigurationError(f"players need one pair of labels in both assignments, got {sorted(pairs)}")
    ways = len({player.settings.wording.backwards for player in players.values()})
    cells: dict[Any, dict[Any, list[tuple[bool, ...]]]] = defaultdict(lambda: defaultdict(list))
    for match in matches:
        for seat, name in enumerate(match.scheduled.agents):
            for choice in _actions(match, seat) if name in players else ():
                if choice["option"] >= 0 and choice["first"] >= 0:
                    settings, option = players[name].settings, choice["option"]
                    backwards = settings.wording.backwards
                    first_letter = settings.labels[option] == letters[0]
                    found = option == choice["first"], first_letter, option == 0, (option == 0) != backwards
                    others = match.scheduled.agents[:seat] + match.scheduled.agents[seat + 1 :]
                    condition = settings.labels[0] == letters[0], choice["first"], backwards
                    cells[match.scheduled.game, seat, others, match.scheduled.repetition][condition].append(found)
    complete = [cell for cell in cells.values() if len(cell) == 4 * ways]
    if not complete:
        return None
    values = np.array([np.mean([np.mean(answers, axis=0) for answers in cell.values()], axis=0) for cell in complete])
    position, letter, meaning, listed = (mean(values[:, k], confidence, bounds=(0, 1), unit="cells") for k in range(4))
    shares = {
        f"the label ({letters[letter.estimate < 0.5]})": letter,
        f"the position in the question ({'last' if position.estimate < 0.5 else 'first'})": position,
    }
    option = int(meaning.estimate < 0.5)
    if ways == 1:
        return BiasDecomposition(
            (letters[0], letters[1]), position, letter, meaning, None,
            _cause(shares | {f"the option ({option}: its payoffs, or its position in the rules)": meaning}),
        )  # fmt: skip
    shares |= {
        f"the position in the rules ({'last' if listed.estimate < 0.5 else 'first'})": listed,
        f"the payoffs (option {option})": meaning,
    }
    return BiasDecomposition((letters[0], letters[1]), position, letter, meaning, listed, _cause(shares))


def _cause(shares: Mapping[str, Interval]) -> str:
    weights = {cause: abs(share.estimate - 0.5) for cause, share in shares.items()}
    strongest, *others = sorted(weights, key=lambda cause: -weights[cause])
    if weights[strongest] < _NOTABLE:
        return f"No influence reaches {100 * _NOTABLE:.0f} percentage points."
    notable = [f"{cause}, {100 * weights[cause]:.0f}" for cause in others if weights[cause] >= _NOTABLE]
    rest = f"; then {'; '.join(notable)}" if notable else f"; all others are below {100 * _NOTABLE:.0f} points"
    return f"Strongest influence: {strongest}, {100 * weights[strongest]:.0f} percentage points from one half{rest}."


def _actions(match: Match, seat: int) -> Iterator[Mapping[str, Any]]:
    """Iterate over the answers to questions about the player's own action, not about predictions."""
    return (choice for choice in match.traces[seat] if choice["kind"] == "action")
