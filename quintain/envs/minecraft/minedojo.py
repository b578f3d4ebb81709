"""The backend ``minedojo``: MineDojo itself behind the contract of the other backends.

MineDojo 0.1 needs Gym 0.21, Java 8 and files of Minecraft that it downloads at its first start. This adapter is tested
with a stand-in that returns the recorded shapes of MineDojo's spaces, not with MineDojo itself.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEM_ID
from quintain.envs.minecraft.tasks import MOBS, NAMED
from quintain.envs.minecraft.views import MineDojoView, Sight
from quintain.errors import ConfigurationError, MissingDependencyError

__all__ = ["MineDojoWorld"]

#: Names -> numbers. What the tables lack has the number after the last one.
_BLOCK_NUMBERS = {block.name: number for number, block in reversed(list(enumerate(BLOCKS)))}
_MOB_NUMBERS = {"": 0, **MOBS}
#: Parts of the observation that are names, by how their key begins, with the table of their numbers.
_NAMES: Mapping[str, tuple[Mapping[str, int], int]] = {
    "inventory/name": (ITEM_ID, len(ITEM_ID)),
    "equipment/name": (ITEM_ID, len(ITEM_ID)),
    "delta_inv/inc_name": (ITEM_ID, len(ITEM_ID)),
    "delta_inv/dec_name": (ITEM_ID, len(ITEM_ID)),
    "voxels/block_name": (_BLOCK_NUMBERS, len(BLOCKS)),
    "rays/block_name": (_BLOCK_NUMBERS, len(BLOCKS)),
    "rays/entity_name": (_MOB_NUMBERS, len(MOBS) + 1),
}
#: Height and width of the picture where the observation has none: MineDojo always draws one.
_PICTURE = (160, 256)
_REMEDY = "install a MineDojo that runs in this version of Python, with Java 8 (docs.minedojo.org)"


class MineDojoWorld:
    """One world of MineDojo, with the methods of a simulator and of a view that environments use.

    Args:
        task: Id of one of MineDojo's programmatic tasks.
        sight: Voxels and rays.
        image_size: Height and width of the picture, in pixels; ``None`` for no picture in the observation.

    Attributes:
        space: The space of observations.
        rewards: Reward of the last step, shape ``(1,)``.
        succeeded: Whether the last step did the task, shape ``(1,)``.
        failures: Why the world has failed, in a list; ``""`` if it has not.

    Raises:
        ConfigurationError: If the task is none of MineDojo's.
        MissingDependencyError: If MineDojo is not installed.
    """

    def __init__(self, task: str, sight: Sight, image_size: tuple[int, int] | None = None) -> None:
        if task in NAMED and task != "survival":
            raise ConfigurationError(f"task {task!r} is not one of MineDojo's; use an id such as 'harvest_1_log'")
        try:
            self._module: Any = importlib.import_module("minedojo")
        except ImportError as error:
            raise MissingDependencyError("minedojo", "minecraft", "backend='minedojo'", _REMEDY) from error
        self._arguments: dict[str, Any] = {
            "task_id": task, "image_size": image_size or _PICTURE, "cam_interval": 15, "fast_reset": False,
            "use_voxel": sight.shape[0] > 0, "use_lidar": len(sight.rays) > 0,
        }  # fmt: skip
        if sight.shape[0]:
            ends = zip("xyz", sight.low.tolist(), sight.shape, strict=True)
            bounds = [(f"{axis}min", low, f"{axis}max", low + size - 1) for axis, low, size in ends]
            self._arguments["voxel_size"] = {
                name: value for a, low, b, high in bounds for name, value in ((a, low), (b, high))
            }
        if len(sight.rays):
            self._arguments["lidar_rays"] = [tuple(ray) for ray in sight.rays.tolist()]
        parts = {group: _with_others(group, part) for group, part in MineDojoView(sight).space.spaces.items()}
        if image_size is not None:
            parts["rgb"] = spaces.Box(0, 255, (3, *image_size), np.uint8)
        self.space: spaces.Space[Any] = spaces.Dict(parts)
        self._parts = parts
        self.rewards, self.succeeded, self.failures = np.zeros(1), np.zeros(1, np.bool_), [""]
        self.world: Any = None  # no arrays
        self._env: Any = None
        self._seed: int | None = None
        self._raw: dict[str, Any] = {}
        self._start, self._steps = np.zeros(3), 0
        self._tally: list[tuple[float, bool]] = []

    def begin(self, which: NDArray[np.int64], seeds: NDArray[np.int64]) -> None:
        """Start an episode. MineDojo takes the world's seed when it is made, so another seed makes it anew."""
        seed = int(seeds[0]) % 2**31
        if self._env is None or seed != self._seed:
            self.close()
            self._env, self._seed = self._module.make(**self._arguments, world_seed=seed, seed=seed), seed
            _count_rewards(self._env, self._tally)
        self._raw = self._env.reset()
        self.failures, self._steps = [""], 0
        self.rewards[0], self.succeeded[0] = 0.0, False
        self._start = np.asarray(self._raw["location_stats"]["pos"], np.float64)

    def step(self, actions: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        """Perform one action, shape ``(1, 8)``; rewards of MineDojo's hidden ticks are added up."""
        self._tally.clear()
        before = self._raw
        try:
            raw, reward, done, _ = self._env.step(np.asarray(actions[0]))
        except Exception as error:  # whatever MineDojo and its Java process raise
            self.failures = [f"MineDojo: {type(error).__name__}: {error}"]
            self.rewards[0], self.succeeded[0] = 0.0, False
            with contextlib.suppress(Exception):  # its Java process may be gone
                self.close()
            self._env = None
            return
        self._steps += 1
        self._raw = raw
        self.rewards[0] = sum(reward for reward, _ in self._tally) if self._tally else reward
        done = bool(done) or any(ended for _, ended in self._tally)
        self.succeeded[0] = done and not self.is_dead(0)
        if done and raw is before:  # a failed step returns the observation before
            self.failures = ["MineDojo: the simulator ended without an observation"]
            self.succeeded[0] = False

    def restart(self, world: object) -> None:
        """Do nothing: MineDojo keeps its own history."""

    def observe(self, world: object, crafted: bool) -> list[dict[str, Any]]:
        """Return the observation, in a list."""
        return [{group: _converted(group, part, self._raw) for group, part in self._parts.items()}]

    def is_dead(self, e: int) -> bool:
        """Whether the agent has died."""
        return float(np.asarray(self._raw["life_stats"]["life"]).reshape(-1)[0]) <= 0

    def damage(self) -> NDArray[np.float64]:
        """Return the damage taken in the last step, in points, shape ``(1,)``."""
        return np.asarray(self._raw["damage_source"]["damage_amount"], np.float64).reshape(1)

    def masks(self) -> NDArray[np.uint8]:
        """Return what is possible, shape ``(1, 360)``, in the order of ``actions.marginal_mask``."""
        masks = self._raw["masks"]
        parts = [masks[name] for name in ("action_type", "craft_smelt", "equip", "place", "destroy")]
        return np.concatenate([np.asarray(part, np.uint8).reshape(-1) for part in parts])[None]

    def facts(self, e: int) -> dict[str, Any]:
        """Return what ``info`` says: MineDojo names no cause of death and does not count blocks."""
        position, life = np.asarray(self._raw["location_stats"]["pos"], np.float64), self._raw["life_stats"]
        return {
            "death_cause": "unknown" if self.is_dead(0) else "",
            "impossible_action": False,
            "metrics": {
                "health": float(np.asarray(life["life"]).reshape(-1)[0]),
                "food": float(np.asarray(life["food"]).reshape(-1)[0]),
                "distance": float(np.hypot(*(position - self._start)[[0, 2]])),
                "ticks": self._steps,
            },
        }

    def picture(self, e: int) -> NDArray[np.uint8]:
        """Return what the agent sees, shape ``(H, W, 3)``."""
        return np.ascontiguousarray(np.asarray(self._raw["rgb"], np.uint8).transpose(1, 2, 0))

    def map(self, e: int, scale: int) -> NDArray[np.uint8]:
        """Raise an error: MineDojo draws no map."""
        raise ConfigurationError("MineDojo draws no map from above")

    def close(self) -> None:
        """End MineDojo's Java process."""
        if self._env is not None:
            self._env.close()
            self._env = None


def _count_rewards(env: Any, tally: list[tuple[float, bool]]) -> None:
    """Note reward and end of every tick below MineDojo's action wrapper, which keeps those of the last one only."""
    while env is not None and type(env).__name__ != "NNActionSpaceWrapper":
        env = getattr(env, "env", None)
    if env is None:
        return
    inner, step = env.env, env.env.step

    def counted(action: Any) -> Any:
        result = step(action)
        tally.append((float(result[1]), bool(result[2])))
        return result

    inner.step = counted


def _table(key: str) -> tuple[Mapping[str, int], int] | None:
    return next((table for start, table in _NAMES.items() if key.startswith(start)), None)


def _with_others(group: str, part: spaces.Space[Any]) -> spaces.Space[Any]:
    """Return a space whose names have one more number, for what the tables lack."""
    assert isinstance(part, spaces.Dict)
    found = {}
    for name, box in part.spaces.items():
        table = _table(f"{group}/{name}")
        found[name] = box if table is None else spaces.Box(0, table[1], box.shape, np.int64)
    return spaces.Dict(found)


def _converted(group: str, part: spaces.Space[Any], raw: Mapping[str, Any]) -> Any:
    """Convert a part of MineDojo's observation to the space of the contract."""
    if not isinstance(part, spaces.Dict):
        return np.array(raw[group], part.dtype).reshape(part.shape)
    found = {}
    for name, box in part.spaces.items():
        if name == "traced_block":
            values = np.stack([np.asarray(raw[group][f"traced_block_{axis}"]) for axis in "xyz"], axis=-1)
        else:
            values = np.asarray(raw[group][name])
        table = _table(f"{group}/{name}")
        if table is not None:
            numbers, other = table
            names = [str(value).replace(" ", "_") for value in values.reshape(-1)]
            values = np.array([numbers.get(value, other) for value in names], np.int64)
        found[name] = np.array(values, box.dtype).reshape(box.shape)
    return found
