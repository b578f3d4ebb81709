"""Classic control whose only reward is at a goal, visited several times within an episode: SparseGoal-v0."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.envs.bounded_actions import INVALID_PENALTY, read_action
from quintain.envs.navigation.systems import SYSTEMS
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["SparseGoalEnv"]

#: Length of the range of every state variable in observations.
_RANGE = 8.0


class SparseGoalEnv(gym.Env[NDArray[np.float64], NDArray[np.float64]]):
    """Bring a mechanical system to its goal, without any reward before.

    Description:
        ``mountain-car``: an underpowered car leaves a valley. ``pendulum``: a pendulum is swung up with too little
        torque and is slow at the top. ``acrobot``: two links are swung above the bar. ``reacher``: the hand of an arm
        of two links gets to a place among discs that the arm cannot pass. As in ``Maze-v0``, an arrival ends a visit:
        whatever the agent does next brings the system back to the start, until ``visits`` visits are over.

    Observation:
        State, then a state of the goal, both scaled so that the range of every variable is 8; float64. States:
        position and velocity of the car; angle from hanging and angular velocity of the pendulum; two angles and two
        velocities of the acrobot; two joint angles of the arm.

    Action:
        In [-1, 1]: force, torque, torque of the joint between the links, or two joint velocities (0.1 rad a step at 1).
        Anything but an array of finite numbers of that length counts as zero, and numbers beyond the bounds are
        clipped; both set ``invalid_action`` and cost 1.

    Reward:
        ``goal``: 1 on arrival, else 0.

    Episode end:
        Terminated at the last visit's arrival; a step beyond it raises ``ResetNeeded``. The registered environment is
        truncated after 10,000 steps.

    Info:
        ``success``: all visits have ended with an arrival. ``at_goal``: this step arrived. ``metrics``: ``arrivals``,
        and ``steps_1``, ``steps_2`` ... of finished visits. ``task_hash``: a hash of system, visits, first state and
        goal. Also ``task_id``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        system: ``"mountain-car"``, ``"pendulum"``, ``"acrobot"`` or ``"reacher"``.
        visits: Arrivals that end the episode, >= 1.
        render_mode: ``None``; there is nothing to see yet.

    Determinism:
        A function of the seed and the actions.

    Source:
        The paper claims "difficult extensions of classic RL problems" (Baranski and Tani 2024, arXiv 2410.01349);
        which ones is not in the texts that could be read (unconfirmed). Dynamics: Moore 1990, Sutton and Barto 1998,
        with the constants of Gymnasium's environments.

    Version history:
        v0: first version.
    """

    metadata = {"render_modes": []}

    def __init__(self, system: str = "mountain-car", *, visits: int = 1, render_mode: str | None = None) -> None:
        if not isinstance(system, str) or system not in SYSTEMS:
            raise UnknownNameError("system", str(system), SYSTEMS)
        check_number("visits", visits, low=1, integer=True)
        if render_mode is not None:
            raise ConfigurationError(f"render_mode must be None, got {render_mode!r}")
        self.name, self.visits, self.render_mode = system, visits, None
        self.system = SYSTEMS[system]
        self._scale = _RANGE / (np.array(self.system.high) - self.system.low)
        low, high = (np.array(ends * 2) * np.tile(self._scale, 2) for ends in (self.system.low, self.system.high))
        self.observation_space: spaces.Space[Any] = spaces.Box(low, high, dtype=np.float64)
        self.action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (self.system.actions,), np.float64)
        self.state = np.array(self.system.start)
        self.steps: list[int] = []
        self._step, self._at_goal, self._over = 0, False, True
        self._hash = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Begin the first visit."""
        super().reset(seed=seed)
        self.steps, self._at_goal, self._over = [], False, False
        self._begin_visit()
        task = [self.name, int(self.visits), self.state.tolist(), list(self.system.goal)]
        self._hash = hashlib.blake2b(json.dumps(task).encode(), digest_size=8).hexdigest()
        return self._observe(), self._info(arrived=False, invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Advance the system, or after an arrival return to the start.

        Raises:
            ResetNeeded: If no episode is under way.
        """
        if self._over:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        values, invalid = read_action(action, self.system.actions)
        arrived = False
        if self._at_goal:
            self._begin_visit()
        else:
            self.state = self.system.step(self.state[None], values[None], np)[0]
            self._step += 1
            arrived = bool(self.system.reached(self.state[None], np)[0])
            if arrived:
                self.steps.append(self._step)
        self._at_goal = arrived
        self._over = len(self.steps) == self.visits
        info = self._info(arrived, invalid)
        return self._observe(), float(sum(info["reward_terms"].values())), self._over, False, info

    def _begin_visit(self) -> None:
        spread = np.array(self.system.spread)
        self.state = self.system.start + self.np_random.uniform(-spread, spread)
        self._step = 0

    def _observe(self) -> NDArray[np.float64]:
        return np.concatenate([self.state * self._scale, self.system.goal * self._scale])

    def _info(self, arrived: bool, invalid: bool) -> dict[str, Any]:
        steps = {f"steps_{number}": float(count) for number, count in enumerate(self.steps, 1)}
        return {
            "task_id": f"sparse-goal/{self.name}",
            "task_hash": self._hash,
            "success": len(self.steps) == self.visits,
            "at_goal": arrived,
            "reward_terms": {"goal": float(arrived), **({"invalid_action": INVALID_PENALTY} if invalid else {})},
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {"arrivals": float(len(self.steps)), **steps},
        }
