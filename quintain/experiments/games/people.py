"""What people did in matches against agents: records of the file that ``quintain games play`` writes, by condition."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from quintain.errors import RecordError
from quintain.evaluation.independent_groups import unpaired_difference
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Bounds, Interval, mean, paired_difference
from quintain.evaluation.tabular import Row, Tabular, ends_of

__all__ = ["ConditionTest", "People", "read_people"]

#: What is compared between conditions, and the range of its values.
MEASURES = {
    "cooperation": (0.0, 1.0),
    "payoff": None,
    "response_s": None,
    "guessed_human": (0.0, 1.0),
}


@dataclass(frozen=True)
class ConditionTest:
    """Difference of one measure between two conditions, over participants.

    Attributes:
        measure: ``"cooperation"`` (share of option 0), ``"payoff"`` (mean per round), ``"response_s"`` (median response
            time of a match, in seconds) or ``"guessed_human"`` (share of matches after which the person took the
            opponent for a human).
        first: Name of a condition.
        second: Name of the other.
        difference: Mean of the first minus that of the second. Paired where the same participants met both conditions;
            otherwise of independent groups: Welch's t, of shares the combined intervals of both means.
        p_holm: Two-sided p-value after Holm's correction for all tests of the comparison; NaN without a test.
    """

    measure: str
    first: str
    second: str
    difference: Interval
    p_holm: float


class People(Tabular):
    """Finished matches of people.

    Args:
        records: Lines of one or several files, as dictionaries.
    """

    def __init__(self, records: Iterable[dict[str, Any]]) -> None:
        self.records = list(records)

    def headline(self) -> str:
        """Return the numbers of matches, participants and conditions."""
        people = {record["participant"] for record in self.records}
        return f"{len(self.records):,} matches of {len(people):,} participants in {len(self.conditions):,} conditions"

    @property
    def conditions(self) -> list[str]:
        """Names of the conditions, in order of appearance."""
        return list(dict.fromkeys(record["condition"] for record in self.records))

    def to_rows(self) -> list[Row]:
        """Return one row per match."""
        columns = ("condition", "participant", "match", "game", "opponent", "order", "seat", "seed", "started", "guess")
        return [{name: record.get(name) for name in columns} | _measures(record) for record in self.records]

    def by_condition(self, confidence: float = 0.95) -> dict[str, dict[str, Interval]]:
        """Return the mean of every measure in each condition; matches of one participant are a cluster.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        """
        found: dict[str, dict[str, Interval]] = {}
        for condition in self.conditions:
            here = [record for record in self.records if record["condition"] == condition]
            found[condition] = {}
            for measure, bounds in MEASURES.items():
                known = [(v, r["participant"]) for r in here if (v := _measures(r)[measure]) is not None]
                if known:
                    values, people = zip(*known, strict=True)
                    found[condition][measure] = mean(
                        values, confidence, bounds=bounds, clusters=people, unit="participants"
                    )
        return found

    def compare(self, confidence: float = 0.95) -> list[ConditionTest]:
        """Compare every two conditions in every measure, with Holm's correction for all of these tests.

        Args:
            confidence: Nominal coverage of each interval, in (0, 1). Default: 0.95.
        """
        tests = []
        for measure, bounds in MEASURES.items():
            means = {condition: self._means(condition, measure) for condition in self.conditions}
            for first, second in combinations(self.conditions, 2):
                if means[first] and means[second]:
                    tests.append((measure, first, second, _difference(means[first], means[second], confidence, bounds)))
        adjusted = holm([difference.p_value for *_, difference in tests])
        return [ConditionTest(*test, p) for test, p in zip(tests, adjusted, strict=True)]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return means by condition and their comparison."""
        means = [
            {"condition": name, **{k: v for m, i in by.items() for k, v in ends_of(m, i).items()}}
            for name, by in self.by_condition().items()
        ]
        tests = [
            {"measure": t.measure, "first": t.first, "second": t.second, **ends_of("difference", t.difference),
             "p_holm": t.p_holm}
            for t in self.compare()
        ]  # fmt: skip
        return [("By condition", means), ("Differences", tests)]

    def _means(self, condition: str, measure: str) -> dict[str, float]:
        values: dict[str, list[float]] = defaultdict(list)
        for record in self.records:
            if record["condition"] == condition and (value := _measures(record)[measure]) is not None:
                values[record["participant"]].append(value)
        return {person: sum(found) / len(found) for person, found in values.items()}


def read_people(*paths: str | Path) -> People:
    """Read files of people's matches.

    Lines of version 0.1.0 have no participant: each counts as another one, and its condition is its game.

    Args:
        paths: Files of people's matches, JSON Lines.

    Raises:
        RecordError: If a file cannot be read, or a line is not a match.
    """
    records = []
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise RecordError(f"cannot read {str(path)!r}: {error.strerror}") from error
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                unknown = {"participant": f"{path}:{number}", "condition": str(record["game"])}
                records.append({**unknown, **record, "moves": [list(joint) for joint in record["moves"]]})
                _measures(records[-1])
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise RecordError(f"line {number} of {str(path)!r} is not a match of a person: {error!r}") from error
    return People(records)


def _measures(record: dict[str, Any]) -> dict[str, float | None]:
    own = [joint[record["seat"]] for joint in record["moves"]]
    times = record.get("response_s")
    return {
        "rounds": len(own),
        "cooperation": sum(move == 0 for move in own) / len(own) if own else None,
        "payoff": record["scores"][record["seat"]] / len(own) if own else None,
        "response_s": float(np.median(times)) if times else None,
        "guessed_human": float(record["guess"] == "human"),
    }


def _difference(
    first: dict[str, float], second: dict[str, float], confidence: float, bounds: Bounds | None
) -> Interval:
    if first.keys() == second.keys() and len(first) > 1:
        return paired_difference(
            list(first.values()), [second[person] for person in first], confidence, bounds=bounds, unit="participants"
        )
    return unpaired_difference(
        list(first.values()), list(second.values()), confidence, bounds=bounds, unit="participants"
    )
