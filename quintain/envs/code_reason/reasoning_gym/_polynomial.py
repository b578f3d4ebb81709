"""Polynomials in x with rational coefficients: reading and writing them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from quintain.envs.text.task import Malformed

__all__ = ["Polynomial", "parse_polynomial", "write_polynomial"]

#: Coefficients by exponent, without zeros.
Polynomial: TypeAlias = dict[int, Fraction]

_SUPERSCRIPTS = {ord(digit): f"^{i}" for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_TERM = re.compile(
    r"([+-])(?:([0-9]{1,30})(?:\.0+)?(?:/([1-9][0-9]{0,29}))?)?(\*?x(?:(?:\*\*|\^)([0-9]{1,3}))?)?(?:/([1-9][0-9]{0,29}))?"
)


def parse_polynomial(text: str) -> Polynomial:
    """Read an expanded polynomial such as ``-3*x**2/2 + x - 4``; ``^`` and a missing ``*`` are understood.

    Raises:
        Malformed: If the text is anything else. Terms of equal exponent are added up.
    """
    compact = "".join(text.lower().translate(_SUPERSCRIPTS).split())
    if compact[:1] not in ("+", "-"):
        compact = "+" + compact
    if len(compact) > 2000:
        raise Malformed("expected a polynomial of at most 2000 characters")
    found: Polynomial = {}
    position = 0
    while position < len(compact):
        match = _TERM.match(compact, position)
        if match is None or (match[2] is None and match[4] is None) or (match[2] is None and match[4][0] == "*"):
            raise Malformed("expected an expanded polynomial in x")
        sign, number, denominator, power, exponent, divisor = match.groups()
        value = Fraction(int(number or 1), int(denominator or 1) * int(divisor or 1))
        degree = 0 if power is None else int(exponent or 1)
        found[degree] = found.get(degree, Fraction(0)) + (-value if sign == "-" else value)
        position = match.end()
    return {degree: value for degree, value in found.items() if value}


def write_polynomial(polynomial: Mapping[int, Fraction]) -> str:
    """Write terms by falling exponent: ``-3*x**2/2 + x - 4``."""
    text = ""
    for degree in sorted(polynomial, reverse=True):
        value = polynomial[degree]
        size = abs(value)
        power = "" if degree == 0 else "x" if degree == 1 else f"x**{degree}"
        number = str(size.numerator) if not power else "" if size.numerator == 1 else f"{size.numerator}*"
        term = number + power + ("" if size.denominator == 1 else f"/{size.denominator}")
        if text:
            text += (" - " if value < 0 else " + ") + term
        else:
            text = ("-" if value < 0 else "") + term
    return text or "0"
