"""Tests that are graded in two halves: a child evaluates the left sides, this process compares them with the right.

A hidden test is a function of plain statements, of ``assert EXPRESSION == LITERAL`` and of ``with
pytest.raises(NAME):``. Whatever runs in the child may be read or replaced by the code under test, so the literals and
the names of exceptions never go there; see :mod:`quintain.sandbox.grading`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quintain.errors import ConfigurationError
from quintain.sandbox.grading import Tolerance, equal

__all__ = ["Check", "HiddenTest", "HiddenTests", "split_tests"]

_TOLERANCE = Tolerance(list_is_tuple=False)
OBSERVE, RAISES = "__observe__", "__raises__"


@dataclass(frozen=True)
class Check:
    """The right side of one assertion.

    Attributes:
        expected: The literal, or the name of the exception.
        raises: Whether an exception is expected.
        source: The left side, or the statements that should raise, as source.
        setup: The statements of the test before it, as source.
    """

    expected: Any
    raises: bool
    source: str
    setup: str

    def holds(self, claimed: Any) -> bool:
        """Whether what the child claims to have observed is right.

        Args:
            claimed: Value of the left side; for an exception the names of its class and base classes, or ``None``.
        """
        if self.raises:
            return isinstance(claimed, list) and self.expected in claimed
        return equal(self.expected, claimed, _TOLERANCE)


@dataclass(frozen=True)
class HiddenTest:
    """One test function.

    Attributes:
        name: Its name.
        checks: Its assertions, in order.
    """

    name: str
    checks: tuple[Check, ...]

    def first_failure(self, observed: Sequence[Any], error: object) -> int | None:
        """Return the number of the first assertion that does not hold; ``None`` if the test passes.

        Args:
            observed: What the child claims to have observed, in order.
            error: Anything but ``None`` if the test raised; assertions that were not reached then fail.
        """
        for number, check in enumerate(self.checks):
            if number >= len(observed) or not check.holds(observed[number]):
                return number
        return None if error is None and len(observed) == len(self.checks) else len(self.checks)


@dataclass(frozen=True)
class HiddenTests:
    """The hidden tests of a package.

    Attributes:
        program: Source that the child runs: the tests without any right side.
        tests: The tests, in order.
    """

    program: str
    tests: tuple[HiddenTest, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tests, in order."""
        return tuple(test.name for test in self.tests)


def split_tests(source: str) -> HiddenTests:
    """Split tests into what a child runs and what it must not see.

    Raises:
        ConfigurationError: If a test has an assertion of another form, none at all, or none but truth values and
            exceptions, which can be guessed.
    """
    tree = ast.parse(source)
    tests = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            tests.append(_split_function(node))
    return HiddenTests(ast.unparse(tree) + "\n", tuple(tests))


def _split_function(function: ast.FunctionDef) -> HiddenTest:
    """Replace the assertions of a function by observations, and return their right sides."""
    checks: list[Check] = []
    setup: list[str] = []
    body: list[ast.stmt] = []
    for statement in function.body:
        if (found := _split_statement(statement, "\n".join(setup))) is None:
            if any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
                raise ConfigurationError(f"{function.name}: an assertion inside another statement")
            setup.append(ast.unparse(statement))
            body.append(statement)
        else:
            check, replacement = found
            checks.append(check)
            body.append(replacement)
            if check.raises:
                setup.append(f"try:\n    {check.source}\nexcept Exception:\n    pass".replace("\n    \n", "\n"))
    if all(check.raises or isinstance(check.expected, bool) for check in checks):
        raise ConfigurationError(f"{function.name}: needs an assertion of a value that is no truth value")
    function.body = body
    return HiddenTest(function.name, tuple(checks))


def _split_statement(statement: ast.stmt, setup: str) -> tuple[Check, ast.stmt] | None:
    match statement:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            try:
                expected = ast.literal_eval(right)
            except ValueError as error:
                raise ConfigurationError(f"not a literal: {ast.unparse(statement)}") from error
            observe = ast.Expr(ast.Call(ast.Name(OBSERVE, ast.Load()), [left], []))
            return Check(expected, False, ast.unparse(left), setup), ast.copy_location(observe, statement)
        case ast.Assert():
            raise ConfigurationError(f"not `EXPRESSION == LITERAL`: {ast.unparse(statement)}")
        case ast.With(items=[ast.withitem(ast.Call(ast.Attribute(ast.Name("pytest"), "raises"), [kind]), None)]):
            source = "\n".join(map(ast.unparse, statement.body))
            name = ast.unparse(kind).rpartition(".")[2]
            replaced = ast.With([ast.withitem(ast.Call(ast.Name(RAISES, ast.Load()), [], []))], statement.body)
            return Check(name, True, source, setup), ast.copy_location(replaced, statement)
    return None
