"""``quintain reward``: design reward functions, and train with them."""

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
    """Design reward functions (Auto MC-Reward)."""


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
