"""Hyper-parameters that the trainers of language models share, under the names of transformers, TRL and peft."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.arguments import check_number

__all__ = ["LoraSettings", "OptimizerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSettings:
    """AdamW and its schedule.

    Attributes:
        learning_rate: Step size, > 0. Default: 1e-6, for models of billions of parameters; models of under a million
            learn with 2e-4 to 3e-4 in reinforcement learning and 2e-3 in supervised training.
        lr_scheduler_type: How the step size changes: ``"constant"``, ``"linear"`` (to 0), ``"cosine"`` (to 0), or
            another schedule of transformers. Default: ``"constant"``.
        warmup_steps: Number of first steps over which it rises from 0, >= 0. Default: 0.
        weight_decay: Decay of the weights per step, in units of the step size, >= 0. Default: 0.
        adam_beta1: Decay of the mean gradient, in [0, 1). Default: 0.9.
        adam_beta2: Decay of the mean squared gradient, in [0, 1). Default: 0.999.
        max_grad_norm: L2 norm to which gradients are clipped, > 0. Default: 1.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    learning_rate: float = 1e-6
    lr_scheduler_type: str = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("warmup_steps", self.warmup_steps, low=0, integer=True)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("max_grad_norm", self.max_grad_norm, above=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), with the names of peft.

    Attributes:
        r: Rank of the adapters, >= 1. Default: 16.
        lora_alpha: The adapters' output is scaled by ``lora_alpha / r``, > 0. Default: 32.
        target_modules: Names of the layers that get adapters; ``"all-linear"`` for all but the output layer.
            Default: ``"all-linear"``.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    r: int = 16
    lora_alpha: int = 32
    target_modules: str | tuple[str, ...] = "all-linear"

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("r", self.r, low=1, integer=True)
        check_number("lora_alpha", self.lora_alpha, above=0)
