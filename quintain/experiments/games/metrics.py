"""Metrics of one seat of a finished match.

Each takes a match and a seat index. Rates leave out rounds in which the player made no legal move. A metric that is
undefined for a match (another number of players or options, no legal move) is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from quintain.evaluation.statistics import Bounds, Interval, mean
from quintain.experiments.games.match import Match, ScheduledMatch

__all__ = [
    "METRICS",
    "WORST",
    "by_match",
    "coordination",
    "defection",
    "first_settled_prediction",
    "illegal_rate",
    "joint_cooperation",
    "normalised_score",
    "per_match",
    "prediction_accuracy",
    "preferred_option",
    "recovery",
    "score",
    "score_bounds",
    "summarise",
    "worst_case",
]


def score(match: Match, seat: int) -> float:
    """Sum of payoffs over all rounds, without penalties for illegal moves."""
    return float(match.payoffs[:, seat].sum())


def normalised_score(match: Match, seat: int) -> float | None:
    """Score divided by the maximum possible: number of rounds times the player's best payoff (Akata et al. 2025)."""
    best = match.game.best_payoff(seat) * len(match.moves)
    return score(match, seat) / best if best > 0 else None


def defection(match: Match, seat: int) -> float | None:
    """Share of rounds in which the player chose option 1; for games with two options."""
    own = match.moves[:, seat]
    legal = own >= 0
    return float((own[legal] == 1).mean()) if legal.any() and match.game.shape[seat] == 2 else None


def coordination(match: Match, seat: int = 0) -> float | None:
    """Share of rounds in which all players chose the option with the same index."""
    legal = (match.moves >= 0).all(axis=1)
    return float((match.moves[legal] == match.moves[legal][:, :1]).all(axis=1).mean()) if legal.any() else None


def joint_cooperation(match: Match, seat: int = 0) -> float | None:
    """Share of rounds in which all players chose option 0."""
    legal = (match.moves >= 0).all(axis=1)
    return float((match.moves[legal] == 0).all(axis=1).mean()) if legal.any() else None


def preferred_option(match: Match, seat: int) -> float | None:
    """Share of rounds in which the player chose the option of its highest payoff."""
    own = match.moves[:, seat]
    legal = own >= 0
    payoffs = match.game.seen_by(seat)[0]
    best = int(payoffs.reshape(len(payoffs), -1).max(axis=1).argmax())
    return float((own[legal] == best).mean()) if legal.any() else None


def prediction_accuracy(match: Match, seat: int) -> float | None:
    """Share of correct predictions of the opponent's move; for two players, where the agent predicts before it acts."""
    hits = _predictions(match, seat)
    return float(np.mean(hits)) if hits else None


def first_settled_prediction(match: Match, seat: int) -> float | None:
    """First round (from 1) from which on all predictions are correct; ``None`` if the last is wrong or none exist."""
    hits = _predictions(match, seat)
    wrong = [k for k, hit in enumerate(hits) if not hit]
    first = wrong[-1] + 1 if wrong else 0
    return float(first + 1) if first < len(hits) else None


def recovery(match: Match, seat: int) -> float | None:
    """Share of cooperation after the opponent's single defection; for matches with exactly one of them.

    Counted from the second round after the defection, so that one round of retaliation does not lower it.
    """
    if match.game.players != 2 or match.game.shape != (2, 2):
        return None
    other = match.moves[:, 1 - seat]
    defections = np.flatnonzero(other == 1)
    after = match.moves[defections[0] + 2 :, seat] if len(defections) == 1 else np.empty(0, np.int64)
    return float((after == 0).mean()) if len(after) else None


def illegal_rate(match: Match, seat: int) -> float | None:
    """Share of rounds in which the player made no legal move; ``None`` for a match that ended before its first."""
    return float((match.moves[:, seat] < 0).mean()) if len(match.moves) else None


#: Metrics of the tables, by name.
METRICS = {
    "normalised score": normalised_score,
    "defection": defection,
    "coordination": coordination,
    "joint cooperation": joint_cooperation,
    "preferred option": preferred_option,
    "prediction accuracy": prediction_accuracy,
    "first settled prediction": first_settled_prediction,
    "recovery": recovery,
    "illegal moves": illegal_rate,
}
#: Ranges of the metrics that are shares; a normalised score's is :func:`score_bounds`.
BOUNDS: dict[str, Bounds] = {
    name: (0.0, 1.0) for name in METRICS if name not in ("normalised score", "first settled prediction")
}


