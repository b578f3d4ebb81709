"""Learning curves of several trainings as one picture: a panel for each metric, bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quintain.errors import require
from quintain.experiments.learning import TrainingComparison

__all__ = ["draw_trainings"]


def draw_trainings(found: TrainingComparison, panels: Mapping[str, str], path: str | Path) -> None:
    """Draw metrics over the steps, with the intervals over seeds as bands.

    Args:
        found: The trainings.
        panels: Title of each panel by its metric, in the order of the panels. The vertical axis goes from 0 to 1, or
            to where the means of its metric end above that.
        path: File to write, ``.svg`` or ``.png``.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    require("matplotlib", "report", "learning curves")
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {"svg.hashsalt": "quintain", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(3.4 * len(panels), 3))
        axes = figure.subplots(1, len(panels), sharex=True, squeeze=False)[0]
        for axis, (metric, title) in zip(axes, panels.items(), strict=True):
            top = 1.0
            for condition in found.conditions:
                steps = condition.steps(metric)
                values = [condition.interval(metric, step) for step in steps]
                (line,) = axis.plot(steps, [v.estimate for v in values], label=condition.name)
                axis.fill_between(
                    steps, [v.low for v in values], [v.high for v in values], color=line.get_color(), alpha=0.12,
                    linewidth=0,
                )  # fmt: skip
                top = max([top, *(v.estimate for v in values)])
            axis.set(title=title, xlabel="iteration", ylim=(0, 1.02 if top <= 1 else None))
            axis.spines[["top", "right"]].set_visible(False)
        names = axes[0].get_legend_handles_labels()
        figure.legend(*names, loc="lower center", ncols=4, frameon=False, fontsize=8)
        rows = -(-len(found.conditions) // 4)
        figure.tight_layout(rect=(0, 0.03 + 0.05 * rows, 1, 1))
        figure.savefig(path, metadata={"Date": None} if Path(path).suffix == ".svg" else None, dpi=150)
