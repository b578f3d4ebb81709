"""Normalised scores by family of ordinal games, comparisons of players, and the published scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

from quintain.envs.games import FAMILIES, load_game
from quintain.errors import ConfigurationError
from quintain.evaluation.significance import TTest, t_test
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.experiments.games.match import Match, ScheduledMatch
from quintain.experiments.games.metrics import normalised_score, per_match, score_bounds

__all__ = ["PUBLISHED", "cluster_means", "compare_players", "score_by_family", "t_test_players"]

#: Normalised scores of Akata et al. (2025), by family.
PUBLISHED: dict[str, dict[str, float]] = {
    "Llama 2": {"S": 0.486, "B": 0.632, "C": 0.634, "U": 0.641, "P": 0.731, "W": 0.915, "all": 0.697},
    "Claude 2": {"S": 0.735, "B": 0.794, "C": 0.749, "U": 0.812, "P": 0.838, "W": 0.878, "all": 0.814},
    "davinci-002": {"S": 0.473, "B": 0.629, "C": 0.638, "U": 0.683, "P": 0.807, "W": 0.988, "all": 0.730},
    "davinci-003": {"S": 0.692, "B": 0.761, "C": 0.793, "U": 0.833, "P": 0.841, "W": 0.972, "all": 0.839},
    "GPT-4": {"S": 0.763, "B": 0.798, "C": 0.806, "U": 0.836, "P": 0.871, "W": 0.992, "all": 0.854},
}


def score_by_family(
    matches: Sequence[Match], agent: str, confidence: float = 0.95, failed: Sequence[ScheduledMatch] = ()
) -> dict[str, Interval]:
    """Mean normalised score of one player in each family of ordinal games, and under ``"all"`` over all of them.

    Tragic games count only on their own: the published table leaves them out. Matches of one game, as from both seats,
    are a cluster.

    Args:
        matches: Finished matches of any players.
        agent: Name of the player.
        confidence: Nominal coverage of the intervals, in (0, 1).
        failed: Matches that failed for infrastructure reasons; each one of ``agent`` scores 0, the worst case.
    """
    scores: dict[str, list[tuple[str, float]]] = {family: [] for family in (*FAMILIES, "all")}
    for match in matches:
        for family in _families_of(match.scheduled.game):
            scores[family] += [(match.scheduled.game, score) for score in per_match([match], agent, normalised_score)]
    for lost in failed:
        for family in _families_of(lost.game) if agent in lost.agents else ():
            scores[family].append((lost.game, 0.0))
    bounds = score_bounds(matches)
    return {
        family: mean([value for _, value in found], confidence, bounds=bounds, clusters=[g for g, _ in found],
                     unit="games")
        for family, found in scores.items()
        if found
    }  # fmt: skip


def _families_of(game: str) -> tuple[str, ...]:
    """Return the rows of the table in which a game counts."""
    family = load_game(game).family
    return () if not family else (family,) if family == "T" else (family, "all")


def compare_players(matches: Sequence[Match], first: str, second: str, confidence: float = 0.95) -> Interval:
    """Estimate the difference in mean normalised score over pairs of equal game, seat, opponent, repetition.

    The pairs of one game are a cluster; with a single game, those of one opponent.

    Raises:
        ConfigurationError: If the two never met the same cell.
    """
    one, two, clusters, unit = _pairs(matches, first, second)
    return paired_difference(one, two, confidence, clusters=clusters, unit=unit)


def t_test_players(matches: Sequence[Match], first: str, second: str) -> TTest:
    """Test the difference in mean normalised score between two players, by a t test over the means of clusters.

    The pairs and clusters are those of :func:`compare_players`.

    Raises:
        ConfigurationError: If the two never met the same cell.
    """
    one, two, clusters, _ = _pairs(matches, first, second)
    return t_test(cluster_means([a - b for a, b in zip(one, two, strict=True)], clusters))


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable]) -> list[float]:
    """Return the mean of the values of each cluster, in order of appearance."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        groups[cluster].append(value)
    return [sum(group) / len(group) for group in groups.values()]


def _pairs(matches: Sequence[Match], first: str, second: str) -> tuple[list[float], list[float], list[Hashable], str]:
    """Return both players' scores in the cells that both met, the cluster of each pair, and what a cluster is."""
    cells: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for match in matches:
        for seat, name in enumerate(match.scheduled.agents):
            value = normalised_score(match, seat) if name in (first, second) else None
            if value is not None:
                opponent = match.scheduled.agents[1 - seat]
                cells[match.scheduled.game, seat, opponent, match.scheduled.repetition][name] = value
    pairs = {key: cell for key, cell in cells.items() if len(cell) == 2}
    if not pairs:
        raise ConfigurationError(f"{first!r} and {second!r} never played the same game, seat and opponent")
    games, opponents = [key[0] for key in pairs], [key[2] for key in pairs]
    clusters, unit = (games, "games") if len(set(games)) > 1 else (opponents, "opponents")
    return [pair[first] for pair in pairs.values()], [pair[second] for pair in pairs.values()], clusters, unit
