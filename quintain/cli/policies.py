"""``quintain policies``: train, list and show reference policies for robustness experiments."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from quintain.cli.console import say
from quintain.cli.defended import list_defended, show_defended, train_defended_policy
from quintain.cli.mujoco_warnings import warn_once

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Reference policies for robustness experiments.")

Name = Annotated[str, typer.Argument(help="Name of the policy; `quintain policies list` shows them.")]
Seed = Annotated[int, typer.Option(help="Root seed of the training.", min=0)]


@app.command()
def train(
    name: Name,
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Environment steps instead of the recipe's.", min=1)] = None,
    again: Annotated[bool, typer.Option("--again", help="Train even if the cache holds it.")] = False,
    defence: Annotated[
        str | None, typer.Option(help="Train a defended version: sa, atla, rat-atla, wocar. Needs --epsilon.")
    ] = None,
    epsilon: Annotated[float | None, typer.Option(help="l_inf budget that the defence is trained for.")] = None,
    space: Annotated[str, typer.Option(help="Space of that budget: raw or normalised.")] = "raw",
) -> None:
    """Train a reference policy, keep the best checkpoint in the cache, and show it."""
    from quintain.training.control.reference import train_reference

    warn_once()
    if defence is not None:
        train_defended_policy(name, defence, epsilon, space, seed, steps, again)
        return
    if epsilon is not None:
        raise typer.BadParameter("this is the budget of a defence: give --defence as well", param_hint="--epsilon")

    def tell(done: int, reward: float) -> None:
        say(f"{name}: {done:,} steps" + ("" if math.isnan(reward) else f", mean return {reward:.1f}"))

    train_reference(name, seed, steps=steps, again=again, progress=tell)
    show(name, seed)


@app.command("list")
def list_policies(
    seed: Seed = 0,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table of the trained ones.")] = False,
) -> None:
    """List the reference policies, with returns and success rates of the trained ones."""
    from quintain.training.control.recipes import RECIPES
    from quintain.training.control.reference import cache_folder, load_reference

    trained = {name for name in RECIPES if (cache_folder() / f"{name}-seed{seed}.npz").exists()}
    if markdown:
        typer.echo("| policy | environment | steps | return | success | published | CPU minutes |")
        typer.echo("|---|---|---|---|---|---|---|")
        for name in sorted(trained, key=list(RECIPES).index):
            typer.echo(_row(name, load_reference(name, seed)[1]))
        return
    say(f"cache: {cache_folder()}")
    for name, recipe in RECIPES.items():
        way = f"imitates {recipe.demonstrator}" if recipe.demonstrator else "PPO"
        found, steps = "", recipe.steps
        if name in trained:
            facts = load_reference(name, seed)[1]
            steps = facts["recipe"]["steps"]
            found = f", return {facts['return']['mean']:.1f}"
            found += "" if facts["success"] is None else f", success {facts['success']:.0%}"
        state = "trained" if name in trained else "-"
        say(f"{state:8} {name:22} {recipe.env_id:24} {steps:>9,} steps, {way}{found}")
    list_defended(seed)


def _row(name: str, facts: dict[str, Any]) -> str:
    """Return a trained policy's row of the Markdown table."""
    recipe, clean = facts["recipe"], facts["return"]
    published = "; ".join(f"{value:.0f} ({source})" for source, value in recipe["published"].items())
    cells = (
        name,
        recipe["env_id"] + (", mirrored" if recipe["env_kwargs"].get("mirrored") else ""),
        f"{recipe['steps']:,}",
        f"{clean['mean']:.1f} ± {clean['std']:.1f}",
        "-" if facts["success"] is None else f"{facts['success']:.0%}",
        published or "-",
        f"{facts['cpu_s'] / 60:.1f}" if "cpu_s" in facts else "-",
    )
    return f"| {' | '.join(cells)} |"


@app.command()
def show(name: Name, seed: Seed = 0) -> None:
    """Show a trained policy: clean return, published returns, evaluation curve."""
    from quintain.training.control.recipes import RECIPES
    from quintain.training.control.reference import load_reference

    if name not in RECIPES and show_defended(name, seed):
        return
    policy, facts = load_reference(name, seed)
    clean = facts["return"]
    say(f"{policy.name}: {facts['recipe']['env_id']}, {', '.join(sorted(policy.capabilities))}")
    success = "" if facts["success"] is None else f", success {facts['success']:.0%}"
    say(f"clean return {clean['mean']:.1f} +- {clean['std']:.1f} over {clean['episodes']} episodes{success}")
    if "data" in facts:
        data = facts["data"]
        say(
            f"imitates {data['name']}: {data['episodes']} episodes, return {data['return']['mean']:.1f} +- "
            f"{data['return']['std']:.1f}, best {data['return']['max']:.1f}; target return {facts['target']:.1f}"
        )
    for source, value in facts["recipe"]["published"].items():
        say(f"published: {value:.0f} ({source})")
    for steps, reward, rate in facts["curve"]:
        say(f"{steps:>10,} steps  {reward:10.1f}" + ("" if rate is None else f"  success {rate:.0%}"))
