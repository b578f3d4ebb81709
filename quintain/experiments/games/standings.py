"""Results of a round-robin tournament: payoff matrices and scores with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import load_game
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean
from quintain.experiments.games.match import Match, ScheduledMatch

__all__ = ["Tournament", "collect"]


@dataclass(frozen=True)
class Tournament:
    """Results of a tournament in which every player met every player, itself included.

    Attributes:
        names: Names of the ``n`` players.
        payoffs: Shape ``(n, n)``: mean payoff per round of the row player against the column player, penalties for
            illegal moves deducted.
        cooperation: Shape ``(n, n)``: share of option 0 among the legal moves of the row player against the column
            player; NaN where it made none.
        scores: Shape ``(n, repetitions)``: each player's mean payoff per round over all opponents, per repetition in
            which no match failed for infrastructure reasons.
        rounds: Rounds per match; the maximum where the number is random.
        matches: Number of matches behind the payoffs.
        played: The matches themselves; empty where the vectorised engine played.
        failed: The matches that failed for infrastructure reasons.
        worst_scores: Like ``scores``, with repetitions that a failed match leaves incomplete: it pays both players the
            lowest payoff of the game, the worst case. Empty without failed matches.
        worst_cooperation: Like ``cooperation``, with no option 0 in failed matches. Empty without failed matches.
    """

    names: Sequence[str]
    payoffs: NDArray[np.float64]
    cooperation: NDArray[np.float64]
    scores: NDArray[np.float64]
    rounds: int
    matches: int
    played: Sequence[Match] = field(default=(), repr=False)
    failed: Sequence[ScheduledMatch] = field(default=(), repr=False)
    worst_scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    worst_cooperation: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), repr=False)

    def ranking(self, confidence: float = 0.95) -> list[tuple[str, Interval]]:
        """Return the players by mean payoff per round, best first, with intervals over repetitions.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1).
        """
        intervals = [mean(values, confidence, unit="repetitions") for values in self.scores]
        order = sorted(range(len(self.names)), key=lambda k: -intervals[k].estimate)
        return [(self.names[k], intervals[k]) for k in order]

    def worst_case(self, confidence: float = 0.95) -> dict[str, Interval]:
        """Return each player's mean payoff per round with failed matches at the lowest payoff; empty without any.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1).
        """
        return dict(
            zip(
                self.names, (mean(values, confidence, unit="repetitions") for values in self.worst_scores), strict=False
            )
        )


def collect(
    players: Sequence[str],
    played: Sequence[Match],
    rounds: int,
    repetitions: int,
    failed: Sequence[ScheduledMatch] = (),
) -> Tournament:
    """Make a tournament of its matches.

    Args:
        players: Names of the players.
        played: Finished matches.
        rounds: Maximum number of rounds of a match.
        repetitions: Number of repetitions, >= 1.
        failed: Matches that failed for infrastructure reasons.

    Raises:
        ConfigurationError: If there is no repetition in which every pair has a match.
    """
    n = len(players)
    place = {name: k for k, name in enumerate(players)}
    earned, kind, count, judged = np.zeros((4, repetitions, n, n))
    for match in played:
        for seat, name in enumerate(match.scheduled.agents):
            cell = match.scheduled.repetition, place[name], place[match.scheduled.agents[1 - seat]]
            own = match.moves[:, seat]
            earned[cell] += match.record.returns[f"player_{seat}"] / max(1, len(own))
            count[cell] += 1
            legal = own[own >= 0]
            if len(legal):
                kind[cell] += (legal == 0).mean()
                judged[cell] += 1
    least, lost = _with_failed(place, earned, count, failed)
    complete = count.all(axis=(1, 2))
    if not complete.any():
        raise ConfigurationError(
            "in every repetition some pair has no match without infrastructure failure; the warning above names the "
            "first, the records (out=...) all of them. Play those again with resume=True, retry_errors=True "
            "(--resume --retry-errors)"
        )
    # Only where everybody met everybody can scores be ranked.
    scores = (earned[complete] / count[complete]).mean(axis=2).T
    with np.errstate(invalid="ignore"):  # a player without a legal move has no cooperation
        cooperation = kind.sum(axis=0) / judged.sum(axis=0)
        least_cooperation = kind.sum(axis=0) / (judged.sum(axis=0) + lost) if failed else np.zeros((0, 0))
    totals = count.sum(axis=0)
    return Tournament(
        list(players), earned.sum(axis=0) / totals, cooperation, scores, rounds, len(played), list(played),
        list(failed), least, least_cooperation,
    )  # fmt: skip


def _with_failed(
    place: Mapping[str, int], earned: NDArray[np.float64], count: NDArray[np.float64], failed: Sequence[ScheduledMatch]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores with failed matches at the lowest payoff, and the number of failed matches of each pair."""
    earned, count, lost = earned.copy(), count.copy(), np.zeros(count.shape[1:])
    if not failed:
        return np.zeros((0, 0)), lost
    for match in failed:
        game = load_game(match.game)
        for seat, name in enumerate(match.agents):
            cell = match.repetition, place[name], place[match.agents[1 - seat]]
            earned[cell] += game.payoffs[seat].min()
            count[cell] += 1
            lost[cell[1:]] += 1
    complete = count.all(axis=(1, 2))
    return np.asarray((earned[complete] / count[complete]).mean(axis=2).T), lost
