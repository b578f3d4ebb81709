"""Metrics of self-correction: how the second attempt differs from the first (SCoRe, Kumar et al. 2024, section 3).

All shares are of all problems. With Acc@t1 the mean of ``first`` and Acc@t2 that of ``second``, the means obey
Acc@t2 - Acc@t1 = ``delta`` = ``fixed`` - ``broken``; the paper writes them Delta(t1, t2), Delta(i->c) and Delta(c->i).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number

__all__ = ["correction_metrics", "edit_histogram", "edit_ratio"]

#: Longer replies are compared by their first characters only.
_COMPARED = 4000


def correction_metrics(
    first_right: bool, second_right: bool, first: str, second: str, *, changed: bool | None = None
) -> dict[str, float]:
    """Return the metrics of one problem, of which means over problems are reported.

    Args:
        first_right: Whether the first attempt is right.
        second_right: Whether the second one is.
        first: Text of the first reply.
        second: Text of the second reply.
        changed: Whether the answers differ; ``None`` where they are not known, so that the texts are compared.

    Returns:
        ``first``, ``second``, ``fixed`` (wrong, then right), ``broken`` (right, then wrong) and ``changed``, each 0 or
        1, ``delta`` (-1, 0 or 1), and ``edit_distance``, the ratio of :func:`edit_ratio`.

    Example:
        >>> correction_metrics(False, True, "5", "7")["fixed"]
        1.0
    """
    return {
        "first": float(first_right),
        "second": float(second_right),
        "delta": float(second_right) - float(first_right),
        "fixed": float(second_right and not first_right),
        "broken": float(first_right and not second_right),
        "changed": float(first.strip() != second.strip() if changed is None else changed),
        "edit_distance": edit_ratio(first, second),
    }


def edit_ratio(first: str, second: str) -> float:
    """Return the Levenshtein distance of two texts over the sum of their lengths, in [0, 1].

    0 means equal texts, 1 that one of them is empty; of texts without a common character and of equal length it is 0.5.
    Only the first 4,000 characters count.

    Example:
        >>> edit_ratio("12+7=19", "12+7=18"), edit_ratio("ab", "ab"), edit_ratio("", "ab")
        (0.07142857142857142, 0.0, 1.0)
    """
    first, second = first[:_COMPARED], second[:_COMPARED]
    total = len(first) + len(second)
    return _distance(first, second) / total if total else 0.0


def edit_histogram(ratios: Iterable[float], bins: int = 10) -> NDArray[np.float64]:
    """Return the share of replies in each of ``bins`` equal intervals of the edit ratio from 0 to 1.

    Args:
        ratios: Values of :func:`edit_ratio`.
        bins: Number of intervals, >= 1; the last one includes 1. Default: 10.

    Returns:
        Shape ``(bins,)``; zeros without a value.

    Example:
        >>> edit_histogram([0.0, 0.0, 0.3, 1.0], bins=2).tolist()
        [0.75, 0.25]
    """
    check_number("bins", bins, low=1, integer=True)
    counts, _ = np.histogram(list(ratios), bins=bins, range=(0.0, 1.0))
    return np.asarray(counts / max(1, counts.sum()), dtype=np.float64)


def _distance(first: str, second: str) -> int:
    """Return the smallest number of characters to insert, delete or substitute."""
    if first == second:
        return 0
    columns = np.frombuffer(second.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    places = np.arange(len(columns) + 1)
    row = places.copy()
    for number, character in enumerate(first, start=1):
        # Without insertions the new row is a minimum by element; insertions carry a value on at 1 a column, which is a
        # running minimum of the row less its place.
        new = np.minimum(row[1:] + 1, row[:-1] + (columns != ord(character)))
        row = np.minimum.accumulate(np.concatenate(([number], new)) - places) + places
    return int(row[-1])
