"""Failure by toolkit, by the number of tools, and by the share of adversarial text.

Source: the breakdowns of Zhang et al. 2025, arXiv 2407.20859, which found none of them to predict the success of an
attack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quintain.attacks.malfunction.metrics import attack_of, by_seed, failure_difference, has_failed
from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import rate
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.malfunction.condition import Condition
from quintain.records import EpisodeRecord

__all__ = ["DIMENSIONS", "Breakdown", "BreakdownRow", "break_down", "order_of"]

#: Upper ends of the groups of shares.
_SHARES = (0.1, 0.25, 0.5, 1.0)
#: Width of the groups of numbers of tools.
_TOOLS = 5


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One group of the episodes of a condition.

    Attributes:
        condition: The condition.
        dimension: What the episodes are grouped by: a key of :data:`DIMENSIONS`.
        group: The group.
        failure: Share of its episodes that fail.
        net: Failure beyond the clean episodes of the same seeds; ``None`` in clean rows.
    """

    condition: Condition
    dimension: str
    group: str
    failure: Interval
    net: Interval | None

    def to_row(self) -> Row:
        """Return plain data, an interval as three columns."""
        row: Row = {**self.condition.to_dict(), "by": self.dimension, "group": self.group, "n": self.failure.n}
        row |= ends_of("failure", self.failure)
        return row if self.net is None else row | ends_of("net", self.net)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        net = None if self.net is None else self.net.to_dict()
        about = {**self.condition.to_dict(), "by": self.dimension, "group": self.group}
        return {**about, "failure": self.failure.to_dict(), "net": net}


@dataclass(frozen=True, repr=False)
class Breakdown(Tabular):
    """All groups of all conditions.

    Attributes:
        rows: The groups, condition by condition and dimension by dimension.
    """

    rows: tuple[BreakdownRow, ...]

    def headline(self) -> str:
        """Return the number of groups."""
        return f"{len(self.rows)} groups by {', '.join(dict.fromkeys(row.dimension for row in self.rows)) or 'nothing'}"

    def to_rows(self) -> list[Row]:
        """Return one row per group."""
        return [row.to_row() for row in self.rows]

    def of(self, condition: Condition, dimension: str) -> dict[str, BreakdownRow]:
        """Return the groups of a condition in one dimension, by name."""
        return {row.group: row for row in self.rows if (row.condition, row.dimension) == (condition, dimension)}


def _toolkits(record: EpisodeRecord) -> Sequence[str]:
    info = record.info
    return str(info.get("task_toolkits") or info.get("suite") or "").split()


def _tools(record: EpisodeRecord) -> Sequence[str]:
    count = record.info.get("n_tools")
    if not isinstance(count, int) or count < 1:
        return ()
    low = (count - 1) // _TOOLS * _TOOLS + 1
    return (f"{low}-{low + _TOOLS - 1}",)


def _share(record: EpisodeRecord) -> Sequence[str]:
    share = attack_of(record).get("share", 0.0)
    if not share:
        return ()
    high = next((end for end in _SHARES if share <= end), _SHARES[-1])
    low = (0.0, *_SHARES)[_SHARES.index(high)]
    return (f"{100 * low:g}-{100 * high:g} %",)


#: Name of a dimension and the groups of it that an episode belongs to.
DIMENSIONS: dict[str, Callable[[EpisodeRecord], Sequence[str]]] = {
    "toolkit": _toolkits,
    "number of tools": _tools,
    "adversarial share": _share,
}


def break_down(episodes: Mapping[Condition, Sequence[EpisodeRecord]], confidence: float = 0.95) -> Breakdown:
    """Group the episodes of all conditions; groups come in the order of their names.

    Args:
        episodes: The episodes of each condition.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    return Breakdown(tuple(_rows(episodes, confidence)))


def _rows(episodes: Mapping[Condition, Sequence[EpisodeRecord]], confidence: float) -> Iterator[BreakdownRow]:
    for condition, own in episodes.items():
        clean = {} if condition.is_clean else by_seed(episodes.get(condition.clean(), ()))
        for dimension, groups_of in DIMENSIONS.items():
            groups: dict[str, list[EpisodeRecord]] = {}
            for record in own:
                if record.outcome != "error":
                    for group in groups_of(record):
                        groups.setdefault(group, []).append(record)
            for group in sorted(groups, key=order_of):
                members = groups[group]
                failure = rate(sum(map(has_failed, members)), len(members), confidence, unit="episodes")
                net = failure_difference(by_seed(members), clean, confidence) if clean else None
                yield BreakdownRow(condition, dimension, group, failure, net)


def order_of(group: str) -> tuple[float, str]:
    """Return what groups are sorted by: the number with which the name begins, then the name."""
    head = group.partition("-")[0]
    return (float(head) if head.replace(".", "").isdigit() else 0.0), group
