"""What a match says about its players.

All rates leave out rounds in which the player in question made no legal move. A metric that does not apply is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from quintain.evaluation.statistics import Interval, mean
from quintain.experiments.games.match import Match

__all__ = [
    "METRICS",
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
    "summarise",
]


def score(match: Match, seat: int) -> float:
    """Sum of payoffs, without penalties."""
    return float(match.payoffs[:, seat].sum())


def normalised_score(match: Match, seat: int) -> float | None:
    """Score over the most the player could ever get: rounds times its best cell (Akata et al. 2025)."""
    best = match.game.best_payoff(seat) * len(match.moves)
    return score(match, seat) / best if best > 0 else None


def defection(match: Match, seat: int) -> float | None:
    """Share of rounds with option 1, in games of two options."""
    own = match.moves[:, seat]
    legal = own >= 0
    return float((own[legal] == 1).mean()) if legal.any() and match.game.shape[seat] == 2 else None


def coordination(match: Match, seat: int = 0) -> float | None:
    """Share of rounds in which all chose the same option."""
    legal = (match.moves >= 0).all(axis=1)
    return float((match.moves[legal] == match.moves[legal][:, :1]).all(axis=1).mean()) if legal.any() else None


def joint_cooperation(match: Match, seat: int = 0) -> float | None:
    """Share of rounds in which all chose option 0."""
    legal = (match.moves >= 0).all(axis=1)
    return float((match.moves[legal] == 0).all(axis=1).mean()) if legal.any() else None


def preferred_option(match: Match, seat: int) -> float | None:
    """Share of rounds in which the player chose the option that leads to its best cell."""
    own = match.moves[:, seat]
    legal = own >= 0
    payoffs = match.game.seen_by(seat)[0]
    best = int(payoffs.reshape(len(payoffs), -1).max(axis=1).argmax())
    return float((own[legal] == best).mean()) if legal.any() else None


def prediction_accuracy(match: Match, seat: int) -> float | None:
    """Share of right predictions of the other's move, for players who predict first. Two players."""
    hits = _predictions(match, seat)
    return float(np.mean(hits)) if hits else None


def first_settled_prediction(match: Match, seat: int) -> float | None:
    """First round from which on every prediction was right; ``None`` if the last one was wrong or none was made."""
    hits = _predictions(match, seat)
    wrong = [k for k, hit in enumerate(hits) if not hit]
    first = wrong[-1] + 1 if wrong else 0
    return float(first + 1) if first < len(hits) else None


def recovery(match: Match, seat: int) -> float | None:
    """Share of cooperation after a single defection of the other; applies where it defected exactly once.

    Counted from the second round after the defection, so that answering it in kind once is not held against anyone.
    """
    if match.game.players != 2 or match.game.shape != (2, 2):
        return None
    other = match.moves[:, 1 - seat]
    defections = np.flatnonzero(other == 1)
    after = match.moves[defections[0] + 2 :, seat] if len(defections) == 1 else np.empty(0, np.int64)
    return float((after == 0).mean()) if len(after) else None


def illegal_rate(match: Match, seat: int) -> float:
    """Share of rounds without a legal move of the player."""
    return float((match.moves[:, seat] < 0).mean())


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


def summarise(matches: Sequence[Match], agent: str, confidence: float = 0.95) -> dict[str, Interval]:
    """Mean of every metric over the matches that ``agent`` played, with BCa intervals over matches.

    A match is one value: its rounds depend on each other, and so do its seats where the agent took several; neither
    are treated as independent. A metric that applies nowhere is left out.
    """
    values = {metric: per_match(matches, agent, measure) for metric, measure in METRICS.items()}
    return {metric: mean(found, confidence) for metric, found in values.items() if found}


def per_match(matches: Sequence[Match], agent: str, measure: Callable[[Match, int], float | None]) -> list[float]:
    """One value for each match in which ``agent`` took a seat to which the measure applies: the mean over its seats."""
    found = []
    for match in matches:
        seats = [seat for seat, name in enumerate(match.scheduled.agents) if name == agent]
        values = [value for seat in seats if (value := measure(match, seat)) is not None]
        if values:
            found.append(sum(values) / len(values))
    return found


def _predictions(match: Match, seat: int) -> list[bool]:
    if match.game.players != 2:
        return []
    other = match.moves[:, 1 - seat]
    guesses = [c for c in match.traces[seat] if c["kind"] == "prediction" and c["round"] <= len(other)]
    return [bool(guess["option"] == other[guess["round"] - 1]) for guess in guesses]
