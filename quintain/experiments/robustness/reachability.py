"""Before choosing epsilon: in how many states could a lie make the victim do what the attacker wants?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Policy, Space
from quintain.attacks import apply_attack
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.controls import NullPerturbation
from quintain.attacks.perturbation import Report, Rows
from quintain.attacks.target import Target
from quintain.evaluation.statistics import Interval, rate
from quintain.experiments.robustness.clusters import clustered_mean, clustered_rate
from quintain.seeding import SeedStream
from quintain.training.control import play_episodes

__all__ = ["TOLERANCE", "Reach", "reachability", "visited_states"]

#: An action this near to the intention's counts as the same, in units of half the action range.
TOLERANCE = 0.1
#: Radii of the search, as shares of the budget.
_SCALES = (1.0, 0.5, 0.25, 0.125)
_STATES_PER_EPISODE = 60


@dataclass(frozen=True, slots=True)
class Reach:
    """What gradient search finds within one budget.

    Attributes:
        victim: Name of the victim.
        epsilon: The budget.
        share: Share of visited states in which it brings the victim's action within :data:`TOLERANCE` of the
            intention's.
        gap: Mean distance that remains between the two actions.
        intended: The attacker's success when the intention policy itself plays: whether it wants what it should. No
            data where the environment does not say.
    """

    victim: str
    epsilon: float
    share: Interval
    gap: Interval
    intended: Interval = field(default_factory=lambda: rate(0, 0))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave."""
        share, gap, intended = (Interval(**_with_nan(data[name])) for name in ("share", "gap", "intended"))
        return cls(data["victim"], data["epsilon"], share, gap, intended)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "victim": self.victim,
            "epsilon": self.epsilon,
            "share": self.share.to_dict(),
            "gap": self.gap.to_dict(),
            "intended": self.intended.to_dict(),
        }


def visited_states(
    make: Callable[[], gym.Env[Any, Any]], victim: Policy, seeds: Sequence[int]
) -> list[NDArray[np.float64]]:
    """Play without an attack and return the states of each episode, at most 60 of them, evenly spread."""
    rows: list[list[NDArray[np.float64]]] = []

    def watch(env: Any) -> Any:
        rows.extend([] for _ in range(env.num_envs))
        return apply_attack(env, _Watch(rows[-env.num_envs :]))

    episodes = play_episodes(make, victim, seeds, wrap=watch)
    visited = []
    for states, episode in zip(rows, episodes, strict=True):
        kept = np.linspace(0, episode.length - 1, min(_STATES_PER_EPISODE, episode.length)).astype(int)
        visited.append(np.stack([states[i] for i in kept]))
    return visited


def reachability(
    victim: Policy,
    intention: Policy,
    states: Sequence[NDArray[np.float64]],
    epsilons: Sequence[float],
    *,
    norm: Norm = "linf",
    space: Space = "raw",
    confidence: float = 0.95,
) -> list[Reach]:
    """Search the balls around each state for a lie under which the victim does what the intention policy would do.

    The search is projected gradient descent, 30 steps in the ball and in balls of a half, a quarter and an eighth of
    its radius, whose finer steps settle better. What a smaller budget reaches, a larger one does. A share is a lower
    bound on what some perturbation can do in one step; over whole episodes an attack also profits from where it has
    led the victim.

    Args:
        victim: The victim; needs gradients and continuous actions.
        intention: Who shows the behaviour.
        states: States of each episode, as the environment gives them: shapes ``(n_i, d)``.
        epsilons: Budgets, >= 0.
        norm: Norm of the budgets.
        space: Where budgets are measured.
        confidence: Nominal coverage of the intervals, which are bootstraps over episodes.

    Returns:
        One entry per budget, the least first.

    Raises:
        CapabilityError: If the victim lacks what gradient search needs.
        ConfigurationError: If budgets, space and victim do not fit.
    """
    method = Target(victim, intention, space)
    rng = SeedStream(0, "reachability").generator()
    flat = np.concatenate(states).astype(np.float64)
    normaliser = victim.normaliser if space == "normalised" else None
    z = flat if normaliser is None else (flat - normaliser.mean) / normaliser.scale
    wanted = intention.act_batch(flat)
    best = _distance(victim, victim.act_batch(flat), wanted)
    ends = np.cumsum([len(s) for s in states])[:-1]
    found = []
    for epsilon in sorted(epsilons):
        for scale in _SCALES if epsilon else ():
            ball = Ball(epsilon * scale, norm)
            noise = np.stack([method.draw(rng, ball, z.shape[1]) for _ in z])
            lie = z + ball.project(method.propose(z, noise, ball))
            seen = lie if normaliser is None else lie * normaliser.scale + normaliser.mean
            best = np.minimum(best, _distance(victim, victim.act_batch(seen), wanted))
        gaps = [list(part) for part in np.split(best, ends)]
        share = clustered_rate([[bool(g <= TOLERANCE) for g in part] for part in gaps], confidence, kind="episodes")
        found.append(Reach(victim.name, epsilon, share, clustered_mean(gaps, confidence, kind="episodes")))
    return found


def _with_nan(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in data.items()}


class _Watch(NullPerturbation):
    """Changes nothing, and remembers what was there."""

    name = "watch"

    def __init__(self, rows: Sequence[list[NDArray[np.float64]]]) -> None:
        self._states = rows

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        for row, state in zip(rows, batch, strict=True):
            self._states[row].append(np.array(state, dtype=np.float64))
        return super().apply(batch, rows)


def _distance(victim: Policy, actions: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest difference of any action entry, in units of half the range where there is one."""
    space: Any = victim.action_space
    half = (space.high - space.low) / 2 if space.is_bounded() else 1.0
    return np.asarray(np.abs((actions.astype(np.float64) - wanted) / half).max(axis=1))
