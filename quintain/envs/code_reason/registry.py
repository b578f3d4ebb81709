"""Which tasks exist. A task is one file in its suite's folder; nothing is imported until it is asked for.

Users' own tasks are registered with ``register_task`` and go by ``name``, or by ``module:name`` where the module has
yet to be imported, as environments do in Gymnasium.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar, cast

from quintain.envs.code_reason.splits import ALL_FAMILIES, GROUPS, task_group
from quintain.envs.text.task import Task
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError

__all__ = [
    "OWN",
    "SUITES",
    "load_task",
    "loader_only",
    "register_task",
    "require_libraries",
    "select_tasks",
    "suite_of",
    "task_names",
]

#: Name of the suite of users' own tasks.
OWN = "own"

#: Suites whose tasks draw their own items.
SUITES = ("symbench", "bbh", "reasoning_gym")
#: Suites whose items users bring: their tasks are selected by name or by suite only, never by "all".
_FOREIGN = ("bbh_original",)
_MODULES = {"bbh_original": "bbh.original"}

_registered: dict[str, type[Task[Any]]] = {}

AnyTask = TypeVar("AnyTask", bound=type[Task[Any]])


class _Suite(Protocol):
    """What a suite's package offers."""

    NAMES: tuple[str, ...]

    def load(self, name: str) -> type[Task[Any]]:
        """Import the class of one task."""


def _suite(suite: str) -> _Suite:
    if suite not in (*SUITES, *_FOREIGN):
        raise UnknownNameError("suite", suite, (*SUITES, *_FOREIGN, OWN))
    return cast(_Suite, importlib.import_module(f"quintain.envs.code_reason.{_MODULES.get(suite, suite)}"))


@cache
def _index() -> dict[str, str]:
    """Map every task's name to its suite."""
    return {name: suite for suite in (*SUITES, *_FOREIGN) for name in _suite(suite).NAMES}


def register_task(task: AnyTask) -> AnyTask:
    """Make a task of your own known by its name; also as a decorator of its class.

    The name is the class's ``name``, else the class's own name in ``snake_case``. The task is selected by name, or by
    the suite ``"own"``, never by ``"all"``. Another process knows it once it has imported the module; the name
    ``"module:name"`` sees to that, and is the one to use with several processes and on the command line.

    Raises:
        ConfigurationError: If the name belongs to another task, or is not made of lower-case letters, digits and ``_``.
    """
    name = task.name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", task.__name__).lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigurationError(f"a task's name is made of lower-case letters, digits and '_', got {name!r}")
    place = (task.__module__, task.__qualname__)
    other = _registered.get(name)
    if name in _index() or (other is not None and (other.__module__, other.__qualname__) != place):
        raise ConfigurationError(f"there is a task {name!r} already; give the class another `name`")
    task.name, task.suite = name, OWN
    _registered[name] = task
    return task


def _resolve(name: str) -> str:
    """Import the module of ``module:name``, and return the name alone."""
    module, _, short = name.rpartition(":")
    if module and short not in _registered:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module.split(".")[0]:
                raise
            raise ConfigurationError(
                f"there is no module {module!r} to import for task {name!r}; install it or add its folder to PYTHONPATH"
            ) from error
        if short not in _registered:
            raise UnknownNameError(f"task of module {module!r}", short, _registered)
    return short


def task_names(suite: str | None = None) -> tuple[str, ...]:
    """List the names of all tasks that draw their own items, or of all tasks of one suite.

    Suites: ``symbench``, ``bbh``, ``reasoning_gym``; ``bbh_original``, whose items users bring; ``own``, the tasks
    registered with ``register_task``.

    Raises:
        UnknownNameError: If there is no such suite.
    """
    if suite == OWN:
        return tuple(_registered)
    if suite is not None:
        return _suite(suite).NAMES
    return tuple(name for name, its_suite in _index().items() if its_suite in SUITES)


def loader_only(suite: str | None = None) -> tuple[str, ...]:
    """List the families, of all suites or of one, that exist only as items that users bring."""
    return tuple(
        name
        for its_suite, names in ALL_FAMILIES.items()
        for name in names
        if _index()[name] in _FOREIGN and suite in (None, its_suite)
    )


def suite_of(name: str) -> str:
    """Tell which suite a task belongs to.

    Raises:
        UnknownNameError: If there is no such task.
    """
    name = _resolve(name)
    if name in _registered:
        return OWN
    if name not in _index():
        raise UnknownNameError("task", name, (*_index(), *_registered))
    return _index()[name]


def require_libraries(names: Sequence[str]) -> None:
    """Raise now if the items of some task need a library that is not installed.

    Raises:
        MissingDependencyError: Naming such tasks and the extra to install.
    """
    if find_spec("reasoning_gym") is not None:
        return
    from quintain.envs.code_reason.reasoning_gym import needs_library

    wanting = [name for name in names if suite_of(name) == "reasoning_gym" and needs_library(name)]
    if wanting:
        raise MissingDependencyError(
            "reasoning_gym", "reason", f"tasks {', '.join(wanting[:3])} and {len(wanting)} in all"
        )


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
    suite = suite_of(name)
    task = _registered[_resolve(name)] if suite == OWN else _suite(suite).load(name)
    return task.configure(difficulty)


def select_tasks(tasks: str | Sequence[str] = "all", suite: str | None = None) -> tuple[str, ...]:
    """Resolve what a user wrote into task names.

    Args:
        tasks: One name, a list of names, or several names joined by commas. ``"all"`` stands for every task that draws
            its own items, ``"train-tasks"`` and ``"test-tasks"`` for the two sides of the task split (see ``splits``).
            ``"module:name"`` is a task that the module registers.
        suite: Keep only this suite's tasks.

    Raises:
        UnknownNameError: If a name does not exist (or not in ``suite``).
    """
    known = task_names(suite) if suite is not None else (*_index(), *_registered)
    words = [word.strip() for word in tasks.split(",")] if isinstance(tasks, str) else list(tasks)
    names: list[str] = []
    for word in words:
        if word == "all":
            names += task_names(suite)
        elif word in GROUPS:
            names += [name for name in task_group(word) if name in known]
        elif word in known or (":" in word and suite in (None, suite_of(word))):
            names.append(word)
        else:
            kind = "task" if suite is None else f"task of suite {suite!r}"
            raise UnknownNameError(kind, word, (*known, "all", *GROUPS))
    if not names:
        raise UnknownNameError("task", "", known)
    return tuple(dict.fromkeys(names))
