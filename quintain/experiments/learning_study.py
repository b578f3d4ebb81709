"""A study of trainings: conditions x seeds, each training in a folder of its own, and the tables that pages quote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from quintain.evaluation.interval import Interval
from quintain.experiments.learning import Condition, TrainingComparison
from quintain.experiments.study_tables import Percent, StudyTables

__all__ = ["Train", "show_trainings", "train_conditions"]

#: Trains one condition: folder to write, seed, and whether to continue what is there.
Train: TypeAlias = Callable[[Path, int, bool], Any]


def train_conditions(
    out: str | Path,
    conditions: Mapping[str, Train],
    seeds: Sequence[int],
    say: Callable[[str], None] | None = None,
) -> dict[str, list[Path]]:
    """Train every condition with every seed, seed by seed, and return the run folders of each condition.

    A training that is finished is left alone, one that was interrupted is continued.

    Args:
        out: Folder of the study; a training is in ``CONDITION/seed-N``.
        conditions: What trains each condition, by its name.
        seeds: Root seeds of the trainings, one training of each condition per seed.
        say: Called with a line before each training. Default: no callback.
    """
    folders: dict[str, list[Path]] = {name: [] for name in conditions}
    for seed in seeds:
        for name, train in conditions.items():
            folder = Path(out) / name.replace(" ", "-") / f"seed-{seed}"
            folders[name].append(folder)
            if (folder / "model").exists():  # written last
                continue
            if say is not None:
                say(f"{name}, seed {seed}")
            train(folder, seed, (folder / "metrics.jsonl").exists())
    return folders


def show_trainings(found: TrainingComparison, tables: StudyTables, title: str) -> None:
    """Add two tables: every metric at the first and the last step of each condition, and the paired differences.

    Args:
        found: The trainings, compared with a reference or pair by pair.
        tables: The tables of the study.
        title: What was trained, for the titles.
    """
    head = ["condition", *(f"{_short(m)}, {when}" for m in found.metrics for when in ("start", "end")), "seeds"]
    rows = [
        [c.name, *(Percent(end) for m in found.metrics for end in _ends(c, m, found.confidence)), len(c.rows)]
        for c in found.conditions
    ]
    tables.show(f"{title}: means over seeds in per cent, at the first and the last step", head, rows)
    if found.differences:
        pairs = list(dict.fromkeys((d.first, d.second) for d in found.differences))
        by_pair = {(d.first, d.second, d.metric): Percent(d.difference, d.p_holm) for d in found.differences}
        tables.show(
            f"{title}: differences at the last step in points, paired by seed; p by Holm for {len(by_pair)} tests",
            ["condition", "minus", *map(_short, found.metrics)],
            [[*pair, *(by_pair.get((*pair, metric)) for metric in found.metrics)] for pair in pairs],
        )


def _short(metric: str) -> str:
    return metric.removeprefix("eval/")


def _ends(condition: Condition, metric: str, confidence: float) -> tuple[Interval, Interval]:
    steps = condition.steps(metric)
    if not steps:
        nothing = Interval(float("nan"), float("nan"), float("nan"), 0, "none")
        return nothing, nothing
    return condition.interval(metric, steps[0], confidence), condition.interval(metric, steps[-1], confidence)
