"""A hand on a table: reach a place, push a puck to it, move a handle; small tasks for attacks with a purpose.

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

from quintain.envs.mujoco.actions import INVALID_PENALTY, read_action
from quintain.envs.mujoco.scenes import SCENES, Point
from quintain.errors import ConfigurationError, require

__all__ = ["TabletopEnv"]

TaskName = Literal["reach", "push", "slide-handle", "turn-lever"]
RewardKind = Literal["dense", "sparse"]
Scenario = Literal["manipulation", "opposite"]

#: Success: the thing is this near to where it belongs, in metres (the paper's threshold for "manipulation").
TOLERANCE = 0.05
_FRAME_SKIP = 10


class TabletopEnv(gym.Env[NDArray[np.float64], NDArray[np.float32]]):
    """Move a hand, or with it a puck or a handle, to a goal.

    Description:
        A hand moves in the plane of a table of 0.8 m. ``reach``: bring it to the goal. ``push``: push a puck there.
        ``slide-handle``: slide a handle on a rail to the goal, by entering between its two posts. ``turn-lever``: the
        same with a handle at the end of a lever, which turns about a pivot.

        Beside the goal there is a place where an attacker would like to see the thing instead. Under the scenario
        ``opposite`` it is the mirror image of the goal (close what should be opened), under ``manipulation`` a fixed
        place. Neither changes the task; both are reported in ``info``.

    Observation:
        Metres and metres per second: hand (2), its velocity (2), then, where there is one, object (2) and its velocity
        (2; 1 for a handle along its rail; 1 for a lever, in radians per second), then goal (2). Float64. Every entry
        varies, so that running statistics are well defined.

    Action:
        Velocity of the hand in [-1, 1]^2, in m/s. Anything that is no array of two finite numbers is a pause, and
        numbers beyond the bounds are clipped; both set ``invalid_action`` and pay -1.

    Reward:
        ``dense``: ``distance`` -d(thing, goal), ``approach`` -0.2 d(hand, object) where there is an object, and
        ``success`` 0.1 per step at the goal. ``sparse``: ``success`` 1 per step at the goal.

    Episode end:
        Never by itself; the registered environments are truncated after 60 steps of 0.05 s.

    Info:
        ``success``: the thing is within 5 cm of the goal now. ``attacker_success``: of the attacker's place.
        ``attacker_reward``: the dense reward, were the attacker's place the goal; what a scripted teacher compares.
        ``metrics``: both distances in metres.

    Arguments:
        task: ``"reach"``, ``"push"``, ``"slide-handle"`` or ``"turn-lever"``.
        reward: ``"dense"`` or ``"sparse"``.
        scenario: ``"opposite"`` or ``"manipulation"``.
        mirrored: Mirror the whole task, so that the goal lies on the left-hand side: the opposite task itself.
        render_mode: ``None`` or ``"rgb_array"`` (480 x 480, seen from the front and above).

    Determinism:
        A function of the seed and the actions, on one version of MuJoCo.

    Source:
        F. Bai et al., "RAT: Adversarial Attacks on Deep Reinforcement Agents for Targeted Behaviors", AAAI 2025, for
        the scenarios and the threshold.

    Version history:
        v0: first.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: TaskName = "reach",
        *,
        reward: RewardKind = "dense",
        scenario: Scenario = "opposite",
        mirrored: bool = False,
        render_mode: str | None = None,
    ) -> None:
        for name, value, known in (
            ("task", task, tuple(SCENES)), ("reward", reward, get_args(RewardKind)),
            ("scenario", scenario, get_args(Scenario)), ("render_mode", render_mode, (None, "rgb_array")),
        ):  # fmt: skip
            if value not in known:
                raise ConfigurationError(f"{name} must be one of {known}, got {value!r}")
        if render_mode is not None and "mujoco" not in sys.modules and not os.environ.get("DISPLAY"):
            os.environ.setdefault("MUJOCO_GL", "egl")  # is read when mujoco is imported, so now or never
        self._mujoco = require("mujoco", "mujoco", "tabletop environments")
        self.task: TaskName = task
        self.reward_kind: RewardKind = reward
        self.scenario: Scenario = scenario
        self.mirrored = mirrored
        self.render_mode = render_mode
        self._scene = SCENES[task]
        self.model = self._mujoco.MjModel.from_xml_string(self._scene.xml)
        self.data = self._mujoco.MjData(self.model)
        self._moves = len(self._scene.thing)
        self._object = self.model.body("object").id if self._moves else -1
        length = 8 + self._moves if self._moves else 6
        self.observation_space = spaces.Box(-np.inf, np.inf, (length,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._goal = self._place = np.zeros(2)
        self._renderer: Any = None
        settings = {"task": task, "reward": reward, "scenario": scenario, "mirrored": mirrored, "version": 0}
        self._hash = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=8).hexdigest()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Set the table."""
        super().reset(seed=seed)
        scene, side = self._scene, -1.0 if self.mirrored else 1.0
        self._mujoco.mj_resetData(self.model, self.data)
        starts = [self.np_random.uniform(low, high) for low, high in (*scene.hand, *scene.thing)]
        spot = [self.np_random.uniform(low, high) for low, high in scene.goal]
        goal = scene.where((spot[0], spot[1]))
        starts[::2] = [side * x for x in starts[::2]]
        self.data.qpos[:] = starts
        rail = 0.0 if scene.rail is None else self.np_random.uniform(*scene.rail)
        if scene.rail is not None:
            self.model.body("rail").pos[1] = rail
        self._goal = np.array([side * goal[0], goal[1] + rail])
        place = goal if self.scenario == "opposite" else scene.where(scene.place)
        away = -side if self.scenario == "opposite" else side
        self._place = np.array([away * place[0], place[1] + rail])
        for name, where in (("goal", self._goal), ("attacker", self._place)):
            self.model.site(name).pos[:2] = where
        self._mujoco.mj_forward(self.model, self.data)
        return self._observe(), self._tell(invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Move the hand for 0.05 s."""
        velocity, invalid = read_action(action, 2)
        self.data.ctrl[:] = velocity
        self._mujoco.mj_step(self.model, self.data, nstep=_FRAME_SKIP)
        self._mujoco.mj_kinematics(self.model, self.data)  # positions lag one integration behind the joints
        info = self._tell(invalid)
        return self._observe(), float(sum(info["reward_terms"].values())), False, False, info

    def solution(self) -> NDArray[np.float32]:
        """Return a good action towards the goal; a program that knows the scene."""
        return self.action_towards(self._goal)

    def attacker_solution(self) -> NDArray[np.float32]:
        """Return a good action towards the attacker's place."""
        return self.action_towards(self._place)

    def action_towards(self, place: Point) -> NDArray[np.float32]:
        """Return a good action to bring the thing to ``place``, shape ``(2,)``."""
        hand, thing = self._hand(), self._thing()
        if self.task == "reach":
            wanted = place
        elif self.task == "slide-handle":
            inside = abs(hand[0] - thing[0]) < 0.045 and hand[1] > thing[1] - 0.05
            wanted = np.array([hand[0] + place[0] - thing[0], thing[1]]) if inside else np.array([thing[0], thing[1]])
            if not inside and abs(hand[0] - thing[0]) > 0.03:  # line up in front of the opening first
                wanted = np.array([thing[0], thing[1] - 0.1])
        elif self.task == "turn-lever":
            assert self._scene.radius is not None
            out = (thing - self.model.body("rail").pos[:2]) / self._scene.radius  # from the pivot to the handle
            across, depth = float(out[0] * (hand - thing)[1] - out[1] * (hand - thing)[0]), float((hand - thing) @ out)
            if abs(across) < 0.045 and depth < 0.05:
                wanted = hand + (place - thing) - depth * out
            else:
                wanted = thing if abs(across) < 0.03 else thing + 0.1 * out
        else:
            way = place - thing
            length = float(np.linalg.norm(way))
            direction = way / max(length, 1e-9)
            behind = thing - 0.065 * direction
            aligned = np.linalg.norm(hand - behind) < 0.03
            wanted = hand + way if aligned and length > 0.01 else behind
            if not aligned and float((hand - thing) @ direction) > -0.03:  # on the wrong side: go round
                aside = np.array([-direction[1], direction[0]])
                wanted = thing + 0.09 * np.sign((hand - thing) @ aside or 1.0) * aside - 0.09 * direction
            if length <= 0.01:
                wanted = hand
        return np.clip(8 * (wanted - hand), -1, 1).astype(np.float32)

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
        except Exception as error:  # MuJoCo raises whatever its OpenGL library does
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

    def _thing(self) -> Point:
        return np.asarray(self.data.xpos[self._object, :2].copy()) if self._moves else self._hand()

    def _observe(self) -> NDArray[np.float64]:
        parts = [self.data.qpos[:2], self.data.qvel[:2]]
        if self._moves:
            parts += [self._thing(), self.data.qvel[2:]]
        return np.concatenate([*parts, self._goal])

    def _tell(self, invalid: bool) -> dict[str, Any]:
        thing = self._thing()
        distance, elsewhere = (float(np.linalg.norm(thing - there)) for there in (self._goal, self._place))
        approach = float(np.linalg.norm(self._hand() - thing)) if self._moves else 0.0
        terms = _terms(distance, approach) if self.reward_kind == "dense" else {"success": float(distance < TOLERANCE)}
        if invalid:
            terms["invalid_action"] = INVALID_PENALTY
        return {
            "task_id": f"{self.task}/{self.scenario}",
            "task_hash": self._hash,
            "success": distance < TOLERANCE,
            "attacker_success": elsewhere < TOLERANCE,
            "attacker_reward": sum(_terms(elsewhere, approach).values()),
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {"distance": distance, "attacker_distance": elsewhere},
        }


def _terms(distance: float, approach: float) -> dict[str, float]:
    return {"distance": -distance, "approach": -0.2 * approach, "success": 0.1 * (distance < TOLERANCE)}
