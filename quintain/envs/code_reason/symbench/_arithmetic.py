"""Arithmetic games: reach a target by combining given numbers with + - * / and brackets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from quintain.envs.code_reason.answers import Expression

__all__ = ["complaint", "reach", "reach_in_order"]


def complaint(expression: Expression, data: Mapping[str, Any], *, ordered: bool) -> str:
    """Say what is wrong with an expression over ``data["numbers"]``, each used once, for ``data["target"]``."""
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


def reach(numbers: Sequence[int], target: int, *, natural: bool = False) -> str | None:
    """Combine all numbers, in any order, to the target; ``None`` if there is no way.

    Exhaustive: takes two numbers, puts their sum, difference, product or quotient back, and so on.

    Args:
        numbers: Numbers to use, each once.
        target: Value to reach.
        natural: Keep every intermediate value an integer >= 0.
    """
    dead: set[tuple[Fraction, ...]] = set()

    def search(pool: list[tuple[Fraction, str]]) -> str | None:
        if len(pool) == 1:
            return pool[0][1] if pool[0][0] == target else None
        key = tuple(sorted(value for value, _ in pool))
        if key in dead:
            return None
        for i in range(len(pool)):
            for j in range(i):
                rest = [pool[k] for k in range(len(pool)) if k not in (i, j)]
                for value, text in _combine(pool[i], pool[j], commute=True):
                    if natural and (value < 0 or value.denominator != 1):
                        continue
                    if (found := search([*rest, (value, text)])) is not None:
                        return found
        dead.add(key)
        return None

    found = search([(Fraction(n), str(n)) for n in numbers])
    return None if found is None else _bare(found)


def reach_in_order(numbers: Sequence[int], target: int) -> str | None:
    """Combine all numbers in the given order to the target; ``None`` if there is no way.

    Dynamic programming over intervals; the last step looks for the partner a value needs instead of trying all pairs.
    """

    @cache
    def values(start: int, end: int) -> dict[Fraction, str]:
        if end - start == 1:
            return {Fraction(numbers[start]): str(numbers[start])}
        found: dict[Fraction, str] = {}
        for middle in range(start + 1, end):
            for left in values(start, middle).items():
                for right in values(middle, end).items():
                    for value, text in _combine(left, right):
                        found.setdefault(value, text)
        return found

    goal = Fraction(target)
    if len(numbers) == 1:
        return str(numbers[0]) if numbers[0] == target else None
    for middle in range(1, len(numbers)):
        right = values(middle, len(numbers))
        for left, text in values(0, middle).items():
            partners = [("+", goal - left), ("-", left - goal)]
            if left:
                partners.append(("*", goal / left))
            if goal and left:
                partners.append(("/", left / goal))
            for operator, partner in partners:
                if partner in right:
                    return f"{text} {operator} {right[partner]}"
    return None


def _combine(a: tuple[Fraction, str], b: tuple[Fraction, str], *, commute: bool = False) -> list[tuple[Fraction, str]]:
    (x, s), (y, t) = a, b
    results = [(x + y, f"({s} + {t})"), (x * y, f"({s} * {t})"), (x - y, f"({s} - {t})")]
    if y:
        results.append((x / y, f"({s} / {t})"))
    if commute:
        results.append((y - x, f"({t} - {s})"))
        if x:
            results.append((y / x, f"({t} / {s})"))
    return results


def _bare(text: str) -> str:
    """Drop the brackets around the whole expression."""
    return text[1:-1] if text.startswith("(") else text
