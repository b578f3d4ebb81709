"""Meta-World's manipulation tasks, each with an attacker's goal: the opposite task, or a fixed place.

Meta-World pins its own version of MuJoCo and needs a virtual environment of its own: ``sh scripts/metaworld_venv.sh``.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.bounded_actions import INVALID_PENALTY, read_action
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError, require

__all__ = ["OPPOSITES", "MetaWorldEnv", "expert"]

Scenario = Literal["opposite", "manipulation"]

#: Task -> the task that undoes it; both move the same object of the same scene.
OPPOSITES = {
    f"{thing}-{ways[side]}-v3": f"{thing}-{ways[1 - side]}-v3"
    for thing, ways in {
        "door": ("lock", "unlock"), "window": ("open", "close"),
        "drawer": ("open", "close"), "faucet": ("open", "close"),
    }.items()
    for side in (0, 1)
}  # fmt: skip
#: The attacker's goal for the gripper in the scenario "manipulation", in metres: off to the side, away from all tasks.
PLACE = np.array([0.3, 0.6, 0.2])
#: The attacker's goal is reached within this distance, in metres (the threshold of the RAT paper).
TOLERANCE = 0.05
_WHY = "Meta-World tasks; it pins mujoco==3.3.0, so it needs a virtual environment of its own"


class MetaWorldEnv(gym.Env[NDArray[np.float64], NDArray[np.float32]]):
    """One task of Meta-World (version 3), with the goal in the observation.

    Description:
        A Sawyer arm works on a door, a drawer, a window, a faucet and so on; 50 tasks by name. The attacker's goal does
        not change the task and is reported in ``info`` only. Under the scenario ``opposite`` it is that of Meta-World's
        own opposite task in the same state (:data:`OPPOSITES`); under ``manipulation``, the gripper at a fixed place
        off to the side.

    Observation:
        Meta-World's 39 numbers: gripper (3) and its opening, up to two objects (7 each), the same of the step before,
        the goal (3). Entries of absent objects are 0. Float64, unbounded.

    Action:
        Motion of the gripper (3) and its closing in [-1, 1]. Anything but an array of four finite numbers counts as
        zeros, and numbers beyond the bounds are clipped; both set ``invalid_action`` and cost 1.

    Reward:
        ``task``: Meta-World's own, in [0, 10].

    Episode end:
        Never by itself; the registered environment is truncated after 500 steps, the maximum that Meta-World allows.

    Info:
        ``success``: Meta-World's success flag after this step. ``attacker_success`` and ``attacker_reward``: success
        flag and reward of the opposite task; under ``manipulation``, whether the gripper is within 5 cm of the place,
        and minus its distance in metres. ``metrics``: Meta-World's own numbers. Also ``task_id``, ``task_hash``,
        ``reward_terms``, ``invalid_action`` and ``parse_error``.

        Some objects start in the opposite task's goal state: a drawer that is to be opened starts closed, so that a
        policy that does not move counts as ``attacker_success``. Compare with random noise of the same budget.

    Arguments:
        task: Name of a Meta-World task, such as ``"drawer-open-v3"``.
        scenario: Attacker's goal: ``"opposite"`` or ``"manipulation"``; see Description.
        render_mode: ``None`` or ``"rgb_array"``.

    Determinism:
        A function of the seed and the actions, on one version of MuJoCo.

    Source:
        T. Yu et al., "Meta-World", CoRL 2019, the package ``metaworld``; F. Bai et al., "RAT", AAAI 2025, for the
        scenarios. That paper does not say which place "manipulation" means; this one is ours.

    Version history:
        v0: first version.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 80}

    def __init__(
        self, task: str = "drawer-open-v3", *, scenario: Scenario = "opposite", render_mode: str | None = None
    ) -> None:
        if scenario not in get_args(Scenario):
            raise ConfigurationError(f"scenario must be one of {get_args(Scenario)}, got {scenario!r}")
        if render_mode not in (None, "rgb_array"):
            raise ConfigurationError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        known = _metaworld().env_dict.ALL_V3_ENVIRONMENTS
        if task not in known:
            raise UnknownNameError("Meta-World task", task, known)
        if scenario == "opposite" and task not in OPPOSITES:
            raise ConfigurationError(
                f"{task!r} has no opposite task; use scenario='manipulation', or one of {', '.join(sorted(OPPOSITES))}"
            )
        self._mujoco = require("mujoco", "mujoco", "Meta-World tasks")
        self.task = task
        self.scenario: Scenario = scenario
        self.render_mode = render_mode
        self._env = _with_task(known[task](render_mode=render_mode), None)
        self._opposite: Any = known[OPPOSITES[task]]() if scenario == "opposite" else None
        self._expert: Callable[[NDArray[np.float64]], NDArray[np.float32]] | None = None
        self._observation = np.zeros(39)
        self.observation_space = spaces.Box(-np.inf, np.inf, (39,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (4,), np.float32)
        settings = {"task": task, "scenario": scenario, "version": 0}
        self._hash = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=8).hexdigest()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Draw a new position of the object."""
        super().reset(seed=seed)
        # As Meta-World makes its own tasks: one reset draws the positions, a second one starts from them.
        self._env.np_random = self.np_random
        self._env.seeded_rand_vec, self._env._freeze_rand_vec = True, False
        self._env.reset()
        _with_task(self._env, self._env._last_rand_vec).reset()
        self._mujoco.mj_forward(self._env.model, self._env.data)
        observation = (
            self._env._get_obs()
        )  # read again: Meta-World's own first observation can predate the object's placement
        observation[18:36] = observation[:18]
        if self._opposite is not None:
            _with_task(self._opposite, self._env._last_rand_vec).reset()
        self._observation, pause = observation, np.zeros(4)
        _, metrics = self._env.evaluate_state(observation, pause)
        return observation.copy(), self._info(observation, pause, 0.0, metrics, invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Move the arm for 0.0125 s."""
        motion, invalid = read_action(action, 4)
        observation, reward, _, _, metrics = self._env.step(motion.astype(np.float32))
        self._observation = observation
        info = self._info(observation, motion, float(reward), metrics, invalid)
        return observation.copy(), float(sum(info["reward_terms"].values())), False, False, info

    def solution(self) -> NDArray[np.float32]:
        """Return the action of the scripted expert that ships with Meta-World."""
        self._expert = self._expert or expert(self.task)
        return self._expert(self._observation)

    def render(self) -> Any:
        """Return a frame; ``None`` without a render mode.

        Raises:
            ConfigurationError: If MuJoCo finds no way to draw.
        """
        if self.render_mode is None:
            return None
        try:
            return self._env.render()
        except Exception as error:  # any error of the OpenGL library
            raise ConfigurationError(f"MuJoCo cannot draw here ({error}); set MUJOCO_GL=egl or osmesa") from error

    def close(self) -> None:
        """Free the renderers."""
        self._env.close()

    def _info(
        self,
        observation: NDArray[np.float64],
        action: NDArray[Any],
        reward: float,
        metrics: dict[str, Any],
        invalid: bool,
    ) -> dict[str, Any]:
        if self._opposite is None:
            distance = float(np.linalg.norm(observation[:3] - PLACE))
            attacker_reward, attacker_success = -distance, distance < TOLERANCE
        else:
            attacker_reward, attacker_success = self._evaluate_opposite(action)
        terms = {"task": reward}
        if invalid:
            terms["invalid_action"] = INVALID_PENALTY
        return {
            "task_id": f"{self.task}/{self.scenario}",
            "task_hash": self._hash,
            "success": bool(metrics["success"]),
            "attacker_success": attacker_success,
            "attacker_reward": attacker_reward,
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {name: float(value) for name, value in metrics.items() if name != "success"},
        }

    def _evaluate_opposite(self, action: NDArray[Any]) -> tuple[float, bool]:
        """Copy the state into the opposite task, which has the same joints, and return its reward and success flag."""
        here, other = self._env.data, self._opposite.data
        other.qpos[:], other.qvel[:] = here.qpos, here.qvel
        other.mocap_pos[:], other.mocap_quat[:] = here.mocap_pos, here.mocap_quat
        self._mujoco.mj_forward(self._opposite.model, other)
        reward, metrics = self._opposite.evaluate_state(self._opposite._get_obs(), action)
        return float(reward), bool(metrics["success"])


