"""Settings of ReST-MCTS*."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.training.language.phase_settings import PhaseSettings
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.value_settings import ValueSettings

__all__ = ["ReSTMCTSSettings", "ValueTargets"]

#: What the value model learns of a labelled prefix: its value, or 0 or 1 for whether its last step leads to the answer.
ValueTargets = Literal["value", "reachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReSTMCTSSettings(PhaseSettings):
    """Settings of ReST-MCTS* beside those of :class:`~quintain.training.language.phase_settings.PhaseSettings`.

    The search has the names of :class:`~quintain.agents.search.agent.MCTSStarAgent`.

    Attributes:
        iterations: Rounds of search and training (N), >= 1. Default: 2, as in the paper.
        num_queries: Questions of a round, >= 1, the same in each. Default: 100.
        search_iterations: Iterations of a search (T), >= 1. Default: 20 (the paper has 50 to 100).
        branch: Proposals of an expansion, >= 1. Default: 3.
        roll_forward_steps: Steps of the greedy rollout, >= 0. Default: 2.
        eps: Weight of exploration, >= 0. Default: 0.4.
        inf: Bonus of a child without visits, >= 0. Default: 0.8.
        end_gate: Value from which a leaf counts as solved, in (0, 1]. Default: 0.9.
        step_tokens: Maximum number of tokens of a step, >= 1. Default: 64.
        temperature: Sampling temperature of the steps, > 0. Default: 0.7.
        max_solutions: Maximum number of verified solutions of a question that the policy learns, those of the highest
            value, >= 1. Default: 4.
        min_value: Value below which a verified solution is not learned, in [0, 1]. Default: 0.
        value_targets: ``"value"`` for the paper's values of prefixes, ``"reachable"`` for labels 0 and 1, as those of
            process reward models. Default: ``"value"``.
        value: Training of the value model.
        concurrency: Maximum number of searches at once, >= 1. Default: 64.
        optimizer: Optimiser of the policy, which begins anew in each round. Default: a constant step size of 5e-6.

    Raises:
        ConfigurationError: If a number is out of range, or there are no such targets.
    """

    iterations: int = 2
    num_queries: int = 100
    search_iterations: int = 20
    branch: int = 3
    roll_forward_steps: int = 2
    eps: float = 0.4
    inf: float = 0.8
    end_gate: float = 0.9
    step_tokens: int = 64
    temperature: float = 0.7
    max_solutions: int = 4
    min_value: float = 0.0
    value_targets: ValueTargets = "value"
    value: ValueSettings = field(default_factory=ValueSettings)
    concurrency: int = 64
    optimizer: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(learning_rate=5e-6))

    def __post_init__(self) -> None:
        """Check the settings."""
        PhaseSettings.__post_init__(self)
        for name in ("iterations", "num_queries", "search_iterations", "branch", "step_tokens", "max_solutions"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("roll_forward_steps", self.roll_forward_steps, low=0, integer=True)
        check_number("concurrency", self.concurrency, low=1, integer=True)
        check_number("eps", self.eps, low=0)
        check_number("inf", self.inf, low=0)
        check_number("end_gate", self.end_gate, above=0, high=1)
        check_number("temperature", self.temperature, above=0)
        check_number("min_value", self.min_value, low=0, high=1)
        if self.value_targets not in get_args(ValueTargets):
            known = ", ".join(map(repr, get_args(ValueTargets)))
            raise ConfigurationError(f"value_targets must be one of {known}, got {self.value_targets!r}")

    @property
    def episodes(self) -> int:
        """Searches of a round."""
        return self.num_queries
