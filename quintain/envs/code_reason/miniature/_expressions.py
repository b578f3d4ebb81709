"""Expressions that use each of a few numbers once, evaluated from left to right through whole numbers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Expression", "expression_of", "expressions", "results"]

#: The operator and the second number of a step.
_OPERATION = re.compile(r"\d+([-+*/]\d+)=")
_WRITTEN = re.compile(r"\((\d+)([-+*/])(\d+)\)([-+*/])(\d+)")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of the form ``(a op b) op c``.

    Attributes:
        text: The expression, with brackets.
        steps: One equation per operator, as in ``("3+4=7", "7*2=14")``.
        value: The number that it evaluates to.
    """

    text: str
    steps: tuple[str, ...]
    value: int

    @property
    def worked(self) -> str:
        """The expression evaluated operator by operator, as in ``"(3+4)*2=7*2=14"``."""
        forms, rest = [self.text], self.steps
        while len(rest) > 1:
            rest = rest[1:]
            form = rest[0].split("=")[0]
            for step in rest[1:]:
                form = f"({form}){_OPERATION.match(step)[1]}"  # type: ignore[index]
            forms.append(form)
        return "=".join([*forms, str(self.value)])


def expressions(numbers: Sequence[int], max_value: int = 199) -> list[Expression]:
    """Return every expression whose intermediate and final values are whole numbers from 0 to ``max_value``.

    Args:
        numbers: The numbers, at least one.
        max_value: Maximum value, >= 0. Default: 199.

    Example:
        >>> [found.text for found in expressions([2, 3])]
        ['2+3', '2*3', '3+2', '3*2', '3-2']
    """
    found: dict[str, Expression] = {}
    for order in itertools.permutations(numbers):
        partial = [Expression(str(order[0]), (), order[0])]
        for number in order[1:]:
            partial = [
                Expression(
                    f"({each.text}){operator}{number}" if each.steps else f"{each.text}{operator}{number}",
                    (*each.steps, f"{each.value}{operator}{number}={result}"),
                    result,
                )
                for each in partial
                for operator, result in results(each.value, number)
                if result <= max_value
            ]
        found |= {each.text: each for each in partial}
    return list(found.values())


def expression_of(text: str) -> Expression:
    """Return the expression ``(a op b) op c`` that is written so.

    Raises:
        ValueError: If it is another text, or a step has no whole result >= 0.

    Example:
        >>> expression_of("(3+4)*2").steps
        ('3+4=7', '7*2=14')
    """
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise ValueError(f"expected an expression such as (3+4)*2, got {text!r}")
    value, steps = int(parts[1]), []
    for operator, number in ((parts[2], int(parts[3])), (parts[4], int(parts[5]))):
        result = dict(results(value, number)).get(operator)
        if result is None:
            raise ValueError(f"{value}{operator}{number} in {text!r} is no whole number >= 0")
        steps.append(f"{value}{operator}{number}={result}")
        value = result
    return Expression(text, tuple(steps), value)


def results(first: int, second: int) -> list[tuple[str, int]]:
    """Return the operators that make a whole number >= 0 of two, each with its result."""
    found = [("+", first + second), ("*", first * second)]
    if first >= second:
        found.append(("-", first - second))
    if second and first % second == 0:
        found.append(("/", first // second))
    return found
