"""What the solvers share: how they read a question, and how they say that it has no single answer."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from quintain.errors import TaskError

__all__ = ["Unclear", "evaluate", "find", "integers", "matrix", "strings", "words"]

_OPERATORS: Mapping[type[ast.AST], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.LShift: lambda a, b: a * 2 ** int(b),
    ast.RShift: lambda a, b: Fraction(a // 2 ** int(b)),
}


class Unclear(ValueError):
    """A question that has no answer, or several."""


def find(pattern: str, question: str) -> re.Match[str]:
    """Search a question for what it must hold.

    Raises:
        TaskError: If the question does not hold it: the library words its questions differently now.
    """
    match = re.search(pattern, question, re.DOTALL)
    if match is None:
        raise TaskError(
            f"cannot read a question of reasoning-gym (no match of {pattern!r}); its wording may have changed, "
            "install reasoning-gym==0.1.25"
        )
    return match


def integers(text: str) -> list[int]:
    """List the integers in a text."""
    return [int(number) for number in re.findall(r"-?[0-9]+", text)]


def strings(text: str) -> list[str]:
    """List what stands in quotes in a text."""
    return [a or b for a, b in re.findall(r"""'([^']*)'|"([^"]*)\"""", text)]


def words(text: str) -> frozenset[str]:
    """Collect the words of a text."""
    return frozenset(text.split())


def matrix(text: str) -> list[list[int]]:
    """Read the first block of lines that hold nothing but integers."""
    block = find(r"(?:^|\n)((?:-?[0-9]+(?: -?[0-9]+)*\s*(?:\n|$))+)", text)[1]
    return [[int(cell) for cell in line.split()] for line in block.splitlines() if line.strip()]


def evaluate(expression: str, values: Mapping[str, Fraction] | None = None) -> Fraction:
    """Evaluate arithmetic exactly: numbers, names, brackets, signs, and + - * / << >> by Python's precedence.

    The expression comes from the library, not from a model; it is parsed and never executed.
    """
    return _value(ast.parse(expression.strip(), mode="eval").body, values or {})


def _value(node: ast.expr, values: Mapping[str, Fraction]) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    raise TaskError(f"cannot read arithmetic of reasoning-gym: {ast.unparse(node)!r}")
