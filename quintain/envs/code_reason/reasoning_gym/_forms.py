"""Forms of answer of reasoning-gym's questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from quintain.envs.code_reason.reasoning_gym._library import Form
from quintain.envs.text.answers import (
    Nested,
    parse_integer,
    parse_integer_grid,
    parse_integers,
    parse_lines,
    parse_list,
    parse_number,
    parse_option,
    parse_words,
)
from quintain.envs.text.task import Malformed

__all__ = [
    "CALENDAR",
    "DIGITS_ANY_BASE",
    "FACTORS",
    "GROUPS",
    "HALF_TOKENS",
    "HEXADECIMAL",
    "INTEGER",
    "INTEGER_LIST",
    "INTEGER_TOKENS",
    "JSON_GRID",
    "LETTERS",
    "LOWEST_TERMS",
    "MARKS",
    "NAME",
    "NUMBER",
    "NUMBER_LIST",
    "PARTITIONS",
    "POINT_OR_NUMBER",
    "ROWS",
    "TEXT",
    "TEXT_ANY_CASE",
    "VALUE",
    "WORD",
    "WORDS",
    "WORD_ANY_CASE",
    "choice",
    "exact",
    "twelve_digits",
]


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def choice(*options: str) -> Form:
    """One of a few words, in any letter case."""
    return Form("your choice", lambda text: parse_option(text, options))


def _shaped(pattern: str, wanted: str) -> Callable[[str], str]:
    """Make a reader of texts that match a pattern; anything else cannot be an answer, and is malformed."""
    shape = re.compile(pattern)

    def parse(text: str) -> str:
        if not shape.fullmatch(text):
            raise Malformed(f"expected {wanted}")
        return text

    return parse


def _calendar(text: str) -> str:
    """Read a day of the week, yes or no, or a number."""
    try:
        return str(parse_integer(text))
    except Malformed:
        return parse_option(text, (*_DAYS, "Yes", "No"))


def _half_tokens(text: str) -> list[str]:
    tokens = [token.upper() for token in parse_words(text)]
    if any(token not in ("A#", "B#", "#A", "#B") for token in tokens):
        raise Malformed("expected tokens A#, B#, #A, #B")
    return tokens


def _marks(text: str) -> str:
    """Read rows of the two marks, with or without spaces between them."""
    lines = ["".join(line.replace("\ufe0f", "").split()) for line in parse_lines(text)]
    if not lines or any(set(line) - {"✅", "❌"} for line in lines):
        raise Malformed("expected rows of ✅ and ❌")
    return "\n".join(lines)


def _digit_rows(text: str) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in parse_integer_grid(text)]


def _text(text: str) -> str:
    """Keep a text as it is, but for line ends and the white space before them."""
    return "\n".join(line.rstrip() for line in text.splitlines())


def _same_ignoring_case(value: str, right: str) -> bool:
    return value.casefold() == right.casefold()


def _words(text: str) -> list[str]:
    words = [*filter(None, parse_words(text))]
    if any(not re.fullmatch(r"[\w'’-]+", word) for word in words):
        raise Malformed("expected words separated by commas")
    return words


def _number_text(value: Fraction) -> str:
    """Write a rational number exactly: as an integer, a decimal number or a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, 40):
        if 10**places % value.denominator == 0:
            digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return f"{value.numerator}/{value.denominator}"


def _close(value: Fraction, right: Fraction) -> bool:
    """Accept what rounds to the right number, half a unit in its last decimal place; an integer must be exact."""
    text = _number_text(right)
    places = len(text.partition(".")[2])
    return abs(value - right) <= Fraction(1, 2 * 10**places) if places else value == right


def exact(question: str, right: Fraction) -> Fraction:
    """Allow the rounding of binary floating point, and never a tenth of the last decimal place in the question.

    The questions ask for sums, products and the like of numbers that they show, not for rounded results.
    """
    places = max((len(decimals) for decimals in re.findall(r"[0-9]\.([0-9]+)", question)), default=0)
    return min(abs(right) / 2**50, Fraction(1, 10 ** (places + 1)))


def twelve_digits(question: str, right: Fraction) -> Fraction:
    """Allow what rounds to the right number: half a unit of the twelfth significant digit, as the question says."""
    if right == 0:
        return Fraction(0)
    exponent = len(str(int(abs(right)))) if abs(right) >= 1 else 0
    while abs(right) < Fraction(10) ** (exponent - 1):
        exponent -= 1
    return Fraction(10) ** (exponent - 12) / 2


def _hexadecimal(text: str) -> int:
    if len(text) > 40 or not re.fullmatch(r"-?0x[0-9a-f]+", text.lower()):
        raise Malformed("expected a hexadecimal integer such as -0x1f")
    return int(text, 16)


