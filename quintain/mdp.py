"""Finite Markov decision processes as arrays, their solution, and the layout of their states on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError

__all__ = ["MDP", "Layout", "Solution", "evaluate_policy", "mdp_of", "occupancy", "optimal_actions", "value_iteration"]

Array = NDArray[np.float64]

#: Two action values are equal if they differ by less than this share of the largest absolute one.
TIE = 1e-7


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the states lie on a grid, for drawings.

    Attributes:
        cells: Row (from the top) and column of each state, shape ``(S, 2)``; -1 for a state without a cell. Several
            states may share a cell where ``panel`` tells them apart.
        panel: Index of the grid on which each state is drawn, shape ``(S,)``. Default: all on the first.
        titles: Titles of the grids.
        walls: Pairs of neighbouring cells with a wall between them, as ``((row, column), (row, column))``.
    """

    cells: NDArray[np.intp]
    panel: NDArray[np.intp] | None = None
    titles: tuple[str, ...] = ("",)
    walls: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


@dataclass(frozen=True, eq=False)
class MDP:
    """A finite MDP with discount below 1. Terminal states are absorbing and pay nothing.

    Attributes:
        transitions: Probability of the next state, shape ``(S, A, S)``; every row adds up to 1.
        rewards: Expected reward of an action, shape ``(S, A)``; 0 in terminal states.
        gamma: Discount in [0, 1).
        initial: Distribution of the first state, shape ``(S,)``.
        terminal: Which states end the episode, shape ``(S,)``.
        actions: Names of the actions. Default: their numbers.
        layout: Where the states lie on a grid; ``None`` if they lie on none.

    Raises:
        ConfigurationError: If a shape does not fit, a row is no distribution, a reward is not finite, or gamma is
            outside [0, 1). With gamma = 1 the value of a policy that never ends is not defined, and the linear systems
            of reward design have no unique solution.
    """

    transitions: Array
    rewards: Array
    gamma: float
    initial: Array
    terminal: NDArray[np.bool_]
    actions: tuple[str, ...] = ()
    layout: Layout | None = None

    def __post_init__(self) -> None:
        """Check the arrays."""
        shape = np.shape(self.rewards)
        if len(shape) != 2 or np.shape(self.transitions) != (*shape, shape[0]):
            raise ConfigurationError(
                f"transitions must have the shape (S, A, S) and rewards (S, A), got {np.shape(self.transitions)} and "
                f"{shape}"
            )
        if np.shape(self.initial) != shape[:1] or np.shape(self.terminal) != shape[:1]:
            raise ConfigurationError(f"initial and terminal must have the shape ({shape[0]},)")
        if not 0 <= self.gamma < 1:
            raise ConfigurationError(
                f"gamma must be in [0, 1), got {self.gamma!r}: with 1 a policy that never ends has no value; take a "
                "value slightly below 1"
            )
        for name, rows in (("transitions", self.transitions), ("initial", self.initial)):
            if np.min(rows) < -1e-12 or not np.allclose(np.sum(rows, axis=-1), 1, atol=1e-8):
                raise ConfigurationError(f"{name}: every row must hold probabilities that add up to 1")
        if not np.isfinite(self.rewards).all() or np.any(self.rewards[self.terminal] != 0):
            raise ConfigurationError("rewards must be finite, and 0 in terminal states")
        if not self.actions:
            object.__setattr__(self, "actions", tuple(str(action) for action in range(shape[1])))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of states and actions."""
        return self.rewards.shape[0], self.rewards.shape[1]

    @property
    def continuing(self) -> Array:
        """Transitions without those into terminal states, shape ``(S, A, S)``: what a value is passed back along."""
        return np.where(self.terminal[:, None, None] | self.terminal[None, None, :], 0.0, self.transitions)

    def with_rewards(self, rewards: Array) -> MDP:
        """Return this MDP with another reward table, shape ``(S, A)``."""
        return replace(self, rewards=np.where(self.terminal[:, None], 0.0, rewards))

    def reachable(self) -> NDArray[np.bool_]:
        """Return which states some policy reaches from the initial ones, shape ``(S,)``, terminal ones among them."""
        found, edges = self.initial > 0, (self.transitions > 0).any(axis=1) & ~self.terminal[:, None]
        while True:
            more = found | edges[found].any(axis=0)
            if (more == found).all():
                return more
            found = more


class Solution(NamedTuple):
    """Optimal values.

    Attributes:
        values: V*, shape ``(S,)``.
        action_values: Q*, shape ``(S, A)``.
    """

    values: Array
    action_values: Array


def value_iteration(mdp: MDP, *, tolerance: float = 1e-11, max_iterations: int = 100_000) -> Solution:
    """Return optimal values: V(s) = max_a [R(s, a) + gamma sum_s' T(s'|s, a) V(s')], iterated to its fixed point.

    Args:
        mdp: The MDP.
        tolerance: Bound on the error of V, as a share of the largest absolute value. Default: 1e-11.
        max_iterations: Maximum number of iterations. Default: 100,000.
    """
    states, actions = mdp.shape
    backed_up = mdp.gamma * mdp.continuing.reshape(states * actions, states)
    values, rewards = np.zeros(states), mdp.rewards.reshape(-1)
    for _ in range(max_iterations):
        q = (rewards + backed_up @ values).reshape(states, actions)
        new = q.max(axis=1)
        change, values = np.abs(new - values).max(), new
        if change * mdp.gamma <= tolerance * (1 - mdp.gamma) * max(1e-300, np.abs(values).max()):
            break
    return Solution(values, (rewards + backed_up @ values).reshape(states, actions))


def optimal_actions(action_values: Array) -> NDArray[np.bool_]:
    """Return which actions have the largest value of their state, ties included, shape ``(S, A)``."""
    scale = max(1e-300, float(np.abs(action_values).max()))
    return np.asarray(action_values >= action_values.max(axis=1, keepdims=True) - TIE * scale)


def evaluate_policy(mdp: MDP, policy: Array, *, steps: int | None = None) -> Array:
    """Return the expected discounted return of policies from the initial states, by exact evaluation.

    Args:
        mdp: The MDP.
        policy: Action probabilities, shape ``(..., S, A)``.
        steps: Number of steps of an episode; ``None`` for no limit.

    Returns:
        Shape ``(...)``.
    """
    rewards = (policy * mdp.rewards).sum(axis=-1)
    moves = mdp.gamma * np.einsum("...sa,sat->...st", policy, mdp.continuing, optimize=True)
    if steps is None:
        values = np.linalg.solve(np.eye(mdp.shape[0]) - moves, rewards[..., None])[..., 0]
    else:
        values = np.zeros_like(rewards)
        for _ in range(steps):
            values = rewards + (moves @ values[..., None])[..., 0]
    return np.asarray(values @ mdp.initial)


def occupancy(mdp: MDP, policy: Array) -> Array:
    """Return the discounted occupancy of the non-terminal states under a policy, normalised to 1, shape ``(S,)``.

    mu = (1 - gamma) (I - gamma T_pi^T)^-1 P_0, of which terminal states are left out before normalising.
    """
    moves = np.einsum("sa,sat->st", policy, mdp.continuing)
    mu = np.linalg.solve(np.eye(mdp.shape[0]) - mdp.gamma * moves.T, np.where(mdp.terminal, 0.0, mdp.initial))
    return np.asarray(mu / mu.sum())


def mdp_of(env: gym.Env[Any, Any], *, gamma: float | None = None) -> MDP:
    """Read the MDP of a finite environment that has ``P``, as those of Gymnasium's ``toy_text`` do.

    A transition that ends the episode leads to an additional terminal state, since the state that ``P`` names may go on
    elsewhere. A time limit is no part of ``P`` and of the MDP.

    Args:
        env: An environment with the attribute ``P[s][a] = [(probability, next state, reward, terminated), ...]``, and
            perhaps ``initial_state_distrib``; or one with a method ``mdp``, such as ours.
        gamma: Discount in [0, 1). Default: that of the environment's own MDP, else 0.99.

    Raises:
        ConfigurationError: If it has neither.
    """
    inner: Any = env.unwrapped
    own = getattr(inner, "mdp", None)
    if isinstance(own, MDP):
        return own if gamma is None else replace(own, gamma=gamma)
    table = getattr(inner, "P", None)
    if table is None or not isinstance(inner.action_space, gym.spaces.Discrete):
        raise ConfigurationError(
            f"{type(inner).__name__} is no finite MDP: it has no table P[state][action], as FrozenLake-v1, Taxi-v4 and "
            "Tabular/Room-v0 do"
        )
    states, actions = len(table), int(inner.action_space.n)
    transitions, rewards = np.zeros((states + 1, actions, states + 1)), np.zeros((states + 1, actions))
    for state in range(states):
        for action in range(actions):
            for probability, after, reward, ended in table[state][action]:
                transitions[state, action, states if ended else after] += probability
                rewards[state, action] += probability * float(reward)
    transitions[states, :, states] = 1
    terminal = np.arange(states + 1) == states
    initial = getattr(inner, "initial_state_distrib", None)
    first = np.append(np.asarray(initial, float), 0.0) if initial is not None else _first(env, states)
    names = _ACTIONS.get(getattr(inner.spec, "id", "").partition("-")[0], ())
    found = MDP(transitions, rewards, 0.99 if gamma is None else gamma, first, terminal, names)
    return replace(found, layout=_layout(inner, states))


#: Names of the actions of Gymnasium's environments, which have none.
_ACTIONS = {
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("down", "up", "right", "left", "pick up", "drop off"),
}


def _first(env: gym.Env[Any, Any], states: int) -> Array:
    """Return the distribution that puts everything on the state of a reset."""
    found = np.zeros(states + 1)
    found[int(env.reset(seed=0)[0])] = 1
    return found


def _layout(env: Any, states: int) -> Layout | None:
    """Return the layout of a grid world whose states are its cells in rows; ``None`` for other environments."""
    shape: Sequence[int] | None = getattr(env, "shape", None)
    if shape is None and hasattr(env, "nrow"):
        shape = (env.nrow, env.ncol)
    if shape is None or len(shape) != 2 or shape[0] * shape[1] != states:
        return None
    cells = np.stack(np.unravel_index(np.arange(states), tuple(shape)), axis=1)
    return Layout(np.vstack([cells, [[-1, -1]]]).astype(np.intp))
