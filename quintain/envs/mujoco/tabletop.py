"""Tabletop tasks: a hand reaches a place, pushes a puck, moves a handle. Small tasks for targeted attacks.

Modelled on the manipulation tasks on which RAT was evaluated (Bai et al. 2025, on Meta-World), reduced to what an agent
learns within minutes on one core. Nothing is taken from those environments.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.bounded_actions import INVALID_PENALTY, read_action
from quintain.envs.mujoco import controllers
from quintain.envs.mujoco.scenes import SCENES, Point, Scenario, draw_layout
from quintain.errors import ConfigurationError, require
from quintain.reward_signature import Columns, RewardInput, RewardSignature, Target, to_columns
from quintain.sandbox.designed_reward import DesignedReward
from quintain.sandbox.reward_program import DENSE_SCALE

__all__ = ["TabletopEnv"]

TaskName = Literal["reach", "push", "slide-handle", "turn-lever"]
RewardKind = Literal["dense", "sparse"]

#: Success: distance to the goal below this, in metres (the paper's threshold for "manipulation").
TOLERANCE = 0.05
#: Simulation steps of 5 ms per environment step.
_FRAME_SKIP = 10


class TabletopEnv(gym.Env[NDArray[np.float64], NDArray[np.float32]]):
    """Move a hand, or with it a puck or a handle, to a goal.

    Description:
        A hand moves in the plane of a table of 0.8 m. ``reach``: bring it to the goal. ``push``: push a puck there.
        ``slide-handle``: slide a handle on a rail to the goal, by entering between its two posts. ``turn-lever``: the
        same with a handle at the end of a lever, which turns about a pivot.

        Beside the goal there is an attacker's goal for targeted attacks: under the scenario ``opposite`` the mirror
        image of the goal (close what should be opened), under ``manipulation`` a fixed place. It does not change the
        task and is reported in ``info`` only.

    Observation:
        Metres and metres per second: hand (2), its velocity (2), then, where there is one, object (2) and its velocity
        (2; 1 for a handle along its rail; 1 for a lever, in radians per second), then goal (2). Float64. Every entry
        varies, so that running statistics are well defined.

    Action:
        Velocity of the hand in [-1, 1]^2, in m/s. Anything but an array of two finite numbers counts as zero velocity,
        and numbers beyond the bounds are clipped; both set ``invalid_action`` and cost 1.

    Reward:
        ``dense``: ``distance`` -d(x, goal), where x is the object, or the hand in ``reach``; ``approach``
        -0.2 d(hand, object) where there is an object; ``success`` 0.1 per step at the goal; distances d in metres.
        ``sparse``: ``success`` 1 per step at the goal. A file, ``"reward.py"``: the terms ``sparse`` and ``dense`` of a
        designed reward; where it fails, ``info["reward_error"]`` says why.

    Episode end:
        Never by itself; the registered environments are truncated after 60 steps of 0.05 s.

    Info:
        ``success``: the object (the hand in ``reach``) is within 5 cm of the goal after this step.
        ``attacker_success``: the same for the attacker's goal. ``attacker_reward``: the dense reward if the attacker's
        goal were the goal; scripted teachers of preference-based attacks compare it. ``metrics``: both distances in
        metres. Also ``task_id``, ``task_hash``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        task: ``"reach"``, ``"push"``, ``"slide-handle"`` or ``"turn-lever"``.
        reward: ``"dense"``, ``"sparse"`` or the file of a designed reward; see Reward.
        scenario: Attacker's goal: ``"opposite"`` or ``"manipulation"``; see Description.
        mirrored: Mirror the whole task, so that the goal lies on the left-hand side.
        render_mode: ``None`` or ``"rgb_array"`` (480 x 480, seen from the front and above).

    Determinism:
        A function of the seed and the actions, on one version of MuJoCo. A copy (``copy.deepcopy``, ``pickle``)
        continues as the original would: for planning, step the copy.

    Source:
        F. Bai et al., "RAT: Adversarial Attacks on Deep Reinforcement Agents for Targeted Behaviors", AAAI 2025, for
        the scenarios and the threshold.

    Version history:
        v0: first version.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: TaskName = "reach",
        *,
        reward: RewardKind | str = "dense",
        scenario: Scenario = "opposite",
        mirrored: bool = False,
        render_mode: str | None = None,
    ) -> None:
        from_file = reward.endswith(".py") if isinstance(reward, str) else False
        for name, value, known in (
            ("task", task, tuple(SCENES)), ("reward", "dense" if from_file else reward, get_args(RewardKind)),
            ("scenario", scenario, get_args(Scenario)), ("render_mode", render_mode, (None, "rgb_array")),
        ):  # fmt: skip
            if value not in known:
                raise ConfigurationError(f"{name} must be one of {known}, got {value!r}")
        if render_mode is not None and "mujoco" not in sys.modules and not os.environ.get("DISPLAY"):
            os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo reads it once, when it is imported
        self._mujoco = require("mujoco", "mujoco", "tabletop environments")
        self.task: TaskName = task
        self.reward_kind: RewardKind | str = reward
        self.reward_signature = _signature(task)
        self.designed = DesignedReward(reward, self.reward_signature) if from_file else None
        self.scenario: Scenario = scenario
        self.mirrored = mirrored
        self.render_mode = render_mode
        self._scene = SCENES[task]
        self.metadata = {**type(self).metadata, "legend": self._scene.legend}
        self.model = self._mujoco.MjModel.from_xml_string(self._scene.xml)
        self.data = self._mujoco.MjData(self.model)
        self._object_joints = len(self._scene.thing)
        self._object = self.model.body("object").id if self._object_joints else -1
        length = 8 + self._object_joints if self._object_joints else 6
        self.observation_space = spaces.Box(-np.inf, np.inf, (length,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._goal = self._place = np.zeros(2)
        self._renderer: Any = None
        settings = {"task": task, "reward": reward, "scenario": scenario, "mirrored": mirrored, "version": 0}
        self._hash = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=8).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copies, without what belongs to this process: MuJoCo, the renderer, the sandbox."""
        kept = ("_mujoco", "_renderer", "designed")
        return {name: value for name, value in self.__dict__.items() if name not in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of another environment; a renderer is made when it is needed."""
        self.__dict__.update(state)
        self._mujoco, self._renderer = require("mujoco", "mujoco", "tabletop environments"), None
        from_file = self.reward_kind.endswith(".py")
        self.designed = DesignedReward(self.reward_kind, self.reward_signature) if from_file else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Draw new positions of hand, object and goal."""
        super().reset(seed=seed)
        layout = draw_layout(self._scene, self.scenario, self.mirrored, self.np_random)
        self._mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = layout.positions
        if self._scene.rail is not None:
            self.model.body("rail").pos[1] = layout.rail
        self._goal, self._place = layout.goal, layout.attacker_place
        for name, place in (("goal", self._goal), ("attacker", self._place)):
            self.model.site(name).pos[:2] = place
        self._mujoco.mj_forward(self.model, self.data)
        if self.designed is not None:
            self.designed.begin()
        return self._observe(), self._info(invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Move the hand for 0.05 s."""
        velocity, invalid = read_action(action, 2)
        self.data.ctrl[:] = velocity
        self._mujoco.mj_step(self.model, self.data, nstep=_FRAME_SKIP)
        self._mujoco.mj_kinematics(self.model, self.data)  # positions lag one integration behind the joints
        info = self._info(invalid)
        if self.designed is not None:
            self._pay(self.designed, info)
        return self._observe(), float(sum(info["reward_terms"].values())), False, False, info

    def reward_inputs(self) -> Columns:
        """Return the inputs of designed rewards in the present state; see ``reward_signature``."""
        moved = self._moved()
        row = {
            "hand": self._hand().tolist(),
            "goal": self._goal.tolist(),
            "goal_reached": bool(np.linalg.norm(moved - self._goal) < TOLERANCE),
            **({_THINGS[self.task]: moved.tolist()} if self._object_joints else {}),
        }
        return to_columns([row], self.reward_signature)

    def _pay(self, designed: DesignedReward, info: dict[str, Any]) -> None:
        """Replace the reward's terms by those of the designed function, or say why it failed."""
        found = designed.rewards(self.reward_inputs())
        kept = {name: value for name, value in info["reward_terms"].items() if name == "invalid_action"}
        if found.errors[0]:
            info["reward_error"] = {"designed": found.errors[0]}
        else:
            kept |= {"sparse": float(found.sparse[0]), "dense": DENSE_SCALE * float(found.dense[0])}
        info["reward_terms"] = kept

    def solution(self) -> NDArray[np.float32]:
        """Return the scripted controller's action towards the goal."""
        return self.action_towards(self._goal)

    def attacker_solution(self) -> NDArray[np.float32]:
        """Return the scripted controller's action towards the attacker's goal."""
        return self.action_towards(self._place)

    def action_towards(self, place: Point) -> NDArray[np.float32]:
        """Return a scripted action that brings the hand or the object to ``place``, shape ``(2,)``, in metres."""
        hand, moved = self._hand(), self._moved()
        if self.task == "reach":
            return controllers.reach(hand, place)
        if self.task == "push":
            return controllers.push(hand, moved, place)
        if self.task == "slide-handle":
            return controllers.slide_handle(hand, moved, place)
        assert self._scene.radius is not None
        return controllers.turn_lever(hand, moved, place, self.model.body("rail").pos[:2], self._scene.radius)

    def render(self) -> Any:
        """Return a frame, shape ``(480, 480, 3)``, uint8; ``None`` without a render mode.

        Raises:
            ConfigurationError: If MuJoCo finds no way to draw.
        """
        if self.render_mode is None:
            return None
        try:
            if self._renderer is None:
                self._renderer = self._mujoco.Renderer(self.model, 480, 480)
            self._renderer.update_scene(self.data, camera="above")
            return self._renderer.render()
        except Exception as error:  # any error of the OpenGL library
            raise ConfigurationError(
                f"MuJoCo cannot draw here ({type(error).__name__}: {error}); set MUJOCO_GL=egl (needs libegl1) or "
                "MUJOCO_GL=osmesa (needs libosmesa6) before Python starts"
            ) from error

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _hand(self) -> Point:
        return np.asarray(self.data.qpos[:2].copy())

    def _moved(self) -> Point:
        return np.asarray(self.data.xpos[self._object, :2].copy()) if self._object_joints else self._hand()

    def _observe(self) -> NDArray[np.float64]:
        parts = [self.data.qpos[:2], self.data.qvel[:2]]
        if self._object_joints:
            parts += [self._moved(), self.data.qvel[2:]]
        return np.concatenate([*parts, self._goal])

    def _info(self, invalid: bool) -> dict[str, Any]:
        moved = self._moved()
        distance, attacker_distance = (float(np.linalg.norm(moved - place)) for place in (self._goal, self._place))
        approach = float(np.linalg.norm(self._hand() - moved)) if self._object_joints else 0.0
        terms = _terms(distance, approach) if self.reward_kind != "sparse" else {"success": float(distance < TOLERANCE)}
        if invalid:
            terms["invalid_action"] = INVALID_PENALTY
        return {
            "task_id": f"{self.task}/{self.scenario}",
            "task_hash": self._hash,
            "success": distance < TOLERANCE,
            "attacker_success": attacker_distance < TOLERANCE,
            "attacker_reward": sum(_terms(attacker_distance, approach).values()),
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {"distance": distance, "attacker_distance": attacker_distance},
        }


#: What is moved, by task.
_THINGS = {"push": "puck", "slide-handle": "handle", "turn-lever": "handle"}
_WORDS = {
    "reach": "bring the hand to the goal",
    "push": "push the puck to the goal with the hand",
    "slide-handle": "slide the handle along its rail to the goal with the hand",
    "turn-lever": "turn the lever until its handle is at the goal, with the hand",
}


def _signature(task: str) -> RewardSignature:
    """Return what a task declares about designed rewards."""
    thing = _THINGS.get(task, "hand")
    names = dict.fromkeys(("hand", thing, "goal"))
    inputs = [RewardInput(name, "vector", f"(x, y) of the {name} on the table, in metres", size=2) for name in names]
    inputs.append(RewardInput("goal_reached", "flag", f"whether the {thing} is within {TOLERANCE} m of the goal"))
    facts = ("The table is 0.8 m wide. The hand moves at up to 1 m/s; a step takes 0.05 s.",)
    return RewardSignature(_WORDS[task], tuple(inputs), facts, targets=(Target(thing, to="goal"),), max_steps=60)


def _terms(distance: float, approach: float) -> dict[str, float]:
    return {"distance": -distance, "approach": -0.2 * approach, "success": 0.1 * (distance < TOLERANCE)}
