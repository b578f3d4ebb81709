"""Plans of training for environments whose reward is designed: observations, controls and PPO settings that learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium as gym

from quintain.envs.making import unknown_environment
from quintain.training.control.settings import PPOSettings
from quintain.training.control.train_rewarded import TrainingPlan
from quintain.training.settings_text import settings_from

__all__ = ["PLANS", "plan_for"]

_VOXEL = {
    "observation": "flat", "rays": "default", "voxel_size": None, "controls": "simple", "max_episode_steps": 62,
}  # fmt: skip
_DIG = {**_VOXEL, "max_episode_steps": 125}
#: Plans by the beginning of the id, the longest first.
PLANS: dict[str, TrainingPlan] = {
    "Minecraft/ExploreDiamond": TrainingPlan(env="", env_kwargs=_DIG, steps=100_000),
    "Minecraft/": TrainingPlan(env="", env_kwargs=_VOXEL, steps=40_960),
    "Tabletop/": TrainingPlan(
        env="", steps=100_000, norm_obs=True, eval_episodes=64,
        ppo=PPOSettings(n_envs=16, n_steps=120, batch_size=240, learning_rate=1e-3, gamma=0.95),
    ),
    "": TrainingPlan(env="", norm_obs=True, ppo=PPOSettings(n_envs=16, n_steps=128, batch_size=256)),
}  # fmt: skip


def plan_for(
    env: str, env_kwargs: Mapping[str, Any] | None = None, *, ppo: Mapping[str, Any] | None = None, **changes: Any
) -> TrainingPlan:
    """Return the plan for an environment.

    Args:
        env: Registered id.
        env_kwargs: Arguments of the environment, beside those of the plan.
        ppo: PPO settings by name, instead of those of the plan.
        changes: Other fields of the plan.

    Raises:
        UnknownNameError: If no such environment is registered, or there is no such setting.
    """
    if env not in gym.registry:
        raise unknown_environment(env, gym.registry)
    plan = next(plan for start, plan in PLANS.items() if env.startswith(start))
    settings = plan.ppo
    if ppo:
        changed = settings_from(PPOSettings, ppo)
        settings = replace(plan.ppo, **{name: getattr(changed, name) for name in ppo})
    kwargs = {**plan.env_kwargs, **(env_kwargs or {})}
    return replace(plan, env=env, env_kwargs=kwargs, ppo=settings, **changes)
