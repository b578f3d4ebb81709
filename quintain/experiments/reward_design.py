"""Searches for a reward as a kind of run: each round's source beside its learning curve, deaths, and the analysis."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quintain.evaluation.html.curves import Curve, curves
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.interval import Interval
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import rate
from quintain.evaluation.tabular import Row, Tabular
from quintain.experiments.reward_clips import RewardClip, read_reward_clips
from quintain.training.reward_search import Round, read_rounds

__all__ = ["RewardDesignRun", "RewardRounds"]


@dataclass(frozen=True, repr=False)
class RewardRounds(Tabular):
    """The rounds of a search.

    Attributes:
        env: Id of the environment.
        rounds: The finished rounds.
    """

    env: str
    rounds: Sequence[Round]

    def headline(self) -> str:
        """Return success and death rate by round."""
        shown = "; ".join(
            f"round {each.number}: success {each.evidence['success']:.0%}, death {each.evidence['deaths']:.0%}"
            for each in self.rounds
        )
        return f"reward for {self.env}: {shown or 'no round is finished'}"

    def to_rows(self) -> list[Row]:
        """Return one row per round."""
        return [
            {
                "round": each.number,
                "designer": each.label,
                "success": each.evidence["success"],
                "deaths": each.evidence["deaths"],
                "steps": each.evidence["steps"],
                "rejected": len(each.rejected),
            }
            for each in self.rounds
        ]


class RewardDesignRun:
    """A search for a reward function, with its rounds."""

    kind: ClassVar[str] = "reward-design"

    @classmethod
    def tabulate(cls, report: Report) -> RewardRounds:
        """Return the finished rounds."""
        env = str(report.manifest.get("config", {}).get("env", "an environment"))
        return RewardRounds(env, [] if report.path is None else read_rounds(report.path))

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        found = cls.tabulate(report)
        config = report.manifest.get("config", {})
        rounds = [
            {
                "round": each,
                "success": _rate(each, "success"),
                "deaths": _rate(each, "deaths"),
                "figure": markup(_figure(each)),
                "clips": [] if report.path is None else _clips(report.path, each),
            }
            for each in found.rounds
        ]
        return fill(
            "reward_design.html",
            package="quintain.experiments",
            styles=("reward_design.css",),
            env=found.env,
            designer=config.get("agent", {}).get("designer", ""),
            seed=config.get("seed"),
            steps=config.get("settings", {}).get("plan", {}).get("steps", 0),
            rounds=rounds,
            reproduce=reproduce(report.manifest, 0),
        )


def _rate(found: Round, name: str) -> Interval:
    n = int(found.evidence["episodes"])
    return rate(round(found.evidence[name] * n), n)


def _figure(found: Round) -> str:
    # The first episodes to end are the short ones, so their shares say nothing about the others.
    rows = [row for row in found.curve if row["episodes"] >= _FEWEST] or found.curve
    lines = [_curve(label, colour, rows, name) for colour, (name, label) in enumerate(_LINES)]
    return curves(lines, "step", "share of the last 256 training episodes", rate=True, legend=True)


#: Number of training episodes from which a share is drawn.
_FEWEST = 64
_LINES = (("success", "success"), ("deaths", "death"))


def _curve(label: str, colour: int, rows: Sequence[Mapping[str, float]], name: str) -> Curve:
    nan = float("nan")
    return Curve(label, colour, [r["step"] for r in rows], [Interval(r[name], nan, nan, 1, "none") for r in rows])


def _clips(folder: Path, found: Round) -> list[dict[str, Any]]:
    """Return the clips of a round as data addresses."""
    shown = []
    for clip in read_reward_clips(folder / "rounds" / str(found.number)):
        shown.append({"clip": clip, "source": _address(folder / "rounds" / str(found.number), clip)})
    return shown


def _address(place: Path, clip: RewardClip) -> str:
    path = place / clip.file
    if not clip.file or not path.is_file():
        return ""
    return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"
