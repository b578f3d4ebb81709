"""Orders in which the options of an item are listed: the paper's two, Latin squares, and all permutations."""

from __future__ import annotations

import itertools
import math
from typing import Literal, TypeAlias, get_args

from quintain.errors import ConfigurationError

__all__ = ["OrderSet", "check_order", "order_name", "order_set"]

#: Names of sets of orders.
OrderSet: TypeAlias = Literal["single", "published", "latin", "all"]
#: Largest number of options whose permutations are all listed.
_MAX_OPTIONS = 5


def order_set(name: str, kind: str, n: int) -> tuple[tuple[int, ...], ...]:
    """Return a set of orders; ``order[p]`` is the number of the option that is listed at position ``p``.

    Args:
        name: ``"single"``: the order of the instrument; ``"published"``: this one and its mirror image, which for
            scenarios exchanges the poles (high, low, high, low and low, high, low, high), as TRAIT does; ``"latin"``: a
            balanced Latin square (Williams 1949): each option once at each position, and after each other option
            equally often (twice as many orders if ``n`` is odd); ``"all"``: every permutation.
        kind: ``"self-report"`` or ``"scenario"``.
        n: Number of options, >= 2.

    Raises:
        ConfigurationError: If there is no such set, or it would be too large.

    Example:
        >>> order_set("published", "scenario", 4)
        ((0, 1, 2, 3), (1, 0, 3, 2))
        >>> order_set("latin", "scenario", 4)
        ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))
    """
    forward = tuple(range(n))
    if name == "single":
        return (forward,)
    if name == "published":
        return (forward, tuple(k ^ 1 for k in forward) if kind == "scenario" else forward[::-1])
    if name == "latin":
        return _williams(n)
    if name == "all":
        if n > _MAX_OPTIONS:
            raise ConfigurationError(f"{n} options have {math.factorial(n):,} orders; take 'latin' instead of 'all'")
        return tuple(itertools.permutations(forward))
    raise ConfigurationError(f"orders must be one of {', '.join(get_args(OrderSet))}, got {name!r}")


def _williams(n: int) -> tuple[tuple[int, ...], ...]:
    """Return Williams' square: first row 0, 1, n-1, 2 ..., the others shifted; for odd n also every row reversed."""
    first = [0, *(k for pair in zip(range(1, n), range(n - 1, 0, -1), strict=True) for k in pair)][:n]
    rows = [tuple((k + shift) % n for k in first) for shift in range(n)]
    return tuple(rows + [row[::-1] for row in rows] if n % 2 else rows)


def check_order(order: object, kind: str, n: int) -> tuple[int, ...]:
    """Return an order given by name, ``"forward"`` or ``"reversed"``, or as a permutation of ``range(n)``.

    Raises:
        ConfigurationError: If it is neither.
    """
    if isinstance(order, str) and order in ("forward", "reversed"):
        return order_set("published", kind, n)[order == "reversed"]
    if isinstance(order, (list, tuple)) and sorted(map(str, order)) == sorted(map(str, range(n))):
        return tuple(int(k) for k in order)
    raise ConfigurationError(f"order must be 'forward', 'reversed' or a permutation of 0 to {n - 1}, got {order!r}")


def order_name(order: tuple[int, ...], kind: str) -> str:
    """Return ``"forward"``, ``"reversed"``, or the numbers of the options from first to last, as in ``"0132"``."""
    named = order_set("published", kind, len(order))
    return ("forward", "reversed")[named.index(order)] if order in named else "".join(map(str, order))
