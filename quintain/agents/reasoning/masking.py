"""Mask the numbers of a question, one at a time, and compare a predicted number with the masked one.

Source: FOBAR (Jiang et al. 2024, arXiv 2308.07758): digits and the words one to ten; both sides are normalised alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["MASK", "MaskedQuestion", "mask_numbers", "normalised_number", "predicted_number"]

#: What stands in place of a masked number.
MASK = "x"

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {word: str(value) for value, word in enumerate(_WORDS, start=1)}
_NUMBER = re.compile(
    rf"(?<![\w.])(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?![\w])|(?<![\w-])(?:{'|'.join(_WORDS)})(?![\w-])",
    re.IGNORECASE,
)
_FORM = re.compile(r"<<<.*?>>>", re.DOTALL)
_PREDICTED = re.compile(
    rf"value of (?:the unknown )?{MASK}\s*(?:is|=|:)[^\w\n-]*(-?[\d,]*\.?\d+|{'|'.join(_WORDS)})\b", re.IGNORECASE
)


class MaskedQuestion(NamedTuple):
    """A question with one number masked.

    Attributes:
        text: The question, with :data:`MASK` in place of the number.
        value: The number, normalised.
    """

    text: str
    value: str


def normalised_number(text: str) -> str:
    """Write a number without thousands separators and trailing zeros; number words become digits.

    Example:
        >>> [normalised_number(text) for text in ("1,250.50", "3.0", "Seven", "-04")]
        ['1250.5', '3', '7', '-4']
    """
    text = _DIGITS.get(text.strip().casefold(), text.strip()).replace(",", "")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, decimals = digits.partition(".")
    decimals = decimals.rstrip("0")
    number = (whole.lstrip("0") or "0") + (f".{decimals}" if decimals else "")
    return number if number == "0" else sign + number


def mask_numbers(question: str) -> list[MaskedQuestion]:
    """Make one masked question for every number in a question, in order; forms of answers (``<<<...>>>``) are skipped.

    Example:
        >>> for masked in mask_numbers("Ann has 3 apples and buys two more. How many?"):
        ...     print(masked)
        MaskedQuestion(text='Ann has x apples and buys two more. How many?', value='3')
        MaskedQuestion(text='Ann has 3 apples and buys x more. How many?', value='2')
    """
    forms = [match.span() for match in _FORM.finditer(question)]
    return [
        MaskedQuestion(question[: match.start()] + MASK + question[match.end() :], normalised_number(match[0]))
        for match in _NUMBER.finditer(question)
        if not any(start <= match.start() < end for start, end in forms)
    ]


def predicted_number(reply: str) -> str | None:
    """Return the number after the last closing cue, ``the value of x is ...``, normalised; ``None`` without one.

    Example:
        >>> predicted_number("x + 2 = 5, so x = 3. The value of x is 3.00.")
        '3'
    """
    found = _PREDICTED.findall(reply)
    return normalised_number(found[-1]) if found else None
