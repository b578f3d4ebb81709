"""Training a policy with Stable-Baselines3's PPO, and keeping its best checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies.policy import Policy
from quintain.errors import require
from quintain.seeding import SeedStream
from quintain.training.control.episodes import Episode, play_episodes
from quintain.training.control.recipes import Recipe
from quintain.training.control.settings import PPOSettings
from quintain.training.control.threads import one_thread

__all__ = ["SEED_NAME", "make_ppo", "measure_policy", "success_rate", "train_ppo"]

#: First name of the seed streams of reference policies. It is part of every seed, so it has to stay as it is.
SEED_NAME = "policy"


def make_ppo(
    env: Any,
    settings: PPOSettings,
    *,
    seed: int,
    policy: Any = "MlpPolicy",
    learning_rate: float | Callable[[float], float] | None = None,
    algorithm: Any = None,
) -> Any:
    """Make an untrained model of Stable-Baselines3's PPO, on the CPU.

    Args:
        env: A ``VecEnv`` of Stable-Baselines3 with ``settings.n_envs`` environments.
        settings: PPO hyper-parameters, named as in Stable-Baselines3.
        seed: Seed of the model's initial weights and of its random numbers, >= 0; reduced modulo 2**31.
        policy: Policy class of Stable-Baselines3, or its name. Default: ``"MlpPolicy"``.
        learning_rate: Step size of Adam, or a function from the share of the training that is left, in [0, 1], to it.
            Default: ``settings.learning_rate``.
        algorithm: A subclass of ``stable_baselines3.PPO``. Default: that class.

    Returns:
        The model; ``learn`` trains it.

    Raises:
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """
    sb3 = require("stable_baselines3", "rl", "training with PPO")
    torch = require("torch", "rl", "training with PPO")
    return (algorithm or sb3.PPO)(
        policy,
        env,
        learning_rate=settings.learning_rate if learning_rate is None else learning_rate,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.ent_coef,
        vf_coef=settings.vf_coef,
        max_grad_norm=settings.max_grad_norm,
        seed=seed % 2**31,
        policy_kwargs={
            "net_arch": list(settings.net_arch),
            "activation_fn": {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[settings.activation_fn],
            "log_std_init": settings.log_std_init,
            "ortho_init": settings.ortho_init,
        },
        device="cpu",
    )


@one_thread()
def train_ppo(
    recipe: Recipe, seed: int = 0, *, name: str = "", progress: Callable[[int, float], None] | None = None
) -> tuple[Policy, dict[str, Any]]:
    """Train a policy with PPO and return its best checkpoint.

    Returns oscillate during training. So the policy is evaluated every ``recipe.eval_freq`` steps on the same episodes,
    and the checkpoint with the highest success rate is kept; among equal ones, that with the highest mean return.

    Args:
        recipe: Environment, hyper-parameters, number of steps, and how often the policy is evaluated.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: the environment's id.
        progress: Called after each evaluation with the environment steps so far and the mean return.

    Returns:
        The policy, and facts of its training: ``recipe``, ``seed``, ``curve`` (rows of steps, mean return, and success
        rate or ``None``), and what :func:`measure_policy` returns.

    Raises:
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """
    wrappers = require("stable_baselines3.common.vec_env", "rl", "training with PPO")
    seeds = SeedStream(seed, SEED_NAME)
    venv = wrappers.VecNormalize(wrappers.DummyVecEnv([recipe.make_env] * recipe.ppo.n_envs), gamma=recipe.ppo.gamma)
    model = make_ppo(venv, recipe.ppo, seed=seeds.child("training").seed)
    eval_seeds = [seeds.child("evaluation")[i] for i in range(recipe.n_eval_episodes)]
    curve: list[tuple[int, float, float | None]] = []
    best: tuple[tuple[float, float], Policy] | None = None
    try:
        while model.num_timesteps < recipe.steps:
            more = min(recipe.eval_freq, recipe.steps - model.num_timesteps)
            model.learn(more, reset_num_timesteps=not curve)
            policy = Policy.from_sb3(model, name=name or recipe.env_id)
            episodes = play_episodes(recipe.make_env, policy, eval_seeds)
            reward, success = float(np.mean([e.reward for e in episodes])), success_rate(episodes)
            curve.append((model.num_timesteps, reward, success))
            score = (success or 0.0, reward)
            if best is None or score > best[0]:
                best = score, policy
            if progress is not None:
                progress(model.num_timesteps, reward)
    finally:
        venv.close()
    assert best is not None
    facts = {"recipe": asdict(recipe), "seed": seed, "curve": curve}
    return best[1], facts | measure_policy(recipe.make_env, best[1], seed, 5 * recipe.n_eval_episodes)


def measure_policy(
    make_env: Callable[[], gym.Env[Any, Any]], policy: Policy, seed: int, episodes: int
) -> dict[str, Any]:
    """Measure the performance of a trained policy on test episodes, which did not select its checkpoint.

    Args:
        make_env: Function without arguments that returns a new environment.
        policy: The policy to evaluate.
        seed: Root seed of its training.
        episodes: Number of test episodes, >= 1.

    Returns:
        ``return`` (mean, standard deviation and number of episodes) and ``success`` (rate in [0, 1], or ``None`` where
        the environment reports none).
    """
    tests = SeedStream(seed, SEED_NAME, "test")
    played = play_episodes(make_env, policy, [tests[i] for i in range(episodes)])
    rewards = [e.reward for e in played]
    return {
        "return": {"mean": float(np.mean(rewards)), "std": float(np.std(rewards)), "episodes": len(played)},
        "success": success_rate(played),
    }


def success_rate(episodes: list[Episode]) -> float | None:
    """Return the share of successful episodes among those that report success; ``None`` if none does."""
    flags = [e.success for e in episodes if e.success is not None]
    return float(np.mean(flags)) if flags else None