def _lowest_terms(text: str) -> tuple[int, int]:
    """Read ``p/q``, also from LaTeX as the library writes it; it has to be in lowest terms to equal the right one."""
    match = re.fullmatch(r"\$?\s*\\d?frac\s*\{(-?[0-9]{1,30})\}\s*\{([0-9]{1,30})\}\s*\$?", text)
    match = match or re.fullmatch(r"\$?\s*(-?[0-9]{1,30})\s*/\s*([0-9]{1,30})\s*\$?", text)
    if match is None:
        raise Malformed("expected a fraction p/q")
    return int(match[1]), int(match[2])


def _factors(text: str) -> list[int]:
    parts = [parse_integer(part) for part in re.split(r"[×*x·⋅]", text)]
    return sorted(parts)


def _flat(nested: Nested) -> list[str]:
    if not all(isinstance(item, str) for item in nested):
        raise Malformed("expected a flat list")
    return [item for item in nested if isinstance(item, str)]


def _lists(text: str) -> list[list[str]]:
    rows = parse_list(text)
    if any(isinstance(row, str) for row in rows):
        raise Malformed("expected a list of lists")
    return [_flat(row) for row in rows if not isinstance(row, str)]


def _point_or_number(text: str) -> list[Fraction]:
    text = text.rstrip("°").rstrip()
    if text.startswith("(") and text.endswith(")"):
        parts = text[1:-1].split(",")
        if len(parts) != 2:
            raise Malformed("expected a point (x, y)")
        return [parse_number(part) for part in parts]
    return [parse_number(text)]


def _render_point(value: Sequence[Fraction]) -> str:
    if len(value) == 1:
        return _number_text(value[0])
    return f"({', '.join(map(_number_text, value))})"


def _render_rows(rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(" ".join(map(str, row)) for row in rows)


def _quoted(items: Sequence[str], quote: str) -> str:
    return "[" + ", ".join(f"{quote}{item}{quote}" for item in items) + "]"


def _render_lists(rows: Sequence[Sequence[str]]) -> str:
    return "[" + ", ".join(_quoted(row, '"') for row in rows) + "]"


def _each_sorted(text: str) -> list[list[str]]:
    return sorted(sorted(row) for row in _lists(text))


def _sorted_lists(text: str) -> list[list[str]]:
    return sorted(_lists(text))


def _points_close(value: Sequence[Fraction], right: Sequence[Fraction]) -> bool:
    return len(value) == len(right) and all(map(_close, value, right))


INTEGER = Form("number", parse_integer)
NUMBER = Form("number", parse_number, _number_text, _close)  # _close: where our solution is compared with the library's
VALUE = Form("p/q", parse_number, lambda value: str(value), lambda v, r: bool(abs(v - r) <= Fraction(1, 10**9)))
HEXADECIMAL = Form("hexadecimal number", _hexadecimal, hex)
LOWEST_TERMS = Form("p/q", _lowest_terms, lambda value: f"{value[0]}/{value[1]}")
FACTORS = Form("factors", _factors, lambda value: " × ".join(map(str, value)))
TEXT = Form("text", _text)
WORD = Form("text", _shaped(r"[\w'’-]+", "one word"))
LETTERS = Form("text", _shaped(r"[a-z]+", "a string of lower-case letters"))
NAME = Form("text", _shaped(r"[^\W\d_]+(?:['’ -][^\W\d_]+)?", "a name"), str, _same_ignoring_case)
WORD_ANY_CASE = Form("text", _shaped(r"[A-Za-z]+(?:-[A-Za-z]+)*", "one word"), str, _same_ignoring_case)
DIGITS_ANY_BASE = Form("text", _shaped(r"[0-9A-Za-z]+", "digits and letters"), str, _same_ignoring_case)
CALENDAR = Form("text", _calendar, str, _same_ignoring_case)
TEXT_ANY_CASE = Form("text", _text, str, _same_ignoring_case)
MARKS = Form("grid", _marks)
INTEGER_TOKENS = Form("t1 t2 ...", parse_integers, lambda value: " ".join(map(str, value)))
HALF_TOKENS = Form("t1 t2 ...", _half_tokens, " ".join)
WORDS = Form("w1, w2, ...", _words, ", ".join)
INTEGER_LIST = Form("[x1, x2, ...]", parse_integers)
NUMBER_LIST = Form(
    "['x1', 'x2', ...]",
    lambda text: [parse_number(item) for item in parse_words(text)],
    lambda value: _quoted([_number_text(item) for item in value], "'"),
)
ROWS = Form("rows", _digit_rows, _render_rows)
JSON_GRID = Form("[[x11, x12, ...], ...]", parse_integer_grid)
GROUPS = Form('[["w11", "w12", ...], ...]', _each_sorted, _render_lists)
PARTITIONS = Form('[["w11", "w12", ...], ...]', _sorted_lists, _render_lists)
POINT_OR_NUMBER = Form("answer", _point_or_number, _render_point, _points_close)
