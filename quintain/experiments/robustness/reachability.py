"""Reachability: the share of states in which some perturbation within the budget causes the intended action."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
from quintain.files import write_atomically
from quintain.json_text import to_json
from quintain.seeding import SeedStream
from quintain.training.control import play_episodes

__all__ = [
    "REACHABILITY_FILE", "TOLERANCE", "Reachability", "load_reachability", "reachability", "read_reachability",
    "save_reachability", "visited_states",
]  # fmt: skip

#: Name of the file in a run folder.
REACHABILITY_FILE = "reachability.json"

#: An action counts as the intended one within this distance, in units of half the action range.
TOLERANCE = 0.1
#: Radii of the search, as fractions of the budget.
_SCALES = (1.0, 0.5, 0.25, 0.125)
_STATES_PER_EPISODE = 60


@dataclass(frozen=True, slots=True)
class Reachability:
    """Result of the gradient search within one budget.

    Attributes:
        policy: Name of the policy under attack.
        epsilon: The budget, >= 0.
        share: Share of visited states in which a perturbation brings the action within :data:`TOLERANCE` of the
            intended one.
        gap: Mean remaining distance between the two actions, in units of half the action range.
        intended: The attacker's success rate when the intention policy itself acts, as a check of that policy. No data
            where the environment does not report the attacker's success.
    """

    policy: str
    epsilon: float
    share: Interval
    gap: Interval
    intended: Interval = field(default_factory=lambda: rate(0, 0))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`."""
        share, gap, intended = (Interval.from_dict(data[name]) for name in ("share", "gap", "intended"))
        return cls(data["victim"], data["epsilon"], share, gap, intended)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "victim": self.policy,
            "epsilon": self.epsilon,
            "share": self.share.to_dict(),
            "gap": self.gap.to_dict(),
            "intended": self.intended.to_dict(),
        }


def visited_states(
    make: Callable[[], gym.Env[Any, Any]], victim: Policy, seeds: Sequence[int]
) -> list[NDArray[np.float64]]:
    """Play clean episodes and return up to 60 states of each, evenly spaced in time.

    Args:
        make: Function without arguments that returns a new environment.
        victim: The policy that acts.
        seeds: Seeds of the episodes.

    Returns:
        Per episode an array of shape ``(n, d)``.
    """
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
) -> list[Reachability]:
    """Search the ball around each state for a perturbation under which the victim acts as the intention policy would.

    The search is projected gradient descent, 30 steps in the ball and in balls of a half, a quarter and an eighth of
    its radius, whose smaller steps converge better. A larger budget keeps the best result of the smaller ones. The
    share is a lower bound for single steps; over whole episodes an attack also profits from the states to which it has
    steered the victim.

    Args:
        victim: The policy under attack; needs gradients and continuous actions.
        intention: The policy whose actions the attacker wants.
        states: Observations of each episode, as the environment gives them: shapes ``(n_i, d)``.
        epsilons: Radii of the perturbation budget, >= 0.
        norm: Norm of the budgets. Default: ``"linf"``.
        space: Space in which budgets are measured. Default: ``"raw"``.
        confidence: Nominal coverage of the intervals, in (0, 1). The episodes are clusters. Default: 0.95.

    Returns:
        One entry per budget, smallest first.

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
            perturbed = z + ball.project(method.propose(z, noise, ball))
            seen = perturbed if normaliser is None else perturbed * normaliser.scale + normaliser.mean
            best = np.minimum(best, _distance(victim, victim.act_batch(seen), wanted))
        gaps = [list(part) for part in np.split(best, ends)]
        share = clustered_rate([[bool(g <= TOLERANCE) for g in part] for part in gaps], confidence, kind="episodes")
        found.append(Reachability(victim.name, epsilon, share, clustered_mean(gaps, confidence, kind="episodes")))
    return found


def save_reachability(entries: Sequence[Reachability], path: Path) -> None:
    """Write a list of results atomically; an empty one leaves no file."""
    if entries:
        write_atomically(path, to_json({"reach": [entry.to_dict() for entry in entries]}) + "\n")


def load_reachability(path: Path) -> list[Reachability]:
    """Read a file that :func:`save_reachability` wrote."""
    return list(map(Reachability.from_dict, json.loads(path.read_text(encoding="utf-8"))["reach"]))


def read_reachability(run: Path) -> list[Reachability]:
    """Read the results of a run folder; empty if the run computed none."""
    path = run / REACHABILITY_FILE
    return load_reachability(path) if path.exists() else []


class _Watch(NullPerturbation):
    """A perturbation that changes nothing and records the observations of each row."""

    name = "watch"

    def __init__(self, rows: Sequence[list[NDArray[np.float64]]]) -> None:
        self._states = rows

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        for row, state in zip(rows, batch, strict=True):
            self._states[row].append(np.array(state, dtype=np.float64))
        return super().apply(batch, rows)


def _distance(victim: Policy, actions: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.float64]:
    """Return per row the largest difference of any action entry, in units of half the range of bounded actions."""
    space: Any = victim.action_space
    half = (space.high - space.low) / 2 if space.is_bounded() else 1.0
    return np.asarray(np.abs((actions.astype(np.float64) - wanted) / half).max(axis=1))
