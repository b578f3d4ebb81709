"""Solvers of questions about numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from quintain.envs.code_reason.reasoning_gym._solvers._reading import Unclear, evaluate, find, integers, strings
from quintain.errors import TaskError

__all__ = [
    "arithmetic",
    "base_conversion",
    "bitwise_arithmetic",
    "count_bits",
    "count_primes",
    "decimal_arithmetic",
    "dice",
    "fraction_simplification",
    "gcd",
    "lcm",
    "leg_counting",
    "number_filtering",
    "number_sorting",
    "prime_factorization",
    "simple_equations",
    "simple_geometry",
]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LEGS = {
    "snake, sea slug, jellyfish, flatworm, leech": 0,
    "chicken, bird, human, duck": 2,
    "dog, cat, cow, horse, lion, elephant, giraffe, tiger, deer, sheep": 4,
    "starfish": 5,
    "insect, ant, butterfly, beetle, bee, wasp, grasshopper, cricket, cockroach, praying mantis, firefly": 6,
    "spider, scorpion": 8,
    "crab, lobster, shrimp": 10,
    "woodlouse": 14,
}
_LEGS_OF = {animal: legs for animals, legs in _LEGS.items() for animal in animals.split(", ")}


def arithmetic(question: str) -> str:
    """Evaluate an expression of numbers exactly."""
    return str(evaluate(find(r"([-(0-9][-+*/(). 0-9]*[0-9)])(?:\s*(?:=|\.|\?|$))", question)[1]))


def base_conversion(question: str) -> str:
    """Convert a number from one base to another."""
    source, digits, target = find(r"the (\S+) number (\w+) to (\S+)$", question).groups()
    value, base, written = int(digits, _base(source)), _base(target), ""
    while value:
        value, digit = divmod(value, base)
        written = _DIGITS[digit] + written
    return written or "0"


def _base(name: str) -> int:
    return {"binary": 2, "hexadecimal": 16}.get(name) or int(name.removeprefix("base-"))


def bitwise_arithmetic(question: str) -> str:
    """Evaluate with shifts, on integers of any size."""
    return hex(int(evaluate(question.splitlines()[-1])))


def count_bits(question: str) -> str:
    """Count the ones by halving."""
    number, ones = int(find(r"the number (\d+)", question)[1]), 0
    while number:
        number, bit = divmod(number, 2)
        ones += bit
    return str(ones)


def count_primes(question: str) -> str:
    """Sieve up to the upper end."""
    low, high = map(int, find(r"between (\d+) and (\d+) \(inclusive\)", question).groups())
    prime = bytearray([0, 0]) + bytearray([1]) * (high - 1)
    for n in range(2, math.isqrt(high) + 1):
        if prime[n]:
            prime[n * n :: n] = bytes(len(range(n * n, high + 1, n)))
    return str(sum(prime[low : high + 1]))


def decimal_arithmetic(question: str) -> str:
    """Evaluate exactly, and round the result once, half up."""
    digits, expression = find(r"maximum of (\d+) significant digits.*\n(.*) = \?", question).groups()
    value = evaluate(expression)
    rounding = Context(prec=int(digits), rounding=ROUND_HALF_UP)
    return format(rounding.divide(Decimal(value.numerator), Decimal(value.denominator)), "f")


def dice(question: str) -> str:
    """Add up the ways to reach the total."""
    sides = [int(n) for n in re.findall(r"1d(\d+)", question.split(" What are the odds")[0])]
    least = int(find(r"rolling (\d+) or higher", question)[1])
    ways = Counter({0: 1})
    for die in sides:
        more: Counter[int] = Counter()
        for total, count in ways.items():
            for face in range(1, die + 1):
                more[total + face] += count
        ways = more
    chance = Fraction(sum(count for total, count in ways.items() if total >= least), math.prod(sides))
    return f"{chance.numerator}/{chance.denominator}"


def fraction_simplification(question: str) -> str:
    """Divide by the greatest common divisor."""
    value = Fraction(*integers(question)[:2])
    return f"{value.numerator}/{value.denominator}"


def gcd(question: str) -> str:
    """Euclid's algorithm."""
    result = 0
    for number in integers(find(r"numbers: ([0-9, ]+)", question)[1]):
        while number:
            result, number = number, result % number
    return str(result)


def lcm(question: str) -> str:
    """Multiply, and divide by what is shared."""
    result = 1
    for number in integers(find(r"numbers: ([0-9, ]+)", question)[1]):
        result *= Fraction(number, result).numerator
    return str(result)


def leg_counting(question: str) -> str:
    """Look up the legs and add them."""
    animals = re.findall(r"(\d+) ([a-z ]+?)(?:,|\?|$)", find(r"if you have (.*)", question)[1])
    total = 0
    for count, words in animals:
        animal = words if words in _LEGS_OF else words.removesuffix("s")
        if animal not in _LEGS_OF:
            raise TaskError(f"cannot tell how many legs a {words!r} has; install reasoning-gym==0.1.25")
        total += int(count) * _LEGS_OF[animal]
    return str(total)


def number_filtering(question: str) -> str:
    """Compare as exact numbers."""
    action, side, bound = find(r"^(Keep|Remove) all numbers (larger|smaller) than (\S+) in", question).groups()
    numbers = strings(question.partition("list:")[2])
    meets = [
        n for n in numbers if (Fraction(n) > Fraction(bound)) == (side == "larger") and Fraction(n) != Fraction(bound)
    ]
    kept = meets if action == "Keep" else [n for n in numbers if n not in meets]
    return str(kept)


def number_sorting(question: str) -> str:
    """Sort as exact numbers."""
    order, numbers = find(r"in (ascending|descending) order: ([^\n]*)", question).groups()
    return str(sorted(numbers.split(", "), key=Fraction, reverse=order == "descending"))


def prime_factorization(question: str) -> str:
    """Divide by the smallest divisor as long as there is one."""
    number, factors = int(find(r"factorization of (\d+)", question)[1]), []
    divisor = 2
    while number > 1:
        if divisor * divisor > number:
            divisor = number
        while number % divisor == 0:
            factors.append(str(divisor))
            number //= divisor
        divisor += 1
    return " × ".join(factors)


def simple_equations(question: str) -> str:
    """Solve an equation that is linear in its one letter."""
    name, left, right = find(
        r"(?=.*?([a-z])(?: that satisfies| in the equation|:))[^:]*: (.*) = (.*)", question
    ).groups()

    def difference(x: int) -> Fraction:
        values = {name: Fraction(x)}
        return evaluate(left, values) - evaluate(right, values)

    at_zero, slope = difference(0), difference(1) - difference(0)
    if not slope or difference(2) != at_zero + 2 * slope:
        raise Unclear("the equation is not linear")
    return str(-at_zero / slope)


def simple_geometry(question: str) -> str:
    """Subtract the known angles from (n - 2) * 180 degrees."""
    angles = [Fraction(angle) for angle in re.findall(r"([0-9.]+)°", question)]
    rest = (len(angles) - 1) * 180 - sum(angles)
    if not 0 < rest < 180:
        raise Unclear("no convex polygon has these angles")
    return str(rest)
