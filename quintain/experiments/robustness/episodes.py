"""Records of a robustness run as episodes, and episodes as rows of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from quintain.attacks.episodes import AttackedEpisode
from quintain.experiments.robustness.table import RobustnessRow, make_row
from quintain.records import EpisodeRecord

__all__ = ["read_record", "rows_of"]

_Key = tuple[str, str, float]


def read_record(record: EpisodeRecord) -> AttackedEpisode:
    """Convert a record to an episode."""
    info, metrics = record.info, record.info["metrics"]
    return AttackedEpisode(
        record.seed, record.reward, metrics["length"], info["success"],
        attacker_success=info["attacker_success"], distance=metrics["distance"],
    )  # fmt: skip


def rows_of(records: Iterable[EpisodeRecord], confidence: float = 0.95) -> tuple[RobustnessRow, ...]:
    """Compute the rows of a table, in the order of the plan.

    A repetition counts once it has as many episodes as its clean cell, so cells that are still being played are left
    out. Episodes that failed for infrastructure reasons are counted apart.

    Args:
        records: The records, in any order.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    cells: dict[_Key, dict[int, list[AttackedEpisode]]] = {}
    errors: Counter[tuple[_Key, int]] = Counter()
    for record in sorted(records, key=lambda r: r.index):
        info = record.info
        key, repetition = (info["victim"], info["attack"], info["epsilon"]), info["repetition"]
        episodes = cells.setdefault(key, {}).setdefault(repetition, [])
        if record.outcome == "error":
            errors[key, repetition] += 1
        else:
            episodes.append(read_record(record))
    rows = []
    for key, repetitions in cells.items():
        clean_key = (key[0], "clean", 0.0)
        clean = cells.get(clean_key, {})
        complete = {
            seed: e
            for seed, e in repetitions.items()
            if seed in clean and len(e) + errors[key, seed] == len(clean[seed]) + errors[clean_key, seed]
        }
        if any(complete.values()):
            lost = {seed: errors[key, seed] for seed in complete}
            rows.append(make_row(*key, clean, complete, confidence, lost))
    return tuple(rows)
