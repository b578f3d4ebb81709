"""LineK: fetch a key at the left end of a line, and carry it to the right end."""

from __future__ import annotations

import numpy as np

from quintain.arguments import check_number
from quintain.envs.tabular.env import TabularEnv
from quintain.mdp import MDP, Layout

__all__ = ["LineKeyEnv", "line_key"]

_LEFT, _RIGHT, _PICK = range(3)
_KEY = 1


def line_key(length: int = 10, *, slip: float = 0.1, gamma: float = 0.95, r_max: float = 10.0) -> MDP:
    """Return the MDP of LineK; see :class:`LineKeyEnv` for the arguments."""
    check_number("length", length, low=3, integer=True)
    check_number("slip", slip, low=0, high=1)
    check_number("r_max", r_max, low=0)
    end, last = 2 * length, length - 1
    transitions = np.zeros((end + 1, 3, end + 1))
    for state in range(end):
        cell, start = state % length, state - state % length
        for action, step in ((_LEFT, -1), (_RIGHT, 1)):
            for move, probability in ((step, 1 - slip), (-step, slip)):
                after = start + min(max(cell + move, 0), last)
                if start and cell == last and move == 1:
                    after = end
                if not start and cell == 0 and move == -1:
                    after = end
                transitions[state, action, after] += probability
        transitions[state, _PICK, length if state == _KEY else state] = 1
    transitions[0, _LEFT] = transitions[end - 1, _RIGHT] = np.arange(end + 1) == end
    transitions[end, :, end] = 1
    rewards = np.zeros((end + 1, 3))
    rewards[end - 1, _RIGHT] = r_max
    states = np.arange(end + 1)
    cells = np.stack([np.zeros(end + 1), states % length], axis=1).astype(np.intp)
    cells[end] = -1
    layout = Layout(cells, np.where(states < length, 0, 1), ("without the key", "with the key"))
    names = ("left", "right", "pick")
    return MDP(transitions, rewards, gamma, (states == length // 2) * 1.0, states == end, names, layout)


class LineKeyEnv(TabularEnv):
    """Fetch a key and carry it to the right end of a line.

    Description:
        A line of cells. The key lies in the second one; picking it up there leads to the first cell, with the key. Only
        the action "right" in the last cell is rewarded, if the key is held, and ends the episode. The action "left" in
        the first cell ends the episode without a reward, if the key is not held.

    Observation:
        The state, an integer: the cell, plus ``length`` with the key; ``2 * length`` is the end.

    Action:
        0 left, 1 right, 2 pick. A step leads the other way with probability ``slip``, except for the two that end the
        episode; picking where there is no key stays. Anything that is no member of the action space stays, sets
        ``invalid_action`` and costs 1.

    Reward:
        ``goal``: ``r_max`` for "right" in the last cell with the key.

    Episode end:
        At the goal, or by leaving the line at the left without the key. The registered environment is truncated after
        30 steps.

    Info:
        ``success``: the rewarded action has been taken in this episode. ``metrics``: ``goal_reached``, the same as a
        number. Also ``task_id``, ``task_hash``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        length: Number of cells, >= 3.
        slip: Probability of a step in the other direction, in [0, 1].
        gamma: Discount in [0, 1).
        r_max: Reward of the goal, >= 0.

    Determinism:
        A function of the seed and the actions.

    Source:
        R. Devidze, P. Kamalaruban, A. Singla, "Informativeness of Reward Functions in Reinforcement Learning", AAMAS
        2024 (arXiv 2402.07019), the tabular LineK of its released program.

    Version history:
        v0: first version.
    """

    def __init__(self, length: int = 10, *, slip: float = 0.1, gamma: float = 0.95, r_max: float = 10.0) -> None:
        mdp = line_key(length, slip=slip, gamma=gamma, r_max=r_max)
        settings = {"length": length, "slip": slip, "gamma": gamma, "r_max": r_max}
        super().__init__(mdp, (2 * length - 1, _RIGHT), "line-key", settings)