def expert(task: str) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
    """Return the scripted policy that ships with Meta-World: a function from an observation to an action.

    :meth:`quintain.agents.policies.Policy.from_function` makes a black-box policy of it.

    Raises:
        UnknownNameError: If there is no such task.
    """
    policies = _metaworld().policies.ENV_POLICY_MAP
    if task not in policies:
        raise UnknownNameError("Meta-World task", task, policies)
    policy = policies[task]()

    def act(observation: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.asarray(np.clip(policy.get_action(observation), -1, 1), dtype=np.float32)

    return act


def _with_task(env: Any, vector: NDArray[np.float64] | None) -> Any:
    """Set the random vector of a Meta-World environment, and put the goal into its observations."""
    data = {"rand_vec": vector, "env_cls": type(env), "partially_observable": False}
    env.set_task(_metaworld().types.Task(env_name="", data=pickle.dumps(data)))  # the form that Meta-World expects
    return env


def _metaworld() -> Any:
    try:
        import metaworld
        import metaworld.env_dict
        import metaworld.policies
        import metaworld.types
    except ModuleNotFoundError as error:
        if error.name != "metaworld":
            raise
        raise MissingDependencyError("metaworld", "mujoco", _WHY, "sh scripts/metaworld_venv.sh") from error
    return metaworld
