"""Observations of a batch of worlds, by kind: MineDojo's dictionary, arrays, or one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEMS
from quintain.envs.minecraft.kernels import observe
from quintain.envs.minecraft.kernels.world import World
from quintain.envs.minecraft.tasks import MOBS
from quintain.envs.minecraft.views import DEFAULT_RAYS, MineDojoView, Sight
from quintain.errors import ConfigurationError

__all__ = ["BLOCK_CLASSES", "ArraysFace", "FlatFace", "MineDojoFace", "make_batch", "make_face"]

_CUBE = {"xmin": -1, "ymin": -1, "zmin": -1, "xmax": 1, "ymax": 1, "zmax": 1}
_MASKS = 360
#: Classes of blocks in ``flat`` observations; blocks of no class are ``"ground"``, and mobs follow in rays.
BLOCK_CLASSES = (
    "none", "ground", "rock", "log", "leaves", "plant", "water", "lava", "coal_ore", "iron_ore", "other_ore",
    "diamond_ore", "tool",
)  # fmt: skip


def _class_of(name: str, liquid: int, solid: bool) -> str:
    if name in ("air", "barrier"):
        return "none"
    if liquid:
        return "water" if liquid == 1 else "lava"
    if name in BLOCK_CLASSES:
        return name
    if name in ("gold_ore", "redstone_ore"):
        return "other_ore"
    if name in ("crafting_table", "furnace", "torch"):
        return "tool"
    if not solid:
        return "plant"
    return "rock" if name in ("stone", "cobblestone", "bedrock", "obsidian", "stonebrick", "sandstone") else "ground"


_CLASS = np.array([BLOCK_CLASSES.index(_class_of(b.name, b.liquid, b.solid)) for b in BLOCKS], np.int64)


class MineDojoFace:
    """MineDojo's dictionary, for a single world."""

    def __init__(self, sight: Sight, image_size: tuple[int, int] | None = None) -> None:
        self._view = MineDojoView(sight)
        self._size = image_size
        parts = dict(self._view.space.spaces)
        if image_size is not None:
            parts["rgb"] = spaces.Box(0, 255, (3, *image_size), np.uint8)
        self.space: spaces.Space[Any] = spaces.Dict(parts)

    def restart(self, world: World) -> None:
        """Forget the inventory of the episode before."""
        self._view.restart(world, 0)

    def observe(self, world: World, crafted: bool) -> list[dict[str, Any]]:
        """Return the observation of world 0, in a list."""
        found = self._view.observe(world, 0, crafted)
        if self._size is not None:
            from quintain.envs.minecraft.pictures import first_person

            found["rgb"] = np.ascontiguousarray(first_person(world, 0, *self._size).transpose(2, 0, 1))
        return [found]


class ArraysFace:
    """A dictionary of arrays; every array is new at each call.

    Args:
        sight: Voxels and rays.
    """

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        n = len(sight.rays)
        parts: dict[str, spaces.Space[Any]] = {
            "state": spaces.Box(-np.inf, np.inf, (observe.N_STATE,), np.float32),
            "items": spaces.Box(0, 64 * 36, (len(ITEMS),), np.int64),
            "mask": spaces.Box(0, 1, (_MASKS,), np.uint8),
        }
        if sight.shape[0]:
            parts["voxels"] = spaces.Box(0, len(BLOCKS) - 1, sight.shape, np.uint8)
        if n:
            parts["ray_block"] = spaces.Box(0, len(BLOCKS) - 1, (n,), np.int64)
            parts["ray_mob"] = spaces.Box(0, len(MOBS), (n,), np.int64)
            parts["ray_distance"] = spaces.Box(0, np.inf, (n,), np.float32)
        self.space: spaces.Space[Any] = spaces.Dict(parts)

    def restart(self, world: World) -> None:
        """Do nothing: these observations have no history."""

    def batch(self, world: World) -> dict[str, NDArray[Any]]:
        """Return the observations of all worlds, stacked."""
        e, n = len(world.body), len(self.sight.rays)
        state, voxels = np.empty((e, observe.N_STATE)), np.empty((e, *self.sight.shape), np.uint8)
        ids, kinds = np.empty((e, n), np.int64), np.empty((e, n), np.int64)
        cells, gaps, masks = np.empty((e, n, 3), np.int64), np.empty((e, n, 2)), np.empty((e, _MASKS), np.uint8)
        observe.observe_all(world, self.sight.low, self.sight.rays, state, voxels, ids, kinds, cells, gaps, masks)
        found: dict[str, NDArray[Any]] = {"items": world.have.copy(), "mask": masks}
        if n:
            far = np.where(kinds > 0, gaps[:, :, 1], np.where(ids > 0, gaps[:, :, 0], self.sight.rays[:, 2]))
            found |= {"ray_block": ids, "ray_distance": far.astype(np.float32), "ray_mob": kinds}
        found["state"] = state.astype(np.float32)
        if self.sight.shape[0]:
            found["voxels"] = voxels
        return found

    def observe(self, world: World, crafted: bool) -> list[dict[str, Any]]:
        """Return the observations, one dictionary per world."""
        batch = self.batch(world)
        return [{name: part[e] for name, part in batch.items()} for e in range(len(world.body))]


