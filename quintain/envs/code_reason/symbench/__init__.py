"""SymBench: symbolic puzzles that code can settle (Chen et al. 2025, arXiv 2502.04350). One task a file."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from quintain.envs.code_reason.task import Task

__all__ = ["NAMES", "load"]

#: Every task of the suite: the names of the modules beside this file.
NAMES: tuple[str, ...] = tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def load(name: str) -> type[Task[Any]]:
    """Import a task's module and return the one task class defined in it."""
    module = importlib.import_module(f"{__name__}.{name}")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__
    ]
    (task,) = classes
    task.name, task.suite = name, "symbench"
    return task
