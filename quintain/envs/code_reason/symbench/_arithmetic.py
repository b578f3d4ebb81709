"""Arithmetic games: reach a target by combining given numbers with + - * / and brackets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from math import gcd
from typing import Any, TypeAlias

from quintain.envs.text.answers import Expression

__all__ = ["complaint", "reach", "reach_in_order", "reach_natural"]

#: A fraction in lowest terms, its denominator > 0.
_Ratio: TypeAlias = tuple[int, int]


def complaint(expression: Expression, data: Mapping[str, Any], *, ordered: bool) -> str:
    """Return an error message about an answer, or an empty text if it is right.

    Args:
        expression: The answer as it was parsed; its value is ``None`` where it divides by zero.
        data: ``"numbers"``, each to be used exactly once, and ``"target"``, the value to reach.
        ordered: Whether the numbers must be used in the given order.
    """
    numbers = list(data["numbers"])
    if ordered and list(expression.numbers) != numbers:
        return f"the numbers {numbers} must stand in this order, each once; got {list(expression.numbers)}"
    if Counter(expression.numbers) != Counter(numbers):
        return f"each of {numbers} must be used exactly once; got {list(expression.numbers)}"
    if expression.value is None:
        return "division by zero"
    if expression.value != data["target"]:
        return f"the expression equals {expression.value}, not {data['target']}"
    return ""


def reach(numbers: Sequence[int], target: int) -> str | None:
    """Combine all numbers, in any order, to the target; ``None`` if there is no way.

    Exhaustive: tables of the values that the subsets of the numbers can take; the last step looks for the partner that
    a value needs instead of trying all pairs.

    Args:
        numbers: Numbers to use, each once, each > 0.
        target: Value that the expression must have.
    """

    @cache
    def values(pool: tuple[int, ...]) -> dict[_Ratio, str]:
        if len(pool) == 1:
            return {(pool[0], 1): str(pool[0])}
        found: dict[_Ratio, str] = {}
        for part, rest in _parts(pool):
            for left in values(part).items():
                for right in values(rest).items():
                    for value, text in _combine(left, right, commute=True):
                        found.setdefault(value, text)
        return found

    pool = tuple(sorted(numbers))
    if len(pool) == 1:
        return str(pool[0]) if pool[0] == target else None
    for part, rest in reversed(list(_parts(pool))):  # halves first: their tables are small
        for value, text in values(part).items():
            for form, partner in _partners(value, target):
                if (other := values(rest).get(partner)) is not None:
                    return form.format(text, other)
    return None


def reach_natural(numbers: Sequence[int], target: int) -> str | None:
    """Combine all numbers, in any order, to the target, through integers >= 0 only; ``None`` if there is no way.

    Exhaustive search: two numbers are replaced by their sum, difference, product or quotient until one is left.
    """
    dead: set[tuple[int, ...]] = set()

    def search(pool: list[tuple[int, str]]) -> str | None:
        if len(pool) == 1:
            return pool[0][1] if pool[0][0] == target else None
        key = tuple(sorted(value for value, _ in pool))
        if key in dead:
            return None
        for i in range(len(pool)):
            for j in range(i):
                rest = [pool[k] for k in range(len(pool)) if k not in (i, j)]
                for combined in _combine_natural(pool[i], pool[j]):
                    if (found := search([*rest, combined])) is not None:
                        return found
        dead.add(key)
        return None

    found = search([(n, str(n)) for n in numbers])
    return None if found is None else _bare(found)


def reach_in_order(numbers: Sequence[int], target: int) -> str | None:
    """Combine all numbers in the given order to the target; ``None`` if there is no way.

    As ``reach``, with tables for intervals instead of subsets.
    """

    @cache
    def values(start: int, end: int) -> dict[_Ratio, str]:
        if end - start == 1:
            return {(numbers[start], 1): str(numbers[start])}
        found: dict[_Ratio, str] = {}
        for middle in range(start + 1, end):
            for left in values(start, middle).items():
                for right in values(middle, end).items():
                    for value, text in _combine(left, right):
                        found.setdefault(value, text)
        return found

    if len(numbers) == 1:
        return str(numbers[0]) if numbers[0] == target else None
    for middle in range(1, len(numbers)):
        right = values(middle, len(numbers))
        for left, text in values(0, middle).items():
            for form, partner in _partners(left, target):
                if partner in right and form.startswith("{0}"):
                    return form.format(text, right[partner])
    return None


def _parts(pool: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Split a pool in two in all ways, the smaller part first."""
    places = range(len(pool))
    for count in range(1, len(pool) // 2 + 1):
        for chosen in combinations(places, count):
            yield tuple(pool[i] for i in chosen), tuple(pool[i] for i in places if i not in chosen)


def _ratio(numerator: int, denominator: int) -> _Ratio:
    """Reduce a fraction; tuples of integers are several times as fast as ``Fraction``."""
    divisor = gcd(numerator, denominator)
    if denominator < 0:
        divisor = -divisor
    return numerator // divisor, denominator // divisor


def _partners(value: _Ratio, target: int) -> list[tuple[str, _Ratio]]:
    """List what a value can be combined with to reach a target, and how that is written."""
    n, d = value
    partners = [
        ("{0} + {1}", (target * d - n, d)),
        ("{0} - {1}", (n - target * d, d)),
        ("{1} - {0}", (n + target * d, d)),
    ]
    if n:
        partners += [("{0} * {1}", _ratio(target * d, n)), ("{1} / {0}", _ratio(target * n, d))]
        if target:
            partners.append(("{0} / {1}", _ratio(n, d * target)))
    return partners


def _combine(a: tuple[_Ratio, str], b: tuple[_Ratio, str], *, commute: bool = False) -> list[tuple[_Ratio, str]]:
    ((n, d), s), ((m, e), t) = a, b
    left, right, below = n * e, m * d, d * e
    results = [
        (_ratio(left + right, below), f"({s} + {t})"),
        (_ratio(n * m, below), f"({s} * {t})"),
        (_ratio(left - right, below), f"({s} - {t})"),
    ]
    if m:
        results.append((_ratio(left, right), f"({s} / {t})"))
    if commute:
        results.append((_ratio(right - left, below), f"({t} - {s})"))
        if n:
            results.append((_ratio(right, left), f"({t} / {s})"))
    return results


def _combine_natural(a: tuple[int, str], b: tuple[int, str]) -> list[tuple[int, str]]:
    (x, s), (y, t) = sorted((a, b), reverse=True)
    results = [(x + y, f"({s} + {t})"), (x * y, f"({s} * {t})"), (x - y, f"({s} - {t})")]
    if y and x % y == 0:
        results.append((x // y, f"({s} / {t})"))
    elif x and y % x == 0:
        results.append((y // x, f"({t} / {s})"))
    return results


def _bare(text: str) -> str:
    """Drop the brackets around the whole expression."""
    return text[1:-1] if text.startswith("(") else text
