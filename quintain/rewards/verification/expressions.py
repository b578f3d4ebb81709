"""Arithmetic expressions and relations between them: parsed by hand, computed exactly, never evaluated as code.

No input makes the parser recurse deeply or build a number of unbounded size.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

__all__ = ["Expression", "Linear", "Relation", "RelationSign", "Unreadable", "parse_expression", "parse_relations"]

#: How two sides compare. ``"≈"``: equal after rounding to the printed decimals of the right side.
RelationSign = Literal["=", "!=", "<", "<=", ">", ">=", "≈"]

_MAX_TOKENS = 200
_MAX_DEPTH = 40
_MAX_DIGITS = 40
_MAX_BITS = 4096
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+)|(?P<name>[A-Za-z])(?![A-Za-z])"
    r"|(?P<relation><=|>=|!=|==|[=<>≤≥≠≈])|(?P<mark>\*\*|[-+*/^()\[\]%×·÷]))"
)
_PLAIN = {"×": "*", "·": "*", "÷": "/", "**": "^", "[": "(", "]": ")", "==": "=", "≤": "<=", "≥": ">=", "≠": "!="}
_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "negative": 3, "^": 4}


class Unreadable(ValueError):
    """A text that is no expression, or one without a value: it divides by zero, or its numbers grow too large."""


class Linear(NamedTuple):
    """A linear form.

    Attributes:
        coefficients: Coefficient of each name; none is 0.
        constant: The constant term.
    """

    coefficients: dict[str, Fraction]
    constant: Fraction


@dataclass(frozen=True, slots=True)
class Expression:
    """A node of an expression over the rational numbers.

    Attributes:
        kind: ``"number"``, ``"name"``, ``"negative"``, or an operator: ``"+"``, ``"-"``, ``"*"``, ``"/"`` or ``"^"``.
        parts: The operands; none of a number or a name.
        value: The value of a number.
        name: The letter of a name.
        decimals: Number of decimals with which a number is written. Default: 0.
    """

    kind: str
    parts: tuple[Expression, ...] = ()
    value: Fraction = Fraction(0)
    name: str = ""
    decimals: int = 0

    def names(self) -> frozenset[str]:
        """Return the letters in it."""
        return frozenset([self.name] if self.kind == "name" else []).union(*(part.names() for part in self.parts))

    def evaluate(self, values: Mapping[str, Fraction] | None = None) -> Fraction:
        """Compute its exact value.

        Args:
            values: Values of names. Default: none.

        Raises:
            Unreadable: If a name has no value, or the expression has none.
        """
        if self.kind == "number":
            return self.value
        if self.kind == "name":
            if values is None or self.name not in values:
                raise Unreadable(f"{self.name} has no value")
            return values[self.name]
        numbers = [part.evaluate(values) for part in self.parts]
        return -numbers[0] if self.kind == "negative" else _compute(self.kind, *numbers)

    def linear(self) -> Linear | None:
        """Return the expression as a linear form of its names; ``None`` if it is none.

        Raises:
            Unreadable: If a part without names has no value.
        """
        if not self.names():
            return Linear({}, self.evaluate())
        if self.kind == "name":
            return Linear({self.name: Fraction(1)}, Fraction(0))
        forms = [part.linear() for part in self.parts]
        known = [form for form in forms if form is not None]
        if len(known) < len(forms):
            return None
        if self.kind == "negative":
            return _scaled(known[0], Fraction(-1))
        left, right = known
        if self.kind in "+-":
            return _added(left, _scaled(right, Fraction(1 if self.kind == "+" else -1)))
        if self.kind == "*" and not (left.coefficients and right.coefficients):
            return _scaled(left, right.constant) if left.coefficients else _scaled(right, left.constant)
        if self.kind == "/" and not right.coefficients:
            return _scaled(left, _compute("/", Fraction(1), right.constant))
        return None

    def __str__(self) -> str:
        """Write it with the brackets that it needs."""
        if self.kind == "number":
            return _number_text(self.value)
        if self.kind == "name":
            return self.name
        if self.kind == "negative":
            return f"-{self._part_text(0)}"
        gap = "" if self.kind == "^" else " "
        return f"{self._part_text(0)}{gap}{self.kind}{gap}{self._part_text(1)}"

    def _part_text(self, index: int) -> str:
        part, mine = self.parts[index], _PRECEDENCE[self.kind]
        theirs = _PRECEDENCE.get(part.kind, 2 if str(part).strip("0123456789.") and not part.name else 9)
        # Of equal operators only the right operand needs brackets; of powers the left one, as they group to the right.
        tight = theirs <= mine if index == (0 if self.kind == "^" else 1) else theirs < mine
        return f"({part})" if tight else str(part)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between two expressions, such as ``2 * x = 8``.

    Attributes:
        left: Left side.
        sign: How the sides compare.
        right: Right side.
    """

    left: Expression
    sign: RelationSign
    right: Expression

    def names(self) -> frozenset[str]:
        """Return the letters in it."""
        return self.left.names() | self.right.names()

    def holds(self, values: Mapping[str, Fraction] | None = None) -> bool:
        """Whether it is true of given values.

        Raises:
            Unreadable: If a side has no value.
        """
        left, right = self.left.evaluate(values), self.right.evaluate(values)
        if self.sign == "≈":
            return bool(abs(left - right) * 2 * 10**self.right.decimals <= 1)
        return _COMPARE[self.sign](left, right)

    def __str__(self) -> str:
        """Write it with its sign."""
        return f"{self.left} {self.sign} {self.right}"


