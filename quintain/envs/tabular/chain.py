"""Chain: a reward at the right end, a smaller one on the way to the left, and a left end that ends the episode."""

from __future__ import annotations

import numpy as np

from quintain.arguments import check_number
from quintain.envs.tabular.env import TabularEnv
from quintain.errors import ConfigurationError
from quintain.mdp import MDP, Layout

__all__ = ["ChainEnv", "chain"]

_LEFT, _RIGHT = 0, 1


def chain(
    n_right: int = 20,
    n_left: int = 40,
    *,
    slip: float = 0.05,
    gamma: float = 0.99,
    r_max: float = 1.0,
    distractor: float = 0.0,
    distance: int = 15,
) -> MDP:
    """Return the MDP of Chain; see :class:`ChainEnv` for the arguments."""
    check_number("n_right", n_right, low=1, integer=True)
    check_number("n_left", n_left, low=1, integer=True)
    check_number("slip", slip, low=0, high=1)
    check_number("r_max", r_max, low=0)
    check_number("distractor", distractor)
    if distractor and not 0 <= distance <= n_left:
        raise ConfigurationError(f"distance must be in [0, n_left], got {distance!r}")
    end = n_left + n_right + 1
    meant = np.zeros((end + 1, 2, end + 1))
    for state in range(end):
        meant[state, _LEFT, state - 1 if state else end] = 1
        meant[state, _RIGHT, min(state + 1, end - 1)] = 1
    meant[end, :, end] = 1
    transitions = (1 - slip) * meant + slip * meant.mean(axis=1, keepdims=True)
    rewards = np.zeros((end + 1, 2))
    rewards[end - 1, _RIGHT] = r_max
    if distractor:
        rewards[n_left - distance, _LEFT] += distractor
    states = np.arange(end + 1)
    cells = np.stack([np.zeros(end + 1), states], axis=1).astype(np.intp)
    cells[end] = -1
    return MDP(transitions, rewards, gamma, (states == n_left) * 1.0, states == end, ("left", "right"), Layout(cells))


class ChainEnv(TabularEnv):
    """Walk along a chain to its right end, which pays from then on.

    Description:
        A row of cells, of which ``n_left`` lie to the left and ``n_right`` to the right of the first one. Only the
        action "right" in the last cell is rewarded; it stays there. The action "left" in the leftmost cell ends the
        episode without a reward. A distractor pays a little on the way to the left.

    Observation:
        The state, an integer: 0 for the leftmost cell to ``n_left + n_right`` for the rightmost one, then the end.

    Action:
        0 left, 1 right. With probability ``slip`` a random action is taken. Anything that is no member of the action
        space stays, sets ``invalid_action`` and costs 1.

    Reward:
        ``goal``: ``r_max`` for "right" in the rightmost cell, each time. ``distractor``: the argument of that name, for
        "left" in the cell ``distance`` to the left of the first one.

    Episode end:
        By "left" in the leftmost cell. The registered environment is truncated after 40 steps.

    Info:
        ``success``: the rewarded action has been taken in this episode. ``metrics``: ``goal_reached``, the same as a
        number. Also ``task_id``, ``task_hash``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        n_right: Number of cells to the right of the first one, >= 1.
        n_left: Number of cells to the left of the first one, >= 1.
        slip: Probability of a random action, in [0, 1].
        gamma: Discount in [0, 1).
        r_max: Reward of the goal, >= 0.
        distractor: Reward of the distractor; the paper takes 0.01. Default: none.
        distance: Cells between the first one and the distractor, at most ``n_left``; unused without one.

    Determinism:
        A function of the seed and the actions.

    Source:
        R. Devidze et al., "Exploration-Guided Reward Shaping for Reinforcement Learning under Sparse Rewards",
        NeurIPS 2022, with the numbers of its released program; the paper's are ``n_right=15, n_left=20`` and
        ``n_right=20, n_left=20`` with 30 steps.

    Version history:
        v0: first version.
    """

    def __init__(
        self,
        n_right: int = 20,
        n_left: int = 40,
        *,
        slip: float = 0.05,
        gamma: float = 0.99,
        r_max: float = 1.0,
        distractor: float = 0.0,
        distance: int = 15,
    ) -> None:
        mdp = chain(
            n_right, n_left, slip=slip, gamma=gamma, r_max=r_max, distractor=distractor, distance=distance
        )  # fmt: skip
        settings = {
            "n_right": n_right, "n_left": n_left, "slip": slip, "gamma": gamma, "r_max": r_max,
            "distractor": distractor, "distance": distance,
        }  # fmt: skip
        super().__init__(mdp, (n_left + n_right, _RIGHT), "chain", settings)
