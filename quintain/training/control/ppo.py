"""Reference victims: trained once, kept in a cache together with their evaluation curve.

Most are trained with Stable-Baselines3; the Decision Transformers imitate recorded trajectories of one of those.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies.files import load_policy, save_policy
from quintain.agents.policies.policy import Policy
from quintain.errors import ConfigurationError, UnknownNameError, require
from quintain.provenance import versions
from quintain.seeding import SeedStream
from quintain.training.control.demonstrations import record_demonstrations
from quintain.training.control.episodes import play_episodes
from quintain.training.control.imitation import ImitationSettings, train_decision_transformer
from quintain.training.control.recipes import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "cache_folder", "load_reference", "train_reference", "train_victim"]


def cache_folder() -> Path:
    """Return where victims are kept: ``$QUINTAIN_CACHE/victims``, by default below ``~/.cache/quintain``."""
    root = os.environ.get("QUINTAIN_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "quintain") / "victims"


def load_reference(name: str, seed: int = 0) -> tuple[Policy, dict[str, Any]]:
    """Read a reference victim from the cache, with the facts of its training.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigurationError: If it has not been trained.
    """
    path = _path(name, seed)
    if not path.exists():
        raise ConfigurationError(f"victim {name!r} is not trained yet; run: quintain victim train {name} --seed {seed}")
    return load_policy(path)


def train_reference(
    name: str,
    seed: int = 0,
    *,
    steps: int | None = None,
    again: bool = False,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[Policy, dict[str, Any]]:
    """Return a reference victim, trained if the cache does not hold it.

    Args:
        name: Name of a recipe.
        seed: Root seed of the training.
        steps: Instead of the recipe's.
        again: Train even if it is cached.
        progress: Called after each evaluation with the steps so far and the mean return; NaN where it is not measured.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigurationError: If an imitator's demonstrator is not trained.
    """
    path = _path(name, seed)
    if path.exists() and not again:
        victim, facts = load_policy(path)
        if steps is None or steps == facts["recipe"]["steps"]:
            return victim, facts
    recipe = RECIPES[name]
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    began = time.process_time()
    train = _train_imitator if recipe.demonstrator else train_victim
    victim, facts = train(recipe, seed, name=name, progress=progress)
    save_policy(victim, path, {**facts, "cpu_s": time.process_time() - began})
    return load_policy(path)


def train_victim(
    recipe: Recipe, seed: int = 0, *, name: str = "", progress: Callable[[int, float], None] | None = None
) -> tuple[Policy, dict[str, Any]]:
    """Train a victim and return its best checkpoint.

    Returns oscillate during training, so the checkpoint with the highest mean success, and among those return, on
    evaluation episodes of their own is kept.

    Args:
        recipe: How.
        seed: Root seed.
        name: What reports call it.
        progress: Called after each evaluation with the steps so far and the mean return.

    Returns:
        The victim, and facts: recipe, seed, versions, ``curve`` (steps, mean return, success rate or ``None``), and the
        clean ``return`` of the checkpoint on other episodes than those that chose it.
    """
    sb3 = require("stable_baselines3", "rl", "training victims")
    wrappers = require("stable_baselines3.common.vec_env", "rl", "training victims")
    torch = require("torch", "rl", "training victims")
    torch.set_num_threads(1)
    seeds = SeedStream(seed, "victim")

    def make() -> gym.Env[Any, Any]:
        return gym.make(recipe.env_id, disable_env_checker=True, **recipe.env_kwargs)

    tuning = recipe.tuning
    venv = wrappers.VecNormalize(wrappers.DummyVecEnv([make] * recipe.envs), gamma=recipe.gamma)
    model = sb3.PPO(
        "MlpPolicy",
        venv,
        learning_rate=recipe.learning_rate,
        n_steps=recipe.rollout,
        batch_size=recipe.batch,
        gamma=recipe.gamma,
        n_epochs=tuning.epochs,
        clip_range=tuning.clip,
        gae_lambda=tuning.trace,
        ent_coef=tuning.entropy,
        vf_coef=tuning.value,
        max_grad_norm=tuning.gradient_norm,
        seed=seeds.child("training").seed % 2**31,
        policy_kwargs={
            "net_arch": list(tuning.hidden),
            "activation_fn": {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[tuning.activation],
            "log_std_init": tuning.log_std,
            "ortho_init": tuning.orthogonal,
        },
        device="cpu",
    )
    chosen = [seeds.child("evaluation")[i] for i in range(recipe.episodes)]
    curve: list[tuple[int, float, float | None]] = []
    best: tuple[tuple[float, float], Policy] | None = None
    try:
        while model.num_timesteps < recipe.steps:
            more = min(recipe.evaluate_every, recipe.steps - model.num_timesteps)
            model.learn(more, reset_num_timesteps=not curve)
            victim = Policy.from_sb3(model, name=name or recipe.env_id)
            played = play_episodes(make, victim, chosen)
            reward = float(np.mean([e.reward for e in played]))
            flags = [e.success for e in played if e.success is not None]
            success = float(np.mean(flags)) if flags else None
            curve.append((model.num_timesteps, reward, success))
            score = (success or 0.0, reward)
            if best is None or score > best[0]:
                best = score, victim
            if progress is not None:
                progress(model.num_timesteps, reward)
    finally:
        venv.close()
    assert best is not None
    return best[1], {"recipe": asdict(recipe), "seed": seed, "curve": curve, **_tested(make, best[1], recipe, seeds)}


def _train_imitator(
    recipe: Recipe, seed: int = 0, *, name: str = "", progress: Callable[[int, float], None] | None = None
) -> tuple[Policy, dict[str, Any]]:
    """Record the demonstrator, train a Decision Transformer on that, and return it; facts as above, and the data's."""
    demonstrator, _ = load_reference(recipe.demonstrator, seed)

    def make() -> gym.Env[Any, Any]:
        return gym.make(recipe.env_id, disable_env_checker=True, **recipe.env_kwargs)

    seeds = SeedStream(seed, "victim")
    dataset = record_demonstrations(
        make,
        demonstrator,
        f"quintain/{recipe.demonstrator}-seed{seed}-v0",
        episodes=recipe.demonstrations,
        seed=seeds.child("demonstrations").seed,
    )

    def tell(updates: int, loss: float) -> None:
        if progress is not None:
            progress(updates, float("nan"))

    victim, told = train_decision_transformer(
        dataset, settings=ImitationSettings(updates=recipe.steps), seed=seed, name=name, progress=tell
    )
    facts = {"recipe": asdict(recipe), **told, **_tested(make, victim, recipe, seeds)}
    return victim, facts | {"curve": [(recipe.steps, facts["return"]["mean"], facts["success"])]}


def _tested(make: Callable[[], gym.Env[Any, Any]], victim: Policy, recipe: Recipe, seeds: SeedStream) -> dict[str, Any]:
    """Return the clean performance on episodes that chose nothing, and the versions it was measured with."""
    fresh = play_episodes(make, victim, [seeds.child("test")[i] for i in range(5 * recipe.episodes)])
    flags = [e.success for e in fresh if e.success is not None]
    return {
        "return": {"mean": float(np.mean([e.reward for e in fresh])), "std": float(np.std([e.reward for e in fresh])),
                   "episodes": len(fresh)},
        "success": float(np.mean(flags)) if flags else None,
        "versions": versions("gymnasium", "mujoco", "stable-baselines3", "torch"),
    }  # fmt: skip


def _path(name: str, seed: int) -> Path:
    if name not in RECIPES:
        raise UnknownNameError("victim", name, RECIPES)
    return cache_folder() / f"{name}-seed{seed}.npz"
