"""Reference policies: trained once by a recipe, and kept in a cache together with the facts of their training.

Most are trained by PPO; the Decision Transformers imitate recorded episodes of one of those.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from quintain.agents.policies.files import load_policy, save_policy
from quintain.agents.policies.policy import Policy
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.provenance import versions
from quintain.seeding import SeedStream
from quintain.training.control.demonstrations import record_demonstrations
from quintain.training.control.imitation import ImitationSettings, train_decision_transformer
from quintain.training.control.ppo import SEED_NAME, measure_policy, train_ppo
from quintain.training.control.recipes import RECIPES, Recipe
from quintain.training.control.settings import PPOTrainingSettings
from quintain.training.sources import Worlds

__all__ = ["cache_folder", "load_reference", "reference_path", "train_recipe", "train_reference"]

_PACKAGES = ("gymnasium", "mujoco", "stable-baselines3", "torch")


def cache_folder() -> Path:
    """Return the folder of trained policies: ``$QUINTAIN_CACHE/policies``, by default below ``~/.cache/quintain``."""
    root = os.environ.get("QUINTAIN_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "quintain") / "policies"


def reference_path(name: str, seed: int = 0) -> Path:
    """Return the file of a trained policy in the cache, whether or not it exists.

    Args:
        name: Name of a recipe, or of a policy that was derived from one, such as a defended version.
        seed: Root seed of the training. Default: 0.
    """
    return cache_folder() / f"{name}-seed{seed}.npz"


def load_reference(name: str, seed: int = 0) -> tuple[Policy, dict[str, Any]]:
    """Load a reference policy from the cache, with the facts of its training.

    Args:
        name: Name of a recipe.
        seed: Root seed of the training. Default: 0.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigurationError: If it has not been trained.
    """
    _require_recipe(name)
    path = reference_path(name, seed)
    if not path.exists():
        raise ConfigurationError(
            f"policy {name!r} is not trained yet; run: quintain policies train {name} --seed {seed}"
        )
    return load_policy(path)


def train_reference(
    name: str,
    seed: int = 0,
    *,
    steps: int | None = None,
    again: bool = False,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[Policy, dict[str, Any]]:
    """Return a reference policy, from the cache or, if it is not there, trained.

    Args:
        name: Name of a recipe.
        seed: Root seed of the training. Default: 0.
        steps: Training steps. Default: the recipe's.
        again: Train even if the policy is in the cache. Default: false.
        progress: Called after each evaluation with the steps so far and the mean return, which is NaN where it is not
            measured during training.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigurationError: If an imitator's demonstrator is not trained.
    """
    _require_recipe(name)
    path = reference_path(name, seed)
    if path.exists() and not again:
        policy, facts = load_policy(path)
        if steps is None or steps == facts["recipe"]["steps"]:
            return policy, facts
    recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
    began = time.process_time()
    policy, facts = train_recipe(recipe, seed, name=name, progress=progress)
    facts |= {"versions": versions(*_PACKAGES), "cpu_s": time.process_time() - began}
    save_policy(policy, path, facts)
    return load_policy(path)


def train_recipe(
    recipe: Recipe, seed: int = 0, *, name: str = "", progress: Callable[[int, float], None] | None = None
) -> tuple[Policy, dict[str, Any]]:
    """Train a policy as its recipe says: by imitation if it names a demonstrator, otherwise by PPO.

    Args:
        recipe: The recipe.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: the environment's id.
        progress: Called after each evaluation with the steps so far and the mean return, which is NaN where it is not
            measured during training.

    Returns:
        The policy, and facts of its training: ``recipe``, ``seed``, ``curve`` (rows of steps, mean return, and success
        rate or ``None``), and what :func:`~quintain.training.control.ppo.measure_policy` returns.

    Raises:
        ConfigurationError: If the demonstrator is not trained.
    """
    if recipe.demonstrator:
        return _train_imitator(recipe, seed, name=name, progress=progress)

    def report(row: Mapping[str, Any]) -> None:
        if progress is not None:
            progress(row["step"], row["reward"])

    settings = PPOTrainingSettings(
        steps=recipe.steps, eval_freq=recipe.eval_freq, n_eval_episodes=recipe.n_eval_episodes, ppo=recipe.ppo
    )
    source = Worlds(recipe.env_id, recipe.env_kwargs)
    trained = train_ppo(None, source, settings, seed=seed, name=name, progress=False, on_log=report)
    facts = {
        "recipe": asdict(recipe),
        "seed": seed,
        "curve": [(row["step"], row["reward"], row.get("success")) for row in trained.curve],
        "return": trained.facts["return"],
        "success": trained.facts["success"],
    }
    return cast("Policy", trained.policy), facts


def _train_imitator(
    recipe: Recipe, seed: int, *, name: str, progress: Callable[[int, float], None] | None
) -> tuple[Policy, dict[str, Any]]:
    """Record episodes of the demonstrator and train a Decision Transformer on them; return it and facts of both."""
    demonstrator, _ = load_reference(recipe.demonstrator, seed)
    dataset = record_demonstrations(
        recipe.make_env,
        demonstrator,
        f"quintain/{recipe.demonstrator}-seed{seed}-v0",
        episodes=recipe.n_demonstrations,
        seed=SeedStream(seed, SEED_NAME, "demonstrations").seed,
    )

    def report(row: Mapping[str, Any]) -> None:
        if progress is not None:
            progress(row["step"], float("nan"))

    settings = ImitationSettings(gradient_steps=recipe.steps)
    trained = train_decision_transformer(None, dataset, settings, seed=seed, name=name, progress=False, on_log=report)
    policy = cast("Policy", trained.policy)
    tested = measure_policy(recipe.make_env, policy, seed, 5 * recipe.n_eval_episodes)
    curve = [(recipe.steps, tested["return"]["mean"], tested["success"])]
    training = {name: trained.facts[name] for name in ("settings", "seed", "target", "data")}
    return policy, {"recipe": asdict(recipe), **training, **tested, "curve": curve}


def _require_recipe(name: str) -> None:
    if name not in RECIPES:
        raise UnknownNameError("policy", name, RECIPES)
