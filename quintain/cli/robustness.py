"""``quintain robustness``: victims under attacks and budgets, on the same seeds, in one run that can be resumed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from quintain.attacks.registry import ATTACKS
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.folders import continuing
from quintain.cli.mujoco_warnings import warn_once
from quintain.cli.options import pairs
from quintain.cli.victims import Chosen

if TYPE_CHECKING:
    from quintain.experiments.robustness import Reach, RobustnessTable

__all__ = ["robustness"]

ValueT = TypeVar("ValueT", int, float)

_WHO, _WHAT, _RUN, _OUT = "Victims", "Attacks", "Run", "Output"


def robustness(
    ctx: typer.Context,
    victims: Annotated[
        list[str],
        typer.Argument(help="Reference victims (see `quintain victim list`), or a policy's .npz or .zip with --env."),
    ],
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack", "-a", help=f"{', '.join(ATTACKS)}. Repeatable; mad by default.", rich_help_panel=_WHAT
        ),
    ] = None,
    epsilon: Annotated[
        str, typer.Option("--epsilon", "-e", help="Budgets, joined by commas.", rich_help_panel=_WHAT)
    ] = "0.05,0.1,0.15",
    space: Annotated[
        str, typer.Option(help="Where budgets are measured: raw or normalised.", rich_help_panel=_WHAT)
    ] = "raw",
    norm: Annotated[str, typer.Option(help="Norm of the budgets: linf or l2.", rich_help_panel=_WHAT)] = "linf",
    attack_steps: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]N",
            help="Environment steps that learned attacks train for. Repeatable.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    train_at: Annotated[
        float | None,
        typer.Option(help="Train learned attacks at this budget only, not at each.", rich_help_panel=_WHAT),
    ] = None,
    no_random: Annotated[
        bool, typer.Option("--no-random", help="Leave the control row of random noise out.", rich_help_panel=_WHAT)
    ] = False,
    no_reach: Annotated[
        bool,
        typer.Option("--no-reach", help="Leave out what can be reached towards the intention.", rich_help_panel=_WHAT),
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(help="What the attacker wants of Tabletop victims: opposite, manipulation.", rich_help_panel=_WHO),
    ] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment of victims that are files.", rich_help_panel=_WHO)
    ] = None,
    env_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="K=JSON", help="Any argument of the environment. Repeatable.", rich_help_panel=_WHO),
    ] = None,
    normaliser: Annotated[
        Path | None, typer.Option(help="VecNormalize statistics of a .zip victim.", rich_help_panel=_WHO)
    ] = None,
    intention: Annotated[
        Path | None, typer.Option(help="Policy that shows what the attacker wants.", rich_help_panel=_WHO)
    ] = None,
    victim_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Training steps of reference victims, not the recipe's.", rich_help_panel=_WHO),
    ] = None,
    victim_per_seed: Annotated[
        bool,
        typer.Option("--victim-per-seed", help="Train a reference victim for every seed.", rich_help_panel=_WHO),
    ] = False,
    episodes: Annotated[
        int, typer.Option("--episodes", "-n", min=1, help="Episodes per row and seed.", rich_help_panel=_RUN)
    ] = 50,
    seeds: Annotated[
        str, typer.Option(help="Root seeds of independent repetitions, joined by commas.", rich_help_panel=_RUN)
    ] = "0",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.", rich_help_panel=_RUN)] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder. Default: a new one under runs/.", rich_help_panel=_OUT),
    ] = None,
    videos: Annotated[
        bool,
        typer.Option("--videos", help="Film an episode, clean and under attack, for the report.", rich_help_panel=_OUT),
    ] = False,
    confidence: Annotated[
        float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).", rich_help_panel=_OUT)
    ] = 0.95,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON and nothing else.", rich_help_panel=_OUT)
    ] = False,
) -> None:
    """Attack policies within declared budgets, and report what is left of them, with intervals.

    Clean, noisy and attacked episodes share their seeds. Attacks that learn do so for every victim, budget and seed.

    Examples:
        quintain robustness slide-handle -a mad -a rat -e 0.05,0.1,0.15 -n 30
        quintain robustness hopper -a mad -a sa-rl -e 0.025,0.05,0.075 --space normalised --seeds 0,1,2
        quintain robustness mine.zip --env Pendulum-v1 -a critic -e 0.05,0.1 -o runs/mine
        quintain robustness mine.zip --env Pendulum-v1 -a critic -e 0.05,0.1 -o runs/mine --resume

    Ctrl-C keeps what is finished.
    """
    if resume and out is None:
        raise typer.BadParameter("say which run to continue: --out runs/...", param_hint="--resume")
    from quintain.attacks.registry import resolve_attacks
    from quintain.experiments.robustness import Experiment, run_experiment
    from quintain.experiments.robustness.videos import prepare_display, read_clips

    if videos:
        prepare_display()
    warn_once()
    names = _words(attack or ["mad"])
    attacks = resolve_attacks(names if no_random or "random" in names else ["random", *names])
    if train_at is not None and not any(a.facts.learned for a in attacks):
        raise typer.BadParameter(f"none of these attacks learns: {', '.join(names)}", param_hint="--train-at")
    plan: dict[str, Any] = {
        "attacks": attacks,
        "epsilons": _numbers(epsilon, float, "--epsilon"),
        "episodes": episodes,
        "seeds": _numbers(seeds, int, "--seeds"),
        "norm": norm,
        "space": space,
        "steps": _steps(attack_steps, [a.name for a in attacks if a.facts.learned]),
        "train_at": train_at,
        "confidence": confidence,
        "reach": not no_reach,
    }
    chosen = Chosen(
        victims, env=env, scenario=scenario, env_kwargs=pairs(env_arg, "--env-arg"), normaliser=normaliser,
        intention=intention, steps=victim_steps, seeds=plan["seeds"] if victim_per_seed else (),
    )  # fmt: skip
    # Everything that can be wrong is said before a victim is trained.
    sketches = chosen.sketches()
    if plan["reach"] and "target" not in names and all(s.intentions for s in sketches):
        plan["attacks"] = (*attacks, *resolve_attacks(["target"]))
    Experiment(sketches, **plan).check()
    folder = out or Path("runs") / f"robustness-{datetime.now():%Y%m%d-%H%M%S}"
    say(f"run folder: {folder}", "dim")
    experiment = Experiment(chosen.subjects(), **plan)
    line = shlex.join(["quintain", *(ctx.find_root().obj or [])])
    try:
        table = run_experiment(
            experiment,
            out=folder,
            resume=resume,
            videos=videos,
            reached=None if as_json else _print_reach,
            facts={"command": line},
        )
    except KeyboardInterrupt as error:
        say(f"\ninterrupted; finished episodes are safe in {folder}. Continue with:")
        say(f"  {continuing(ctx.find_root().obj or [], folder)}")
        raise typer.Exit(130) from error
    if as_json:
        print_json({"run": str(folder), **table.to_dict()})
        return
    _print_table(table)
    for clip in read_clips(folder):
        if not clip.file:
            say(f"{clip.victim}: {clip.note}", "yellow")
    for name in ("leaderboard.md", "leaderboard.csv", "report.html"):
        if (folder / name).exists():
            console().print(str(folder / name), soft_wrap=True, markup=False)


def _words(values: Sequence[str]) -> list[str]:
    """Split what was joined by commas; keep the order, and each name once."""
    return list(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))


def _numbers(text: str, kind: Callable[[str], ValueT], option: str) -> tuple[ValueT, ...]:
    try:
        return tuple(kind(word) for word in _words([text]))
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers joined by commas, got {text!r}", param_hint=option) from error


def _steps(values: Sequence[str] | None, learned: Sequence[str]) -> dict[str, int]:
    """Read ``N`` for all learned attacks, and ``NAME=N`` for one of them."""
    found: dict[str, int] = {}
    for value in sorted(values or (), key=lambda v: "=" in v):
        name, equals, number = value.rpartition("=")
        if not number.isdigit() or (equals and name not in learned):
            known = ", ".join(learned) or "none here"
            raise typer.BadParameter(
                f"expected N or NAME=N, NAME being an attack that learns ({known}), got {value!r}",
                param_hint="--attack-steps",
            )
        found |= {name: int(number)} if equals else dict.fromkeys(learned, int(number))
    return found


def _print_reach(reach: Sequence[Reach]) -> None:
    if not reach:
        return
    from quintain.cli.tables import bounds, number, simple_table

    table = simple_table(
        "Reachable: states in which a lie brings the action within 0.1 of the intention's",
        "", "epsilon", "share", "interval", "distance left",
    )  # fmt: skip
    for one in reach:
        cells = number(one.share.estimate, "rate"), bounds(one.share, "rate"), number(one.gap.estimate)
        table.add_row(literal(one.victim), f"{one.epsilon:g}", *cells)
    console().print(table)
    for name, one in {one.victim: one for one in reach}.items():
        if one.intended.n:
            said = f"{name}: played by itself, the intention reaches the attacker's goal in {one.intended.estimate:.0%}"
            console().print(literal(said, "dim"), soft_wrap=True)
    console().print()


def _print_table(table: RobustnessTable) -> None:
    from quintain.cli.tables import bounds, number, simple_table

    for victim in table.victims:
        shown = simple_table(victim, "", "epsilon", "return", "loss against clean", "interval", "success", "attacker's")
        for row in table.leaderboard():
            if row.victim != victim:
                continue
            clean = row.attack == "clean"
            shown.add_row(
                literal(row.attack),
                "-" if clean else f"{row.epsilon:g}",
                number(row.reward.estimate),
                "-" if clean else number(row.loss.estimate),
                "-" if clean else bounds(row.loss),
                number(row.success.estimate, "rate"),
                number(row.attacker_success.estimate, "rate"),
            )
        console().print(shown)
        console().print()
