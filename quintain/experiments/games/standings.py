"""Results of a round-robin tournament: payoff matrices, scores with intervals, and pairwise tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import load_game
from quintain.errors import ConfigurationError
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.games.match import Match, ScheduledMatch

__all__ = ["CELLS", "PairwiseTest", "PairwiseTests", "Tournament", "collect"]

#: The outcomes of a round of two players with two options: the row player's option, then its opponent's. C is option 0.
CELLS = ("CC", "CD", "DC", "DD")


@dataclass(frozen=True)
class PairwiseTest:
    """Comparison of two players of a tournament.

    Attributes:
        first: Name of the player of the higher rank.
        second: Name of the other player.
        difference: Mean payoff per round of the first minus that of the second, over repetitions. Where it is equal in
            all repetitions, as between deterministic strategies, there is neither an interval nor a test.
        p_holm: Two-sided p-value after Holm's correction for all pairs of the tournament; NaN without a test.
    """

    first: str
    second: str
    difference: Interval
    p_holm: float


class PairwiseTests(Tabular, list[PairwiseTest]):
    """The tests of every two players, in the order of the ranking."""

    def headline(self) -> str:
        """Return the number of pairs, and of those that differ after the correction."""
        found = sum(test.p_holm < 0.05 for test in self)
        return f"{len(self)} pairs of players, {found} of them different at 5% after Holm's correction"

    def to_rows(self) -> list[Row]:
        """Return one row per pair: players, difference with its 95% interval, p-value and corrected p-value."""
        return [
            {"first": test.first, "second": test.second, **ends_of("difference", test.difference),
             "p": test.difference.p_value, "p_holm": test.p_holm}
            for test in self
        ]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Tournament(Tabular):
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
        wins: Shape ``(n, repetitions)``: number of matches, those against itself left out, in which the player scored
            more than its opponent, per repetition as in ``scores``.
        cells: Shape ``(n, n, 4)``: shares of the rounds of the row player against the column player that ended in
            :data:`CELLS`, among those with two legal moves; NaN where there are none. Empty unless both players have
            two options.
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
    wins: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    cells: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0, 4)), repr=False)

    def headline(self) -> str:
        """Return the number of players and matches, and the first of the ranking."""
        name, interval = self.ranking()[0]
        return f"{len(self.names)} players, {self.matches:,} matches; first: {name} with {interval} per round"

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

    def pairwise(self, confidence: float = 0.95) -> PairwiseTests:
        """Compare every two players over repetitions, by paired t tests with Holm's correction for all of them.

        Args:
            confidence: Nominal coverage of each interval, in (0, 1). Default: 0.95.
        """
        place = {name: k for k, name in enumerate(self.names)}
        pairs = list(combinations([name for name, _ in self.ranking()], 2))
        found = [
            paired_difference(self.scores[place[a]], self.scores[place[b]], confidence, unit="repetitions")
            for a, b in pairs
        ]
        # Repetitions of a deterministic match are copies, no evidence.
        found = [replace(i, p_value=math.nan) if i.method == "none" else i for i in found]
        adjusted = holm([interval.p_value for interval in found])
        return PairwiseTests(PairwiseTest(*pair, i, p) for pair, i, p in zip(pairs, found, adjusted, strict=True))

    def to_rows(self) -> list[Row]:
        """Return one row per player, best first.

        The columns: rank, player, mean payoff per round over repetitions with its 95% interval, median, worst case
        where matches failed, median number of wins per repetition, cooperation (share of option 0), the shares of
        rounds in :data:`CELLS`, means over opponents, and the number of repetitions.
        """
        worst = self.worst_case()
        rows = []
        for rank, (name, interval) in enumerate(self.ranking(), start=1):
            k = list(self.names).index(name)
            row: Row = {"rank": rank, "player": name, **ends_of("payoff", interval)}
            row["median"] = float(np.median(self.scores[k]))
            if worst:
                row["worst_case"] = worst[name].estimate
            if self.wins.size:
                row["wins"] = float(np.median(self.wins[k]))
            row["cooperation"] = _mean_of_known(self.cooperation[k])
            if self.cells.size:
                row |= {cell: _mean_of_known(self.cells[k, :, j]) for j, cell in enumerate(CELLS)}
            row["repetitions"] = interval.n
            rows.append({key: None if value != value else value for key, value in row.items()})
        return rows


def _mean_of_known(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


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
        played: Finished matches, in any order; each says which repetition it belongs to.
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
            "in every repetition some pair has no match without an error; the warning above names the "
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
        list(failed), least, least_cooperation, _wins(place, played, repetitions)[:, complete], _cells(place, played),
    )  # fmt: skip


def _wins(place: Mapping[str, int], played: Sequence[Match], repetitions: int) -> NDArray[np.float64]:
    wins = np.zeros((len(place), repetitions))
    for match in played:
        one, two = match.scheduled.agents
        ahead = match.record.returns["player_0"] - match.record.returns["player_1"]
        if one != two and ahead:
            wins[place[one if ahead > 0 else two], match.scheduled.repetition] += 1
    return wins


def _cells(place: Mapping[str, int], played: Sequence[Match]) -> NDArray[np.float64]:
    """Return the mean over matches of the shares of rounds in each cell."""
    if any(match.game.shape != (2, 2) for match in played):
        return np.zeros((0, 0, 4))
    total, judged = np.zeros((len(place), len(place), 4)), np.zeros((len(place), len(place), 1))
    for match in played:
        moves = match.moves[(match.moves >= 0).all(axis=1)]
        for seat, name in enumerate(match.scheduled.agents if len(moves) else ()):
            pair = place[name], place[match.scheduled.agents[1 - seat]]
            total[pair] += np.bincount(2 * moves[:, seat] + moves[:, 1 - seat], minlength=4) / len(moves)
            judged[pair] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / judged)


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
