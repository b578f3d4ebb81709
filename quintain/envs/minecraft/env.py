"""One voxel world as a Gymnasium environment with MineDojo's spaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.minecraft.actions import INVALID_PENALTY, action_space, marginal_mask, read_action
from quintain.envs.minecraft.commands import MAX_ACTION_CHARS
from quintain.envs.minecraft.controls import check_controls
from quintain.errors import ConfigurationError, require
from quintain.reward_signature import Columns
from quintain.sandbox.designed_reward import DesignedReward
from quintain.sandbox.reward_program import DENSE_SCALE
from quintain.spaces import UnicodeText

__all__ = ["BACKENDS", "MinecraftEnv"]

#: Maximum length of an observation as text, in characters.
MAX_TEXT_CHARS = 20_000

#: Worlds behind the contract.
BACKENDS = ("voxel", "protocol", "minedojo")


class MinecraftEnv(gym.Env[Any, Any]):
    """Do a task in a MineDojo-compatible voxel simulator.

    Description:
        The world is made of blocks: plains, forests, deserts, hills and taiga with caves, ores by depth, lava and
        water. The agent walks, swims, digs, places, crafts and smelts, up to tools of diamond; it falls, drowns,
        burns, starves. Cows, sheep, pigs and chickens graze; zombies come at night. Digging times, damage, recipes and
        hunger are those of Minecraft 1.11, whose names MineDojo uses; world and pictures are our own, and this is not
        Minecraft. Worlds are 48 blocks high, with the sea at 21 and diamonds below 12; they wrap around at the sides.

        Tasks: ``"approach_tree"``, ``"explore_diamond"``, ``"approach_cow"``, ``"approach_sheep"``,
        ``"approach_pig"``, ``"approach_chicken"``, ``"obtain_diamond"``, ``"survival"``, or an id of MineDojo's such as
        ``"harvest_1_log"``, ``"combat_zombie_plains_barehand"``, ``"techtree_from_barehand_to_wooden_pickaxe"``, as far
        as blocks, items and mobs allow.

    Observation:
        ``"minedojo"``: MineDojo's nested dictionary, with its shapes, dtypes and units. Names are numbers, into
        ``BLOCK_NAMES``, ``ITEM_NAMES`` and ``MOB_NAMES`` of :mod:`quintain.envs.minecraft`. ``rgb`` is there with
        ``image_size``, ``voxels`` with ``voxel_size``, ``rays`` with ``rays``.
        ``"arrays"``: a dictionary of arrays: ``state`` (40 scaled numbers), ``items`` (number of each item),
        ``voxels`` (block ids), ``ray_block``, ``ray_mob``, ``ray_distance``, ``mask`` (360 bits).
        ``"flat"``: one vector of floats for a learner: state, items, voxels and rays by class.
        ``"text"``: ``UnicodeText`` for language agents. First the task, the rules and the list of commands; then what
        the last command led to; always life and food, place and heading, what is in the crosshair, the nearest block
        and mob of each name in view (with the turn that leads to it), what is carried, and what can be crafted.

    Action:
        ``"text"``: ``UnicodeText`` of at most 10,000 characters; its last line is a command, such as ``forward 5``,
        ``turn left 30``, ``face cow``, ``dig``, ``place crafting_table`` or ``craft planks``. A command takes as many
        steps of the simulator as it needs. Text that is no command is an invalid action. Otherwise:
        MineDojo's ``MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])``: none, forward, back; none, left, right; none, jump,
        sneak, sprint; pitch and yaw by (bin - 12) x 15 degrees; function (none, use, drop, attack, craft, equip, place,
        destroy); what to craft; which slot. ``[0, 0, 0, 12, 12, 0, 0, 0]`` does nothing. A step is a tick of 50 ms;
        after drop, craft, equip, place and destroy two more ticks pass, as in MineDojo. Anything that is no member of
        the space does nothing, sets ``invalid_action`` and costs 1. A member that is impossible now (the mask says so)
        does nothing and sets ``impossible_action``.

    Reward:
        One term ``task``. Approach and explore: 1 when the target is reached. Harvest: change of the number of target
        items in the inventory. Combat: 1 per kill. Technology tree: 1 when the item is first obtained, 10 when it is
        first used. Survival: 1 per day. With ``invalid_action`` -1 for an invalid action.

    Episode end:
        Terminated by success or death. The registered environments are truncated after a number of steps; with
        ``"text"`` also after as many steps of the simulator, so that a text episode is as long as another.

    Info:
        ``backend``: which world this is. ``success``. ``death_cause``: ``"lava"``, ``"fall"`` ... or ``""``.
        ``metrics``: life, food, distance from the start in blocks, blocks mined and placed, ticks. Also ``task_id``,
        ``task_hash``, ``reward_terms``, ``invalid_action``, ``impossible_action`` and ``parse_error``: with ``"text"``
        what is wrong with the command, or ``None``; otherwise ``False``. ``backend_error`` if the backend has failed:
        the episode is truncated without reward, and ``evaluate`` counts it as an error.

    Arguments:
        task: Name or id of the task; see Description.
        backend: ``"voxel"``, the compiled simulator, or ``"protocol"``: a mineflayer client of a flying-squid server
            moves the agent in the same world (needs Node.js and ``quintain minecraft install``), or ``"minedojo"``:
            MineDojo itself, with its tasks and observations (an adapter, not yet tested with MineDojo).
        observation: ``"minedojo"``, ``"arrays"``, ``"flat"`` or ``"text"``; see Observation.
        voxel_size: Offsets ``xmin``, ``ymin``, ``zmin``, ``xmax``, ``ymax``, ``zmax`` of the voxels around the feet, in
            blocks; ``None`` for no voxels. Default: 3 x 3 x 3, as in MineDojo's tasks.
        rays: Lidar rays as (pitch, yaw, distance) relative to the view, in radians and blocks; ``"default"`` for 46
            rays over 60 by 120 degrees; ``None`` for none.
        initial_inventory: Item -> number at the start, instead of the task's.
        world_seed: Seed of the world, if all episodes shall have the same one; ``None``: drawn at each reset.
        world_size: Side of the world, in blocks: 32, 64, 128 or 256.
        timeout_s: Time limit of one call of the bridge of ``backend="protocol"``, in seconds.
        server: Address ``host:port`` of another server for ``backend="protocol"``, in offline mode; ``None`` for a
            server of its own. The world is then the server's, heights count from the lowest layer that is copied, the
            seed chooses nothing, and a step waits for the server's ticks.
        server_commands: What the client says in that server's chat at each reset, such as an operator's commands.
        image_size: Height and width of the picture ``rgb`` in ``"minedojo"`` observations, in pixels, as a pair or one
            number for both; ``None`` for no picture.
        controls: ``"minedojo"``; or ``"simple"``, a ``Discrete(9)`` of walking, turning, looking and attacking
            (``quintain.envs.minecraft.controls.SIMPLE``), each held for eight ticks.
        reward: File of a designed reward, whose terms ``sparse`` and ``dense`` replace that of the task; where it
            fails, ``info["reward_error"]`` says why. ``None`` for the reward of the task.
        render_mode: ``None`` or ``"rgb_array"``: the first-person view, 360 x 640, with crosshair, life, food, the
            first nine slots, and the map from above in a corner.

    Determinism:
        A function of the seed and the actions, except with ``server`` and ``backend="minedojo"``. Worlds of a vector
        environment are those of single environments.

    Source:
        L. Fan et al., "MineDojo", NeurIPS 2022, for spaces and tasks; H. Li et al., "Auto MC-Reward", CVPR 2024, for
        the named tasks.

    Version history:
        v0: first version.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: str = "harvest_1_log",
        *,
        backend: str = "voxel",
        observation: str = "minedojo",
        voxel_size: Mapping[str, int] | str | None = "default",
        rays: Sequence[Sequence[float]] | str | None = None,
        initial_inventory: Mapping[str, int] | None = None,
        world_seed: int | None = None,
        world_size: int = 64,
        timeout_s: float = 60.0,
        server: str | None = None,
        server_commands: Sequence[str] = (),
        image_size: int | Sequence[int] | None = None,
        controls: str = "minedojo",
        reward: str | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_backend(backend)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ConfigurationError(f"render_mode must be one of {self.metadata['render_modes']}, got {render_mode!r}")
        require("numba", "minecraft", "the voxel simulator")
        from quintain.envs.minecraft.reward_inputs import signature_of
        from quintain.envs.minecraft.worlds import make_views

        self.backend, self.render_mode, self.world_seed = backend, render_mode, world_seed
        made = make_views(
            backend,
            task,
            initial_inventory,
            world_size,
            timeout_s,
            server,
            server_commands,
            observation,
            voxel_size,
            rays,
            image_size,
        )
        self.task, self.simulator, self._face, self._player = made
        self.observation_space: spaces.Space[Any]
        self.action_space: spaces.Space[Any]
        self._controls = check_controls(controls)
        if (self._controls is not None and observation == "text") or (reward is not None and backend == "minedojo"):
            raise ConfigurationError("observation='text' has no controls, and backend='minedojo' no designed reward")
        if self._face is None:
            self.observation_space, self.action_space = UnicodeText(MAX_TEXT_CHARS), UnicodeText(MAX_ACTION_CHARS)
        else:
            self.observation_space = self._face.space
            self.action_space = action_space() if self._controls is None else self._controls.space
        self._active = np.ones(1, np.bool_)
        self.reward_signature = signature_of(self.task)
        self.designed = None if reward is None else DesignedReward(reward, self.reward_signature)
        self._success, self._damage = np.zeros(1, np.bool_), np.zeros(1)
        settings = {
            "task": task,
            "inventory": dict(self.task.inventory),
            "size": world_size,
            "seed": world_seed,
            "v": 0,
        }
        self._hash = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=8).hexdigest()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Make a new world and start in it."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**62))
        chosen = drawn if self.world_seed is None else int(self.world_seed)
        self.simulator.begin(np.zeros(1, np.int64), np.array([chosen], np.int64))
        self._success, self._damage = np.zeros(1, np.bool_), np.zeros(1)
        if self.designed is not None:
            self.designed.begin()
        if self._player is not None:
            return self._player.restart(), self._info(0.0, False, None)
        assert self._face is not None
        self._face.restart(self.simulator.world)
        return self._face.observe(self.simulator.world, False)[0], self._info(0.0, False, False)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Advance by one action: a tick, three ticks, or with text as many as the command needs."""
        if self._player is not None:
            return self._play(action)
        assert self._face is not None
        ticks, invalid = self._ticks(action)
        reward, success, self._damage = 0.0, False, np.zeros(1)
        for values in ticks:
            self.simulator.step(values[None], self._active)
            reward += float(self.simulator.rewards[0])
            self._damage = self._damage + self.simulator.damage()
            success = bool(self.simulator.succeeded[0])
            if success or self.simulator.failures[0] or self.simulator.is_dead(0):
                break
        observation = self._face.observe(self.simulator.world, bool(values[5] == 4))[0]
        return self._result(observation, reward, success, invalid, False)

    def _play(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self._player is not None
        played = self._player.play(action)
        problem, self._damage = played.problem or None, np.array([played.damage])
        return self._result(played.observation, played.reward, played.success, problem, played.expired)

    def _result(
        self, observation: Any, reward: float, success: bool, problem: bool | str | None, expired: bool
    ) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Return what a step returns; a backend that has failed truncates the episode, without reward."""
        failure = self.simulator.failures[0]
        if failure:
            info = self._info(0.0, False, None if self._player else False) | {"backend_error": failure}
            return observation, 0.0, False, True, info
        self._success = np.array([success])
        info = self._info(reward, success, problem)
        if self.designed is not None:
            self._pay(self.designed, info)
        total = float(sum(info["reward_terms"].values()))
        ended = success or self.simulator.is_dead(0)
        return observation, total, ended, expired and not ended, info

    def close(self) -> None:
        """End what the backend runs."""
        self.simulator.close()

    def render(self) -> Any:
        """Return the picture, shape ``(360, 640, 3)``, uint8; ``None`` without a render mode."""
        if self.render_mode is None:
            return None
        return self.simulator.picture(0)

    def map(self, scale: int = 4) -> Any:
        """Return the map from above, north up, ``scale`` pixels a block; shape ``(scale * S, scale * S, 3)``, uint8."""
        return self.simulator.map(0, scale)

    def action_masks(self) -> Any:
        """Return which choices of each component are possible now, shape ``(348,)``; see Action."""
        return marginal_mask(self.simulator.masks()[0])

    def reward_inputs(self) -> Columns:
        """Return the inputs of designed rewards after the last step; see ``reward_signature``."""
        from quintain.envs.minecraft.reward_inputs import inputs_of
        from quintain.envs.minecraft.simulator import Simulator

        if not isinstance(self.simulator, Simulator):
            raise ConfigurationError("backend='minedojo' has no inputs of designed rewards")
        return inputs_of(self.simulator, self._success, self._damage)

    def _ticks(self, action: Any) -> tuple[list[Any], bool]:
        """Return MineDojo's actions of the ticks of a step, and whether the action was invalid."""
        if self._controls is None:
            values, invalid = read_action(action)
            return [values], invalid
        single = not isinstance(action, (str, bytes)) and np.ndim(action) == 0
        ticks, wrong = self._controls.expand([action] if single else None, 1)
        return [tick[0] for tick in ticks], bool(wrong[0])

    def _pay(self, designed: DesignedReward, info: dict[str, Any]) -> None:
        """Replace the reward of the task by that of the designed function, or say why it failed."""
        found = designed.rewards(self.reward_inputs())
        del info["reward_terms"]["task"]
        if found.errors[0]:
            info["reward_error"] = {"designed": found.errors[0]}
        else:
            info["reward_terms"] |= {"sparse": float(found.sparse[0]), "dense": DENSE_SCALE * float(found.dense[0])}

    def _info(self, reward: float, success: bool, problem: bool | str | None) -> dict[str, Any]:
        invalid = bool(problem)
        return {
            "task_id": self.task.name,
            "task_hash": self._hash,
            "backend": self.backend,
            "success": success,
            "reward_terms": {"task": reward, **({"invalid_action": INVALID_PENALTY} if invalid else {})},
            "invalid_action": invalid,
            "parse_error": False if self._player is None else problem,
            **self.simulator.facts(0),
        }


def check_backend(backend: str) -> None:
    """Check that there is such a backend.

    Raises:
        ConfigurationError: If there is not.
    """
    if backend not in BACKENDS:
        raise ConfigurationError(f"backend must be one of {BACKENDS}, got {backend!r}")
