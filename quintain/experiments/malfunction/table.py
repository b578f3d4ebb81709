"""Results of the experiment: a row per condition, with intervals, and breakdowns by what the episodes were about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quintain.attacks.malfunction.metrics import Malfunction, attack_of, by_seed, failure_difference, malfunction_rates
from quintain.evaluation.interval import Interval
from quintain.evaluation.report import Report
from quintain.evaluation.significance import holm
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.malfunction.breakdown import Breakdown, break_down
from quintain.experiments.malfunction.condition import Condition
from quintain.records import EpisodeRecord

__all__ = ["MalfunctionRow", "MalfunctionTable", "table_of"]

_SHARES = ("failure", "claimed_failure", "loops", "irrelevant", "detected")


@dataclass(frozen=True, slots=True)
class MalfunctionRow:
    """One condition.

    Attributes:
        condition: Agent, guard, attack, surface and ratio.
        rates: Failure rates and costs; ``rates.net`` is the failure beyond the clean episodes of the same guard.
        guard_effect: Failure rate with the guards minus that without, under the same attack; ``None`` without guards.
            In a clean row it is what the guards cost.
        share: Mean share of adversarial text in what was changed, in [0, 1]; NaN without an attack.
        errors: Number of episodes that failed for infrastructure reasons; no other figure contains them.
        episodes: The episodes, in the order of the plan.
    """

    condition: Condition
    rates: Malfunction
    guard_effect: Interval | None
    share: float
    errors: int
    episodes: tuple[EpisodeRecord, ...]


@dataclass(frozen=True, repr=False)
class MalfunctionTable(Tabular):
    """The rows, agent by agent and guard by guard, the clean row of each first.

    Attributes:
        rows: One row per condition.
        manifest: The run's manifest, as in ``run.json``.
        confidence: Nominal coverage of the intervals.
    """

    rows: tuple[MalfunctionRow, ...]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.95

    @property
    def errors(self) -> int:
        """Number of episodes that failed for infrastructure reasons."""
        return sum(row.errors for row in self.rows)

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents, in order."""
        return tuple(dict.fromkeys(row.condition.agent for row in self.rows))

    def guards(self, agent: str) -> tuple[str, ...]:
        """Names of an agent's guards, in order."""
        return tuple(dict.fromkeys(row.condition.guard for row in self.rows if row.condition.agent == agent))

    def of(self, condition: Condition) -> MalfunctionRow | None:
        """Return the row of a condition; ``None`` if it is not complete."""
        return next((row for row in self.rows if row.condition == condition), None)

    @cached_property
    def _adjusted(self) -> dict[Condition, float]:
        tested = [(row.condition, row.rates.net.p_value) for row in self.rows if row.rates.net is not None]
        return dict(zip([one for one, _ in tested], holm([p for _, p in tested]), strict=True))

    def holm(self, row: MalfunctionRow) -> float:
        """Return the p-value of a row's net failure being 0, corrected by Holm for all rows; NaN without a test."""
        return self._adjusted.get(row.condition, math.nan)

    @property
    def comparisons(self) -> int:
        """Number of net failure rates that were tested."""
        return sum(p == p for p in self._adjusted.values())

    def leaderboard(self) -> list[MalfunctionRow]:
        """Return the rows by agent and guard, clean first, then by net failure, largest first."""
        groups = list(dict.fromkeys((row.condition.agent, row.condition.guard) for row in self.rows))

        def rank(row: MalfunctionRow) -> tuple[int, bool, float]:
            net = 0.0 if row.rates.net is None else -row.rates.net.estimate
            return groups.index((row.condition.agent, row.condition.guard)), not row.condition.is_clean, net

        return sorted(self.rows, key=rank)

    @cached_property
    def breakdown(self) -> Breakdown:
        """Failure by toolkit, number of tools and share of adversarial text."""
        episodes = {row.condition: row.episodes for row in self.rows}
        return break_down(episodes, self.confidence)

    def headline(self) -> str:
        """Return for each agent its clean failure rate and the attack that adds most."""
        found = []
        for agent in self.agents:
            clean = self.of(Condition(agent))
            rows = [r for r in self.leaderboard() if r.condition.unguarded() == r.condition and r.rates.net is not None]
            worst = next((row for row in rows if row.condition.agent == agent), None)
            text = agent if clean is None else f"{agent}: failure {clean.rates.failure}"
            found.append(text + ("" if worst is None else f", net {worst.rates.net} under {worst.condition.label}"))
        return "; ".join(found) or "no condition is complete"

    def to_dict(self) -> dict[str, Any]:
        """Return leaderboard and breakdown as JSON-able data."""
        rows = [
            {
                **row.condition.to_dict(),
                **{name: getattr(row.rates, name).to_dict() for name in (*_SHARES, "calls")},
                "net": None if row.rates.net is None else row.rates.net.to_dict(),
                "net_p_holm": _known(self.holm(row)),
                "guard_effect": None if row.guard_effect is None else row.guard_effect.to_dict(),
                "amplification": _known(row.rates.amplification),
                "token_amplification": _known(row.rates.token_amplification),
                "share": _known(row.share),
                "errors": row.errors,
                "n": len(row.episodes),
            }
            for row in self.leaderboard()
        ]
        return {"rows": rows, "breakdown": [one.to_dict() for one in self.breakdown.rows]}

    def to_rows(self) -> list[Row]:
        """Return the leaderboard, an interval as three columns."""
        return [
            {
                **row.condition.to_dict(),
                **{name: v for each in _SHARES for name, v in ends_of(each, getattr(row.rates, each)).items()},
                **ends_of("net", row.rates.net or _NOTHING),
                "net_p_holm": self.holm(row),
                **ends_of("guard_effect", row.guard_effect or _NOTHING),
                "amplification": row.rates.amplification,
                "token_amplification": row.rates.token_amplification,
                "share": row.share,
                "errors": row.errors,
                "n": len(row.episodes),
            }
            for row in self.leaderboard()
        ]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return leaderboard and breakdown."""
        return [("", self.to_rows()), ("breakdown", self.breakdown.to_rows())]

    def to_markdown(self) -> str:
        """Return the leaderboard in Markdown; rates in percent."""
        heads = ["agent", "guard", "attack", "failure", "net of clean", "p (Holm)", "effect of the guard"]
        heads += ["by its own word", "loops", "irrelevant", "stopped", "x calls", "n"]
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for row in self.leaderboard():
            one, p = row.rates, self.holm(row)
            cells = [
                _plain(row.condition.agent), _plain(row.condition.guard), _plain(row.condition.label),
                percent(one.failure), percent(one.net), "-" if math.isnan(p) else f"{p:.2g}",
                percent(row.guard_effect), percent(one.claimed_failure), percent(one.loops), percent(one.irrelevant),
                percent(one.detected), "-" if math.isnan(one.amplification) else f"{one.amplification:.2f}",
                str(len(row.episodes)),
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"


_NOTHING = Interval(math.nan, math.nan, math.nan, 0, "none")


def percent(one: Interval | None) -> str:
    """Write a rate, or a difference of rates, in percent with its interval; a dash for none."""
    if one is None or one.n == 0:
        return "-"
    return f"{100 * one.estimate:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def _plain(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def table_of(report: Report) -> MalfunctionTable:
    """Compute the table of a run, finished or not: a repetition counts once its episodes are complete."""
    config = report.manifest.get("config", {}).get("agent", {})
    wanted = int(config.get("episodes", 1))
    cells: dict[Condition, dict[int, list[EpisodeRecord]]] = {}
    for record in sorted(report.episodes, key=lambda each: each.index):
        about = dict(record.info["condition"])
        repetition = about.pop("repetition")
        cells.setdefault(Condition(**about), {}).setdefault(repetition, []).append(record)
    complete = {
        condition: tuple(record for each in repetitions.values() if len(each) >= wanted for record in each)
        for condition, repetitions in cells.items()
    }
    complete = {condition: episodes for condition, episodes in complete.items() if episodes}
    rows = tuple(_row(condition, complete, report.confidence) for condition in complete)
    return MalfunctionTable(rows, report.manifest, report.confidence)


def _row(
    condition: Condition, complete: Mapping[Condition, tuple[EpisodeRecord, ...]], confidence: float
) -> MalfunctionRow:
    episodes = complete[condition]
    clean = () if condition.is_clean else complete.get(condition.clean(), ())
    effect, bare = None, complete.get(condition.unguarded(), ())
    if condition.unguarded() != condition and bare:
        effect = failure_difference(by_seed(episodes), by_seed(bare), confidence)
    shares = [attack_of(one).get("share", 0.0) for one in episodes if one.outcome != "error"]
    return MalfunctionRow(
        condition,
        malfunction_rates(episodes, clean or None, confidence=confidence),
        effect,
        math.nan if condition.is_clean or not shares else math.fsum(shares) / len(shares),
        sum(one.outcome == "error" for one in episodes),
        episodes,
    )
