"""Boolean expressions: evaluate an expression of True, False, not, and, or (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["BooleanExpressions"]

_BINDING = {"or": 1, "and": 2, "not": 3}


@dataclass(frozen=True)
class BooleanExpressions(OptionTask):
    """``not`` binds tighter than ``and``, ``and`` tighter than ``or``, as in Python.

    Attributes:
        operators: Number of operators, in [1, 40]. Default: 6.
    """

    LEVELS: ClassVar = {"easy": {"operators": 3}, "hard": {"operators": 16}}
    OPTIONS: ClassVar = ("True", "False")

    operators: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.operators <= 40, "operators in [1, 40]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a tree: a truth value, ["not", x], ["and", x, y] or ["or", x, y]."""
        return {"tree": _tree(rng, self.operators)}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the expression, with brackets only where they are needed."""
        return f"What is the value of this expression?\n{_write(data['tree'], 0)}\nWrite True or False as <<<value>>>."

    def find(self, data: Mapping[str, Any]) -> str:
        """Evaluate the tree."""
        return str(_value(data["tree"]))


def _tree(rng: np.random.Generator, operators: int) -> Any:
    if operators == 0:
        return choose(rng, (True, False))
    operator = choose(rng, ("not", "and", "or"))
    if operator == "not":
        return ["not", _tree(rng, operators - 1)]
    left = randint(rng, 0, operators - 1)
    return [operator, _tree(rng, left), _tree(rng, operators - 1 - left)]


def _write(tree: Any, outer: int) -> str:
    if isinstance(tree, bool):
        return str(tree)
    binding = _BINDING[tree[0]]
    if tree[0] == "not":
        text = f"not {_write(tree[1], binding)}"
    else:
        text = f"{_write(tree[1], binding)} {tree[0]} {_write(tree[2], binding + 1)}"
    return f"( {text} )" if binding < outer else text


def _value(tree: Any) -> bool:
    if isinstance(tree, bool):
        return tree
    if tree[0] == "not":
        return not _value(tree[1])
    if tree[0] == "and":
        return _value(tree[1]) and _value(tree[2])
    return _value(tree[1]) or _value(tree[2])
