"""Meta-World's manipulation tasks, with the opposite task, or a place of the attacker's own, as what an attacker wants.

Meta-World pins its own version of MuJoCo, so it lives in an environment of its own: ``sh scripts/metaworld_venv.sh``.
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

from quintain.envs.mujoco.actions import INVALID_PENALTY, read_action
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError, require

__all__ = ["OPPOSITES", "MetaWorldEnv", "expert"]

Scenario = Literal["opposite", "manipulation"]

#: The task that undoes a task; both move the same thing of the same scene.
OPPOSITES = {
    f"{thing}-{ways[side]}-v3": f"{thing}-{ways[1 - side]}-v3"
    for thing, ways in {
        "door": ("lock", "unlock"), "window": ("open", "close"),
        "drawer": ("open", "close"), "faucet": ("open", "close"),
    }.items()
    for side in (0, 1)
}  # fmt: skip
#: Where an attacker of "manipulation" wants the gripper, in metres: off to the side, where no task leads it.
PLACE = np.array([0.3, 0.6, 0.2])
#: It is there when it is this near, in metres (the threshold of the RAT paper).
TOLERANCE = 0.05
_WHY = "Meta-World tasks; it pins mujoco==3.3.0, so it gets a virtual environment of its own"


class MetaWorldEnv(gym.Env[NDArray[np.float64], NDArray[np.float32]]):
    """One task of Meta-World (version 3), its goal in the observation.

    Description:
        A Sawyer arm works on a door, a drawer, a window, a faucet and so on; 50 tasks by name. What an attacker would
        like instead does not change the task and is reported in ``info``. Under the scenario ``opposite`` it is what
        Meta-World's own opposite task wants of the same state (:data:`OPPOSITES`); under ``manipulation``, the gripper
        at a place off to the side.

    Observation:
        Meta-World's 39 numbers: gripper (3) and its opening, up to two objects (7 each), the same of the step before,
        the goal (3). Entries of absent objects are 0. Float64, unbounded.

    Action:
        Motion of the gripper (3) and its closing in [-1, 1]. Anything that is no array of four finite numbers is a
        pause, and numbers beyond the bounds are clipped; both set ``invalid_action`` and pay -1.

    Reward:
        ``task``: Meta-World's own, in [0, 10].

    Episode end:
        Never by itself; the registered environment is truncated after 500 steps, the most Meta-World allows.

    Info:
        ``success``: Meta-World's flag, now. ``attacker_success`` and ``attacker_reward``: flag and reward of the
        opposite task; or whether the gripper is within 5 cm of the place, and minus its distance in metres.
        ``metrics``: Meta-World's numbers.

        Some things begin as the opposite task wants them: a drawer that is to be opened begins closed, so a victim that
        does nothing at all is an attacker's success. Compare with random noise of the same budget.

    Arguments:
        task: Such as ``"drawer-open-v3"``.
        scenario: ``"opposite"`` or ``"manipulation"``.
        render_mode: ``None`` or ``"rgb_array"``.

    Determinism:
        A function of the seed and the actions, on one version of MuJoCo.

    Source:
        T. Yu et al., "Meta-World", CoRL 2019, the package ``metaworld``; F. Bai et al., "RAT", AAAI 2025, for the
        scenarios. That paper does not say which place "manipulation" means; this one is ours.

    Version history:
        v0: first.
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
        self._env = _settled(known[task](render_mode=render_mode), None)
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
        """Place the thing anew."""
        super().reset(seed=seed)
        # As Meta-World makes its own tasks: one reset to draw where things are, and one to begin there.
        self._env.np_random = self.np_random
        self._env.seeded_rand_vec, self._env._freeze_rand_vec = True, False
        self._env.reset()
        _settled(self._env, self._env._last_rand_vec).reset()
        self._mujoco.mj_forward(self._env.model, self._env.data)
        observation = self._env._get_obs()  # now, as Meta-World's first can be from before the thing was placed
        observation[18:36] = observation[:18]
        if self._opposite is not None:
            _settled(self._opposite, self._env._last_rand_vec).reset()
        self._observation, pause = observation, np.zeros(4)
        _, told = self._env.evaluate_state(observation, pause)
        return observation.copy(), self._tell(observation, pause, 0.0, told, invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Move the arm for 0.0125 s."""
        motion, invalid = read_action(action, 4)
        observation, reward, _, _, told = self._env.step(motion.astype(np.float32))
        self._observation = observation
        info = self._tell(observation, motion, float(reward), told, invalid)
        return observation.copy(), float(sum(info["reward_terms"].values())), False, False, info

    def solution(self) -> NDArray[np.float32]:
        """Return what the scripted expert that ships with Meta-World does here."""
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
        except Exception as error:  # MuJoCo raises whatever its OpenGL library does
            raise ConfigurationError(f"MuJoCo cannot draw here ({error}); set MUJOCO_GL=egl or osmesa") from error

    def close(self) -> None:
        """Free the renderers."""
        self._env.close()

    def _tell(
        self, observation: NDArray[np.float64], action: NDArray[Any], reward: float, told: dict[str, Any], invalid: bool
    ) -> dict[str, Any]:
        if self._opposite is None:
            distance = float(np.linalg.norm(observation[:3] - PLACE))
            wanted, there = -distance, distance < TOLERANCE
        else:
            wanted, there = self._judged_by_the_opposite(action)
        terms = {"task": reward}
        if invalid:
            terms["invalid_action"] = INVALID_PENALTY
        return {
            "task_id": f"{self.task}/{self.scenario}",
            "task_hash": self._hash,
            "success": bool(told["success"]),
            "attacker_success": there,
            "attacker_reward": wanted,
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {name: float(value) for name, value in told.items() if name != "success"},
        }

    def _judged_by_the_opposite(self, action: NDArray[Any]) -> tuple[float, bool]:
        """Put the opposite task into this state and ask it; the two share a scene, and thus joints."""
        here, other = self._env.data, self._opposite.data
        other.qpos[:], other.qvel[:] = here.qpos, here.qvel
        other.mocap_pos[:], other.mocap_quat[:] = here.mocap_pos, here.mocap_quat
        self._mujoco.mj_forward(self._opposite.model, other)
        reward, told = self._opposite.evaluate_state(self._opposite._get_obs(), action)
        return float(reward), bool(told["success"])


def expert(task: str) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
    """Return the scripted policy that ships with Meta-World: a function from an observation to an action.

    :meth:`quintain.agents.policies.Policy.from_function` makes a victim of it, a black box.

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


def _settled(env: Any, vector: NDArray[np.float64] | None) -> Any:
    """Give an environment of Meta-World its random vector, and the goal in its observations."""
    data = {"rand_vec": vector, "env_cls": type(env), "partially_observable": False}
    env.set_task(_metaworld().types.Task(env_name="", data=pickle.dumps(data)))  # how Meta-World takes it
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
