"""The registry of code-reason tasks: ours, one file each in its suite's folder, and users' own.

Nothing is imported until a task is loaded. Users' own tasks are registered with ``register_task`` and go by ``name``,
or by ``module:name`` where the module has yet to be imported, as environments do in Gymnasium. Other packages list
theirs under the entry-point group ``quintain.tasks``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

from quintain.envs.code_reason import bbh, miniature, reasoning_gym, symbench
from quintain.envs.code_reason._suite import module_target
from quintain.envs.code_reason.bbh import original
from quintain.envs.code_reason.splits import ALL_FAMILIES, GROUPS, task_group
from quintain.envs.text.task import Task
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError
from quintain.registry import Registry

__all__ = [
    "MINIATURE",
    "OWN",
    "SUITES",
    "TASKS",
    "TaskFacts",
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

#: Suites whose tasks draw their own items, and which ``"all"`` selects.
SUITES = ("symbench", "bbh", "reasoning_gym")
#: Suite of questions of a line, for models of under a million parameters; never selected by "all".
MINIATURE = "miniature"
#: Suites whose items users bring: their tasks are selected by name or by suite only, never by "all".
_FOREIGN = ("bbh_original",)

AnyTask = TypeVar("AnyTask", bound=type[Task[Any]])


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is known of a task before it is imported.

    Attributes:
        suite: One of ``SUITES``, ``"miniature"``, ``"bbh_original"``, or ``"own"`` for tasks of users and of other
            packages.
        needs_library: Whether the library ``reasoning-gym`` (extra ``reason``) draws its items.
    """

    suite: str = OWN
    needs_library: bool = False


class _TaskRegistry(Registry[Task[Any], TaskFacts]):
    def facts_of(self, target: Any) -> TaskFacts:
        """Put tasks of other packages into the suite ``"own"``: installing one must not change a suite of ours."""
        return TaskFacts()


TASKS = _TaskRegistry("task", TaskFacts, group="quintain.tasks")
#: Names by suite, for all suites but ``"own"``.
_SUITE_NAMES: dict[str, tuple[str, ...]] = {
    "symbench": symbench.NAMES,
    "bbh": bbh.NAMES,
    "reasoning_gym": reasoning_gym.NAMES,
    MINIATURE: miniature.NAMES,
    "bbh_original": original.NAMES,
}


def _add_suites() -> None:
    for suite, package in (("symbench", symbench), ("bbh", bbh), (MINIATURE, miniature)):
        for name in package.NAMES:
            TASKS.add(name, module_target(package.__name__, name), suite=suite)
    for name in reasoning_gym.NAMES:
        from_library = name in reasoning_gym.LIBRARY_FAMILIES
        TASKS.add(name, reasoning_gym.target(name), suite="reasoning_gym", needs_library=from_library)
    for name in original.NAMES:
        TASKS.add(name, f"{original.__name__}:{name}", suite="bbh_original")


_add_suites()


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
    if name in TASKS:
        other = TASKS.load(name) if TASKS.facts(name).suite == OWN else None
        if other is None or (other.__module__, other.__qualname__) != place:
            raise ConfigurationError(f"there is a task {name!r} already; give the class another `name`")
    task.name, task.suite = name, OWN
    TASKS.add(name, task, suite=OWN)
    return task


def _resolve(name: str) -> str:
    """Import the module of ``module:name``, and return the name alone."""
    module, _, short = name.rpartition(":")
    if module and short not in TASKS.names(suite=OWN):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module.split(".")[0]:
                raise
            raise ConfigurationError(
                f"there is no module {module!r} to import for task {name!r}; install it or add its folder to PYTHONPATH"
            ) from error
        if short not in (own := TASKS.names(suite=OWN)):
            raise UnknownNameError(f"task of module {module!r}", short, own)
    return short


def task_names(suite: str | None = None) -> tuple[str, ...]:
    """List the names of all tasks that ``"all"`` selects, or of all tasks of one suite.

    Suites: ``symbench``, ``bbh``, ``reasoning_gym``; ``miniature``, questions of a line; ``bbh_original``, whose items
    users bring; ``own``, the tasks
    registered with ``register_task``.

    Raises:
        UnknownNameError: If there is no such suite.
    """
    if suite is None:
        return tuple(name for drawn in SUITES for name in _SUITE_NAMES[drawn])
    if suite == OWN:
        return TASKS.names(suite=OWN)
    if suite not in _SUITE_NAMES:
        raise UnknownNameError("suite", suite, (*_SUITE_NAMES, OWN))
    return _SUITE_NAMES[suite]


def loader_only(suite: str | None = None) -> tuple[str, ...]:
    """List the families, of all suites or of one, that exist only as items that users bring."""
    return tuple(
        name
        for its_suite, names in ALL_FAMILIES.items()
        for name in names
        if TASKS.facts(name).suite in _FOREIGN and suite in (None, its_suite)
    )


def suite_of(name: str) -> str:
    """Return the name of the suite that a task belongs to.

    Raises:
        UnknownNameError: If there is no such task.
    """
    return _facts(name).suite


def _facts(name: str) -> TaskFacts:
    name = _resolve(name)
    if name not in TASKS:
        raise TASKS.unknown(name)
    return TASKS.facts(name)


def require_libraries(names: Sequence[str]) -> None:
    """Raise now if the items of some task need a library that is not installed.

    Raises:
        MissingDependencyError: Naming such tasks and the extra to install.
    """
    wanting = [name for name in names if _facts(name).needs_library]
    if wanting and find_spec("reasoning_gym") is None:
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
    suite, name = suite_of(name), _resolve(name)
    task: type[Task[Any]] = TASKS.load(name)
    if (task.name, task.suite) != (name, suite):
        task.name, task.suite = name, suite
    return task.configure(difficulty)


def select_tasks(tasks: str | Sequence[str] = "all", suite: str | None = None) -> tuple[str, ...]:
    """Resolve a selection of tasks to their names.

    Args:
        tasks: One name, a list of names, or several names joined by commas. ``"all"`` stands for every task that draws
            its own items, ``"train-tasks"`` and ``"test-tasks"`` for the two sides of the task split (see ``splits``).
            ``"module:name"`` is a task that the module registers.
        suite: Restrict the selection to this suite; ``None`` for all suites.

    Raises:
        UnknownNameError: If a name does not exist (or not in ``suite``).
    """
    task_names(suite)  # an unknown suite is an error, whatever the tasks
    words = [word.strip() for word in tasks.split(",")] if isinstance(tasks, str) else list(tasks)
    names: list[str] = []
    for word in words:
        if word == "all":
            names += task_names(suite)
        elif word in GROUPS:
            names += [name for name in task_group(word) if suite in (None, suite_of(name))]
        elif (":" in word or word in TASKS) and suite in (None, suite_of(word)):
            names.append(word)
        else:
            known = TASKS if suite is None else task_names(suite)
            kind = "task" if suite is None else f"task of suite {suite!r}"
            raise UnknownNameError(kind, word, (*known, "all", *GROUPS))
    if not names:
        raise UnknownNameError("task", "", TASKS if suite is None else task_names(suite))
    return tuple(dict.fromkeys(names))
