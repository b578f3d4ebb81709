"""Which tasks exist. A task is one file in its suite's folder; nothing is imported until it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol, cast

from quintain.envs.code_reason.task import Task
from quintain.errors import UnknownNameError

__all__ = ["load_task", "select_tasks", "suite_of", "task_names"]

_SUITES = ("symbench", "reasoning_gym")


class _Suite(Protocol):
    """What a suite's package offers."""

    NAMES: tuple[str, ...]

    def load(self, name: str) -> type[Task[Any]]:
        """Import the class of one task."""


def _suite(suite: str) -> _Suite:
    if suite not in _SUITES:
        raise UnknownNameError("suite", suite, _SUITES)
    return cast(_Suite, importlib.import_module(f"quintain.envs.code_reason.{suite}"))


@cache
def _index() -> dict[str, str]:
    """Map every task's name to its suite."""
    return {name: suite for suite in _SUITES for name in _suite(suite).NAMES}


def task_names(suite: str | None = None) -> tuple[str, ...]:
    """List the names of all tasks, or of one suite's.

    Raises:
        UnknownNameError: If there is no such suite.
    """
    return tuple(_index()) if suite is None else _suite(suite).NAMES


def suite_of(name: str) -> str:
    """Tell which suite a task belongs to.

    Raises:
        UnknownNameError: If there is no such task.
    """
    if name not in _index():
        raise UnknownNameError("task", name, _index())
    return _index()[name]


def load_task(name: str, difficulty: str | Mapping[str, Any] = "medium") -> Task[Any]:
    """Load a task at a named difficulty, or with parameters given by name.

    Raises:
        UnknownNameError: If there is no such task, level or parameter.

    Example:
        >>> import numpy as np
        >>> task = load_task("letters")
        >>> problem = task.generate(np.random.default_rng(0))
        >>> task.score(problem, task.solve(problem)).correct
        True
    """
    return _suite(suite_of(name)).load(name).configure(difficulty)


def select_tasks(tasks: str | Sequence[str] = "all", suite: str | None = None) -> tuple[str, ...]:
    """Resolve what a user wrote into task names.

    Args:
        tasks: One name, a list of names, several names joined by commas, or ``"all"``.
        suite: Keep only this suite's tasks.

    Raises:
        UnknownNameError: If a name does not exist (or not in ``suite``).
    """
    known = task_names(suite)
    names = tasks.split(",") if isinstance(tasks, str) else list(tasks)
    names = [name.strip() if isinstance(name, str) else name for name in names]
    if names == ["all"]:
        return known
    for name in names:
        if name not in known:
            raise UnknownNameError("task" if suite is None else f"task of suite {suite!r}", name, known)
    if not names:
        raise UnknownNameError("task", "", known)
    return tuple(dict.fromkeys(names))
