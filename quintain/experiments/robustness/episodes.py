"""Records of a robustness run as episodes, and episodes as rows of the table."""

from __future__ import annotations

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
    out.

    Args:
        records: The records, in any order.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    cells: dict[_Key, dict[int, list[AttackedEpisode]]] = {}
    for record in sorted(records, key=lambda r: r.index):
        info = record.info
        repetitions = cells.setdefault((info["victim"], info["attack"], info["epsilon"]), {})
        repetitions.setdefault(info["repetition"], []).append(read_record(record))
    rows = []
    for (victim, attack, epsilon), repetitions in cells.items():
        clean = cells.get((victim, "clean", 0.0), {})
        complete = {seed: e for seed, e in repetitions.items() if len(e) == len(clean.get(seed, ()))}
        if complete:
            rows.append(make_row(victim, attack, epsilon, clean, complete, confidence))
    return tuple(rows)
