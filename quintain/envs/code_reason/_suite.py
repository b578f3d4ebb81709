"""How a suite's package finds its tasks: one module a task, named as the task is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from quintain.envs.text.task import Task

__all__ = ["load_class", "module_names"]


def module_names(path: Iterable[str]) -> tuple[str, ...]:
    """List the public modules of a package, sorted, without importing them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


def load_class(package: str, name: str) -> type[Task[Any]]:
    """Import a task's module and return the one task class defined in it, with its name and suite set."""
    module = importlib.import_module(f"{package}.{name}")
    (task,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__
    )
    task.name, task.suite = name, package.rpartition(".")[2]
    return task
