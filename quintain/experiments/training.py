"""Trainings as a kind of run: learning curves, and what the policy wrote at the beginning, the middle and the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from quintain.evaluation.html.curves import Curve, curves
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.interval import Interval
from quintain.evaluation.manifest import agent_title, env_title
from quintain.evaluation.report import Report
from quintain.evaluation.tabular import Row, Tabular
from quintain.records import EpisodeRecord
from quintain.training.folder import read_metrics

__all__ = ["FIGURES", "LearningCurve", "TrainRun"]

#: Figures of the page: title, the metrics in it, and whether they are shares.
FIGURES: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("accuracy on the evaluation problems", ("eval/sampled", "eval/greedy", "eval/pass@"), True),
    ("success in training", ("success",), True),
    ("return", ("reward",), False),
    ("loss", ("loss",), False),
    ("accuracy of tokens", ("mean_token_accuracy",), True),
    ("tokens per episode", ("completion_tokens",), False),
    ("turns per episode", ("turns",), False),
    ("entropy of a token, nats", ("entropy",), False),
    ("divergence from the start, nats", ("kl",), False),
    ("share of clipped tokens", ("clip_ratio/region_mean",), True),
    ("share of groups with a gradient", ("signal",), True),
    ("norm of the gradient", ("grad_norm",), False),
    ("infrastructure errors", ("errors",), False),
)
#: Number of episodes shown of each of three iterations.
_SHOWN = 2


@dataclass(frozen=True, repr=False)
class LearningCurve(Tabular):
    """The metrics of a training.

    Attributes:
        method: Name of the trainer.
        rows: One row of metrics per logged step.
    """

    method: str
    rows: Sequence[Mapping[str, Any]]

    def headline(self) -> str:
        """Return the method, the number of steps, and the newest metrics."""
        newest = ", ".join(f"{name} {value:.3g}" for name, value, _ in _last(self.rows))
        return f"{self.method}: {self.rows[-1]['step'] if self.rows else 0} steps; {newest or 'no metrics'}"

    def to_rows(self) -> list[Row]:
        """Return one row per logged step."""
        return [dict(row) for row in self.rows]


class TrainRun:
    """A training of any method, with the episodes that were played for it."""

    kind: ClassVar[str] = "train"

    @classmethod
    def tabulate(cls, report: Report) -> LearningCurve:
        """Return the metrics."""
        method = report.manifest.get("config", {}).get("method", "training")
        return LearningCurve(method, [] if report.path is None else read_metrics(report.path))

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: learning curves, transcripts at three points of the training, settings.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        curve = cls.tabulate(report)
        rows = curve.rows
        config = report.manifest.get("config", {})
        settings = config.get("settings", {})
        return fill(
            "training.html",
            package="quintain.experiments",
            styles=("training.css",),
            method=curve.method,
            env=env_title(config.get("env")) if config.get("env") else "recorded episodes",
            policy=agent_title(config.get("agent", {})),
            seed=config.get("seed"),
            steps=rows[-1]["step"] if rows else 0,
            episodes=len(report.episodes),
            last=_last(rows),
            figures=[markup(figure) for figure in _figures(rows)],
            moments=_moments(report.episodes, settings),
            settings=[(name, json.dumps(value)) for name, value in _flat(settings)],
            reproduce=reproduce(report.manifest, len(report.episodes)),
        )


def _figures(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    drawn = []
    terms, counts = (
        sorted({name for row in rows for name in row if name.startswith(start)}) for start in ("reward/", "metrics/")
    )
    known = list(dict.fromkeys(name for row in rows for name in row))
    more = (("reward terms", tuple(terms), False), ("metrics of the environment", tuple(counts), False))
    for title, wanted, rate in (*FIGURES[:3], *more, *FIGURES[3:]):
        names = [name for want in wanted for name in known if name == want or (want[-1] == "@" and want in name)]
        lines = [
            Curve(
                name,
                colour,
                [row["step"] for row in rows if name in row],
                [_point(row[name]) for row in rows if name in row],
            )
            for colour, name in enumerate(names)
        ]
        lines = [line for line in lines if len({point.estimate for point in line.y}) > 1]
        if lines:
            drawn.append(curves(lines, "step", title, rate=rate, legend=len(names) > 1))
    return drawn


def _point(value: float) -> Interval:
    """Return a single measurement: one training has no interval over seeds."""
    return Interval(value, float("nan"), float("nan"), 1, "none")


def _last(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, bool]]:
    """Return the newest value of the metrics that matter most: name, value, and whether it is a share."""
    found = []
    shares, others = ("eval/sampled", "eval/greedy", "success"), ("reward", "loss")
    for name, rate in (*((name, True) for name in shares), *((name, False) for name in others)):
        values = [row[name] for row in rows if name in row]
        if values:
            found.append((name, values[-1], rate))
    return found[:4]


def _moments(episodes: Sequence[EpisodeRecord], settings: Mapping[str, Any]) -> list[tuple[str, list[EpisodeRecord]]]:
    """Return a few episodes of the first, the middle and the last iteration."""
    size = settings.get("num_prompts", 0) * settings.get("num_generations", 0)
    size *= 1 + settings.get("dynamic_sampling", 0)
    if not size or not episodes:
        return []
    by_iteration: dict[int, list[EpisodeRecord]] = {}
    for episode in episodes:
        shown = by_iteration.setdefault(episode.index // size, [])
        if len(shown) < _SHOWN:
            shown.append(episode)
    numbers = sorted(by_iteration)
    chosen = dict.fromkeys((numbers[0], numbers[(len(numbers) - 1) // 2], numbers[-1]))
    return [(f"iteration {number + 1}", by_iteration[number]) for number in chosen]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif name != "problems":
            found.append((prefix + name, value))
    return found
