"""What ``quintain victim`` does with defended versions of the reference victims."""

from __future__ import annotations

from typing import Any, cast

import typer

from quintain.cli.console import say

__all__ = ["list_defended", "show_defended", "train_defended_victim"]


def train_defended_victim(
    name: str, defence: str, epsilon: float | None, space: str, seed: int, steps: int | None, again: bool
) -> None:
    """Train one, keep it in the cache, and show it."""
    from quintain.agents.policies import Space
    from quintain.attacks.defences.reference import Defence, defended_path, train_defended

    if epsilon is None:
        raise typer.BadParameter("a defence needs the budget that it is for, such as 0.05", param_hint="--epsilon")
    path = defended_path(name, defence, epsilon, seed)
    heard: dict[str, int] = {}

    def tell(who: str, so_far: int) -> None:
        if so_far // 10_000 > heard.get(who, 0) // 10_000:
            say(f"{path.stem}: {who}, {so_far:,} steps")
        heard[who] = so_far

    chosen, where = cast("Defence", defence), cast("Space", space)
    train_defended(name, chosen, epsilon=epsilon, space=where, seed=seed, steps=steps, again=again, progress=tell)
    show_defended(path.stem.removesuffix(f"-seed{seed}"), seed)


def show_defended(name: str, seed: int) -> bool:
    """Show one, and say whether there is such a victim in the cache."""
    from quintain.agents.policies import load_policy
    from quintain.training.control.reference import cache_folder

    path = cache_folder() / f"{name}-seed{seed}.npz"
    if not path.exists():
        return False
    victim, facts = load_policy(path)
    if "defence" not in facts:
        return False
    defence, clean = facts["defence"], facts["return"]
    say(f"{victim.name}: {facts['recipe']['env_id']}, budget {defence['epsilon']:g} ({defence['space']}, l_inf)")
    success = "" if facts["success"] is None else f", success {facts['success']:.0%}"
    say(f"clean return {clean['mean']:.1f} +- {clean['std']:.1f} over {clean['episodes']} episodes{success}")
    for point in defence["curve"]:
        marks = "  <- kept" if point == defence["chosen"] else ""
        say(f"{point['steps']:>10,} steps  clean {_score(point, 'clean')}  attacked {_score(point, 'attacked')}{marks}")
    say(f"file: {path}")
    return True


def list_defended(seed: int) -> None:
    """List those in the cache."""
    from quintain.attacks.defences.reference import defended_names
    from quintain.training.control.reference import cache_folder

    for name in defended_names(seed):
        say(f"{'defended':8} {name:22} {cache_folder() / f'{name}-seed{seed}.npz'}")


def _score(point: dict[str, Any], which: str) -> str:
    success = point[f"{which}_success"]
    return f"{point[which]:8.1f}" + ("" if success is None else f" ({success:.0%})")
