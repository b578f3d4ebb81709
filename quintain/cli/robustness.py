"""``quintain robustness``: policies and language agents under attack on the same seeds, in a run that can be resumed.

Language agents have a module of their own: :mod:`quintain.cli.language_robustness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from quintain.cli import robustness_options as options
from quintain.cli.agent_options import AgentArguments, Engine, EngineArguments, Model
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.folders import new_folder, resumable
from quintain.cli.language_robustness import LANGUAGE_OPTIONS, check_options, is_given, is_language, run_language
from quintain.cli.mujoco_warnings import warn_once
from quintain.cli.options import (
    Concurrency,
    Confidence,
    EnvArguments,
    Executor,
    JsonOutput,
    Out,
    Resume,
    Workers,
    check_resumed,
    pairs,
)
from quintain.cli.tested_policies import TestedPolicies

if TYPE_CHECKING:
    from quintain.experiments.robustness import Reachability, RobustnessExperiment, RobustnessTable

__all__ = ["robustness"]


def robustness(
    ctx: typer.Context,
    policies: options.Policies,
    attack: options.Attacks = None,
    epsilon: options.Epsilons = "0.05,0.1,0.15",
    space: options.Space = "raw",
    norm: options.Norm = "linf",
    attack_steps: options.AttackSteps = None,
    train_at: options.TrainAt = None,
    no_random: options.NoRandom = False,
    no_reach: options.NoReach = False,
    scenario: options.Scenario = None,
    env: options.Env = None,
    env_arg: EnvArguments = None,
    agent_arg: AgentArguments = None,
    normaliser: options.Normaliser = None,
    intention: options.Intention = None,
    policy_steps: options.PolicySteps = None,
    policy_per_seed: options.PolicyPerSeed = False,
    surface: options.Surfaces = "user",
    guard: options.Guards = None,
    ratio: options.Ratios = None,
    attack_arg: options.AttackArguments = None,
    guard_arg: options.GuardArguments = None,
    guard_engine: options.GuardEngine = None,
    engine: Engine = None,
    model: Model = None,
    engine_arg: EngineArguments = None,
    concurrency: Concurrency = 16,
    episodes: options.Episodes = 50,
    seeds: options.Seeds = "0",
    resume: Resume = False,
    executor: Executor = "inline",
    workers: Workers = 2,
    out: Out = None,
    videos: options.Videos = False,
    confidence: Confidence = 0.95,
    as_json: JsonOutput = False,
) -> None:
    """Attack policies or language agents within declared budgets, and report losses with intervals.

    Clean, noisy and attacked episodes share their seeds. Attacks that learn are trained for every policy, budget and
    seed. Language agents play ToolUse-v0, or the environment of --env, behind each of the guards and without any.

    Examples:
        quintain robustness slide-handle -a mad -a rat -e 0.05,0.1,0.15 -n 30
        quintain robustness hopper -a mad -a sa-rl -e 0.025,0.05,0.075 --space normalised --seeds 0,1,2
        quintain robustness mine.zip --env Pendulum-v1 -a critic -e 0.05,0.1 -o runs/mine
        quintain robustness mine.zip --env Pendulum-v1 -a critic -e 0.05,0.1 -o runs/mine --resume
        quintain robustness react --engine openai --model NAME@http://host:8000/v1 -a loop --surface user,tool
        quintain robustness susceptible --agent-arg obey=0.5 -a loop -g repeat-limit -g spotlight+call-budget

    Ctrl-C keeps what is finished.
    """
    check_resumed(out, resume=resume)
    given = {name: ctx.params[name] for name in ctx.params if is_given(ctx, name)}
    if is_language(policies):
        run_language(policies, given, out, ctx.find_root().obj or [], resume=resume, as_json=as_json)
        return
    check_options(given, LANGUAGE_OPTIONS, "language agents, such as react")
    from quintain.attacks.registry import resolve_attacks
    from quintain.evaluation.videos import prepare_display
    from quintain.experiments.robustness import RobustnessExperiment

    if videos:
        prepare_display()
    warn_once()
    names = options.words(attack or ["mad"])
    attacks = resolve_attacks(names if no_random or "random" in names else ["random", *names])
    learned = [one.name for one in attacks if one.facts.learned]
    if train_at is not None and not learned:
        raise typer.BadParameter(f"none of these attacks learns: {', '.join(names)}", param_hint="--train-at")
    repetitions = options.numbers(seeds, int, "--seeds")
    plan: dict[str, Any] = {
        "epsilons": options.numbers(epsilon, float, "--epsilon"), "episodes": episodes, "seeds": repetitions,
        "norm": norm, "space": space, "steps": options.training_steps(attack_steps, learned), "train_at": train_at,
        "confidence": confidence, "reach": not no_reach,
    }  # fmt: skip
    tested = TestedPolicies(
        policies, env, scenario, pairs(env_arg, "--env-arg"), normaliser, intention, policy_steps,
        repetitions if policy_per_seed else (), pairs(agent_arg, "--agent-arg"),
    )  # fmt: skip
    # Every mistake is reported before a policy is trained.
    sketches = tested.sketches()
    if not no_reach and "target" not in names and all(sketch.intentions for sketch in sketches):
        attacks = (*attacks, *resolve_attacks(["target"]))
    RobustnessExperiment(sketches, attacks, **plan).check()
    folder = out or new_folder("robustness")
    say(f"run folder: {folder}", "dim")
    experiment = RobustnessExperiment(tested.load(), attacks, **plan)
    settings = {"resume": resume, "videos": videos, "executor": executor, "workers": workers}
    _run(experiment, folder, ctx.find_root().obj or [], settings, as_json=as_json)


def _run(
    experiment: RobustnessExperiment,
    folder: Path,
    command: Sequence[str],
    settings: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run the experiment and print its results, or after Ctrl-C the command that resumes it."""
    from quintain.experiments.robustness import run_experiment

    with resumable(command, folder):
        table = run_experiment(
            experiment, out=folder, reached=None if as_json else _print_reachability,
            **settings,
        )  # fmt: skip
    if as_json:
        print_json({"run": str(folder), **table.to_dict()})
    else:
        _print_table(table)
        _print_files(folder)


