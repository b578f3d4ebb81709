"""Settings of group-relative policy optimisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.training.language.advantages import Baseline, Credit, Scale
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.settings import LoraSettings, OptimizerSettings

__all__ = ["GRPOSettings", "LossType", "PolicyBaseline"]

#: How the losses of tokens are averaged; see TRL.
LossType = Literal["grpo", "dapo", "dr_grpo", "bnpo"]
#: What a return is compared with: other episodes, or what a critic expected.
PolicyBaseline = Literal[Baseline, "critic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPOSettings:
    """Settings of GRPO; names as in TRL where TRL has them.

    Attributes:
        iterations: Number of batches of episodes, >= 1. Default: 100.
        num_prompts: Groups of episodes per iteration, >= 1. Default: 32.
        num_generations: Episodes per group, >= 1; without a ``"group"`` baseline one is enough. Default: 8.
        steps_per_generation: Minibatches, and so optimiser steps, of an iteration, >= 1; divides its episodes.
            Default: 4.
        num_iterations: Passes over the episodes of an iteration, >= 1. Default: 1.
        max_completion_length: Maximum number of tokens of a reply, >= 1, where an engine is trained without an agent;
            an agent has its own. Default: 256.
        temperature: Sampling temperature of the episodes, > 0. Default: 1.
        epsilon: How far the ratio of probabilities may fall below 1 before its gradient vanishes, > 0. Default: 0.2.
        epsilon_high: How far it may rise above 1, > 0; ``None`` for ``epsilon``. Default: ``None``.
        beta: Weight of the divergence from the start policy, >= 0. Default: 0.
        loss_type: How the losses of tokens are averaged: ``"grpo"`` by sequence, ``"dapo"`` over all tokens, or
            ``"dr_grpo"``, divided by ``max_completion_length``; see TRL. Default: ``"grpo"``.
        credit: Advantage of a turn: that of the ``"episode"``, or of the rewards from the ``"turn"`` on.
            Default: ``"episode"``.
        baseline: ``"group"``, ``"leave-one-out"``, ``"batch"``, ``"none"``, or ``"critic"`` for PPO, whose tokens
            have advantages of their own, with ``credit="turn"`` and without a scale of groups. Default: ``"group"``.
        critic: Settings of the critic; ``None`` for its defaults. Default: ``None``.
        scale: Whose standard deviation advantages are divided by: ``"group"``, ``"batch"`` or ``"none"``. With a
            critic, ``"batch"`` also subtracts the mean over the tokens. Default: ``"group"``.
        gamma: Discount factor of later turns, in [0, 1], with ``credit="turn"``. Default: 1.
        dynamic_sampling: Maximum number of further batches that are played to replace groups whose episodes all have
            the same return, >= 0. Default: 0.
        mask_environment: Whether what the environment writes is left out of the loss. Default: true.
        eval_every: Iterations between evaluations, >= 0; 0 for none. Needs an evaluation source. Default: 0.
        eval_episodes: Problems of an evaluation, >= 1. Default: 64.
        pass_k: Sampled answers to each problem of an evaluation, >= 1. Default: 8.
        save_every: Iterations between checkpoints, >= 0; 0 for none. Default: 10.
        concurrency: Maximum number of episodes at once, >= 1. Default: 256.
        report_to: Loggers of transformers, such as ``("tensorboard",)``, which must be installed. Default: none.
        optimizer: Optimiser and schedule; TRL's step size of 1e-6 is for models of billions of parameters.
        lora: Train low-rank adapters instead of all weights; they are merged at the end. Default: all weights.

    Raises:
        ConfigurationError: If a number is out of range, or the minibatches do not divide the episodes.
    """

    iterations: int = 100
    num_prompts: int = 32
    num_generations: int = 8
    steps_per_generation: int = 4
    num_iterations: int = 1
    max_completion_length: int = 256
    temperature: float = 1.0
    epsilon: float = 0.2
    epsilon_high: float | None = None
    beta: float = 0.0
    loss_type: LossType = "grpo"
    credit: Credit = "episode"
    baseline: PolicyBaseline = "group"
    critic: CriticSettings | None = None
    scale: Scale = "group"
    gamma: float = 1.0
    dynamic_sampling: int = 0
    mask_environment: bool = True
    eval_every: int = 0
    eval_episodes: int = 64
    pass_k: int = 8
    save_every: int = 10
    concurrency: int = 256
    report_to: tuple[str, ...] = ()
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    lora: LoraSettings | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("iterations", "num_prompts", "num_generations", "steps_per_generation", "num_iterations"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("max_completion_length", "eval_episodes", "pass_k", "concurrency"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("dynamic_sampling", "eval_every", "save_every"):
            check_number(name, getattr(self, name), low=0, integer=True)
        choices = (("loss_type", LossType), ("credit", Credit), ("baseline", PolicyBaseline), ("scale", Scale))
        for name, choice in choices:
            if getattr(self, name) not in get_args(choice):
                known = ", ".join(map(repr, get_args(choice)))
                raise ConfigurationError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        _check_contained("lora", self.lora, LoraSettings)
        _check_contained("critic", self.critic, CriticSettings)
        if self.epsilon_high is not None:
            check_number("epsilon_high", self.epsilon_high, above=0)
        check_number("temperature", self.temperature, above=0)
        check_number("epsilon", self.epsilon, above=0)
        check_number("beta", self.beta, low=0)
        check_number("gamma", self.gamma, low=0, high=1)
        if self.episodes % self.steps_per_generation:
            raise ConfigurationError(
                f"{self.num_prompts} groups of {self.num_generations} are {self.episodes} episodes, which do not "
                f"divide into {self.steps_per_generation} minibatches; change num_prompts, num_generations or "
                "steps_per_generation"
            )
        if self.num_generations == 1 and self.baseline in ("group", "leave-one-out"):
            raise ConfigurationError(
                "a group of one episode has nothing to be compared with: give num_generations >= 2, or "
                f"baseline='batch' instead of {self.baseline!r}"
            )
        self._check_critic()

    def _check_critic(self) -> None:
        if self.baseline != "critic":
            if self.critic is not None:
                raise ConfigurationError(f"a critic is the baseline: give baseline='critic', not {self.baseline!r}")
        elif self.credit != "turn" or self.scale == "group":
            raise ConfigurationError(
                "a critic judges the tokens of an episode, not the episodes of a group: with baseline='critic' give "
                f"credit='turn' and scale='batch' or 'none', not {self.credit!r} and {self.scale!r}"
            )

    @property
    def episodes(self) -> int:
        """Episodes of an iteration."""
        return self.num_prompts * self.num_generations

    @property
    def optimizer_steps(self) -> int:
        """Optimiser steps of an iteration."""
        return self.steps_per_generation * self.num_iterations


def _check_contained(name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be {kind.__name__}, or a mapping of them, got {value!r}")
