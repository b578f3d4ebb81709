"""Defended versions of the reference policies, kept in the same cache under names of their own."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from quintain.agents.policies import Policy, Space, load_policy, save_policy
from quintain.attacks.adversary import ADVERSARY_PPO, AdversarySettings
from quintain.attacks.defences.registry import DEFENCES
from quintain.attacks.defences.settings import DEFENCE_PPO, DefenceSettings, Defended, Progress
from quintain.attacks.rat import RATSettings
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.provenance import versions
from quintain.training.control.ppo import measure_policy
from quintain.training.control.recipes import RECIPES, Recipe
from quintain.training.control.reference import cache_folder, load_reference, reference_path
from quintain.training.control.settings import PPOSettings

__all__ = ["defence_names", "defended_names", "defended_path", "train_defended"]


def defence_names() -> tuple[str, ...]:
    """Return the names of the defences that train a policy on their own, without an attacker's intention policy."""
    return DEFENCES.names(kind="training", needs_intention_policy=False)


def defended_path(name: str, defence: str, epsilon: float, seed: int = 0) -> Path:
    """Return the file of a defended policy in the cache: ``slide-handle-atla-0.05-seed0.npz`` and the like.

    Raises:
        UnknownNameError: If there is no such recipe or defence.
    """
    if name not in RECIPES:
        raise UnknownNameError("policy", name, RECIPES)
    if defence not in defence_names():
        raise UnknownNameError("defence", defence, defence_names())
    return reference_path(f"{name}-{defence}-{epsilon:g}", seed)


def defended_names(seed: int = 0) -> list[str]:
    """Return the names of the defended policies in the cache."""
    files = cache_folder().glob(f"*-seed{seed}.npz")
    names = (path.name.removesuffix(f"-seed{seed}.npz") for path in files)
    starts = tuple(f"{name}-{defence}-" for name in RECIPES for defence in defence_names())
    return sorted(name for name in names if name.startswith(starts))


def train_defended(
    name: str,
    defence: str,
    *,
    epsilon: float,
    space: Space = "raw",
    seed: int = 0,
    steps: int | None = None,
    again: bool = False,
    progress: Progress | None = None,
) -> tuple[Policy, dict[str, Any]]:
    """Return a defended version of a reference policy, from the cache or, if it is not there, trained from scratch.

    The training follows the recipe, so that the two can be compared. Only recipes that change more of PPO than its
    batches, learning rate and discount are not followed in that: these values belong to other networks than a defended
    agent's. Where the reference policy is in the cache, its statistics of observations are used, so that a budget in
    normalised space means the same for both.

    Args:
        name: Name of a recipe that trains by PPO.
        defence: One of :func:`defence_names`, used with its default weights.
        epsilon: Budget in l_inf, > 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` or ``"normalised"``. Default: ``"raw"``.
        seed: Root seed of all random draws of the training. Default: 0.
        steps: Environment steps. Default: the recipe's.
        again: Whether to train even if the policy is in the cache. Default: false.
        progress: Called after each update of the agent and of the adversary.

    Returns:
        The policy, and facts as those of reference policies, with ``defence``: its name, budget, and the curve of clean
        and attacked evaluations that selected the checkpoint.

    Raises:
        UnknownNameError: If there is no such recipe or defence.
        ConfigurationError: If the recipe does not train by PPO, or the budget is not above 0.
    """
    path = defended_path(name, defence, epsilon, seed)
    recipe = RECIPES[name]
    if not epsilon > 0 or recipe.demonstrator:
        raise ConfigurationError(
            f"defences need a budget > 0 and a policy that learns with PPO, got {epsilon!r}, {name!r}"
        )
    if path.exists() and not again:
        policy, facts = load_policy(path)
        if facts["defence"]["space"] == space and steps in (None, facts["recipe"]["steps"]):
            return policy, facts
    recipe = recipe if steps is None else replace(recipe, steps=steps)
    try:
        normaliser = load_reference(name, seed)[0].normaliser
    except ConfigurationError:
        normaliser = None
    defended = DEFENCES.load(defence)(
        recipe.make_env,
        epsilon=epsilon,
        space=space,
        settings=_settings(recipe),
        normaliser=normaliser,
        seed=seed,
        name=f"{name}-{defence}",
        progress=progress,
        **_adversary_settings(recipe, defence),
    )
    save_policy(defended.policy, path, _facts(defended, recipe, seed, defence, epsilon, space))
    return load_policy(path)


def _is_tuned(recipe: Recipe) -> bool:
    """Whether more of PPO than its batches, learning rate and discount differs from the defaults."""
    return recipe.ppo != _with_batches(PPOSettings(), recipe.ppo)


def _with_batches(settings: PPOSettings, source: PPOSettings) -> PPOSettings:
    return replace(
        settings, n_envs=source.n_envs, n_steps=source.n_steps, batch_size=source.batch_size,
        learning_rate=source.learning_rate, gamma=source.gamma,
    )  # fmt: skip


def _settings(recipe: Recipe) -> DefenceSettings:
    ppo = DEFENCE_PPO if _is_tuned(recipe) else recipe.ppo
    return DefenceSettings(
        steps=recipe.steps, ppo=ppo, eval_freq=recipe.eval_freq, n_eval_episodes=recipe.n_eval_episodes
    )


def _adversary_settings(recipe: Recipe, defence: str) -> dict[str, Any]:
    if defence == "atla" and not _is_tuned(recipe):
        return {"adversary": AdversarySettings(ppo=_with_batches(ADVERSARY_PPO, recipe.ppo))}
    if defence == "rat-atla":
        return {"rat": RATSettings(steps=max(4_000, recipe.steps // 4))}
    return {}


def _facts(defended: Defended, recipe: Recipe, seed: int, defence: str, epsilon: float, space: str) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "seed": seed,
        "curve": [(point.steps, point.clean, point.clean_success) for point in defended.curve],
        **measure_policy(recipe.make_env, defended.policy, seed, 5 * recipe.n_eval_episodes),
        "versions": versions("gymnasium", "stable-baselines3", "torch"),
        "defence": {
            "name": defence,
            "epsilon": epsilon,
            "space": space,
            "chosen": asdict(defended.chosen),
            "curve": [asdict(point) for point in defended.curve],
        },
    }