def parse_expression(text: str) -> Expression:
    """Parse an expression: numbers, single letters, ``+ - * / ^``, brackets, ``%``, and products without a sign.

    Raises:
        Unreadable: If the text is anything else.

    Example:
        >>> parse_expression("2(3 + 4) - 50% * 6").evaluate()
        Fraction(11, 1)
    """
    parser = _Parser(text)
    found = parser.expression(0)
    parser.end()
    return found


def parse_relations(text: str) -> list[Relation]:
    """Parse a chain of relations: ``3 * 4 = 12 < 13`` is two.

    Raises:
        Unreadable: If the text is anything else.

    Example:
        >>> [str(relation) for relation in parse_relations("2x + 3 = 11 < 12")]
        ['2 * x + 3 = 11', '11 < 12']
    """
    parser = _Parser(text)
    sides, signs = [parser.expression(0)], []
    while (sign := parser.relation()) is not None:
        signs.append(sign)
        sides.append(parser.expression(0))
    parser.end()
    if not signs:
        raise Unreadable("there is no relation in it")
    return [Relation(*triple) for triple in zip(sides, signs, sides[1:], strict=False)]


class _Parser:
    """Recursive descent with a bound on depth; one character class a token."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def relation(self) -> RelationSign | None:
        kind, text = self._next()
        if kind != "relation":
            return None
        self._at += 1
        return text  # type: ignore[return-value]  # the pattern admits no other

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise Unreadable(f"unexpected {self._tokens[self._at][1]!r}")

    def expression(self, depth: int) -> Expression:
        left = self._product(depth)
        while (operator := self._mark("+-")) is not None:
            left = Expression(operator, (left, self._product(depth)))
        return left

    def _product(self, depth: int) -> Expression:
        left = self._signed(depth)
        while True:
            operator = self._mark("*/")
            if operator is None:
                kind, text = self._next()
                if kind != "name" and text != "(":
                    return left
                operator = "*"  # 2x and 2(x + 1)
            left = Expression(operator, (left, self._signed(depth)))

    def _signed(self, depth: int) -> Expression:
        if depth > _MAX_DEPTH:
            raise Unreadable("brackets are nested too deeply")
        sign = self._mark("+-")
        if sign is not None:
            part = self._signed(depth + 1)
            return Expression("negative", (part,)) if sign == "-" else part
        base = self._atom(depth)
        if self._mark("^") is not None:
            base = Expression("^", (base, self._signed(depth + 1)))
        return base

    def _atom(self, depth: int) -> Expression:
        kind, text = self._next()
        self._at += 1
        if kind == "number":
            found = _number(text)
        elif kind == "name":
            found = Expression("name", name=text)
        elif text == "(":
            found = self.expression(depth + 1)
            if self._mark(")") is None:
                raise Unreadable("a bracket is not closed")
        else:
            raise Unreadable("expected a number" + (f", got {text!r}" if text else ""))
        while self._mark("%") is not None:
            found = Expression("/", (found, Expression("number", value=Fraction(100))))
        return found

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _mark(self, marks: str) -> str | None:
        kind, text = self._next()
        if kind != "mark" or text not in marks:
            return None
        self._at += 1
        return text


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    text, position, count = text.strip().replace("−", "-"), 0, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        count += 1
        if match is None or count > _MAX_TOKENS or match.lastgroup is None:
            raise Unreadable("expected an expression" if count <= _MAX_TOKENS else "the expression is too long")
        found = match[match.lastgroup]
        yield match.lastgroup, _PLAIN.get(found, found)
        position = match.end()


def _number(text: str) -> Expression:
    digits = text.replace(",", "")
    if len(digits) > _MAX_DIGITS:
        raise Unreadable(f"a number of more than {_MAX_DIGITS} digits")
    whole, _, decimals = digits.partition(".")
    return Expression(
        "number", value=Fraction(int((whole + decimals) or "0"), 10 ** len(decimals)), decimals=len(decimals)
    )


def _compute(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        found = left + right
    elif operator == "-":
        found = left - right
    elif operator == "*":
        found = left * right
    elif right == 0 and operator == "/":
        raise Unreadable("a division by zero")
    elif operator == "/":
        found = left / right
    else:
        found = _power(left, right)
    if max(found.numerator.bit_length(), found.denominator.bit_length()) > _MAX_BITS:
        raise Unreadable("the numbers grow too large")
    return found


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _MAX_BITS or (base == 0 and exponent < 0):
        raise Unreadable("a power without an exact value")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent) > 2 * _MAX_BITS and abs(base) != 1:
        raise Unreadable("the numbers grow too large")
    return base**exponent.numerator


def _scaled(form: Linear, factor: Fraction) -> Linear:
    coefficients = {name: value * factor for name, value in form.coefficients.items() if value * factor}
    return Linear(coefficients, form.constant * factor)


def _added(left: Linear, right: Linear) -> Linear:
    names = [*left.coefficients, *(name for name in right.coefficients if name not in left.coefficients)]
    sums = {
        name: left.coefficients.get(name, Fraction(0)) + right.coefficients.get(name, Fraction(0)) for name in names
    }
    return Linear({name: value for name, value in sums.items() if value}, left.constant + right.constant)


def _number_text(value: Fraction) -> str:
    """Write a number as a decimal where that is exact, else as a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    for decimals in range(1, 7):
        scaled = value * 10**decimals
        if scaled.denominator == 1:
            digits = f"{abs(scaled.numerator):0{decimals + 1}d}"
            return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
    return f"{value.numerator}/{value.denominator}"
