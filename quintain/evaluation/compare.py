"""Paired comparison of two runs on the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
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

__all__ = ["Comparison", "compare", "errors_as_failures", "pair"]


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
    than once are a cluster.

    Args:
        first: A report, or the folder of a run.
        second: A report, or the folder of a run.
        confidence: Nominal coverage of the intervals, in (0, 1).
        seed: Seed of the bootstrap.

    Raises:
        ConfigurationError: If no seed occurs in both runs, one occurs twice in a run, or its tasks differ.
    """
    one, two = ((run if isinstance(run, Report) else Report.open(run)).outline for run in (first, second))
    pairs = list(zip(*(report.episodes for report in pair(one, two)), strict=True))
    judged = [(a, b) for a, b in pairs if "finished" not in (a.outcome, b.outcome)]
    wins_a = [float(a.outcome == "success") for a, _ in judged]
    wins_b = [float(b.outcome == "success") for _, b in judged]
    returns_a, returns_b = [a.reward for a, _ in pairs], [b.reward for _, b in pairs]
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
        left_out=len(one.episodes) + len(two.episodes) - 2 * len(pairs),
        hint=_hint(success if judged else reward, scores, p_value, confidence),
        worst_case=_worst_case(one, two, confidence, seed) if judged else None,
    )


def errors_as_failures(report: Report) -> Report:
    """Return the report with every infrastructure error as a failure, which is the worst case for success."""
    episodes = [replace(e, outcome="failure") if e.outcome == "error" else e for e in report.outline.episodes]
    return replace(report, episodes=episodes)


def _worst_case(first: Report, second: Report, confidence: float, seed: int) -> Interval | None:
    one, two = pair(errors_as_failures(first), errors_as_failures(second))
    both = [(a, b) for a, b in zip(one.episodes, two.episodes, strict=True) if "finished" not in (a.outcome, b.outcome)]
    if not any(a.error or b.error for a, b in both):
        return None
    wins_a = [float(a.outcome == "success") for a, _ in both]
    wins_b = [float(b.outcome == "success") for _, b in both]
    return _difference(both, wins_a, wins_b, confidence, seed)


def _difference(
    pairs: Sequence[tuple[EpisodeRecord, EpisodeRecord]],
    first: Sequence[float],
    second: Sequence[float],
    confidence: float,
    seed: int,
) -> Interval:
    """Estimate a difference over pairs; pairs of one item, drawn more than once, are a cluster."""
    hashes = [a.info.get("task_hash") for a, _ in pairs]
    clusters = repeated([f"#{i}" if item is None else str(item) for i, item in enumerate(hashes)])
    return paired_difference(
        first, second, confidence, seed, clusters=clusters, unit="" if clusters is None else "different items"
    )


def pair(first: Report, second: Report) -> tuple[Report, Report]:
    """Return both reports with only the scored episodes that have a partner of the same seed, in the same order.

    Reports that were opened rather than loaded become outlines, without transcripts.

    Raises:
        ConfigurationError: If no seed occurs in both runs, one occurs twice in a run, or its tasks differ.
    """
    first, second = first.outline, second.outline
    for report in (first, second):
        if len({e.seed for e in report.scored}) < len(report.scored):
            raise ConfigurationError(
                f"{str(report.path or 'a run')!r} plays a seed more than once, as tournaments, sweeps and robustness "
                "runs do, so its episodes cannot be paired; the page of that run shows its comparisons (quintain view)"
            )
    partners = {e.seed: e for e in second.scored}
    pairs = [(e, partners[e.seed]) for e in first.scored if e.seed in partners]
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
    both = zip((first, second), zip(*pairs, strict=True), strict=True)
    one, two = (replace(report, episodes=list(episodes), path=None) for report, episodes in both)
    return one, two


def _hint(difference: Interval, scores: tuple[list[float], list[float]], p_value: float, confidence: float) -> str:
    if difference.n < 2:
        return "One pair gives no interval."
    if scores[0] == scores[1]:
        return "The two runs scored the same in every pair."
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
