"""How each reference policy is trained: one recipe per policy."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import gymnasium as gym

from quintain.training.control.settings import PPOSettings

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Training recipe of a reference policy: PPO with normalised observations and rewards, or imitation.

    Attributes:
        env_id: Registered id of the environment.
        env_kwargs: Arguments of the environment.
        steps: Environment steps of training by PPO; gradient steps of training by imitation. Default: 300,000.
        ppo: Hyper-parameters of PPO; unused in imitation. Default: those of Stable-Baselines3.
        eval_freq: Environment steps between evaluations; the checkpoint with the highest success rate, then
            mean return, is kept. Default: 25,000.
        n_eval_episodes: Episodes per evaluation during training. The returned policy is evaluated on five times as
            many. Default: 10.
        published: Mean returns reported elsewhere, by source.
        demonstrator: Name of the reference policy that a Decision Transformer imitates; empty for training by PPO.
        n_demonstrations: Episodes of the demonstrator that are recorded. Default: 200.
    """

    env_id: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    steps: int = 300_000
    ppo: PPOSettings = field(default_factory=PPOSettings)
    eval_freq: int = 25_000
    n_eval_episodes: int = 10
    published: dict[str, float] = field(default_factory=dict)
    demonstrator: str = ""
    n_demonstrations: int = 200

    def make_env(self) -> gym.Env[Any, Any]:
        """Make an environment of this recipe."""
        return gym.make(self.env_id, disable_env_checker=True, **self.env_kwargs)


def _tabletop(task: str, **kwargs: Any) -> Recipe:
    """Return the recipe of a Tabletop task, with PPO hyper-parameters for its episodes of 60 steps."""
    ppo = PPOSettings(n_envs=16, n_steps=120, batch_size=240, learning_rate=1e-3, gamma=0.95)
    return Recipe(f"Tabletop/{task}-v0", kwargs, steps=200_000, ppo=ppo, eval_freq=20_000, n_eval_episodes=20)


_ZOO, _ATLA = "RL Baselines3 Zoo, PPO, 1M steps, v3", "Zhang et al. 2021, PPO, v2"
#: Recipes by name. ``<name>-mirrored`` is trained on the mirror image of the task, with the goal on the left;
#: ``<name>-dt`` is a Decision Transformer that imitates ``<name>``.
RECIPES: dict[str, Recipe] = {
    "hopper": Recipe("Hopper-v5", steps=1_000_000, published={_ZOO: 2410.0, _ATLA: 3167.0}),
    "reacher": Recipe("Reacher-v5", steps=200_000),
    # Hyper-parameters tuned by RL Baselines3 Zoo for HalfCheetah-v3. The defaults reach a third of their mean return.
    "halfcheetah": Recipe(
        "HalfCheetah-v5", steps=200_000, published={_ZOO: 5819.0, _ATLA: 7117.0},
        ppo=PPOSettings(
            n_envs=1, n_steps=512, batch_size=64, n_epochs=20, learning_rate=2.0633e-5, gamma=0.98, gae_lambda=0.92,
            clip_range=0.1, ent_coef=0.000401762, vf_coef=0.58096, max_grad_norm=0.8, net_arch=(256, 256),
            activation_fn="relu", log_std_init=-2.0, ortho_init=False,
        ),
    ),
    "walker2d": Recipe("Walker2d-v5", steps=1_000_000, published={_ZOO: 3479.0, _ATLA: 4472.0}),
    "reach": _tabletop("Reach"),
    "push": _tabletop("Push"),
    "slide-handle": replace(_tabletop("SlideHandle"), steps=100_000),
    "turn-lever": _tabletop("TurnLever"),
    "reach-mirrored": _tabletop("Reach", mirrored=True),
    "push-mirrored": _tabletop("Push", mirrored=True),
    "slide-handle-mirrored": _tabletop("SlideHandle", mirrored=True),
    "turn-lever-mirrored": _tabletop("TurnLever", mirrored=True),
}  # fmt: skip
RECIPES |= {
    f"{name}-dt": Recipe(RECIPES[name].env_id, steps=4000, n_eval_episodes=20, demonstrator=name)
    for name in ("reach", "push", "slide-handle")
}
