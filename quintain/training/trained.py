"""What every trainer returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.agents.agent import Actor, Agent, Seat
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.tabular import Row, Tabular

__all__ = ["NEW", "Trained", "require_new"]

#: Metrics that a headline shows, beside those of an evaluation.
_MAIN = frozenset({"reward", "success", "loss", "mean_token_accuracy"})

#: Describes, in a manifest, a policy that a trainer makes itself.
NEW = {"agent": "new policy"}


def require_new(policy: Any, method: str) -> None:
    """Check that a trainer that makes its policy itself is given none.

    Raises:
        ConfigurationError: If it is given one.
    """
    if policy is not None:
        raise ConfigurationError(
            f"{method} begins with new networks and takes no policy: give None as the first argument"
        )


@dataclass(frozen=True, repr=False)
class Trained(Tabular):
    """A trained policy, which is an agent, with the course of its training.

    Attributes:
        policy: The agent that plays with the trained weights.
        facts: JSON-able facts of the training: method, settings, seed, steps.
        curve: One row of metrics per logged step, in order; each has ``"step"``.
    """

    policy: Agent
    facts: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, Any]] = ()

    def begin(self, seat: Seat) -> Actor:
        """Return the policy's actor for this seat."""
        return self.policy.begin(seat)

    def describe(self) -> dict[str, Any]:
        """Return what the policy and its training are, for a run's manifest."""
        return {"trained": dict(self.facts), "policy": describe_agent(self.policy)}

    def headline(self) -> str:
        """Return the method, the number of steps, and the last metrics."""
        last = self.curve[-1] if self.curve else {}
        main = [name for name in last if name in _MAIN or name.startswith("eval/")]
        shown = ", ".join(f"{name} {last[name]:.3g}" for name in main)
        return f"{self.facts.get('method', 'training')}: {last.get('step', 0)} steps; {shown or 'no metrics'}"

    def to_rows(self) -> list[Row]:
        """Return the curve."""
        return [dict(row) for row in self.curve]
