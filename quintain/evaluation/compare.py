"""Paired comparison of two runs on the same seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError
from quintain.evaluation.items import repeated
from quintain.evaluation.report import Report
from quintain.evaluation.significance import sign_test
from quintain.evaluation.statistics import Interval, paired_difference, required_pairs
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.records import EpisodeRecord

__all__ = ["Comparison", "compare", "errors_as_failures", "items_of_pairs", "pair"]

#: The answers of two runs to one item.
Pair = tuple[list[EpisodeRecord], list[EpisodeRecord]]


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Results of a paired comparison. Differences are first minus second.

    Attributes:
        success: Difference of success rates; ``n = 0`` if the environment defines no success.
        reward: Difference of mean returns.
        wins: Number of pairs in which only the first run succeeded; without success, in which its return was higher.
        losses: Number of pairs in which only the second run succeeded, or had the higher return.
        ties: Number of the other pairs.
        p_value: Two-sided exact sign test on wins against losses (for success: McNemar's exact test), in [0, 1].
        left_out: Number of episodes, of both runs, without a partner or with an infrastructure failure in the pair.
        hint: Interpretation in one sentence, with the number of pairs that a decision would need.
        worst_case: Difference of success rates with the infrastructure errors of both runs counted as failures;
            ``None`` if no pair has an error, or the environment defines no success.
    """

    success: Interval
    reward: Interval
    wins: int
    losses: int
    ties: int
    p_value: float
    left_out: int
    hint: str
    worst_case: Interval | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "success": self.success.to_dict(),
            "reward": self.reward.to_dict(),
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "p_value": self.p_value,
            "left_out": self.left_out,
            "hint": self.hint,
            "worst_case": None if self.worst_case is None else self.worst_case.to_dict(),
        }

    def headline(self) -> str:
        """Return the differences, first minus second, and the hint."""
        return str(self)

    def to_rows(self) -> list[Row]:
        """Return one row per quantity: difference with its interval, number of pairs, p-value and method."""
        found = {"success": self.success, "success, errors counted as failures": self.worst_case, "reward": self.reward}
        return [
            {"quantity": name, **ends_of("difference", each), "pairs": each.n, "p_value": each.p_value,
             "method": each.remarks}
            for name, each in found.items() if each is not None and each.n
        ]  # fmt: skip

    def __str__(self) -> str:
        lead = f"success difference {self.success}, " if self.success.n else ""
        if self.worst_case is not None:
            lead += f"with errors counted as failures {self.worst_case}, "
        counts = f"{self.wins} wins, {self.losses} losses, {self.ties} ties, p = {self.p_value:.2g}"
        return f"{lead}reward difference {self.reward} ({counts}; {self.left_out} left out). {self.hint}"


