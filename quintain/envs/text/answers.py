"""Parsers for what models write: bounded, by hand, and never by evaluation.

Every parser either returns a plain value or raises ``Malformed``; no input makes it run code, recurse deeply or build a
number of unbounded size. Digits are ASCII digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from quintain.envs.text.task import Malformed

__all__ = [
    "Expression",
    "Nested",
    "parse_expression",
    "parse_grid",
    "parse_integer",
    "parse_integer_grid",
    "parse_integers",
    "parse_lines",
    "parse_list",
    "parse_number",
    "parse_option",
    "parse_pairs",
    "parse_words",
]

#: A list of atoms and lists; atoms are strings, read further by whoever knows what they should be.
Nested: TypeAlias = "list[str | Nested]"

_MAX_DIGITS = 60
_MAX_DEPTH = 8
_MAX_TOKENS = 400

_INTEGER = re.compile(r"([+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+))(?:\.0*)?")
_NUMBER = re.compile(
    r"([+-]?)(?:([0-9]*|[0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]+)|([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\s*/\s*([0-9]+))?)"
)
_UNIT = re.compile(r"([+-]?)[$€£]?\s*([0-9.,]+(?:[eE][+-]?[0-9]+)?|[0-9]+\s*/\s*[0-9]+)\s*°?")
_SCIENTIFIC = re.compile(r"(.+)[eE]([+-]?[0-9]{1,2})")
_BULLET = re.compile(r"^\s*(?:[-*•]\s+|[0-9]{1,3}[.)]\s+)?(?:and\s+)?")
_PAIR = re.compile(
    r"([^=:\s][^=:\n]{0,98}?)\s*(?:->|→|=>|=|:|\bis(?:\s+an?)?\s)\s*([^=:\s][^=:\n]{0,98})", re.IGNORECASE
)
_LIST_TOKEN = re.compile(r"""\s*(?:([\[\](),])|'([^'\\\n]*)'|"([^"\\\n]*)"|([^\s\[\](),'"]+))""")
_ARITHMETIC_TOKEN = re.compile(r"\s*([0-9]{1,9}(?![0-9])|[-+*/()])")
_SAME_OPERATOR = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "[": "(", "]": ")"})


def parse_integer(text: str) -> int:
    """Read an integer, with or without thousands separators; a float that is one (``5.0``) counts.

    Raises:
        Malformed: If the text is anything else, or longer than 60 characters.
    """
    text = text.strip().replace("−", "-")
    match = None if len(text) > _MAX_DIGITS else _INTEGER.fullmatch(text)
    if match is None:
        raise Malformed("expected an integer")
    return int(match[1].replace(",", ""))


def parse_number(text: str) -> Fraction:
    """Read an integer, a decimal number or a fraction ``p/q``, exactly; a sign of currency or degrees may be there.

    Raises:
        Malformed: If the text is anything else (``nan`` and ``inf`` among it), or longer than 60 characters.
    """
    text = text.strip().replace("−", "-")
    if len(text) > _MAX_DIGITS:
        raise Malformed("expected a number of at most 60 characters")
    if unit := _UNIT.fullmatch(text):
        text = unit[1] + unit[2]
    exponent = 0
    if scientific := _SCIENTIFIC.fullmatch(text):
        text, exponent = scientific[1], int(scientific[2])
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise Malformed("expected a number")
    sign, whole, decimals, integer, denominator = match.groups()
    if integer is None:
        value = Fraction(int(whole.replace(",", "") + decimals), 10 ** len(decimals))
    else:
        divisor = int(denominator) if denominator else 1
        if divisor == 0:
            raise Malformed("expected a number, not a division by zero")
        value = Fraction(int(integer.replace(",", "")), divisor)
    return (-value if sign == "-" else value) * Fraction(10) ** exponent