class FlatFace:
    """One vector of floats per world: state, items, classes of voxels, classes and nearness of rays.

    Args:
        sight: Voxels and rays.
    """

    def __init__(self, sight: Sight) -> None:
        self._arrays = ArraysFace(sight)
        self._voxels = int(np.prod(sight.shape))
        self._rays = sight.rays[:, 2]
        classes = len(BLOCK_CLASSES)
        size = observe.N_STATE + len(ITEMS) + self._voxels * classes
        size += len(self._rays) * (classes + len(MOBS) + 1)
        self.space: spaces.Space[Any] = spaces.Box(-np.inf, np.inf, (size,), np.float32)

    def restart(self, world: World) -> None:
        """Do nothing: these observations have no history."""

    def batch(self, world: World) -> NDArray[np.float32]:
        """Return the observations of all worlds, shape ``(E, size)``."""
        found, e = self._arrays.batch(world), len(world.body)
        parts = [found["state"], np.log1p(found["items"]).astype(np.float32) / 4.0]
        classes = np.eye(len(BLOCK_CLASSES) + len(MOBS), dtype=np.float32)
        if self._voxels:
            cubes = classes[:, : len(BLOCK_CLASSES)][_CLASS[found["voxels"]]]
            parts.append(cubes.reshape(e, -1))
        if len(self._rays):
            seen = _CLASS[found["ray_block"]]
            seen = np.where(found["ray_mob"] > 0, len(BLOCK_CLASSES) - 1 + found["ray_mob"], seen)
            near = 1.0 - found["ray_distance"] / self._rays
            parts += [classes[seen].reshape(e, -1), near.astype(np.float32)]
        return np.concatenate(parts, axis=1)

    def observe(self, world: World, crafted: bool) -> NDArray[np.float32]:
        """Return the observations of all worlds, shape ``(E, size)``."""
        return self.batch(world)


_FACES: Mapping[str, type[MineDojoFace] | type[ArraysFace] | type[FlatFace]] = {
    "minedojo": MineDojoFace,
    "arrays": ArraysFace,
    "flat": FlatFace,
}


def make_face(
    kind: str,
    voxel_size: Mapping[str, int] | str | None,
    rays: Sequence[Sequence[float]] | str | None,
    image_size: int | Sequence[int] | None = None,
) -> MineDojoFace | ArraysFace | FlatFace:
    """Make the observations of a kind.

    Args:
        kind: ``"minedojo"``, ``"arrays"`` or ``"flat"``.
        voxel_size: Offsets around the feet, ``"default"`` for 3 x 3 x 3, ``None`` for none.
        rays: Rays, ``"default"`` for 46, ``None`` for none.
        image_size: Height and width of the picture, which only ``"minedojo"`` has, or one number for both.

    Raises:
        ConfigurationError: If a value is none of these.
    """
    if kind not in _FACES:
        raise ConfigurationError(f"observation must be one of {(*_FACES, 'text')}, got {kind!r}")
    sight, size = make_sight(voxel_size, rays), read_image_size(image_size)
    if size is None:
        return _FACES[kind](sight)
    if kind != "minedojo":
        raise ConfigurationError(f"image_size needs observation='minedojo', got {kind!r}")
    return MineDojoFace(sight, size)


def make_sight(voxel_size: Mapping[str, int] | str | None, rays: Sequence[Sequence[float]] | str | None) -> Sight:
    """Make voxels and rays of the arguments of an environment; see :func:`make_face`.

    Raises:
        ConfigurationError: If a value is none of these.
    """
    if isinstance(voxel_size, str):
        if voxel_size != "default":
            raise ConfigurationError(f"voxel_size must be 'default', None or six offsets, got {voxel_size!r}")
        voxel_size = _CUBE
    if isinstance(rays, str):
        if rays != "default":
            raise ConfigurationError(f"rays must be 'default', None or a list of rays, got {rays!r}")
        rays = DEFAULT_RAYS
    return Sight(voxel_size, rays or ())


def read_image_size(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return height and width of a picture in pixels, of a pair or one number for both.

    Raises:
        ConfigurationError: If it is neither.
    """
    if image_size is None:
        return None
    sizes = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(sizes) != 2 or not all(isinstance(size, int) and 1 <= size <= 2048 for size in sizes):
        raise ConfigurationError(f"image_size must be one or two integers from 1 to 2048, got {image_size!r}")
    return sizes[0], sizes[1]


def make_batch(
    kind: str, voxel_size: Mapping[str, int] | str | None, rays: Sequence[Sequence[float]] | str | None
) -> ArraysFace | FlatFace:
    """Make the observations of a vector, ``"arrays"`` or ``"flat"``; other arguments as for :func:`make_face`."""
    face = make_face(kind, voxel_size, rays)
    assert not isinstance(face, MineDojoFace)
    return face
