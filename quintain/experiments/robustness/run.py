"""Running an experiment: in memory, or in a folder that a killed run leaves ready to go on."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.policies import Policy, Space
from quintain.attacks.budget import Norm
from quintain.attacks.contract import Attack, AttackContext, Trained
from quintain.attacks.registry import AttackFactory, resolve_attacks
from quintain.errors import ConfigurationError, MissingDependencyError
from quintain.evaluation.manifest import make_manifest
from quintain.evaluation.run_folder import RunFolder
from quintain.experiments.robustness.cell import Cell
from quintain.experiments.robustness.episodes import tabulate
from quintain.experiments.robustness.experiment import Experiment
from quintain.experiments.robustness.progress import Progress, show_progress
from quintain.experiments.robustness.reachability import Reach
from quintain.experiments.robustness.store import load_trained, save_trained
from quintain.experiments.robustness.subjects import make_subject
from quintain.experiments.robustness.table import RobustnessRow, RobustnessTable
from quintain.experiments.robustness.videos import prepare_display, read_clips, record_clips
from quintain.files import write_atomically
from quintain.records import EpisodeRecord, to_json

__all__ = ["robustness", "run_experiment"]


def robustness(
    env: str | EnvSpec | Callable[..., gym.Env[Any, Any]],
    victim: Policy,
    attacks: Sequence[str | Attack] | Mapping[str, str | Attack | AttackFactory],
    epsilons: Sequence[float],
    *,
    episodes: int = 50,
    seed: int | Sequence[int] = 0,
    space: Space = "raw",
    norm: Norm = "linf",
    intention: Policy | None = None,
    attack_steps: Mapping[str, int] | None = None,
    train_at: float | None = None,
    confidence: float = 0.95,
    out: str | Path | None = None,
    resume: bool = False,
    videos: bool = False,
    progress: Callable[[RobustnessRow], None] | None = None,
    show: bool | None = None,
) -> RobustnessTable:
    """Measure a victim clean and under every attack at every budget, all on the same seeds.

    Args:
        env: The environment as the victim knows it: an id, a spec, or a function that makes it.
        victim: The victim; it takes its most likely actions.
        attacks: Names such as ``["random", "mad", "sa-rl"]``; or a mapping from the name a table shows to such a name
            or to a function of environment and epsilon: ``{"mad": lambda env, epsilon: MADAttack(env, victim,
            epsilon=epsilon)}``. Have random noise among them: it is what the others have to beat.
        epsilons: Budgets, >= 0.
        episodes: Episodes per row and repetition, >= 1; published tables use 30 or 50.
        seed: Root seed, or one per repetition: it decides the episodes and the training of attacks that learn. Equal
            seeds give equal tables.
        space: Where budgets of attacks given by name are measured.
        norm: Their norm.
        intention: A policy that shows what a targeted attacker wants.
        attack_steps: Environment steps of training, by attack.
        train_at: Train attacks that learn at this budget only; by default at each.
        confidence: Nominal coverage of the intervals, in (0, 1).
        out: Run folder for records, trained attacks, ``leaderboard.csv``, ``leaderboard.md`` and, with the extra
            ``report``, ``report.html``.
        resume: Continue the run in ``out``.
        videos: Film an episode clean and under attack, for the report; ``env`` has to take ``render_mode``.
        progress: Called with each finished row.
        show: Whether to show progress bars; by default in a terminal.

    Raises:
        ConfigurationError: If the experiment makes no sense; before anything is trained or played.
        RecordError: If ``out`` holds another run.
    """
    experiment = Experiment(
        (make_subject(env, victim, intention=intention),),
        resolve_attacks(attacks),
        tuple(epsilons),
        episodes,
        (seed,) if isinstance(seed, int) else tuple(seed),
        norm,
        space,
        attack_steps or {},
        train_at,
        confidence,
    )
    return run_experiment(experiment, out=out, resume=resume, videos=videos, progress=progress, show=show)


def run_experiment(
    experiment: Experiment,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    videos: bool = False,
    progress: Callable[[RobustnessRow], None] | None = None,
    reached: Callable[[Sequence[Reach]], None] | None = None,
    show: bool | None = None,
    facts: Mapping[str, Any] | None = None,
) -> RobustnessTable:
    """Run an experiment.

    Args:
        experiment: What to do.
        out: Run folder; a killed run goes on there with ``resume``, and comes to the same table.
        resume: Continue the run in ``out``.
        videos: Film an episode of every victim, clean and under attack. What cannot be filmed is told in the report.
        progress: Called with each finished row.
        reached: Called once with what gradient search can reach, before the attacks begin.
        show: Whether to show progress bars; by default in a terminal.
        facts: What else to write into the manifest.

    Raises:
        ConfigurationError: If the attacks cannot work on the victims; before anything is trained or played.
        RecordError: If ``out`` holds another run.
    """
    if videos:
        if out is None:
            raise ConfigurationError("videos are kept in a run folder; name one: out=...")
        prepare_display()
    experiment.check()
    description = experiment.describe()
    manifest: dict[str, Any] = make_manifest("robustness", {}, description, experiment.seeds[0])
    manifest |= {"kind": "robustness", "confidence": experiment.confidence, "facts": dict(facts or {})}
    total = sum(1 for _ in experiment.cells()) * experiment.episodes
    records: dict[int, EpisodeRecord] = {}
    with ExitStack() as stack:
        folder = None
        if out is not None:
            folder = stack.enter_context(RunFolder(out, manifest, resume=resume))
            records = {record.index: record for record in folder.episodes}
        bars = stack.enter_context(show_progress(total, show))
        reach = _reach(experiment, None if folder is None else folder.path, bars)
        if reached is not None:
            reached(reach)
        trainer = _Trainer(None if folder is None else folder.path)
        known = dict(records)

        def keep(record: EpisodeRecord) -> None:
            records[record.index] = record
            if folder is not None:
                folder.append(record)

        done: list[EpisodeRecord] = []
        for cell, played in experiment.play(known, keep, trainer, bars):
            done += played
            if progress is not None and cell.seed == experiment.seeds[-1]:
                same = ("clean", cell.name)
                part = [r for r in done if r.info["victim"] == cell.subject.name and r.info["attack"] in same]
                rows = tabulate([r for r in part if r.info["epsilon"] in (0.0, cell.epsilon)], experiment.confidence)
                progress(rows[-1])
        table = RobustnessTable(tabulate(records.values(), experiment.confidence), tuple(reach), manifest)
        if folder is not None:
            write_leaderboard(table, folder.path)
            _write_page(folder.path)
            if videos and not _all_filmed(folder.path):
                record_clips(experiment, table, trainer, folder.path, bars)
                _write_page(folder.path)
    return table


def write_leaderboard(table: RobustnessTable, folder: Path) -> None:
    """Write ``leaderboard.csv`` and ``leaderboard.md``."""
    for name, text in (("leaderboard.csv", table.to_csv()), ("leaderboard.md", table.to_markdown())):
        write_atomically(folder / name, text)


def _all_filmed(folder: Path) -> bool:
    clips = read_clips(folder)
    return bool(clips) and all(clip.file for clip in clips)


def _write_page(folder: Path) -> None:
    """Write ``report.html``; without the extra ``report`` the numbers are all there is."""
    from quintain.experiments.robustness.page import write_robustness_report

    try:
        write_robustness_report(folder)
    except MissingDependencyError as error:
        warnings.warn(f"no report.html: {error}", stacklevel=3)


class _Trainer:
    """Trains what is not there yet, and keeps it: in the run folder, or in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder and folder / "trained"
        self._kept: dict[str, Trained] = {}

    def __call__(self, cell: Cell, attack: Attack, threat: AttackContext, progress: Progress) -> Trained:
        budget = f"-{threat.epsilon:g}" if attack.facts.per_budget else ""
        name = f"{cell.subject.name}-{attack.name}{budget}-seed{cell.seed}".replace("/", "_")
        if name not in self._kept:
            path = self._folder and self._folder / f"{name}.npz"
            if path is not None and path.exists():
                self._kept[name] = load_trained(path)
            else:
                title = f"{cell.subject.name} / {attack.name}{budget.replace('-', ' ')}, seed {cell.seed}"
                progress.training(title, 0, threat.steps)
                tell = partial(_tell, progress, title, threat.steps)
                self._kept[name] = attack.train(replace(threat, progress=tell))
                if path is not None:
                    save_trained(self._kept[name], path)
        return self._kept[name]


def _tell(progress: Progress, title: str, total: int, done: int) -> None:
    progress.training(title, done, total)


def _reach(experiment: Experiment, folder: Path | None, progress: Progress) -> list[Reach]:
    """Compute reachability, or read what was computed before."""
    if not experiment.reach:
        return []
    path = folder and folder / "reachability.json"
    if path is not None and path.exists():
        return list(map(Reach.from_dict, json.loads(path.read_text(encoding="utf-8"))["reach"]))
    found = experiment.measure_reach(progress)
    if path is not None and found:
        write_atomically(path, to_json({"reach": [reach.to_dict() for reach in found]}) + "\n")
    return found
