"""How a suite's package finds its tasks: one module a task, named like the task, with a class named like the module."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable

__all__ = ["module_names", "module_target"]


def module_names(path: Iterable[str]) -> tuple[str, ...]:
    """List the public modules of a package, sorted, without importing them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


def module_target(package: str, name: str) -> str:
    """Return where a task's class is, as ``"module:Class"``.

    Example:
        >>> module_target("quintain.envs.code_reason.symbench", "logic_puzzle")
        'quintain.envs.code_reason.symbench.logic_puzzle:LogicPuzzle'
    """
    return f"{package}.{name}:{''.join(part.capitalize() for part in name.split('_'))}"
