"""The runs in a folder with their headline figures, and which of them can be ranked against each other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quintain.errors import QuintainError, RecordError
from quintain.evaluation.interval import number
from quintain.evaluation.leaderboard import Leaderboard, leaderboard
from quintain.evaluation.manifest import agent_title, env_title
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import Interval
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.kinds import EXPERIMENTS, kind_of
from quintain.records import read_manifest

__all__ = ["ListedRun", "RunList", "list_runs"]

#: How deep below a folder its runs are looked for.
_DEPTH = 3
#: Settings on which the items of a run depend; runs in which they are equal can be ranked against each other.
_ITEMS = ("env", "env_kwargs", "seed", "seed_bits", "reset_options", "max_steps")
#: Arguments of environments that agents choose, and that pose the same items.
_AGENTS_OWN = ("code",)


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run of a list.

    Attributes:
        path: Path of the run folder, the folder that is listed included.
        name: The run folder, relative to the folder that is listed.
        kind: Kind of the run: ``"evaluate"``, ``"tournament"`` and so on.
        env: Name of the environment.
        agent: Name of the agent, or of all seats' agents.
        model: Name of the language model; empty without one.
        created: When the run was begun, as ``YYYY-MM-DD HH:MM``.
        episodes: Number of recorded episodes.
        errors: Number of those that failed and are not scored.
        quantity: ``"success"``, ``"reward"``, or empty where ``figure`` says what was found.
        score: Success rate or mean return; ``None`` for kinds that have neither.
        figure: The headline in words, for kinds without a score; or why the run cannot be read.
        manifest: The run's manifest, the content of its ``run.json``; empty if that cannot be read.
    """

    path: Path
    name: str
    kind: str
    env: str
    agent: str
    model: str
    created: str
    episodes: int
    errors: int
    quantity: Literal["success", "reward", ""]
    score: Interval | None
    figure: str
    manifest: Mapping[str, Any]

    @property
    def result(self) -> tuple[str, str]:
        """The headline figure in words, and its interval."""
        if self.score is None:
            return self.figure, ""
        kind = "rate" if self.quantity == "success" else "mean"
        if not self.score.n:
            return "no scored episode", ""
        ends = (
            self.score.ends(lambda value, more: number(value, kind, more)) if self.score.low == self.score.low else "-"
        )
        return f"{self.quantity} {number(self.score.estimate, kind)}", ends