#: The metrics that are shares, with the value that is bad: what a match counts that failed, in the worst case.
WORST = {
    "normalised score": 0.0,
    "defection": 1.0,
    "coordination": 0.0,
    "joint cooperation": 0.0,
    "preferred option": 0.0,
    "prediction accuracy": 0.0,
    "recovery": 0.0,
    "illegal moves": 1.0,
}


def summarise(
    matches: Sequence[Match],
    agent: str,
    confidence: float = 0.95,
    *,
    cluster: Callable[[Match], Hashable] | None = None,
    unit: str = "matches",
) -> dict[str, Interval]:
    """Mean of every metric over the matches that ``agent`` played.

    Each match contributes one value, because rounds of a match, and several seats of one agent, are correlated. A
    metric that is undefined for all matches is left out.

    Args:
        matches: Matches of any players; those without ``agent`` are ignored.
        agent: Name of the player.
        confidence: Nominal coverage of the intervals, in (0, 1).
        cluster: Returns a match's label; matches with one label depend on each other, as those of one condition of a
            deterministic model do. ``None``: matches are independent.
        unit: What a cluster is, in the plural.
    """
    found = {}
    for metric, measure in METRICS.items():
        values = by_match(matches, agent, measure)
        if values:
            bounds = score_bounds(matches[k] for k in values) if metric == "normalised score" else BOUNDS.get(metric)
            labels = None if cluster is None else [cluster(matches[k]) for k in values]
            found[metric] = mean(list(values.values()), confidence, bounds=bounds, clusters=labels, unit=unit)
    return found


def worst_case(
    matches: Sequence[Match], failed: Sequence[ScheduledMatch], agent: str, confidence: float = 0.95
) -> dict[str, Interval]:
    """Return :func:`summarise` with each failed match of ``agent`` at the metric's value in :data:`WORST`.

    Whatever the infrastructure errors hide, the mean over all matches is no worse. Metrics that are no shares, and
    those that are defined for no match, are left out.

    Args:
        matches: Finished matches of any players.
        failed: Matches that failed for infrastructure reasons.
        agent: Name of the player.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    missing = sum(agent in match.agents for match in failed)
    found = {}
    for metric, worst in WORST.items():
        values = by_match(matches, agent, METRICS[metric])
        if values:
            bounds = score_bounds(matches[k] for k in values) if metric == "normalised score" else BOUNDS[metric]
            found[metric] = mean([*values.values(), *[worst] * missing], confidence, bounds=bounds, unit="matches")
    return found


def score_bounds(matches: Iterable[Match]) -> Bounds | None:
    """Return the range of the normalised score, (0, 1), if no payoff of the matches' games is negative."""
    return (0.0, 1.0) if all(match.game.payoffs.min() >= 0 for match in matches) else None


def per_match(matches: Sequence[Match], agent: str, measure: Callable[[Match, int], float | None]) -> list[float]:
    """Return one value per match of ``agent``: the mean of ``measure`` over its seats, where it is defined."""
    return list(by_match(matches, agent, measure).values())


def by_match(matches: Sequence[Match], agent: str, measure: Callable[[Match, int], float | None]) -> dict[int, float]:
    """Return what :func:`per_match` does, by the match's place in ``matches``."""
    found = {}
    for k, match in enumerate(matches):
        seats = [seat for seat, name in enumerate(match.scheduled.agents) if name == agent]
        values = [value for seat in seats if (value := measure(match, seat)) is not None]
        if values:
            found[k] = sum(values) / len(values)
    return found


def _predictions(match: Match, seat: int) -> list[bool]:
    if match.game.players != 2:
        return []
    other = match.moves[:, 1 - seat]
    guesses = [c for c in match.traces[seat] if c["kind"] == "prediction" and c["round"] <= len(other)]
    return [bool(guess["option"] == other[guess["round"] - 1]) for guess in guesses]
