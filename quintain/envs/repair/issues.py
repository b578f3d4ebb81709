"""Issue texts: what a user saw, in several styles. They say how a bug shows, never where it is or how to repair it."""

from __future__ import annotations

from typing import Literal, get_args

from quintain.envs.repair.instances import Instance
from quintain.envs.repair.packages import load_package

__all__ = ["STYLES", "Style", "issue"]

Style = Literal["terse", "traceback", "story"]
STYLES: tuple[str, ...] = get_args(Style)


def issue(instance: Instance, style: Style) -> str:
    """Write an issue from the first hidden test that fails: its name, its calls, and what they gave instead.

    The right value is not told.

    Args:
        instance: The bug.
        style: ``"terse"``; ``"traceback"``, a session with the error as Python prints it; ``"story"``.
    """
    name, symptom = instance.package, instance.symptom
    test = next(test for test in load_package(name).hidden.tests if test.name == symptom.test)
    check = test.checks[min(symptom.check, len(test.checks) - 1)]
    rule = symptom.test.removeprefix("test_").replace("_", " ")
    what = f"I get `{symptom.observed}`" if symptom.observed is not None else f"I get `{symptom.error}`"
    if check.raises and symptom.observed == "None":
        what = "no error is raised"
    elif check.raises and symptom.observed is not None:
        what = f"the wrong exception is raised: `{symptom.observed}`"
    code = "\n".join(part for part in (check.setup, check.source) if part)
    if style == "terse":
        return f"{name}: {rule}?\n\nNot with this:\n\n{_block(code)}\n\nHere {what}."
    if style == "traceback":
        return f"{name}: unexpected result\n\n{_block(_session(check.setup, check.source, instance))}\n\n" + (
            f"As far as I know: {rule}."
        )
    return (
        f"Something is off in {name}\n\nI use {name} in a small tool of mine, and I rely on this: {rule}. Since the "
        f"last update it is no longer so. When I run\n\n{_block(code)}\n\n{what}. The rest seems to work as before; "
        "please do not change that."
    )


def _session(setup: str, source: str, instance: Instance) -> str:
    """Write an interactive session that ends with the wrong value or the traceback."""
    lines = [*_typed(setup), *_typed(source)]
    symptom = instance.symptom
    if symptom.observed is not None:
        return "\n".join([*lines, *([symptom.observed] if symptom.observed != "None" else [])])
    lines.append("Traceback (most recent call last):")
    lines += [f'  File "{path}", line {line}, in {function}' for path, line, function in symptom.frames]
    return "\n".join([*lines, symptom.error])


def _typed(code: str) -> list[str]:
    return [f"{'...' if line.startswith(' ') else '>>>'} {line}" for line in code.splitlines()]


def _block(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())