class RunList(Tabular, list[ListedRun]):
    """The runs of a folder, oldest first."""

    def headline(self) -> str:
        """Return the numbers of runs and environments."""
        runs, envs = len(self), len({run.env for run in self})
        return f"{runs:,} run{'s' * (runs != 1)} of {envs:,} environment{'s' * (envs != 1)}"

    def to_rows(self) -> list[Row]:
        """Return one row per run."""
        return [
            {
                "run": str(run.path),
                "kind": run.kind,
                "env": run.env,
                "agent": run.agent,
                "model": run.model,
                "created": run.created,
                "episodes": run.episodes,
                "errors": run.errors,
                "quantity": run.quantity,
                **({} if run.score is None else ends_of("score", run.score)),
                "figure": run.figure,
            }
            for run in self
        ]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return one row per run, with the figure as it is written on pages."""
        with_model = any(run.model for run in self)
        return [
            (
                "",
                [
                    {
                        "run": run.name,
                        "result": run.result[0],
                        "interval": run.result[1],
                        "episodes": run.episodes,
                        "errors": run.errors,
                        "environment": run.env,
                        "agent": run.agent,
                        **({"model": run.model} if with_model else {}),
                        "begun": run.created,
                    }
                    for run in self
                ],
            )
        ]

    def leaderboards(self, confidence: float = 0.95) -> list[tuple[str, Leaderboard]]:
        """Rank the runs that posed the same items: of one environment, with equal arguments and seed.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1).

        Returns:
            Title and leaderboard of every group of at least two runs of :func:`quintain.evaluate`.
        """
        groups: defaultdict[str, list[ListedRun]] = defaultdict(list)
        for run in self:
            if run.kind == "evaluate" and run.score is not None and run.score.n:
                groups[_items_key(run.manifest)].append(run)
        boards = []
        for runs in groups.values():
            if len(runs) > 1:
                try:
                    board = leaderboard([run.path for run in runs], names=_names(runs), confidence=confidence)
                except QuintainError:
                    continue  # equal settings whose items differ all the same, such as those of two versions
                boards.append((f"{runs[0].env}, seed {runs[0].manifest.get('config', {}).get('seed')}", board))
        return boards


def list_runs(folder: str | Path, confidence: float = 0.95) -> RunList:
    """List the runs in a folder, and in folders up to three levels below it.

    A run that cannot be read is listed with the reason.

    Args:
        folder: The folder, or a single run.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.

    Raises:
        RecordError: If there is no such folder, or no run in it.
    """
    top = Path(folder)
    found = [path.parent for level in range(_DEPTH + 1) for path in top.glob("*/" * level + "episodes.jsonl")]
    if not found:
        raise RecordError(f"no run in {str(folder)!r}: expected folders with episodes.jsonl, as runs write them")
    listed = [_listed(path, top, confidence) for path in found]
    return RunList(sorted(listed, key=lambda run: (run.created, str(run.path))))


def _listed(path: Path, top: Path, confidence: float) -> ListedRun:
    name = path.name if path == top else path.relative_to(top).as_posix()
    manifest: Mapping[str, Any] = {}
    try:
        manifest = read_manifest(path)
        report = Report.open(path, confidence)
        kind, facts = kind_of(manifest), (len(report.episodes), report.errors)
        if kind not in ("evaluate", "play"):
            found = EXPERIMENTS.load(kind).tabulate(report)
            figure = found.headline() if isinstance(found, Tabular) else ""
            return _row(path, name, manifest, kind, facts, "", None, figure)
        quantity: Literal["success", "reward"] = "success" if report.success.n else "reward"
        return _row(path, name, manifest, kind, facts, quantity, getattr(report, quantity), "")
    except QuintainError as error:
        return _row(path, name, manifest, str(manifest.get("kind", "?")), (0, 0), "", None, str(error))


def _row(
    path: Path,
    name: str,
    manifest: Mapping[str, Any],
    kind: str,
    counts: tuple[int, int],
    quantity: Literal["success", "reward", ""],
    score: Interval | None,
    figure: str,
) -> ListedRun:
    config = manifest.get("config", {})
    agent = manifest.get("facts", {}).get("agent")
    engine = agent.get("engine") if isinstance(agent, Mapping) else None
    model = engine.get("title") or engine.get("model") or "" if isinstance(engine, Mapping) else ""
    source = config.get("agent")
    return ListedRun(
        path, name, kind, env_title(config.get("env", "")), agent_title(source if isinstance(source, Mapping) else {}),
        str(model), str(manifest.get("created", ""))[:16].replace("T", " "), *counts, quantity, score, figure, manifest,
    )  # fmt: skip


def _items_key(manifest: Mapping[str, Any]) -> str:
    config = manifest.get("config", {})
    settings = {name: config.get(name) for name in _ITEMS}
    arguments = settings["env_kwargs"] or {}
    settings["env_kwargs"] = {name: value for name, value in arguments.items() if name not in _AGENTS_OWN}
    return json.dumps(settings, sort_keys=True)


def _names(runs: Sequence[ListedRun]) -> list[str]:
    """Name runs by agent and model where these differ, else by folder."""
    plain = [f"{run.agent} ({run.model})" if run.model else run.agent for run in runs]
    folders = [run.path.name for run in runs]
    both = [
        name if plain.count(name) == 1 else f"{name}: {folder}" for name, folder in zip(plain, folders, strict=True)
    ]
    return both if len(set(both)) == len(both) else [str(run.path) for run in runs]
