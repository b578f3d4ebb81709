"""All extreme equilibria of a two-player game, by vertex enumeration in exact rational arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["extreme_equilibria"]

# A payoff within this many units in the last place of a simple number is read as that number: 0.1 + 0.2 as 3/10.
_ROUNDING_ULPS = 4
# Maximum denominator of such a simple number, and the significant digits of a simple decimal.
_SIMPLE_DENOMINATOR, _SIMPLE_DIGITS = 1000, 12

# A vertex: integer weights of the options, and the set of its labels as the bits of an integer.
_Vertex = tuple[tuple[int, ...], int]


def extreme_equilibria(
    row: NDArray[np.float64], column: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """List all extreme equilibria of a bimatrix game (Avis et al. 2010, section 4; Nisan et al. 2007, algorithm 3.5).

    A pair of vertices of the two best-reply polytopes is an equilibrium if each option of each player has probability 0
    or is a best reply. In a nondegenerate game these are all equilibria. In any game, all equilibria are the convex
    combinations of those of them in which every pair is an equilibrium too.

    Args:
        row: Payoffs of player 0, shape ``(m, n)``.
        column: Payoffs of player 1, shape ``(m, n)``.

    Returns:
        Pairs of strategies of shapes ``(m,)`` and ``(n,)``, by size of the supports, then by the supports.
    """
    first, second = row.shape
    # Bits 0 to m-1 of a label set stand for player 0's options, bits m to m+n-1 for player 1's.
    everything = (1 << (first + second)) - 1
    ours = _best_reply_vertices(_rational(column.T), own_bit=0, reply_bit=first)
    theirs = _best_reply_vertices(_rational(row), own_bit=first, reply_bit=0)
    pairs = [(x, y) for (x, seen), (y, also) in product(ours, theirs) if seen | also == everything]

    def order(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[object, ...]:
        supports = [[k for k, weight in enumerate(weights) if weight] for weights in pair]
        return len(supports[0]) + len(supports[1]), len(supports[0]), supports, pair

    return [(_probabilities(x), _probabilities(y)) for x, y in sorted(pairs, key=order)]


def _best_reply_vertices(payoffs: list[list[Fraction]], own_bit: int, reply_bit: int) -> list[_Vertex]:
    """Vertices of {x >= 0: payoffs @ x <= 1} other than 0, with ``payoffs`` made positive, by double description.

    The cone over the polytope (Motzkin et al. 1953; Fukuda and Prodon 1996) is cut by one reply at a time. A ray is
    ``(x_0, ..., x_{m-1}, t)`` in lowest terms, with the set of constraints that are tight at it.

    Args:
        payoffs: Payoffs of the other player: one row per reply, one column per option of the mixing player.
        own_bit: Bit of the label "option 0 has probability 0".
        reply_bit: Bit of the label "reply 0 is a best reply".
    """
    options = len(payoffs[0])
    top = 1 << (own_bit + reply_bit + options + len(payoffs))  # bit of the constraint t >= 0
    unit = [tuple(int(i == k) for i in range(options + 1)) for k in range(options + 1)]
    bits = [1 << (own_bit + k) for k in range(options)] + [top]
    rays: list[_Vertex] = [(ray, sum(bits) - bits[k]) for k, ray in enumerate(unit)]
    for reply, inequality in enumerate(_positive_integers(payoffs)):
        bit = 1 << (reply_bit + reply)
        slack = [sum(map(int.__mul__, inequality, ray)) for ray, _ in rays]
        kept = [(ray, tight | bit if s == 0 else tight) for (ray, tight), s in zip(rays, slack, strict=True) if s >= 0]
        inside = [(ray, tight, s) for (ray, tight), s in zip(rays, slack, strict=True) if s > 0]
        outside = [(ray, tight, s) for (ray, tight), s in zip(rays, slack, strict=True) if s < 0]
        for (inner, near, here), (outer, far, there) in product(inside, outside):
            common = near & far
            # Two rays span an edge if no third one is tight wherever both are.
            if common.bit_count() < options - 1 or sum(tight & common == common for _, tight in rays) > 2:
                continue
            crossing = [here * b - there * a for a, b in zip(inner, outer, strict=True)]
            divisor = math.gcd(*crossing)
            kept.append((tuple(value // divisor for value in crossing), common | bit))
        rays = kept
    return [(ray[:-1], tight & (top - 1)) for ray, tight in rays if any(ray[:-1])]


def _positive_integers(payoffs: list[list[Fraction]]) -> list[list[int]]:
    """Write each reply's inequality t - payoffs @ x >= 0 in integers, with payoffs shifted to at least 1 range.

    The shift differs by column, which changes no best reply.
    """
    columns = list(zip(*payoffs, strict=True))
    least = [min(column) for column in columns]
    spread = max(max(column) - low for column, low in zip(columns, least, strict=True)) or Fraction(1)
    inequalities = []
    for reply in payoffs:
        shifted = [(payoff - low) / spread + 1 for payoff, low in zip(reply, least, strict=True)]
        common = math.lcm(*(value.denominator for value in shifted))
        inequalities.append([*(-int(value * common) for value in shifted), common])
    return inequalities


def _rational(payoffs: NDArray[np.float64]) -> list[list[Fraction]]:
    spread = float(payoffs.max() / 2 - payoffs.min() / 2)
    fine = float(np.spacing(np.abs(payoffs).max())) <= 1e-12 * spread
    return [[_simplest(float(value), fine) for value in line] for line in payoffs]


def _simplest(value: float, fine: bool) -> Fraction:
    """Return the number that a payoff was meant to be: ties between payoffs decide which equilibria a game has.

    Args:
        value: The payoff as given, a float.
        fine: Whether the payoffs' differences are large beside their rounding errors, so that these may be removed.
    """
    if fine and not value.is_integer():
        slack = Fraction(_ROUNDING_ULPS * float(np.spacing(abs(value))))
        exact = Fraction(value)
        for simple in (exact.limit_denominator(_SIMPLE_DENOMINATOR), Fraction(f"{value:.{_SIMPLE_DIGITS}g}")):
            if abs(simple - exact) <= slack:
                return simple
    return Fraction(repr(value))


def _probabilities(weights: Sequence[int]) -> NDArray[np.float64]:
    total = sum(weights)
    return np.array([float(Fraction(weight, total)) for weight in weights])
