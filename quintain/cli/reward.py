"""``quintain reward``: design reward functions and train with them; compute and draw rewards of finite environments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quintain.cli.console import say
from quintain.cli.folders import new_folder
from quintain.cli.options import EnvArguments, Out, Resume, pairs
from quintain.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

_Designer = Annotated[
    str,
    typer.Option(
        "--designer", "-d", metavar="NAME",
        help="template (offline, no language model), transcript:FILE, or an engine such as openai:MODEL@URL.",
    ),
]  # fmt: skip
_DesignerArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--designer-arg", metavar="K=VALUE",
        help="Argument of the designer: progress, explore or look_guard of template; options of an engine. Repeatable.",
    ),
]  # fmt: skip
_Settings = Annotated[
    list[str] | None,
    typer.Option("--settings", "-s", metavar="K=VALUE", help="PPO setting, such as n_envs=16. Repeatable."),
]


@app.callback()
def reward() -> None:
    """Design reward functions: as programs (design), or as tables of finite environments (explain)."""


@app.command()
def design(
    env: Annotated[str, typer.Argument(metavar="ENV", help="Environment that declares a reward signature.")],
    designer: _Designer = "template",
    designer_arg: _DesignerArguments = None,
    rounds: Annotated[int, typer.Option(min=1, help="Outer rounds.")] = 2,
    steps: Annotated[int | None, typer.Option(min=1, help="Environment steps of training per round.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Evaluation episodes per round.")] = 128,
    env_arg: EnvArguments = None,
    settings: _Settings = None,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    clips: Annotated[bool, typer.Option(help="Draw clips of evaluation episodes.")] = True,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Design a reward, train with it, analyze failures, and improve it.

    The folder holds reward.py of the best round, for gym.make(..., reward="reward.py"), every round with its policy,
    and report.html.

    Examples:
        quintain reward design Minecraft/ApproachTree-v0
        quintain reward design Minecraft/ExploreDiamond-v0 --rounds 3 --seed 1
        quintain reward design Tabletop/Push-v0 -d openai:MODEL@http://host:port/v1
    """
    from quintain.experiments.kinds import write_run_page
    from quintain.experiments.reward_clips import record_reward_clips
    from quintain.rewards.designer import make_roles
    from quintain.training.reward_plans import plan_for
    from quintain.training.reward_search import SearchSettings, search_reward

    if resume and out is None:
        raise ConfigurationError("--resume needs --out, the folder of the search to continue")
    changes: dict[str, Any] = {} if steps is None else {"steps": steps}
    plan = plan_for(
        env, pairs(env_arg, "--env-arg"), ppo=pairs(settings, "--settings"), eval_episodes=episodes, **changes
    )
    folder = out or new_folder("reward", env)
    roles = make_roles(designer, log=folder / "transcript.jsonl", **pairs(designer_arg, "--designer-arg"))
    try:
        search = SearchSettings(plan=plan, rounds=rounds)
        found = search_reward(search, roles, seed=seed, out=folder, resume=resume)
    finally:
        roles.close()
    for each in found:
        if clips:
            record_reward_clips(plan.env, plan.env_kwargs, each, folder)
        causes = ", ".join(f"{count} by {cause}" for cause, count in each.evidence["causes"].items())
        say(
            f"round {each.number}: success {each.evidence['success']:.1%}, death {each.evidence['deaths']:.1%}"
            f"{f' ({causes})' if causes else ''}, {len(each.rejected)} drafts stopped by the critic"
        )
    if len(found) < rounds and found[-1].evidence["success"] < search.target:
        say(f"ended after round {found[-1].number}: the designer kept its function, whose training is known")
    say(f"reward: {Path(folder) / 'reward.py'} ({roles.label})")
    say(f"page:   {write_run_page(folder)}")


@app.command()
def explain(
    env: Annotated[str, typer.Argument(metavar="ENV", help="Finite environment: with P, or Tabular/Room-v0.")],
    shaping: Annotated[
        str, typer.Option("--shaping", metavar="NAME", help="Design of `quintain list shapings`.")
    ] = "exprd",
    stored: Annotated[
        Path | None, typer.Option("--reward", metavar="FILE", help="Draw this stored reward; design none.")
    ] = None,
    env_arg: EnvArguments = None,
    gamma: Annotated[
        float | None, typer.Option(help="Discount in [0, 1); default: the environment's, or 0.99.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--settings", "-s", metavar="K=VALUE", help="Setting of the design, such as budget=3. Repeatable."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw it as a PNG or SVG, too.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write the reward as an .npz file.")
    ] = None,
) -> None:
    """Design a reward for a finite environment, check it, and draw it on the grid.

    A reward of a finite MDP is computed, not learned: it keeps what is optimal, and tells a learner more. The
    certificate is checked by value iteration.

    Examples:
        quintain reward explain Tabular/Room-v0
        quintain reward explain FrozenLake-v1 -s budget=3 --picture reward.png
        quintain reward explain Tabular/LineKey-v0 --shaping pbrs --save reward.npz
    """
    from quintain.envs.making import make_env
    from quintain.mdp import mdp_of
    from quintain.registry import load_attribute
    from quintain.rewards.shaping import SHAPINGS, Problem, RewardTable, certify, draw_reward, reward_text
    from quintain.training.settings_text import settings_from

    made = make_env(env, pairs(env_arg, "--env-arg"))
    mdp = mdp_of(made, gamma=gamma)
    values = pairs(settings, "--settings")
    if stored is not None:
        if values:
            raise ConfigurationError("--settings are for a design; a stored reward has been designed")
        table = RewardTable.load(stored)
        if table.rewards.shape != mdp.shape:
            raise ConfigurationError(f"{str(stored)!r} is of the shape {table.rewards.shape}, and {env} of {mdp.shape}")
        certificate = certify(Problem.of(mdp), table.rewards)
    else:
        facts = SHAPINGS.facts(shaping)
        if values and not facts.settings:
            raise ConfigurationError(f"{shaping} has no settings")
        given = [settings_from(load_attribute(facts.settings), values)] if facts.settings else []
        table = SHAPINGS.load(shaping)(mdp, *given)
        certificate = table.certificate
    typer.echo(reward_text(mdp, table.rewards) + "\n")
    for name, value in certificate.rows():
        typer.echo(f"{name:22} {value}")
    if save is not None:
        table.save(save)
        say(f"reward: {save}")
    if picture is not None:
        draw_reward(mdp, table.rewards, picture, title=f"{env}: {table.method}")
        say(f"picture: {picture}")
