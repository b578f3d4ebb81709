"""Hyper-parameters that several trainers share, under the names of Stable-Baselines3 and torch.

Settings of a method contain these; they do not repeat their fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from quintain.arguments import check_number
from quintain.errors import ConfigurationError

__all__ = ["AdamSettings", "PPOSettings", "PPOTrainingSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOSettings:
    """Hyper-parameters of PPO (Schulman et al. 2017), with the names and defaults of Stable-Baselines3.

    The one difference: the default rollout of 2048 transitions is gathered in 4 environments instead of one.

    Attributes:
        n_envs: Environments stepped together, >= 1. Default: 4.
        n_steps: Steps per environment and rollout, >= 1; a rollout has ``n_envs * n_steps`` transitions. Default: 512.
        batch_size: Transitions per gradient step, >= 1; divides the rollout. Default: 64.
        n_epochs: Passes over each rollout, >= 1. Default: 10.
        learning_rate: Step size of Adam, > 0. Default: 3e-4.
        gamma: Discount factor, in [0, 1]. Default: 0.99.
        gae_lambda: Lambda of the generalised advantage estimate, in [0, 1]. Default: 0.95.
        clip_range: Bound on how far the probability ratio may move from 1 before its gradient vanishes, > 0.
            Default: 0.2.
        ent_coef: Weight of the entropy bonus in the loss, >= 0. Default: 0.
        vf_coef: Weight of the value loss, >= 0. Default: 0.5.
        max_grad_norm: L2 norm to which gradients are clipped, > 0. Default: 0.5.
        net_arch: Widths of the hidden layers, of the policy and of the value network each. Default: (64, 64).
        activation_fn: Activation after each hidden layer. Default: ``"tanh"``.
        log_std_init: Logarithm of the initial standard deviation of the action distribution. Default: 0.
        ortho_init: Whether weights start orthogonal; otherwise with torch's uniform initialisation. Default: true.

    Raises:
        ConfigurationError: If a count is below 1.
    """

    n_envs: int = 4
    n_steps: int = 512
    batch_size: int = 64
    n_epochs: int = 10
    learning_rate: float = 3e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    net_arch: tuple[int, ...] = (64, 64)
    activation_fn: Literal["tanh", "relu"] = "tanh"
    log_std_init: float = 0.0
    ortho_init: bool = True

    def __post_init__(self) -> None:
        if min(self.n_envs, self.n_steps, self.batch_size, self.n_epochs) < 1:
            raise ConfigurationError(f"n_envs, n_steps, batch_size and n_epochs must be >= 1, got {self}")

    @property
    def rollout_size(self) -> int:
        """Transitions per rollout: ``n_envs * n_steps``."""
        return self.n_envs * self.n_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOTrainingSettings:
    """Settings of a training with PPO.

    Attributes:
        steps: Environment steps, >= 1; the last rollout is completed. Default: 300,000.
        eval_freq: Environment steps between evaluations, >= 1. Default: 25,000.
        n_eval_episodes: Episodes per evaluation, >= 1; the returned policy is tested on five times as many.
            Default: 10.
        ppo: Hyper-parameters of PPO. Default: those of Stable-Baselines3.

    Raises:
        ConfigurationError: If a count is below 1.
    """

    steps: int = 300_000
    eval_freq: int = 25_000
    n_eval_episodes: int = 10
    ppo: PPOSettings = field(default_factory=PPOSettings)

    def __post_init__(self) -> None:
        for name in ("steps", "eval_freq", "n_eval_episodes"):
            check_number(name, getattr(self, name), low=1, integer=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamSettings:
    """Hyper-parameters of Adam on minibatches (Kingma & Ba 2015), of AdamW where ``weight_decay`` is not 0.

    Attributes:
        learning_rate: Step size, > 0. Default: 1e-3, as in torch.
        batch_size: Examples per gradient step, >= 1. Default: 256.
        weight_decay: Decoupled weight decay per unit of the learning rate (Loshchilov & Hutter 2019), >= 0. Default: 0.
    """

    learning_rate: float = 1e-3
    batch_size: int = 256
    weight_decay: float = 0.0
