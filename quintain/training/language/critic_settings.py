"""Settings of a critic."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.arguments import check_number

__all__ = ["CriticSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticSettings:
    """A critic, which makes policy optimisation PPO.

    Attributes:
        learning_rate: Step size of the critic's AdamW, > 0. Default: 1e-5, ten times that of the policy, as in the
            PPO of Gandhi et al. 2025; models of under a million parameters learn with 1e-3.
        gae_lambda: Weight of later differences, per token, in [0, 1]: 0 trusts the critic alone, 1 the rewards.
            Default: 1.
        epochs: Passes of the critic over the episodes of an iteration, >= 1. Default: 1.
        batch_size: Token sequences per step of the critic, >= 1. Default: 64.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    learning_rate: float = 1e-5
    gae_lambda: float = 1.0
    epochs: int = 1
    batch_size: int = 64

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("gae_lambda", self.gae_lambda, low=0, high=1)
        check_number("epochs", self.epochs, low=1, integer=True)
        check_number("batch_size", self.batch_size, low=1, integer=True)
