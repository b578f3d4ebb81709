"""Where new nodes are put: a dense schedule of low discrepancy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["direction", "proposals"]

Array = NDArray[np.float64]
_GOLDEN = np.pi * (3 - np.sqrt(5))


def direction(index: int, dimensions: int) -> Array:
    """Return the unit vector number ``index`` of a sequence that is dense on the sphere and evenly spread.

    In the plane the angles are multiples of the golden angle; otherwise normal quantiles of an additive recurrence.

    Args:
        index: Place in the sequence, from 0.
        dimensions: Length of the vector, >= 1.
    """
    if dimensions == 1:
        return np.array([1.0 if index % 2 == 0 else -1.0])
    if dimensions == 2:
        return np.array([np.cos(index * _GOLDEN), np.sin(index * _GOLDEN)])
    root = 2.0
    for _ in range(32):  # the positive root of x^(d+1) = x + 1
        root = (1 + root) ** (1 / (dimensions + 1))
    shares = (0.5 + (index + 1) * root ** -np.arange(1.0, dimensions + 1)) % 1
    vector = np.asarray(ndtri(np.clip(shares, 1e-6, 1 - 1e-6)))
    return np.asarray(vector / np.linalg.norm(vector))


def proposals(place: Array, steered: int, *, first: int, number: int, rank: int, reach: float) -> Array:
    """Return the places of new nodes around one where an intention failed.

    Args:
        place: Where, shape ``(dimensions,)``.
        steered: Coordinates that actions move; the others are left as they are.
        first: Index of the first direction, the number of directions used before.
        number: Number of places.
        rank: Failures at this place before: the radius is ``reach / 2^rank``. So the places around it become dense.
        reach: Radius of the first ring.

    Returns:
        Shape ``(number, dimensions)``.
    """
    found = np.repeat(place[None], number, 0)
    for index in range(number):
        found[index, :steered] += reach * 0.5**rank * direction(first + index, steered)
    return found