def parse_list(text: str) -> Nested:
    """Read a list in brackets, nested at most 8 deep: ``[[a, 'b'], (c d)]``. Commas may be left out.

    Raises:
        Malformed: If the text is anything else.
    """
    root: Nested = []
    stack: list[Nested] = [root]
    closers: list[str] = []
    position, comma = 0, True  # comma: a separator here would stand for a missing item
    text = text.strip()
    while position < len(text):
        match = _LIST_TOKEN.match(text, position)
        if match is None:
            raise Malformed("expected a list; there is an unfinished quote or an escape in it")
        position = match.end()
        mark = match[1]
        if mark is None:
            if not closers:
                raise Malformed("expected a list in brackets")
            stack[-1].append(next(group for group in match.groups()[1:] if group is not None))
            comma = False
        elif mark in "[(":
            if len(stack) > _MAX_DEPTH or (len(stack) == 1 and root):
                raise Malformed("expected one list, not nested so deeply")
            inner: Nested = []
            stack[-1].append(inner)
            stack.append(inner)
            closers.append("]" if mark == "[" else ")")
            comma = True
        elif mark == ",":
            if comma or not closers:
                raise Malformed("expected a list; there is a comma without an item")
            comma = True
        else:
            if not closers or closers.pop() != mark:
                raise Malformed("expected a list; its brackets do not match")
            stack.pop()
            comma = False
    if closers or len(root) != 1:
        raise Malformed("expected one list in brackets")
    first = root[0]
    assert not isinstance(first, str)
    return first


def parse_integers(text: str) -> list[int]:
    """Read a flat list of integers; the outer brackets may be left out.

    Raises:
        Malformed: If the text is anything else.
    """
    items = parse_list(text if text[:1] in ("[", "(") else f"[{text}]")
    return [_integer_atom(item) for item in items]


def parse_grid(text: str) -> list[list[str]]:
    """Read rows of atoms: a list of lists, or one line a row.

    Raises:
        Malformed: If the text is anything else. Rows of different lengths are the caller's business.
    """
    rows: Sequence[str | Nested]
    if text.strip()[:1] in ("[", "("):
        try:
            rows = parse_list(text)
        except Malformed:  # one list a line, as a program prints its rows
            rows = parse_list(f"[{text}]")
    else:
        rows = [parse_list(f"[{line}]") for line in text.splitlines() if line.strip()]
    grid: list[list[str]] = []
    for row in rows:
        if isinstance(row, str) or not all(isinstance(cell, str) for cell in row):
            raise Malformed("expected a list of rows")
        grid.append([cell for cell in row if isinstance(cell, str)])
    return grid


def parse_integer_grid(text: str) -> list[list[int]]:
    """Read rows of integers: a list of lists, or one line a row.

    Raises:
        Malformed: If the text is anything else.
    """
    return [[_integer_atom(cell) for cell in row] for row in parse_grid(text)]


def parse_words(text: str) -> list[str]:
    """Read words: a list in brackets, or separated by spaces, commas, arrows or line breaks.

    Raises:
        Malformed: If a list is nested or its brackets do not match, or there are spaces within words that commas or
            arrows separate.
    """
    text = text.strip()
    if text[:1] in ("[", "(", "{") and text[-1:] in ("]", ")", "}"):
        return _flat(parse_list(f"[{text[1:-1]}]"))
    parts = [part.strip() for part in re.split(r"->|→|,", text)]
    if len(parts) > 1 and any(re.search(r"[^\S\n]", part) for part in parts):
        raise Malformed("expected words, separated in one way")
    return " ".join(parts).split()


