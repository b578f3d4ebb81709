"""Defended versions of the reference victims, kept in the same cache under names of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np

from quintain.agents.policies import Policy, Space, load_policy, save_policy
from quintain.attacks.adversary import ADVERSARY_PPO, AdversarySettings
from quintain.attacks.defences.atla import train_atla
from quintain.attacks.defences.rat_atla import train_rat_atla
from quintain.attacks.defences.sa_ppo import train_sa_ppo
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.attacks.defences.wocar import train_wocar
from quintain.attacks.rat import RATSettings
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.provenance import versions
from quintain.seeding import SeedStream
from quintain.training.control import play_episodes
from quintain.training.control.recipes import RECIPES, Recipe
from quintain.training.control.reference import cache_folder, load_reference, reference_path
from quintain.training.control.settings import PPOSettings

__all__ = ["Defence", "defended_names", "defended_path", "train_defended"]

#: Defences that are trained; smoothing needs no training.
Defence = Literal["sa", "atla", "rat-atla", "wocar"]


def defended_path(name: str, defence: str, epsilon: float, seed: int = 0) -> Path:
    """Return where a defended victim is kept: ``slide-handle-atla-0.05-seed0.npz`` and the like.

    Raises:
        UnknownNameError: If there is no such recipe or defence.
    """
    if name not in RECIPES:
        raise UnknownNameError("policy", name, RECIPES)
    if defence not in get_args(Defence):
        raise UnknownNameError("defence", defence, get_args(Defence))
    return reference_path(f"{name}-{defence}-{epsilon:g}", seed)


def defended_names(seed: int = 0) -> list[str]:
    """Return the names of the defended victims in the cache."""
    files = cache_folder().glob(f"*-seed{seed}.npz")
    names = (path.name.removesuffix(f"-seed{seed}.npz") for path in files)
    starts = tuple(f"{name}-{defence}-" for name in RECIPES for defence in get_args(Defence))
    return sorted(name for name in names if name.startswith(starts))


def train_defended(
    name: str,
    defence: Defence,
    *,
    epsilon: float,
    space: Space = "raw",
    seed: int = 0,
    steps: int | None = None,
    again: bool = False,
    progress: Progress | None = None,
) -> tuple[Policy, dict[str, Any]]:
    """Return a defended version of a reference victim, trained from scratch if the cache does not hold it.

    Everything is as in the recipe, so that the two can be compared, but a tuned PPO is not taken over, as it is for
    other networks than a defended agent has, which then learns with the defaults. Where the reference victim itself is
    in the cache, its statistics of observations are used, so that a budget in normalised space means the same for both.

    Args:
        name: Name of a recipe that learns with PPO.
        defence: Which defence, with its default weights.
        epsilon: Budget > 0 in l_inf.
        space: Where it is measured.
        seed: Root seed.
        steps: Environment steps instead of the recipe's.
        again: Train even if it is cached.
        progress: Hears of every iteration.

    Returns:
        The victim, and facts as those of reference victims, and ``defence``: its name, budget, and the curve of clean
        and attacked evaluations that chose the checkpoint.

    Raises:
        UnknownNameError: If there is no such recipe or defence.
        ConfigurationError: If the recipe does not learn with PPO, or the budget is not above 0.
    """
    path = defended_path(name, defence, epsilon, seed)
    recipe = RECIPES[name]
    if not epsilon > 0 or recipe.demonstrator:
        raise ConfigurationError(
            f"defences need a budget > 0 and a victim that learns with PPO, got {epsilon!r}, {name!r}"
        )
    if path.exists() and not again:
        victim, facts = load_policy(path)
        if facts["defence"]["space"] == space and steps in (None, facts["recipe"]["steps"]):
            return victim, facts
    recipe = recipe if steps is None else replace(recipe, steps=steps)
    make = partial(gym.make, recipe.env_id, disable_env_checker=True, **recipe.env_kwargs)
    try:
        normaliser = load_reference(name, seed)[0].normaliser
    except ConfigurationError:
        normaliser = None
    made = _trainer(recipe, defence)(
        make,
        epsilon=epsilon,
        space=space,
        settings=_settings(recipe),
        normaliser=normaliser,
        seed=seed,
        name=f"{name}-{defence}",
        progress=progress,
    )
    save_policy(made.victim, path, _facts(make, made, recipe, seed, defence, epsilon, space))
    return load_policy(path)


def _is_tuned(recipe: Recipe) -> bool:
    """Whether more of PPO than its batches, learning rate and discount differs from the defaults."""
    ppo = recipe.ppo
    plain = PPOSettings(
        n_envs=ppo.n_envs, n_steps=ppo.n_steps, batch_size=ppo.batch_size, learning_rate=ppo.learning_rate,
        gamma=ppo.gamma,
    )  # fmt: skip
    return ppo != plain


def _batches(recipe: Recipe) -> dict[str, Any]:
    ppo = recipe.ppo
    return {"envs": ppo.n_envs, "rollout": ppo.n_steps, "batch": ppo.batch_size, "learning_rate": ppo.learning_rate,
            "gamma": ppo.gamma}  # fmt: skip


def _adversary_ppo(recipe: Recipe) -> PPOSettings:
    ppo = recipe.ppo
    return replace(
        ADVERSARY_PPO, n_envs=ppo.n_envs, n_steps=ppo.n_steps, batch_size=ppo.batch_size,
        learning_rate=ppo.learning_rate, gamma=ppo.gamma,
    )  # fmt: skip


def _settings(recipe: Recipe) -> DefenceSettings:
    return DefenceSettings(
        steps=recipe.steps, evaluate_every=recipe.eval_freq, episodes=recipe.n_eval_episodes,
        **({} if _is_tuned(recipe) else _batches(recipe)),
    )  # fmt: skip


def _trainer(recipe: Recipe, defence: Defence) -> Callable[..., Defended]:
    if defence == "atla" and not _is_tuned(recipe):
        return partial(train_atla, adversary=AdversarySettings(ppo=_adversary_ppo(recipe)))
    if defence == "atla":
        return train_atla
    if defence == "rat-atla":
        return partial(train_rat_atla, rat=RATSettings(steps=max(4_000, recipe.steps // 4)))
    return train_sa_ppo if defence == "sa" else train_wocar


def _facts(
    make: Callable[[], gym.Env[Any, Any]],
    made: Defended,
    recipe: Recipe,
    seed: int,
    defence: str,
    epsilon: float,
    space: str,
) -> dict[str, Any]:
    tests = SeedStream(seed, "victim", "test")  # the episodes on which reference victims are tested
    fresh = play_episodes(make, made.victim, [tests[i] for i in range(5 * recipe.n_eval_episodes)])
    rewards = [e.reward for e in fresh]
    flags = [e.success for e in fresh if e.success is not None]
    return {
        "recipe": asdict(recipe),
        "seed": seed,
        "curve": [(point.steps, point.clean, point.clean_success) for point in made.curve],
        "return": {"mean": float(np.mean(rewards)), "std": float(np.std(rewards)), "episodes": len(fresh)},
        "success": float(np.mean(flags)) if flags else None,
        "versions": versions("gymnasium", "stable-baselines3", "torch"),
        "defence": {
            "name": defence,
            "epsilon": epsilon,
            "space": space,
            "chosen": asdict(made.chosen),
            "curve": [asdict(point) for point in made.curve],
        },
    }
