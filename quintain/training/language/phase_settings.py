"""Settings that trainers share which fit a model phase by phase, on data that it made itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from quintain.arguments import check_number
from quintain.training.language.settings import LoraSettings, OptimizerSettings

__all__ = ["Continuation", "PhaseSettings"]

#: What a phase goes on with: weights, optimiser and schedule; the weights alone; or the start policy.
Continuation = Literal["online", "weights", "start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSettings:
    """Optimiser steps, evaluations and the optimiser of a training in phases.

    Attributes:
        steps: Optimiser steps of a phase, >= 1. Default: 500.
        batch_size: Token sequences per optimiser step, >= 1. Default: 16.
        max_completion_length: Maximum number of tokens of a reply, >= 1, where an engine is trained without an agent.
            Default: 256.
        eval_every: Phases between evaluations, >= 0; 0 for none. Needs an evaluation source. Default: 0.
        eval_episodes: Problems of an evaluation, >= 1. Default: 64.
        pass_k: Sampled answers to each problem of an evaluation, >= 1. Default: 8.
        report_to: Loggers of transformers, such as ``("tensorboard",)``, which must be installed. Default: none.
        optimizer: Optimiser and schedule. Default: a constant step size of 2e-5.
        lora: Train low-rank adapters instead of all weights; they are merged at the end. Default: all weights.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    steps: int = 500
    batch_size: int = 16
    max_completion_length: int = 256
    eval_every: int = 0
    eval_episodes: int = 64
    pass_k: int = 8
    report_to: tuple[str, ...] = ()
    optimizer: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(learning_rate=2e-5))
    lora: LoraSettings | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("steps", "batch_size", "max_completion_length", "eval_episodes", "pass_k"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("eval_every", self.eval_every, low=0, integer=True)
