"""The page of several trainings: learning curves with bands over seeds, ends, paired differences."""

from __future__ import annotations

from pathlib import Path

from quintain.evaluation.html.curves import Curve, curves
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.reproduce import reproduce
from quintain.experiments.learning import Condition, TrainingComparison, kind_of_metric
from quintain.experiments.training import FIGURES
from quintain.files import write_atomically
from quintain.records import read_manifest

__all__ = ["write_training_comparison"]


def write_training_comparison(
    found: TrainingComparison, path: str | Path, title: str = "Comparison of trainings"
) -> Path:
    """Write one self-contained page; return its path.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    page = fill(
        "learning.html",
        package="quintain.experiments",
        styles=("training.css",),
        title=title,
        found=found,
        trainings=sum(len(condition.rows) for condition in found.conditions),
        figures=[markup(figure) for figure in _figures(found)],
        kind_of=kind_of_metric,
        runs=[
            (c.name, seed, reproduce(read_manifest(run), 0), c.rows[seed][-1]["step"] if c.rows[seed] else 0)
            for c in found.conditions
            for seed, run in sorted(c.runs.items())
        ],
    )
    write_atomically(Path(path), page)
    return Path(path)


def _figures(found: TrainingComparison) -> list[str]:
    """Return a figure for each metric that some training logged more than once."""
    logged = list(dict.fromkeys(m for c in found.conditions for rows in c.rows.values() for row in rows for m in row))
    drawn = []
    own = [(name, (name,), False) for name in logged if name.startswith(("reward/", "metrics/"))]
    for title, wanted, rate in (*FIGURES, *own):
        for want in wanted:
            for metric in (name for name in logged if name == want or (want[-1] == "@" and want in name)):
                label = title if len(wanted) == 1 else f"{metric.removeprefix('eval/')}: {title}"
                lines = [_curve(c, colour, metric, found.confidence) for colour, c in enumerate(found.conditions)]
                if any(len(line.x) > 1 for line in lines):
                    drawn.append(curves([line for line in lines if line.x], "step", label, rate=rate))
    return drawn


def _curve(condition: Condition, colour: int, metric: str, confidence: float) -> Curve:
    steps = condition.steps(metric)
    return Curve(condition.name, colour, steps, [condition.interval(metric, step, confidence) for step in steps])
