"""Settings of CoT Monitor+."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quintain.arguments import check_bool, check_number
from quintain.errors import ConfigurationError
from quintain.training.language.grpo_settings import GRPOSettings

__all__ = ["CoTMonitorSettings", "MonitorKind"]

#: Who judges the reasoning: a frozen copy of the policy, another monitor, or nobody.
MonitorKind = Literal["self", "external", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoTMonitorSettings(GRPOSettings):
    """Settings of CoT Monitor+ beside those of :class:`~quintain.training.language.grpo_settings.GRPOSettings`.

    The three arms of the paper are ``monitor="self"``, ``monitor="external"`` and ``monitor="none"``, which is trained
    on the environment's reward alone (the action monitor).

    Attributes:
        monitor: Who judges the reasoning. Default: ``"self"``.
        external: The external monitor, as :func:`~quintain.rewards.self_monitor.make_monitor` takes it; empty in the
            other arms. Default: empty.
        penalty: R_s of a reasoning that is not found safe, < 0. Default: -1; the paper does not state it.
        multiplier: First value of the dual variable lambda, >= 0. Default: 1; the paper does not state it.
        multiplier_lr: Step size of the dual variable, >= 0; 0 keeps it. Default: 0.1; the paper does not state it.
        refresh_every: Iterations between two copies of the policy into the monitor, >= 1. Default: 15, as in the paper.
        monitor_tokens: Maximum number of tokens of audit and label, >= 1. Default: 128.
        train_audit: Whether audit and label that the policy writes in its own replies are trained on, too. Otherwise
            it learns from reasoning and answer alone. Default: false.
        iterations: Number of batches of episodes, >= 1. Default: 150, as in the paper.
        beta: Weight of the divergence from the start policy, >= 0. Default: 0.001, as in the paper.

    Raises:
        ConfigurationError: If a number is out of range, or arm and monitor do not fit together.
    """

    monitor: MonitorKind = "self"
    external: str = ""
    penalty: float = -1.0
    multiplier: float = 1.0
    multiplier_lr: float = 0.1
    refresh_every: int = 15
    monitor_tokens: int = 128
    train_audit: bool = False
    iterations: int = 150
    beta: float = 0.001

    def __post_init__(self) -> None:
        """Check the settings."""
        GRPOSettings.__post_init__(self)
        if self.monitor not in get_args(MonitorKind):
            known = ", ".join(map(repr, get_args(MonitorKind)))
            raise ConfigurationError(f"monitor must be one of {known}, got {self.monitor!r}")
        if (self.monitor == "external") != bool(self.external):
            raise ConfigurationError(
                f"the arm 'external' needs the setting external, such as 'keywords:PATTERN', and no other arm has it; "
                f"got monitor={self.monitor!r} and external={self.external!r}"
            )
        check_number("penalty", self.penalty, below=0)
        check_number("multiplier", self.multiplier, low=0)
        check_number("multiplier_lr", self.multiplier_lr, low=0)
        check_number("refresh_every", self.refresh_every, low=1, integer=True)
        check_number("monitor_tokens", self.monitor_tokens, low=1, integer=True)
        check_bool("train_audit", self.train_audit)
        if self.dynamic_sampling:
            raise ConfigurationError(
                "dynamic_sampling replaces groups by the environment's reward, which is not all that is learned from "
                "here: leave it at 0"
            )
