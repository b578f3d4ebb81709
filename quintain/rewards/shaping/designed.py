"""A designed reward table, and the certificate of what it keeps and how much it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, RecordError
from quintain.files import load_arrays, save_arrays
from quintain.mdp import MDP, optimal_actions, value_iteration
from quintain.rewards.shaping.invariance import MARGIN_SLACK, Problem, gap_matrix
from quintain.rewards.terms import RewardTerm, Transition

__all__ = ["HORIZONS", "Certificate", "RewardTable", "certify", "informativeness", "table_term"]

Array = NDArray[np.float64]

#: Horizons over which informativeness is averaged (released program of EXPRD).
HORIZONS = (1, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was checked of a designed reward, by value iteration under it.

    Attributes:
        same_optimal: Whether the optimal actions are the same in every state that counts.
        kept_optimal: Whether every action that is optimal under the designed reward is optimal under the original one;
            weaker than ``same_optimal`` where there are ties.
        slack: Smallest difference between the gap of a wrong action under the designed reward and its margin delta_s;
            negative where the margin is not kept.
        informativeness: I(R), at most 0; see :func:`informativeness`.
        support: Number of states with a reward that is not 0.
        largest: Largest absolute reward.
        ignored: Number of states that no policy reaches; they carry no constraint.
        status: What the solver said; empty where none was used.
        ignored_rewarded: Number of those states that carry a reward nevertheless; ``None`` where it was not counted, as
            in files of earlier versions.
    """

    same_optimal: bool
    kept_optimal: bool
    slack: float
    informativeness: float
    support: int
    largest: float
    ignored: int
    status: str = ""
    ignored_rewarded: int | None = None

    @property
    def invariant(self) -> bool:
        """Whether no wrong action has become optimal, and all margins are kept up to rounding."""
        return self.kept_optimal and self.slack >= -1e-6 * max(1.0, self.largest)

    def rows(self) -> list[tuple[str, str]]:
        """Return what was checked, as names and values for people."""
        kept = "the same" if self.same_optimal else "a part of them" if self.kept_optimal else "NOT KEPT"
        rows = [
            ("optimal actions", kept),
            (
                "margins",
                "kept" if self.invariant else f"NOT KEPT: {self.slack:.3g} short" if self.slack < 0 else "kept",
            ),
            ("informativeness I(R)", f"{self.informativeness:z.4f} (at most 0)"),
            ("states with a reward", str(self.support)),
            ("largest reward", f"{self.largest:.3g}"),
        ]
        if self.ignored:
            rewarded = {None: "", 0: ", none with a reward"}.get(
                self.ignored_rewarded, f", {self.ignored_rewarded} with a reward"
            )
            rows.append(("never reached", f"{self.ignored} states{rewarded}"))
        return rows


@dataclass(frozen=True, eq=False)
class RewardTable:
    """A designed reward of a finite MDP.

    Attributes:
        rewards: Reward of each action, shape ``(S, A)``.
        method: Name of the method.
        certificate: What was checked.
        facts: JSON-able facts of the design: settings, support, budget curve.
    """

    rewards: Array
    method: str
    certificate: Certificate
    facts: Mapping[str, Any] = field(default_factory=dict)

    def term(self) -> RewardTerm:
        """Return the reward as a term for :class:`~quintain.rewards.terms.WithRewardTerms`."""
        rewards = self.rewards
        states, actions = rewards.shape

        def designed(step: Transition) -> float:
            state, action = int(step.observation), step.action
            if not 0 <= state < states or not np.issubdtype(np.asarray(action).dtype, np.integer):
                return 0.0
            return float(rewards[state, int(action)]) if 0 <= int(action) < actions else 0.0

        return designed

    def save(self, path: str | Path) -> None:
        """Write the table and its certificate as an ``.npz`` file, without pickle."""
        about = {"reward": self.method, "certificate": asdict(self.certificate), "facts": dict(self.facts)}
        save_arrays(Path(path), {"rewards": self.rewards}, about)

    @classmethod
    def load(cls, path: str | Path) -> RewardTable:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigurationError: If there is no designed reward at ``path``, or its table is none of finite numbers.
        """
        try:
            arrays, about = load_arrays(Path(path))
            table = cls(arrays["rewards"], about["reward"], Certificate(**about["certificate"]), about["facts"])
            finite = table.rewards.ndim == 2 and np.isfinite(table.rewards).all()
        except (RecordError, KeyError, TypeError) as error:
            raise ConfigurationError(f"no designed reward at {str(path)!r}: {error}") from error
        if not finite:
            raise ConfigurationError(
                f"the designed reward at {str(path)!r} must be finite numbers, one for each action"
            )
        return table


def table_term(path: str | Path) -> RewardTerm:
    """Return a stored reward table as a reward term, for environments whose observations and actions are integers.

    Args:
        path: File of :meth:`RewardTable.save`.

    Raises:
        ConfigurationError: If there is no designed reward at ``path``.
    """
    return RewardTable.load(path).term()


def informativeness(problem: Problem, rewards: Array, horizons: Sequence[int] = HORIZONS) -> float:
    """Return I(R): how little the immediate advantage of optimal actions falls short of the original margin.

    I(R) = - mean over horizons H and states s of [max over wrong a of (delta_s - gap_H(s, a))]_+, at most 0, with
    H + 1 terms of the series, as in the released program of EXPRD. The mean is over the states that count.

    Args:
        problem: The MDP and its optimal policy.
        rewards: Reward table, shape ``(S, A)``.
        horizons: The horizons H, each >= 0. Default: :data:`HORIZONS`.
    """
    short = np.zeros(problem.states.sum())
    for horizon in horizons:
        gaps = (gap_matrix(problem, horizon + 1) @ rewards.reshape(-1)).reshape(rewards.shape)
        lacking = np.where(problem.wrong, problem.margins[:, None] - gaps, 0.0)
        short += np.maximum(lacking.max(axis=1), 0.0)[problem.states]
    return float(-short.mean() / len(horizons))


def certify(problem: Problem, rewards: Array, horizons: Sequence[int] = HORIZONS, status: str = "") -> Certificate:
    """Check a reward table by value iteration under it.

    Args:
        problem: The MDP with the original reward.
        rewards: The designed reward, shape ``(S, A)``.
        horizons: Horizons of the informativeness.
        status: What the solver said.
    """
    designed: MDP = problem.mdp.with_rewards(rewards)
    q = value_iteration(designed).action_values
    found, states = optimal_actions(q), problem.states
    gaps = q.max(axis=1, keepdims=True) - q - problem.margins[:, None] / MARGIN_SLACK
    rewarded, ignored = (np.abs(rewards) > 1e-9).any(axis=1), ~problem.mdp.reachable()
    return Certificate(
        same_optimal=bool((found == problem.optimal)[states].all()),
        kept_optimal=bool((found <= problem.optimal)[states].all()),
        slack=float(gaps[problem.wrong].min()),
        informativeness=informativeness(problem, rewards, horizons),
        support=int(rewarded.sum()),
        largest=float(np.abs(rewards).max()),
        ignored=int(ignored.sum()),
        status=status,
        ignored_rewarded=int((rewarded & ignored).sum()),
    )
