"""The world of a backend, and the view of it that an environment shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from quintain.arguments import check_number
from quintain.envs.minecraft.faces import ArraysFace, FlatFace, MineDojoFace, make_face, make_sight, read_image_size
from quintain.envs.minecraft.minedojo import MineDojoWorld
from quintain.envs.minecraft.player import TextPlayer
from quintain.envs.minecraft.simulator import Simulator, with_inventory
from quintain.envs.minecraft.tasks import Task, find_task
from quintain.errors import ConfigurationError

__all__ = ["Views", "make_simulator", "make_views"]


class Views(NamedTuple):
    """A task, its world, and how it is observed: by a face, or as text by a player of commands."""

    task: Task
    simulator: Simulator | MineDojoWorld
    face: MineDojoFace | ArraysFace | FlatFace | MineDojoWorld | None
    player: TextPlayer | None


def make_simulator(
    backend: str,
    num_envs: int,
    task: Task,
    world_size: int,
    timeout_s: float,
    server: str | None = None,
    server_commands: Sequence[str] = (),
) -> Simulator:
    """Make the worlds of a backend.

    Args:
        backend: ``"voxel"`` or ``"protocol"``.
        num_envs: Number of worlds.
        task: The task.
        world_size: Side of the worlds, in blocks.
        timeout_s: Time limit of one call of the bridge, in seconds.
        server: Address of another server for the backend ``"protocol"``; ``None`` for one of its own.
        server_commands: What the client says in that server's chat at each reset.

    Raises:
        ConfigurationError: If a value is out of its range, or the backend has no such argument.
        MissingDependencyError: If Node or the bridge's packages are missing.
    """
    check_number("timeout_s", timeout_s, above=0)
    if server is None and server_commands:
        raise ConfigurationError("server_commands needs server='host:port'")
    if server is not None and (backend != "protocol" or num_envs > 1 or world_size != 64):
        raise ConfigurationError("server needs backend='protocol', a single environment, and has no world_size")
    if backend == "voxel":
        return Simulator(num_envs, task, world_size)
    from quintain.envs.minecraft.protocol.install import find_bridge
    from quintain.envs.minecraft.protocol.simulator import ProtocolSimulator

    if server is not None:
        from quintain.envs.minecraft.protocol.remote import RemoteSimulator

        guest = RemoteSimulator(task, server, server_commands, timeout_s=timeout_s)
        find_bridge()
        return guest
    find_bridge()
    return ProtocolSimulator(num_envs, task, world_size, timeout_s)


def make_views(
    backend: str,
    task: str,
    inventory: Mapping[str, int] | None,
    world_size: int,
    timeout_s: float,
    server: str | None,
    server_commands: Sequence[str],
    observation: str,
    voxel_size: Mapping[str, int] | str | None,
    rays: Sequence[Sequence[float]] | str | None,
    image_size: int | Sequence[int] | None,
) -> Views:
    """Make the world of a single environment and its view; the arguments are those of the environment.

    Raises:
        ConfigurationError: If a value is unknown, or the backend or the view has no such argument.
        MissingDependencyError: If something that the backend needs is not installed.
    """
    if backend == "minedojo":
        if observation != "minedojo" or inventory is not None or world_size != 64 or server is not None:
            raise ConfigurationError(
                "backend='minedojo' has observation='minedojo' alone, and no initial_inventory, world_size or server"
            )
        world = MineDojoWorld(task, make_sight(voxel_size, rays), read_image_size(image_size))
        return Views(Task(task, task.replace("_", " "), "open"), world, world, None)
    found = with_inventory(find_task(task), inventory)
    if observation == "text" and (voxel_size, rays, image_size) != ("default", None, None):
        raise ConfigurationError("observation='text' has no voxel_size, no rays and no image_size")
    face = None if observation == "text" else make_face(observation, voxel_size, rays, image_size)
    simulator = make_simulator(backend, 1, found, world_size, timeout_s, server, server_commands)
    return Views(found, simulator, face, TextPlayer(simulator, found.max_steps) if face is None else None)