def compare(
    first: Report | str | Path, second: Report | str | Path, *, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare two runs on the episodes that have the same seed.

    A pair with an infrastructure failure is left out, except from ``worst_case``. Pairs of one item that was drawn more
    than once are a cluster. Runs with repeats are paired by item: a pair holds the mean of each run's answers to it.

    Args:
        first: A report, or the folder of a run.
        second: A report, or the folder of a run.
        confidence: Nominal coverage of the intervals, in (0, 1).
        seed: Seed of the bootstrap.

    Raises:
        ConfigurationError: If no seed occurs in both runs, one occurs twice in a run, or its tasks differ.
    """
    one, two = ((run if isinstance(run, Report) else Report.open(run)).outline for run in (first, second))
    paired = pair(one, two)
    pairs = items_of_pairs(*paired)
    judged = [item for item in pairs if _is_judged(item)]
    wins_a, wins_b = ([_mean_of(item[k], _succeeded) for item in judged] for k in (0, 1))
    returns_a, returns_b = ([_mean_of(item[k], _reward) for item in pairs] for k in (0, 1))
    success = _difference(judged, wins_a, wins_b, confidence, seed)
    reward = _difference(pairs, returns_a, returns_b, confidence, seed)
    scores = (wins_a, wins_b) if judged else (returns_a, returns_b)
    wins = sum(a > b for a, b in zip(*scores, strict=True))
    losses = sum(a < b for a, b in zip(*scores, strict=True))
    p_value = sign_test(wins, losses)
    return Comparison(
        success=success,
        reward=reward,
        wins=wins,
        losses=losses,
        ties=len(scores[0]) - wins - losses,
        p_value=p_value,
        left_out=sum(len(report.episodes) for report in (one, two)) - sum(len(report.episodes) for report in paired),
        hint=_hint(success if judged else reward, scores, p_value, confidence, "success" if judged else "reward"),
        worst_case=_worst_case(one, two, confidence, seed) if judged else None,
    )


def errors_as_failures(report: Report) -> Report:
    """Return the report with every infrastructure error as a failure, which is the worst case for success."""
    episodes = [replace(e, outcome="failure") if e.outcome == "error" else e for e in report.outline.episodes]
    return replace(report, episodes=episodes)


def _worst_case(first: Report, second: Report, confidence: float, seed: int) -> Interval | None:
    both = [item for item in items_of_pairs(*pair(*map(errors_as_failures, (first, second)))) if _is_judged(item)]
    if not any(episode.error for item in both for side in item for episode in side):
        return None
    wins_a, wins_b = ([_mean_of(item[k], _succeeded) for item in both] for k in (0, 1))
    return _difference(both, wins_a, wins_b, confidence, seed)


def items_of_pairs(first: Report, second: Report) -> list[Pair]:
    """Group the episodes of two paired reports by item: the answers of the first run, and those of the second.

    Args:
        first: The first report that :func:`pair` returned.
        second: The second report, likewise.
    """
    groups: dict[int, Pair] = {}
    for side, report in enumerate((first, second)):
        for episode in report.episodes:
            groups.setdefault(episode.seed, ([], []))[side].append(episode)
    return list(groups.values())


def _is_judged(item: Pair) -> bool:
    return all(episode.outcome != "finished" for side in item for episode in side)


def _succeeded(episode: EpisodeRecord) -> float:
    return float(episode.outcome == "success")


def _reward(episode: EpisodeRecord) -> float:
    return episode.reward


def _mean_of(answers: Sequence[EpisodeRecord], value: Callable[[EpisodeRecord], float]) -> float:
    return sum(map(value, answers)) / len(answers)


def _difference(
    pairs: Sequence[Pair],
    first: Sequence[float],
    second: Sequence[float],
    confidence: float,
    seed: int,
) -> Interval:
    """Estimate a difference over pairs; pairs of one item, drawn more than once, are a cluster."""
    hashes = [a[0].info.get("task_hash") for a, _ in pairs]
    clusters = repeated([f"#{i}" if item is None else str(item) for i, item in enumerate(hashes)])
    return paired_difference(
        first, second, confidence, seed, clusters=clusters, unit="" if clusters is None else "different items"
    )


def pair(first: Report, second: Report) -> tuple[Report, Report]:
    """Return both reports with only the scored episodes whose seed the other has too, in the same order.

    Without repeats, episode ``i`` of the one is the partner of episode ``i`` of the other.

    Reports that were opened rather than loaded become outlines, without transcripts.

    Raises:
        ConfigurationError: If no seed occurs in both runs, one occurs twice in a run, or its tasks differ.
    """
    first, second = first.outline, second.outline
    for report in (first, second):
        if len({(e.seed, e.repeat) for e in report.scored}) < len(report.scored):
            raise ConfigurationError(
                f"{str(report.path or 'a run')!r} plays a seed more than once, as tournaments, sweeps and robustness "
                "runs do, so its episodes cannot be paired; the page of that run shows its comparisons (quintain view)"
            )
    partners: dict[int, list[EpisodeRecord]] = defaultdict(list)
    for episode in second.scored:
        partners[episode.seed].append(episode)
    kept = [episode for episode in first.scored if episode.seed in partners]
    pairs = [(episode, partners[episode.seed][0]) for episode in kept]
    if not pairs:
        bits = {report.manifest.get("config", {}).get("seed_bits", 53) for report in (first, second)}
        advice = (
            "begin the newer run with seed_bits=53 (--seed-bits 53), as the older one has"
            if len(bits) > 1
            else ("compare runs of the same environment and seed")
        )
        raise ConfigurationError(f"no seed occurs in both runs; {advice}")
    envs = [report.manifest.get("config", {}).get("env") for report in (first, second)]
    for a, b in pairs:
        hashes = a.info.get("task_hash"), b.info.get("task_hash")
        if hashes[0] != hashes[1]:
            raise ConfigurationError(
                f"seed {a.seed} gave different tasks ({hashes[0]} and {hashes[1]}); "
                "the runs differ in configuration or version"
            )
        if hashes[0] is None and None not in envs and envs[0] != envs[1]:
            raise ConfigurationError(f"the runs are of different environments: {envs[0]!r} and {envs[1]!r}")
    other = [partner for seed in dict.fromkeys(e.seed for e in kept) for partner in partners[seed]]
    return replace(first, episodes=kept, path=None), replace(second, episodes=other, path=None)


def _hint(
    difference: Interval, scores: tuple[list[float], list[float]], p_value: float, confidence: float, quantity: str
) -> str:
    if difference.n < 2:
        return "One pair gives no interval."
    if scores[0] == scores[1]:
        return f"The two runs have the same {quantity} in every pair."
    decisive = sum(a != b for a, b in zip(*scores, strict=True))
    if difference.low > 0 or difference.high < 0:
        if p_value > 1 - confidence:
            return (
                f"The interval excludes zero, but the exact test does not (p = {p_value:.2g}): too few decisive pairs."
            )
        return f"The {confidence:.0%} interval excludes zero."
    needed = required_pairs([a - b for a, b in zip(*scores, strict=True)], confidence)
    if needed is None:
        return "The mean difference is zero."
    text = f"Not significant with {difference.n} pairs; roughly {needed:,} would be needed to detect this difference."
    if {*scores[0], *scores[1]} <= {0.0, 1.0} and sign_test(decisive, 0) > 1 - confidence:
        text += f" Only {decisive} of them differ, which are too few decisive pairs for any test."
    return text
