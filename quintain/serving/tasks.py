"""OpenEnv's task list: the items of an environment, or seeds of episodes where it draws its items."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from quintain.envs.protocols import FiniteEnv
from quintain.seeding import episode_seeds

__all__ = ["TaskList"]


class TaskList:
    """The tasks of one split. A task is a dictionary that ``reset`` takes as it is.

    Args:
        env: The environment. Of a :class:`~quintain.envs.protocols.FiniteEnv` the tasks are its items.
        count: Number of tasks of any other environment, >= 0.
        seed: Seed from which the tasks' seeds are drawn: task ``i`` is episode ``i`` of ``quintain.evaluate`` with this
            seed.

    Attributes:
        split: Name of the split: the environment's argument ``split`` if it has one, else ``"test"``.
        is_finite: Whether the tasks are all items of the environment.
    """

    def __init__(self, env: gym.Env[Any, Any], count: int, seed: int) -> None:
        base = env.unwrapped
        items = base.item_count if isinstance(base, FiniteEnv) else None
        arguments = env.spec.kwargs if env.spec is not None else {}
        split = arguments.get("split") or "test"
        self.split = split if isinstance(split, str) else "test"
        self.is_finite = items is not None
        self._count = count if items is None else items
        self._seeds = episode_seeds(seed)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> dict[str, int]:
        if not 0 <= index < self._count:
            raise IndexError(index)
        task = {"index": index, "seed": int(self._seeds[index])}
        return task | {"item": index} if self.is_finite else task

    def splits(self) -> list[dict[str, str]]:
        """Return the only split, with its type: ``train``, ``validation`` or ``test``."""
        kind = self.split if self.split in ("train", "validation", "test") else "validation"
        return [{"name": self.split, "type": kind}]
