"""``quintain policies``: train, list and show reference policies for robustness experiments."""

from __future__ import annotations

import math
from typing import Annotated, Any, cast

import typer

from quintain.cli.console import say
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
        _train_defended(name, defence, epsilon, space, seed, steps, again)
        return
    if epsilon is not None:
        raise typer.BadParameter("this is the budget of a defence: give --defence as well", param_hint="--epsilon")

    def report(done: int, reward: float) -> None:
        say(f"{name}: {done:,} steps" + ("" if math.isnan(reward) else f", mean return {reward:.1f}"))

    train_reference(name, seed, steps=steps, again=again, progress=report)
    show(name, seed)


@app.command("list")
def list_policies(
    seed: Seed = 0,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table of the trained ones.")] = False,
) -> None:
    """List the reference policies, with returns and success rates of the trained ones."""
    from quintain.training.control.recipes import RECIPES
    from quintain.training.control.reference import cache_folder, load_reference, reference_path

    trained = {name for name in RECIPES if reference_path(name, seed).exists()}
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
    _list_defended(seed)


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

    if name not in RECIPES and _show_defended(name, seed):
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


def _train_defended(
    name: str, defence: str, epsilon: float | None, space: str, seed: int, steps: int | None, again: bool
) -> None:
    """Train a defended policy, keep it in the cache, and show it."""
    from quintain.agents.policies import Space
    from quintain.attacks.defences.reference import defended_path, train_defended

    if epsilon is None:
        raise typer.BadParameter("a defence is trained for a budget, such as 0.05", param_hint="--epsilon")
    path = defended_path(name, defence, epsilon, seed)
    reported: dict[str, int] = {}

    def report(learner: str, steps_done: int) -> None:
        if steps_done // 10_000 > reported.get(learner, 0) // 10_000:
            say(f"{path.stem}: {learner}, {steps_done:,} steps")
        reported[learner] = steps_done

    where = cast("Space", space)
    train_defended(name, defence, epsilon=epsilon, space=where, seed=seed, steps=steps, again=again, progress=report)
    _show_defended(path.stem.removesuffix(f"-seed{seed}"), seed)


def _show_defended(name: str, seed: int) -> bool:
    """Show a defended policy; return whether the cache holds it."""
    from quintain.agents.policies import load_policy
    from quintain.training.control.reference import reference_path

    path = reference_path(name, seed)
    if not path.exists():
        return False
    policy, facts = load_policy(path)
    if "defence" not in facts:
        return False
    defence, clean = facts["defence"], facts["return"]
    say(f"{policy.name}: {facts['recipe']['env_id']}, budget {defence['epsilon']:g} ({defence['space']}, l_inf)")
    success = "" if facts["success"] is None else f", success {facts['success']:.0%}"
    say(f"clean return {clean['mean']:.1f} +- {clean['std']:.1f} over {clean['episodes']} episodes{success}")
    for point in defence["curve"]:
        marks = "  <- kept" if point == defence["chosen"] else ""
        say(f"{point['steps']:>10,} steps  clean {_score(point, 'clean')}  attacked {_score(point, 'attacked')}{marks}")
    say(f"file: {path}")
    return True


def _list_defended(seed: int) -> None:
    """List the defended policies in the cache."""
    from quintain.attacks.defences.reference import defended_names
    from quintain.training.control.reference import reference_path

    for name in defended_names(seed):
        say(f"{'defended':8} {name:22} {reference_path(name, seed)}")


def _score(point: dict[str, Any], which: str) -> str:
    success = point[f"{which}_success"]
    return f"{point[which]:8.1f}" + ("" if success is None else f" ({success:.0%})")
