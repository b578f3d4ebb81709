"""Defended reference policies, for ``quintain policies``."""

from __future__ import annotations

from typing import Any, cast

import typer

from quintain.cli.console import say

__all__ = ["list_defended", "show_defended", "train_defended_policy"]


def train_defended_policy(
    name: str, defence: str, epsilon: float | None, space: str, seed: int, steps: int | None, again: bool
) -> None:
    """Train a defended policy, keep it in the cache, and show it."""
    from quintain.agents.policies import Space
    from quintain.attacks.defences.reference import Defence, defended_path, train_defended

    if epsilon is None:
        raise typer.BadParameter("a defence is trained for a budget, such as 0.05", param_hint="--epsilon")
    path = defended_path(name, defence, epsilon, seed)
    reported: dict[str, int] = {}

    def report(learner: str, steps_done: int) -> None:
        if steps_done // 10_000 > reported.get(learner, 0) // 10_000:
            say(f"{path.stem}: {learner}, {steps_done:,} steps")
        reported[learner] = steps_done

    chosen, where = cast("Defence", defence), cast("Space", space)
    train_defended(name, chosen, epsilon=epsilon, space=where, seed=seed, steps=steps, again=again, progress=report)
    show_defended(path.stem.removesuffix(f"-seed{seed}"), seed)


def show_defended(name: str, seed: int) -> bool:
    """Show a defended policy; return whether the cache holds it."""
    from quintain.agents.policies import load_policy
    from quintain.training.control.reference import cache_folder

    path = cache_folder() / f"{name}-seed{seed}.npz"
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


def list_defended(seed: int) -> None:
    """List the defended policies in the cache."""
    from quintain.attacks.defences.reference import defended_names
    from quintain.training.control.reference import cache_folder

    for name in defended_names(seed):
        say(f"{'defended':8} {name:22} {cache_folder() / f'{name}-seed{seed}.npz'}")


def _score(point: dict[str, Any], which: str) -> str:
    success = point[f"{which}_success"]
    return f"{point[which]:8.1f}" + ("" if success is None else f" ({success:.0%})")
