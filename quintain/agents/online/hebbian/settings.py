"""Hyper-parameters of Hebbian search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quintain.arguments import check_bool, check_number
from quintain.errors import ConfigurationError

__all__ = ["HebbianSettings", "Order"]

#: Order in which behaviours are attempted.
Order = Literal["cost", "random"]


@dataclass(frozen=True, slots=True)
class HebbianSettings:
    """Hyper-parameters of :class:`~quintain.agents.online.hebbian.agent.HebbianSearchAgent`.

    Lengths are in units of places. All are of the reconstruction (R), none of the paper. Values out of their ranges
    raise ``ConfigurationError``.

    Attributes:
        threshold: Similarity below which no node stands for a place, so that one is allocated, in (0, 1].
        radius: Length up to which nodes are joined by untested edges, > 0.
        optimism: Cost of the length of an untested edge over that of a tested one, > 1, before the first arrival.
        caution: The same after it, when a behaviour is known to be effective, > 1.
        edge_cost: Cost of every untested edge beside its length, > 0: behaviours of fewer edges are simpler.
        tested_edge_cost: The same for tested edges.
        depression: Factor on the conductance of an edge at every failed intention, in (0, 1]; 1 for none (ablation).
        potentiation: Share of the missing conductance that a traversed edge gains, in (0, 1]. At 1 a traversal makes
            up for all failures before it. Conductances begin at 1, so that it acts only on edges that have failed.
        penalty: Added cost of an untested edge through a place of failure, >= 0.
        spread: Standard deviation of the failure field around a place of failure, > 0.
        max_failure: Bound on the strength of a place of failure, >= 1, so that no edge's cost depends on failures of
            others without limit.
        patience: Steps without progress after which an intention has failed, >= 1.
        slack: Steps that an intention may take, over those of its length at full speed, >= 1.
        branches: Nodes inserted after a failed intention, >= 0; 0 for none.
        reach: Radius of the first ring of inserted nodes, > 0; it is halved with every failure at the same place.
        failure_field: Whether failures inform other edges. Default: true.
        order: ``"cost"`` tries the cheapest behaviour first, ``"random"`` a random one (ablation).
        one_hot: Whether codes are replaced by one unit for each place on a grid, which knows no neighbours (ablation).
        audit: Whether the log holds the cost of the cheapest untried behaviour, which
            :func:`~quintain.agents.online.hebbian.attempts.check_no_starvation` needs; it doubles the cost of planning.
    """

    threshold: float = 0.85
    radius: float = 2.0
    optimism: float = 1.3
    caution: float = 3.0
    edge_cost: float = 0.05
    tested_edge_cost: float = 0.02
    depression: float = 0.5
    potentiation: float = 1.0
    penalty: float = 16.0
    spread: float = 0.3
    max_failure: float = 16.0
    patience: int = 6
    slack: float = 1.6
    branches: int = 6
    reach: float = 1.0
    failure_field: bool = True
    order: Order = "cost"
    one_hot: bool = False
    audit: bool = False

    def __post_init__(self) -> None:
        for name, low in (("penalty", 0), ("max_failure", 1), ("slack", 1)):
            check_number(name, getattr(self, name), low=low)
        for name, above in (("radius", 0), ("spread", 0), ("reach", 0), ("edge_cost", 0), ("tested_edge_cost", 0),
                            ("optimism", 1), ("caution", 1)):  # fmt: skip
            check_number(name, getattr(self, name), above=above)
        for name in ("threshold", "depression", "potentiation"):
            check_number(name, getattr(self, name), above=0, high=1)
        check_number("patience", self.patience, low=1, integer=True)
        check_number("branches", self.branches, low=0, integer=True)
        for name in ("failure_field", "one_hot", "audit"):
            check_bool(name, getattr(self, name))
        if self.order not in get_args(Order):
            raise ConfigurationError(f"order must be one of {get_args(Order)}, got {self.order!r}")
