"""Room: four rooms of a 7 x 7 grid, a reward at the far corner, and a corner that ends the episode."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.envs.tabular.env import TabularEnv
from quintain.errors import ConfigurationError
from quintain.mdp import MDP, Layout

__all__ = ["RoomEnv", "room", "room_features"]

#: Which of the published models of slipping and ending is meant.
Variant = Literal["exprd", "explors", "expadard"]
_SIZE = 7
_STATES = _SIZE * _SIZE + 1
_END = _STATES - 1
_GOAL = _END - 1
_UP, _LEFT, _DOWN, _RIGHT = range(4)
#: Change of column and row; rows are counted from the bottom.
_MOVES = ((0, 1), (-1, 0), (0, -1), (1, 0))
#: The walls lie before column 3 and before row 3; each has two gates, in column or row 1 and 5.
_WALL, _GATES = 3, (1, 5)


def room(
    variant: Variant = "exprd",
    *,
    slip: float | None = None,
    gamma: float | None = None,
    r_max: float | None = None,
    distractor: float = 0.0,
) -> MDP:
    """Return the MDP of Room; see :class:`RoomEnv` for the arguments."""
    if variant not in get_args(Variant):
        raise ConfigurationError(f"variant must be one of {', '.join(get_args(Variant))}, got {variant!r}")
    slip = (0.1 if variant == "exprd" else 0.05) if slip is None else slip
    gamma = (0.99 if variant == "explors" else 0.95) if gamma is None else gamma
    r_max = (1.0 if variant == "explors" else 10.0) if r_max is None else r_max
    check_number("slip", slip, low=0, high=1)
    check_number("r_max", r_max, low=0)
    check_number("distractor", distractor)
    meant = _meant(variant)
    transitions = np.zeros((_STATES, 4, _STATES))
    for state in range(_END):
        slips = 0.0 if variant == "expadard" and state in (0, _GOAL) else slip
        for action in range(4):
            transitions[state, action, meant[state][action]] += 1 - slips
            others = _slips_to(variant, meant, state, action)
            for other in others:
                transitions[state, action, other] += slips / len(others)
    transitions[_END, :, _END] = 1
    rewards = np.zeros((_STATES, 4))
    rewards[_GOAL, _RIGHT] = r_max
    rewards[1, _UP] = distractor
    cells = np.array([(_SIZE - 1 - s // _SIZE, s % _SIZE) for s in range(_END)] + [(-1, -1)])
    states = np.arange(_STATES)
    names = ("up", "left", "down", "right")
    layout = Layout(cells.astype(np.intp), walls=_walls())
    return MDP(transitions, rewards, gamma, (states == 8) * 1.0, states == _END, names, layout)


class RoomEnv(TabularEnv):
    """Walk through four rooms to the corner, and step out of it to the right.

    Description:
        A grid of 7 x 7 cells in four rooms, with two gates in each of two walls. The episode starts in the second cell
        of the diagonal from the bottom left. Only the action "right" in the top right corner is rewarded. The actions
        "left" and "down" in the bottom left corner end the episode without a reward.

    Observation:
        The state, an integer: 7 x row + column, rows counted from the bottom; 49 is the end.

    Action:
        0 up, 1 left, 2 down, 3 right. An action against a wall stays. Anything that is no member of the action space
        stays, sets ``invalid_action`` and costs 1.

    Reward:
        ``goal``: ``r_max`` for "right" in the top right corner. ``distractor``: the argument of that name, for "up" in
        the second cell of the bottom row.

    Episode end:
        In the bottom left corner by "left" or "down". At the goal by "right", in the variant ``exprd`` also by "up"; in
        the variant ``explors`` the goal pays until the time is over. The registered environment is truncated after 50
        steps.

    Info:
        ``success``: the rewarded action has been taken in this episode. ``metrics``: ``goal_reached``, the same as a
        number. Also ``task_id``, ``task_hash``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        variant: ``"exprd"``: with probability ``slip`` a step leads to one of the other neighbouring cells, each as
            likely as the others. ``"explors"``: with probability ``slip`` a random action is taken. ``"expadard"``:
            likewise, but for the two corners that end the episode, where nothing slips.
        slip: Probability of slipping, in [0, 1]. Default: 0.1 (``exprd``), 0.05 (the others).
        gamma: Discount in [0, 1). Default: 0.99 (``explors``), 0.95 (the others).
        r_max: Reward of the goal, >= 0. Default: 1 (``explors``), 10 (the others).
        distractor: Reward of "up" in the second cell of the bottom row. Default: none.

    Determinism:
        A function of the seed and the actions.

    Source:
        R. Devidze et al., "Explicable Reward Design for Reinforcement Learning Agents", NeurIPS 2021 (``exprd``), and
        "Exploration-Guided Reward Shaping for Reinforcement Learning under Sparse Rewards", NeurIPS 2022
        (``explors``), and "Informativeness of Reward Functions in Reinforcement Learning", AAMAS 2024 (``expadard``);
        geometry and transitions are those of their released programs.

    Version history:
        v0: first version.
    """

    def __init__(
        self,
        variant: Variant = "exprd",
        *,
        slip: float | None = None,
        gamma: float | None = None,
        r_max: float | None = None,
        distractor: float = 0.0,
    ) -> None:
        mdp = room(variant, slip=slip, gamma=gamma, r_max=r_max, distractor=distractor)
        settings = {"variant": variant, "slip": slip, "gamma": gamma, "r_max": r_max, "distractor": distractor}
        super().__init__(mdp, (_GOAL, _RIGHT), f"room/{variant}", settings)


def room_features() -> NDArray[np.float64]:
    """Return the features of ExpAdaRD's rewards on Room: nine overlapping 3 x 3 squares and the goal, per action.

    Returns:
        Shape ``(50, 4, 40)``.
    """
    found = np.zeros((_STATES, 4, 4, 10))
    for number, corner in enumerate((0, 3, 4, 21, 28, 24, 31, 25, 32)):
        square = [corner + _SIZE * row + column for row in range(3) for column in range(3)]
        found[square, :, :, number] = np.eye(4)
    found[_GOAL, :, :, 9] = np.eye(4)
    return found.reshape(_STATES, 4, 40)


def _meant(variant: Variant) -> list[list[int]]:
    """Return where each action leads without slipping."""
    meant = [[_neighbour(state, action) for action in range(4)] for state in range(_END)]
    meant[0][_LEFT] = meant[0][_DOWN] = _END
    if variant != "explors":
        meant[_GOAL][_RIGHT] = _END
    if variant == "exprd":
        meant[_GOAL][_UP] = _END
    return meant


def _neighbour(state: int, action: int) -> int:
    """Return the cell in a direction; the same cell where there is a wall."""
    column, row = state % _SIZE, state // _SIZE
    right, up = _MOVES[action]
    if not (0 <= column + right < _SIZE and 0 <= row + up < _SIZE):
        return state
    crosses_column = right and max(column, column + right) == _WALL and row not in _GATES
    crosses_row = up and max(row, row + up) == _WALL and column not in _GATES
    return state if crosses_column or crosses_row else state + right + _SIZE * up


def _slips_to(variant: Variant, meant: list[list[int]], state: int, action: int) -> list[int]:
    """Return the equally likely results of slipping."""
    if variant != "exprd":
        return meant[state]
    around = sorted(set(meant[state]) - {state})
    others = [other for other in around if other != meant[state][action]]
    return others or [state]


def _walls() -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Return the pairs of cells with a wall between them, rows counted from the top."""
    closed = [k for k in range(_SIZE) if k not in _GATES]
    upright = [((_SIZE - 1 - k, _WALL - 1), (_SIZE - 1 - k, _WALL)) for k in closed]
    level = [((_SIZE - _WALL, k), (_SIZE - 1 - _WALL, k)) for k in closed]
    return (*upright, *level)
