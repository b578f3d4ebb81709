"""The toolkits and task templates by name."""

from __future__ import annotations

from collections.abc import Sequence

from quintain.envs.tools.template import Template
from quintain.envs.tools.templates import SETS
from quintain.envs.tools.toolkits import TOOLKITS
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["TOOLKITS", "find_template", "select_templates", "suite_names", "template_names", "toolkit_names"]

_TEMPLATES: dict[str, Template] = {template.name: template for each in SETS for template in each.templates}
_SUITES: dict[str, list[Template]] = {each.suite: each.templates for each in SETS}


def toolkit_names() -> tuple[str, ...]:
    """List the toolkits."""
    return tuple(toolkit.name for toolkit in TOOLKITS)


def suite_names() -> tuple[str, ...]:
    """List the suites of templates: one for each toolkit, and ``"chain"`` for tasks over several."""
    return tuple(_SUITES)


def template_names(suite: str | None = None) -> tuple[str, ...]:
    """List the task templates.

    Args:
        suite: Only those of this suite; ``None`` for all.

    Raises:
        UnknownNameError: If there is no such suite.
    """
    if suite is None:
        return tuple(_TEMPLATES)
    if suite not in _SUITES:
        raise UnknownNameError("suite", suite, _SUITES)
    return tuple(template.name for template in _SUITES[suite])


def find_template(name: str) -> Template:
    """Return the template of a name.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in _TEMPLATES:
        raise UnknownNameError("task", name, _TEMPLATES)
    return _TEMPLATES[name]


def select_templates(tasks: str | Sequence[str]) -> tuple[Template, ...]:
    """Return templates by name, by suite, or all of them, each once.

    Args:
        tasks: The name of a template or a suite, a list of names, or ``"all"``.

    Raises:
        UnknownNameError: If there is no such template or suite.
        ConfigurationError: If the list is empty.
    """
    found: dict[str, Template] = {}
    for name in [tasks] if isinstance(tasks, str) else tasks:
        if name != "all" and name not in _SUITES and name not in _TEMPLATES:
            raise UnknownNameError("task", str(name), ["all", *_SUITES, *_TEMPLATES])
        several = _TEMPLATES.values() if name == "all" else _SUITES.get(name, ())
        for template in several or [_TEMPLATES[name]]:
            found[template.name] = template
    if not found:
        raise ConfigurationError("tasks must name at least one template, got an empty list")
    return tuple(found.values())
