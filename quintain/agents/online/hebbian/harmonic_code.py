"""A high-dimensional code of places by phases, as grid cells of the entorhinal cortex have it.

Reconstruction (R): the paper's own representation could not be read; every formula here is chosen to have the
properties that its abstract claims.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HarmonicCode"]

Array = NDArray[np.float64]


class HarmonicCode:
    """Phases of a place under waves of several scales: ``z_k(s) = exp(i w_k . s) / sqrt(K)`` (R).

    The similarity ``Re <z(s), z(s')>`` depends on ``s - s'`` alone and falls off like a place field; a displacement
    multiplies the code by ``exp(i w . d)``; and a sum of codes stores a set of places, with a cross-talk of about
    ``1 / sqrt(K)`` for each stored place. Codes are stored as real vectors ``(cos, sin)`` of length ``2 K``, so that a
    similarity is a plain dot product. The search uses the similarity alone, to tell which node stands for a place.

    Args:
        dimensions: Length of a place, >= 1.
        modules: Number of scales.
        shortest: Wave length of the first module, in units of the places.
        ratio: Wave length of a module over that of the one before it.
        directions: Wave directions of a module. In the plane they are 60 degrees apart in groups of three, each group
            turned against the others; otherwise they are drawn at random, always the same ones.
    """

    def __init__(
        self,
        dimensions: int = 2,
        *,
        modules: int = 8,
        shortest: float = 1.8,
        ratio: float = 1.35,
        directions: int = 12,
    ) -> None:
        self.dimensions = dimensions
        lengths = shortest * ratio ** np.arange(modules)
        rng = np.random.default_rng(0)
        units = [_directions(dimensions, directions, module, rng) for module in range(modules)]
        #: Wave vectors, module by module, shape ``(K, dimensions)``.
        self.frequencies: Array = (np.stack(units) * (2 * np.pi / lengths)[:, None, None]).reshape(-1, dimensions)
        self._norm = 1 / np.sqrt(len(self.frequencies))

    def encode(self, places: Array) -> Array:
        """Return the codes of places: shape ``(..., dimensions)`` gives ``(..., 2 K)``, each of norm 1."""
        phases = places @ self.frequencies.T
        return np.asarray(np.concatenate([np.cos(phases), np.sin(phases)], -1) * self._norm)


def _directions(dimensions: int, number: int, module: int, rng: np.random.Generator) -> Array:
    if dimensions == 1:
        return np.ones((number, 1))
    if dimensions == 2:
        thirds = np.arange(3) * np.pi / 3
        groups = (np.arange(-(-number // 3)) + module / 8) * np.pi / 3 / -(-number // 3)
        angles = (groups[:, None] + thirds).reshape(-1)[:number]
        return np.stack([np.cos(angles), np.sin(angles)], -1)
    units = rng.standard_normal((number, dimensions))
    return np.asarray(units / np.linalg.norm(units, axis=-1, keepdims=True))
