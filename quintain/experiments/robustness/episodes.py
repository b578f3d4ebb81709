"""Episodes of a robustness experiment as records, and records as rows of the table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from quintain.attacks.episodes import AttackedEpisode
from quintain.experiments.robustness.table import RobustnessRow, make_row
from quintain.records import EpisodeRecord

if TYPE_CHECKING:
    from quintain.experiments.robustness.cell import Cell

__all__ = ["make_record", "read_record", "tabulate"]

Key = tuple[str, str, float]


def make_record(index: int, cell: Cell, episode: AttackedEpisode) -> EpisodeRecord:
    """Describe an episode as a line of ``episodes.jsonl``."""
    budget = "" if cell.attack is None else f" {cell.epsilon:g}"
    info: dict[str, Any] = {
        "task": f"{cell.subject.name} / {cell.name}{budget}",
        "victim": cell.subject.name,
        "attack": cell.name,
        "epsilon": cell.epsilon,
        "repetition": cell.seed,
        "success": episode.success,
        "attacker_success": episode.attacker_success,
        "metrics": {"length": episode.length, "distance": episode.distance},
    }
    outcome: Any = "finished" if episode.success is None else "success" if episode.success else "failure"
    return EpisodeRecord(index, episode.seed, outcome, {"agent": episode.reward}, info=info)


def read_record(record: EpisodeRecord) -> AttackedEpisode:
    """Return the episode that a line describes."""
    info, metrics = record.info, record.info["metrics"]
    return AttackedEpisode(
        record.seed,
        record.reward,
        metrics["length"],
        info["success"],
        attacker_success=info["attacker_success"],
        distance=metrics["distance"],
    )


def tabulate(records: Iterable[EpisodeRecord], confidence: float = 0.95) -> tuple[RobustnessRow, ...]:
    """Make the rows of a table, in the order in which they were planned.

    A repetition counts once it has as many episodes as its clean run: unfinished ones of a run that still goes on are
    left out.

    Args:
        records: The episodes.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    cells: dict[Key, dict[int, list[AttackedEpisode]]] = {}
    for record in sorted(records, key=lambda r: r.index):
        info = record.info
        group = cells.setdefault((info["victim"], info["attack"], info["epsilon"]), {})
        group.setdefault(info["repetition"], []).append(read_record(record))
    rows = []
    for (victim, attack, epsilon), group in cells.items():
        clean = cells.get((victim, "clean", 0.0), {})
        whole = {seed: e for seed, e in group.items() if len(e) == len(clean.get(seed, ()))}
        if whole:
            rows.append(make_row(victim, attack, epsilon, clean, whole, confidence))
    return tuple(rows)
