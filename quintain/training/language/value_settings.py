"""Settings of the value model of partial solutions."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.arguments import check_number

__all__ = ["ValueSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSettings:
    """Training of the value model of partial solutions, by the mean squared error.

    Attributes:
        value_steps: Optimiser steps of a round, >= 1. Default: 300.
        value_batch_size: Prefixes per step, >= 1. Default: 16.
        value_learning_rate: AdamW's constant learning rate, > 0. Default: 3e-6, as in the paper for Mistral-7B; models
            of under a million parameters take 1e-3.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    value_steps: int = 300
    value_batch_size: int = 16
    value_learning_rate: float = 3e-6

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("value_steps", self.value_steps, low=1, integer=True)
        check_number("value_batch_size", self.value_batch_size, low=1, integer=True)
        check_number("value_learning_rate", self.value_learning_rate, above=0)