def parse_lines(text: str) -> list[str]:
    """Read lines of text, or the list of strings that a program prints for them; bullets and blank lines do not count.

    Raises:
        Malformed: If a list is nested, or its brackets do not match.
    """
    text = text.strip()
    if text[:1] == "[" and text[-1:] == "]":
        return _flat(parse_list(text))
    lines = (_BULLET.sub("", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Read names with their values: ``A=1, B=2``, ``A: 1`` a line, ``Ana is a knight``, or a dictionary.

    Raises:
        Malformed: If a part is anything else.
    """
    text = text.strip()
    if text[:1] + text[-1:] in ("{}", "[]", "()"):
        text = text[1:-1]
    pairs = []
    for part in re.split(r"[,;\n]", text):
        if not (part := _BULLET.sub("", part).strip()):
            continue
        match = _PAIR.fullmatch(part)
        if match is None:
            raise Malformed("expected names with their values")
        pairs.append((match[1].strip("\"'` "), match[2].strip("\"'` ")))
    return pairs


def parse_option(text: str, options: Sequence[str]) -> str:
    """Read one of the options, in any letter case.

    Raises:
        Malformed: If the text is none of them.
    """
    for option in options:
        if text.strip().casefold() == option.casefold():
            return option
    raise Malformed(f"expected one of {', '.join(options)}")


class Expression(NamedTuple):
    """An arithmetic expression over integers.

    Attributes:
        text: The expression in canonical spacing.
        numbers: Its numbers, from left to right.
        value: Its exact value, or ``None`` where it divides by zero.
    """

    text: str
    numbers: tuple[int, ...]
    value: Fraction | None


def parse_expression(text: str) -> Expression:
    """Parse ``(1 + 2) * 3 / 4``: integers, the four operations between them, and brackets. There are no signs.

    Raises:
        Malformed: If the text is anything else, such as an equation.
    """
    tokens = _arithmetic_tokens(text)
    # Two stacks (shunting yard), so that no depth of brackets is a depth of recursion.
    values: list[Fraction | None] = []
    operators: list[str] = []
    wants_operand = True

    for token in tokens:
        if wants_operand != (token.isdigit() or token == "("):
            raise Malformed("expected operators between numbers")
        if token.isdigit():
            values.append(Fraction(int(token)))
            wants_operand = False
        elif token == "(":
            operators.append(token)
        elif token == ")":
            while operators and operators[-1] != "(":
                _apply(values, operators)
            if not operators:
                raise Malformed("expected balanced brackets")
            operators.pop()
        else:
            while operators and operators[-1] != "(" and (token in "+-" or operators[-1] in "*/"):
                _apply(values, operators)
            operators.append(token)
            wants_operand = True
    if wants_operand or "(" in operators:
        raise Malformed("expected a complete expression with balanced brackets")
    while operators:
        _apply(values, operators)
    canonical = "".join(f" {token} " if token in "+-*/" else token for token in tokens)
    return Expression(canonical, tuple(int(token) for token in tokens if token.isdigit()), values[0])


def _arithmetic_tokens(text: str) -> list[str]:
    """Split an expression into numbers, operators and brackets."""
    tokens: list[str] = []
    position = 0
    text = text.strip().translate(_SAME_OPERATOR)
    while position < len(text):
        match = _ARITHMETIC_TOKEN.match(text, position)
        if match is None or len(tokens) >= _MAX_TOKENS:
            raise Malformed("expected an arithmetic expression over integers with + - * / ( )")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _apply(values: list[Fraction | None], operators: list[str]) -> None:
    """Apply the last operator to the last two values, in place; ``None`` is the result of a division by zero."""
    right, left, operator = values.pop(), values.pop(), operators.pop()
    if left is None or right is None or (operator == "/" and right == 0):
        values.append(None)
    elif operator == "+":
        values.append(left + right)
    elif operator == "-":
        values.append(left - right)
    elif operator == "*":
        values.append(left * right)
    else:
        values.append(left / right)


def _flat(nested: Nested) -> list[str]:
    if not all(isinstance(item, str) for item in nested):
        raise Malformed("expected a flat list")
    return [item for item in nested if isinstance(item, str)]


def _integer_atom(item: str | Nested) -> int:
    if not isinstance(item, str):
        raise Malformed("expected integers, not lists")
    return parse_integer(item)
