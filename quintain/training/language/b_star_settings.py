"""Settings of self-training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.training.language.phase_settings import Continuation, PhaseSettings
from quintain.training.language.settings import OptimizerSettings

__all__ = ["SELF_TRAINING", "BStarSettings", "Continuation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BStarSettings(PhaseSettings):
    """Settings of B-STaR beside those of :class:`~quintain.training.language.phase_settings.PhaseSettings`.

    Those of the samples have the names of TRL. A phase is an iteration; its 500 steps are the paper's.

    Attributes:
        iterations: Number of iterations, >= 1. Default: 9, as in the paper.
        num_queries: Training queries, >= 1, the same in each iteration. Default: 500; the paper has all of them.
        monitored_queries: Of these the first ones, >= 1, are answered at every temperature before each iteration, where
            there is more than one. Default: 50; the paper has 1,000.
        num_generations: Answers to each query (K), >= 1. Default: 8; the paper has 64.
        temperatures: Sampling temperatures to choose from, each > 0; by default 0.5 to 1.2 in steps of 0.1.
        thresholds: Thresholds of the reward to choose from; by default 0 alone, which keeps right answers. With step
            scores the paper has -1 to 1 in steps of 0.1.
        selection_size: Number of samples to train on, >= 1, which sets the cap per query; ``None`` for two of each
            query. Default: ``None``.
        max_cap: Maximum number of samples that are kept of a query, >= 1. Default: 64.
        target: Number of different right answers that is enough for a query (n*), >= 1. Default: 3, for 8 answers to a
            query; the paper has 8 for 64.
        process_weight: Weight of the smallest step score in the reward. Default: 0.2, as in the paper.
        count_unanswered: Whether queries without a kept sample count 0 in the balance score. Default: true; the
            released code leaves them out, which prefers temperatures that solve few queries where only right answers
            are kept.
        distinct: S of the metrics ``pass@K-S`` and ``reward@K-S``, >= 1. Default: 4.
        continuation: What an iteration goes on with: ``"online"``: weights, optimiser and schedule; ``"weights"``; or
            ``"start"``: the start policy is trained anew. Default: ``"online"``.
        concurrency: Maximum number of episodes at once, >= 1. Default: 256.
        optimizer: Optimiser and schedule. Default: a step size of 5e-6 that decays by a cosine, as in the paper.

    Raises:
        ConfigurationError: If a number is out of range, or a grid is empty.
    """

    iterations: int = 9
    num_queries: int = 500
    monitored_queries: int = 50
    num_generations: int = 8
    temperatures: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
    thresholds: tuple[float, ...] = (0.0,)
    selection_size: int | None = None
    max_cap: int = 64
    target: int = 3
    process_weight: float = 0.2
    count_unanswered: bool = True
    distinct: int = 4
    continuation: Continuation = "online"
    concurrency: int = 256
    optimizer: OptimizerSettings = field(
        default_factory=lambda: OptimizerSettings(learning_rate=5e-6, lr_scheduler_type="cosine")
    )

    def __post_init__(self) -> None:
        """Check the settings."""
        PhaseSettings.__post_init__(self)
        for name in ("iterations", "num_queries", "monitored_queries", "num_generations", "max_cap", "target"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("distinct", "concurrency"):
            check_number(name, getattr(self, name), low=1, integer=True)
        if self.selection_size is not None:
            check_number("selection_size", self.selection_size, low=1, integer=True)
        for name in ("temperatures", "thresholds"):
            if not getattr(self, name):
                raise ConfigurationError(f"{name} is empty, so there is nothing to choose from; give one value or more")
        for temperature in self.temperatures:
            check_number("temperatures", temperature, above=0)
        if self.monitored_queries > self.num_queries:
            raise ConfigurationError(
                f"monitored_queries ({self.monitored_queries}) are among the num_queries ({self.num_queries})"
            )
        if self.continuation not in get_args(Continuation):
            known = ", ".join(map(repr, get_args(Continuation)))
            raise ConfigurationError(f"continuation must be one of {known}, got {self.continuation!r}")

    @property
    def episodes(self) -> int:
        """Episodes of an iteration, without those of the search for a configuration."""
        return self.num_queries * self.num_generations

    @property
    def wanted(self) -> int:
        """Number of samples to train on."""
        return 2 * self.num_queries if self.selection_size is None else self.selection_size


#: What B-STaR's rivals change of its settings; their temperature and threshold are fixed.
SELF_TRAINING: Mapping[str, Mapping[str, Any]] = {
    "b-star": {},
    "online-rft": {"temperatures": (1.0,), "thresholds": (0.0,)},
    "iterative-rft": {"temperatures": (1.0,), "thresholds": (0.0,), "continuation": "weights"},
    "rest-em": {"temperatures": (1.0,), "thresholds": (0.0,), "continuation": "start"},
    "star": {"temperatures": (1.0,), "thresholds": (0.0,), "continuation": "start", "num_generations": 1},
}