def _print_files(folder: Path) -> None:
    """Print why videos are missing, and the paths of the results."""
    from quintain.experiments.robustness.clips import read_clips

    for clip in read_clips(folder):
        if not clip.file:
            say(f"{clip.policy}: {clip.note}", "yellow")
    for name in ("leaderboard.md", "leaderboard.csv", "report.html"):
        if (folder / name).exists():
            console().print(str(folder / name), soft_wrap=True, markup=False)


def _print_reachability(reach: Sequence[Reachability]) -> None:
    if not reach:
        return
    from quintain.cli.tables import bounds, number, simple_table

    table = simple_table(
        "Reachable: states in which a perturbation brings the action within 0.1 of the intended one",
        "", "epsilon", "share", "interval", "distance left",
    )  # fmt: skip
    for one in reach:
        cells = number(one.share.estimate, "rate"), bounds(one.share, "rate"), number(one.gap.estimate)
        table.add_row(literal(one.policy), f"{one.epsilon:g}", *cells)
    console().print(table)
    for name, one in {one.policy: one for one in reach}.items():
        if one.intended.n:
            share = f"{one.intended.estimate:.0%}"
            line = f"{name}: acting itself, the intention policy reaches the attacker's goal in {share}"
            console().print(literal(line, "dim"), soft_wrap=True)
    console().print()


def _print_table(table: RobustnessTable) -> None:
    """Print the leaderboard, policy by policy, and where episodes failed the worst case beside every rate."""
    from quintain.cli.tables import bounds, number, simple_table

    for policy in table.policies:
        heads = ["epsilon", "return", "loss against clean", "interval", "success", "attacker's"]
        if table.errors:
            heads[5:] = ["worst case", "attacker's", "worst case", "errors"]
        shown = simple_table(policy, "", *heads)
        for row in table.leaderboard():
            if row.policy != policy:
                continue
            clean = row.attack == "clean"
            rates = [row.success, row.attacker_success]
            if table.errors:
                rates = [row.success, row.worst_success, row.attacker_success, row.worst_attacker_success]
            shown.add_row(
                literal(row.attack),
                "-" if clean else f"{row.epsilon:g}",
                number(row.reward.estimate),
                "-" if clean else number(row.loss.estimate),
                "-" if clean else bounds(row.loss),
                *(number(found.estimate, "rate") for found in rates),
                *([str(row.errors)] if table.errors else []),
            )
        console().print(shown)
        console().print()
    if table.errors:
        lost = f"{table.errors} episodes ended in an error and are left out"
        say(f"{lost}. Worst case: each is a failure of the policy and a success of the attacker", "yellow")
