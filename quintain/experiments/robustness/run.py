"""Running a robustness experiment: in memory, or in a run folder that an interrupted run can be resumed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.policies import Policy, Space
from quintain.attacks.budget import Norm
from quintain.attacks.contract import Attack
from quintain.attacks.registry import AttackFactory, resolve_attacks
from quintain.errors import ConfigurationError
from quintain.evaluation.videos import prepare_display
from quintain.experiments.experiment import Cell
from quintain.experiments.robustness.analysis import analyse_reachability
from quintain.experiments.robustness.cell import RobustnessCell
from quintain.experiments.robustness.clips import read_clips
from quintain.experiments.robustness.episodes import rows_of
from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.experiments.robustness.policy_under_test import make_policy_under_test
from quintain.experiments.robustness.reachability import Reachability
from quintain.experiments.robustness.table import RobustnessRow, RobustnessTable
from quintain.experiments.robustness.videos import record_clips
from quintain.experiments.runner import ExperimentRun
from quintain.files import write_atomically

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
    executor: str = "inline",
    workers: int = 2,
) -> RobustnessTable:
    """Measure a policy clean and under every attack at every budget, all on the same episode seeds.

    Args:
        env: The environment that the policy was trained on: an id, a spec, or a function that makes it.
        victim: The policy under attack; it takes its most likely actions.
        attacks: Names such as ``["random", "mad", "sa-rl"]``; or a mapping from names in the table to such a name or to
            a function of environment and epsilon: ``{"mad": lambda env, epsilon: MADAttack(env, victim,
            epsilon=epsilon)}``. Include random noise, the baseline that every attack has to beat.
        epsilons: Budgets, >= 0, in units of ``space`` under ``norm``.
        episodes: Episodes per row and repetition, >= 1; published tables use 30 or 50. Default: 50.
        seed: Root seed, or one per repetition; it decides the episodes and the training of attacks that learn. Equal
            seeds give equal tables. Default: 0.
        space: Space in which the budgets of attacks given by name are measured: ``"raw"`` or ``"normalised"``. Default:
            ``"raw"``.
        norm: Norm of these budgets: ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        intention: A policy whose actions a targeted attacker wants to cause.
        attack_steps: Environment steps of training by name of the attack; attacks not listed have their own default.
        train_at: Budget at which learned attacks are trained; ``None`` trains at each of ``epsilons``.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        out: Run folder for records, trained attacks, ``leaderboard.csv``, ``leaderboard.md`` and, with the extra
            ``report``, ``report.html``; ``None`` writes nothing.
        resume: Continue the run in ``out``; the result equals that of an uninterrupted run. Default: false.
        videos: Record an episode clean and under attack for the report; ``env`` must accept ``render_mode``. Default:
            false.
        progress: Called with each finished row of the table.
        show: Whether to show a progress bar; ``None`` shows it where there is a terminal.
        executor: Where to train and play: ``"inline"``, in this process, or ``"process"``, in ``workers`` new
            processes. Default: ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Raises:
        CapabilityError: If the policy lacks what an attack needs; before anything is trained or played.
        ConfigurationError: If the arguments do not fit together; raised before anything is trained.
        RecordError: If ``out`` holds another run.
    """
    experiment = RobustnessExperiment(
        (make_policy_under_test(env, victim, intention=intention),),
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
    return run_experiment(
        experiment, out=out, resume=resume, videos=videos, progress=progress, show=show, executor=executor,
        workers=workers,
    )  # fmt: skip


def run_experiment(
    experiment: RobustnessExperiment,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    videos: bool = False,
    progress: Callable[[RobustnessRow], None] | None = None,
    reached: Callable[[Sequence[Reachability]], None] | None = None,
    show: bool | None = None,
    facts: Mapping[str, Any] | None = None,
    executor: str = "inline",
    workers: int = 2,
) -> RobustnessTable:
    """Run a robustness experiment.

    Args:
        experiment: The experiment, with all its cells and seeds.
        out: Run folder for records, trained attacks, leaderboard and page; ``None`` writes nothing.
        resume: Continue the run in ``out``; the result equals that of an uninterrupted run. Default: false.
        videos: Record an episode of every policy, clean and under attack. Where that fails, the page says why. Default:
            false.
        progress: Called with each finished row of the table.
        reached: Called once with the reachability, before the attacks begin.
        show: Whether to show a progress bar; ``None`` shows it where there is a terminal.
        facts: Further entries for the manifest's ``"facts"``.
        executor: Where to train and play: ``"inline"``, in this process, or ``"process"``, in ``workers`` new
            processes. Default: ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Raises:
        CapabilityError: If a policy lacks what an attack needs; before anything is trained or played.
        ConfigurationError: If the parts do not fit together; raised before anything is trained.
        RecordError: If ``out`` holds another run.
    """
    if videos:
        if out is None:
            raise ConfigurationError("videos are kept in a run folder; name one: out=...")
        prepare_display()
    metadata = {"facts": dict(facts or {})}
    with ExperimentRun(
        experiment, out=out, resume=resume, progress=show, metadata=metadata, executor=executor, workers=workers
    ) as run:
        found = analyse_reachability(experiment, run.store)
        if reached is not None:
            reached(found)
        run.play(None if progress is None else partial(_report_row, experiment, run, progress))
        table = replace(experiment.tabulate(run.report(experiment.confidence)), reachability=tuple(found))
        if out is not None:
            write_leaderboard(table, Path(out))
            run.write_page(experiment.confidence)
            if videos and not _all_recorded(Path(out)):
                record_clips(experiment, table, run.store, Path(out))
                run.write_page(experiment.confidence)
    return table


def write_leaderboard(table: RobustnessTable, folder: Path) -> None:
    """Write ``leaderboard.csv`` and ``leaderboard.md``."""
    for name, text in (("leaderboard.csv", table.to_csv()), ("leaderboard.md", table.to_markdown())):
        write_atomically(folder / name, text)


def _report_row(
    experiment: RobustnessExperiment, run: ExperimentRun, progress: Callable[[RobustnessRow], None], cell: Cell
) -> None:
    """Hand over the row that a cell completes: that of its last repetition."""
    assert isinstance(cell, RobustnessCell)
    if cell.seed == experiment.seeds[-1]:
        row = {("clean", 0.0), (cell.attack_name, cell.epsilon)}
        episodes = run.report(experiment.confidence).episodes
        mine = [e for e in episodes if e.info["victim"] == cell.subject.name]
        rows = rows_of([e for e in mine if (e.info["attack"], e.info["epsilon"]) in row], experiment.confidence)
        progress(rows[-1])


def _all_recorded(folder: Path) -> bool:
    clips = read_clips(folder)
    return bool(clips) and all(clip.file for clip in clips)
