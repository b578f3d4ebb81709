"""EXPRD: the most informative reward on few states that keeps all optimal actions with their margins.

Devidze, Radanovic, Kamalaruban, Singla 2021, "Explicable Reward Design for Reinforcement Learning Agents", NeurIPS,
problems P1 (fixed support) and P2 (greedy support) with lambda = 0; linear programs solved by SciPy's HiGHS.

Differences: many rewards are equally informative, since a gap beyond the margin counts no more. The released program,
with lambda_2 = 0, takes the one at which an interior-point solver ends. A simplex solver would end at rewards on their
bounds, from which learners shy away, so lambda_2 has a small value here.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.mdp import MDP
from quintain.rewards.shaping.designed import HORIZONS, RewardTable, certify
from quintain.rewards.shaping.invariance import MARGIN_SLACK, Problem, gap_matrix

__all__ = ["EXPRDSettings", "Found", "any_feasible", "check_ties", "design_exprd", "design_on_states"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EXPRDSettings:
    """Settings of EXPRD.

    Attributes:
        budget: Number of states that are added to those which the original reward pays, >= 0; ``None`` for all states.
            Where it pays in every state, as in Taxi, there is none to add, and a warning says so. Default: 5 (paper).
        r_max: Bound on the absolute rewards, > 0. Default: the largest absolute original reward (paper: 10 on Room).
        horizons: Horizons over which informativeness is averaged (paper: also 2). Default: those of the
            released program, :data:`HORIZONS`.
        ties: What is kept where several actions are optimal: ``"all"`` of them, or ``"one"``, the first, as in the
            paper's runs. Default: ``"all"``.
        l1: Weight lambda_2 of the sum of absolute rewards, >= 0. I(R) is a mean over states and this is a sum, so take
            less for hundreds of states. Default: 3e-4 (released program: 0; see Differences).

    Raises:
        ConfigurationError: If a value is out of range.
    """

    budget: int | None = 5
    r_max: float | None = None
    horizons: tuple[int, ...] = HORIZONS
    ties: Literal["all", "one"] = "all"
    l1: float = 3e-4

    def __post_init__(self) -> None:
        """Check the values."""
        if self.budget is not None:
            check_number("budget", self.budget, low=0, integer=True)
        if self.r_max is not None:
            check_number("r_max", self.r_max, above=0)
        check_number("l1", self.l1, low=0)
        if not isinstance(self.horizons, (tuple, list)) or not self.horizons:
            raise ConfigurationError(f"horizons must be a tuple of integers >= 0, at least one, got {self.horizons!r}")
        for horizon in self.horizons:
            check_number("every horizon", horizon, low=0, integer=True)
        check_ties(self.ties)


def check_ties(ties: str) -> None:
    """Check which optimal actions are to be kept.

    Raises:
        ConfigurationError: If it is neither ``"all"`` nor ``"one"``.
    """
    if ties not in ("all", "one"):
        raise ConfigurationError(f"ties must be 'all' or 'one', got {ties!r}")


class Found(NamedTuple):
    """A solution of the linear program.

    Attributes:
        value: Minus the minimum: I(R), less the penalty of absolute rewards.
        informativeness: I(R).
        rewards: Shape ``(S, A)``.
        status: ``"optimal"``, or what the solver said.
    """

    value: float
    informativeness: float
    rewards: Array
    status: str


def design_exprd(mdp: MDP, settings: EXPRDSettings | None = None) -> RewardTable:
    """Design a reward on few states: greedily add the state with the best linear program, ``budget`` times.

    Args:
        mdp: The MDP with its original reward.
        settings: Settings; ``None`` for the defaults.

    Returns:
        The reward. Its facts hold ``support``, the states in the order in which they were added, and ``curve``, the
        informativeness after each addition.

    Raises:
        ConfigurationError: If the program has no solution within ``r_max``.
    """
    settings = settings or EXPRDSettings()
    program = _Program(Problem.of(mdp), settings)
    problem = program.problem
    if settings.budget is None:
        chosen = [int(s) for s in np.flatnonzero(problem.states)]
        best, curve = program.solve(chosen), []
    else:
        chosen = [int(s) for s in problem.goals]
        if len(chosen) == problem.states.sum():
            warnings.warn(
                "the original reward pays in every state, so that EXPRD may use them all and the budget has no effect",
                stacklevel=2,
            )
        best = program.solve(chosen)
        curve = [best.informativeness]
        for _ in range(settings.budget):
            candidates = [int(s) for s in np.flatnonzero(problem.states) if s not in chosen]
            if not candidates:
                break
            tried = [program.solve([*chosen, state]) for state in candidates]
            number = int(np.argmax([found.value for found in tried]))
            chosen, best = [*chosen, candidates[number]], tried[number]
            curve.append(best.informativeness)
    facts = {"settings": asdict(settings), "support": chosen, "curve": curve}
    certificate = certify(problem, best.rewards, settings.horizons, best.status)
    return RewardTable(best.rewards, "exprd", certificate, facts)


def design_on_states(mdp: MDP, states: Sequence[int], settings: EXPRDSettings | None = None) -> RewardTable:
    """Design the most informative reward on given states (problem P1; the budget is not used).

    Args:
        mdp: The MDP with its original reward.
        states: States that may be rewarded, beside those that the original reward pays.
        settings: Settings; ``None`` for the defaults.

    Raises:
        ConfigurationError: If the program has no solution within ``r_max``.
    """
    settings = settings or EXPRDSettings()
    program = _Program(Problem.of(mdp), settings)
    support = [*dict.fromkeys([*(int(s) for s in program.problem.goals), *(int(s) for s in states)])]
    found = program.solve(support)
    facts = {"settings": asdict(settings), "support": support, "curve": []}
    certificate = certify(program.problem, found.rewards, settings.horizons, found.status)
    return RewardTable(found.rewards, "exprd", certificate, facts)


def any_feasible(problem: Problem, settings: EXPRDSettings) -> Found:
    """Return some reward on all states that keeps the optimal actions with their margins.

    Raises:
        ConfigurationError: If there is none within ``r_max``.
    """
    return _Program(problem, settings).solve([int(s) for s in np.flatnonzero(problem.states)], informative=False)


class _Program:
    """The linear program of EXPRD, whose matrices are shared by all supports.

    Variables: rewards r; shortfalls t_{H,s} >= 0; absolute rewards u where ``l1`` > 0. Minimise the mean of t plus
    l1 * sum(u), subject to gap(s, a) >= delta_s of wrong actions, gap(s, a) = 0 of optimal ones (>= 0 for
    ``ties="one"``), t_{H,s} >= delta_s - gap_H(s, a) of wrong actions, and |r| <= r_max.
    """

    def __init__(self, problem: Problem, settings: EXPRDSettings) -> None:
        self.problem, self.settings = problem, settings
        actions, n_states, horizons = problem.mdp.shape[1], int(problem.states.sum()), settings.horizons
        wrong = problem.wrong.reshape(-1)
        right = (problem.optimal & problem.states[:, None]).reshape(-1)
        gaps, margins = gap_matrix(problem), np.repeat(problem.margins, actions)
        kept = wrong if settings.ties == "all" else wrong | right
        self.equal = gaps[right & ~kept]
        self.more, self.least = gaps[kept], np.where(wrong, margins / MARGIN_SLACK, 0.0)[kept]
        self.near = sparse.vstack([gap_matrix(problem, horizon + 1)[wrong] for horizon in horizons])
        self.margins = np.tile(margins[wrong], len(horizons))
        number = (np.cumsum(problem.states) - 1)[np.flatnonzero(wrong) // actions]
        which = np.concatenate([number + n_states * k for k in range(len(horizons))])
        self.n_short = n_states * len(horizons)
        self.short = sparse.csr_matrix(
            (np.ones(len(which)), (np.arange(len(which)), which)), shape=(len(which), self.n_short)
        )
        largest = float(np.abs(problem.mdp.rewards).max())
        self.r_max = largest if settings.r_max is None else settings.r_max

    def solve(self, support: Sequence[int], *, informative: bool = True) -> Found:
        """Return the best reward on a support, with its informativeness; any one if that is not asked for.

        Args:
            support: States that may be rewarded.
            informative: Whether to maximise the informativeness.
        """
        states, actions = self.problem.mdp.shape
        columns = (np.sort(np.asarray(support))[:, None] * actions + np.arange(actions)).reshape(-1)
        n, l1 = len(columns), self.settings.l1 if informative else 0.0
        n_short, n_absolute = (self.n_short if informative else 0), (n if l1 else 0)
        mean = np.full(n_short, 1 / max(1, n_short))
        parts = [[-self.more[:, columns], None, None]]
        limits = [-self.least]
        if informative:
            parts.append([-self.near.tocsr()[:, columns], -self.short, None])
            limits.append(-self.margins)
        if l1:
            eye = sparse.identity(n)
            parts += [[eye, None, -eye], [-eye, None, -eye]]
            limits.append(np.zeros(2 * n))
        total = n + n_short + n_absolute
        above = sparse.vstack([_row(row, (n, n_short, n_absolute)) for row in parts]).tocsr()
        equal = _row([self.equal[:, columns], None, None], (n, n_short, n_absolute)) if self.equal.shape[0] else None
        cost = np.concatenate([np.zeros(n), mean, np.full(n_absolute, l1)])
        bounds = [(-self.r_max, self.r_max)] * n + [(0, None)] * (total - n)
        zeros = None if equal is None else np.zeros(equal.shape[0])
        found = solve_program(cost, above, np.concatenate(limits), equal, zeros, bounds)
        if found.x is None:
            raise ConfigurationError(
                f"no reward on the states {list(support)} with |r| <= {self.r_max:g} keeps the optimal actions: "
                f"{found.message}"
            )
        rewards = np.zeros(states * actions)
        rewards[columns] = np.where(np.abs(found.x[:n]) < 1e-9, 0.0, found.x[:n])
        status = "optimal" if found.status == 0 else str(found.message)
        short = float(mean @ found.x[n : n + n_short])
        return Found(-float(found.fun), -short, rewards.reshape(states, actions), status)


def solve_program(cost: Array, above: Any, limits: Array, equal: Any, zeros: Any, bounds: Any) -> Any:
    """Solve a linear program by HiGHS, and once more by its interior-point method where the simplex method fails.

    Args:
        cost: Coefficients of what is minimised.
        above: Left-hand sides of the inequalities.
        limits: Their upper bounds.
        equal: Left-hand sides of the equations; ``None`` for none.
        zeros: Their right-hand sides.
        bounds: Bounds of the variables.

    Returns:
        SciPy's result; its ``x`` is ``None`` if the program has no solution.
    """
    found = linprog(cost, above, limits, equal, zeros, bounds, method="highs")
    if found.x is None and found.status not in (2, 3):  # neither infeasible nor unbounded: numerical trouble
        found = linprog(cost, above, limits, equal, zeros, bounds, method="highs-ipm")
    return found


def _row(parts: Sequence[Any], widths: Sequence[int]) -> Any:
    """Put blocks side by side; ``None`` is a block of zeros."""
    height = next(part.shape[0] for part in parts if part is not None)
    blocks = [
        sparse.csr_matrix((height, width)) if part is None else part for part, width in zip(parts, widths, strict=True)
    ]
    return sparse.hstack(blocks).tocsr()
