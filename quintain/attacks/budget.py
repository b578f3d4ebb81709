"""The budget of an attack, and the projection that keeps every perturbation within it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError

__all__ = ["Ball", "Norm", "distance", "enforce"]

#: Norm of a budget: the largest entry, or the Euclidean length.
Norm = Literal["linf", "l2"]
Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Ball:
    """The perturbations of norm at most ``epsilon``. In all methods, rows are separate observations.

    Attributes:
        epsilon: Radius, finite and >= 0, in units of the space that the attack declares.
        norm: ``"linf"`` bounds every coordinate, ``"l2"`` the Euclidean length. Default: ``"linf"``.

    Raises:
        ConfigurationError: If the radius is not a finite number >= 0, or the norm is unknown.
    """

    epsilon: float
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        radius = self.epsilon
        if isinstance(radius, bool) or not isinstance(radius, (int, float, np.number)) or not 0 <= radius < math.inf:
            raise ConfigurationError(f"epsilon must be a finite number >= 0, got {radius!r}; 0 means no perturbation")
        if self.norm not in ("linf", "l2"):
            raise ConfigurationError(f"norm must be 'linf' or 'l2', got {self.norm!r}")
        object.__setattr__(self, "epsilon", float(radius))

    def project(self, delta: Array) -> Array:
        """Return the nearest point of the ball to each row of ``delta``, shape ``(n, d)``."""
        if self.norm == "linf":
            # Two ufuncs cost a third of np.clip on the small arrays of control tasks.
            return np.maximum(np.minimum(delta, self.epsilon), -self.epsilon)
        lengths = _lengths(delta)
        return delta * np.divide(self.epsilon, lengths, out=np.ones_like(lengths), where=lengths > self.epsilon)

    def steepest(self, gradient: Array) -> Array:
        """Return the step of norm 1 that ascends fastest: the sign for l_inf, the direction for l2; 0 where flat."""
        if self.norm == "linf":
            return np.sign(gradient)
        lengths = _lengths(gradient)
        return np.divide(gradient, lengths, out=np.zeros_like(gradient), where=lengths > 0)

    def sample(self, rng: np.random.Generator, dimension: int) -> NDArray[np.float64]:
        """Draw one point uniformly from the ball."""
        if self.norm == "linf":
            return rng.uniform(-self.epsilon, self.epsilon, dimension)
        direction = rng.standard_normal(dimension)
        radius = self.epsilon * rng.random() ** (1 / dimension)
        return np.asarray(direction * (radius / np.linalg.norm(direction)))


def distance(true: Array, perturbed: Array, norm: Norm, scale: Array | float = 1.0) -> NDArray[np.float64]:
    """Measure how far each row of ``perturbed`` is from ``true``, in units of ``scale``.

    Args:
        true: Unperturbed observations, shape ``(n, d)``.
        perturbed: Perturbed observations, shape ``(n, d)``.
        norm: Norm of the distance.
        scale: Unit of each coordinate, shape ``(d,)``, > 0. Default: 1.

    Returns:
        Shape ``(n,)``.
    """
    offsets = np.abs((perturbed.astype(np.float64) - true) / scale)
    if norm == "linf":
        return np.asarray(offsets.max(axis=1))
    return np.asarray(_lengths(offsets)[:, 0])


def enforce(
    true: Array,
    delta: Array,
    ball: Ball,
    scale: Array | float = 1.0,
    low: Array | float = -math.inf,
    high: Array | float = math.inf,
) -> tuple[Array, NDArray[np.float64]]:
    """Add ``delta`` to ``true`` so that the result, as the floats it is stored in, stays within the budget.

    Rounding ``true + delta`` can leave the ball by half a unit in the last place; such a coordinate is rounded
    towards ``true`` instead, or the row shortened. Where the ball is finer than the floats around ``true``, nothing is
    changed.

    Args:
        true: Shape ``(n, d)``, any floating dtype.
        delta: Proposed perturbation in units of ``scale``, shape ``(n, d)``, finite.
        ball: The perturbation budget: norm and radius.
        scale: Unit of each coordinate, shape ``(d,)``, > 0. Default: 1.
        low: Lower bounds of the result; a coordinate of ``true`` that is below its bound may keep its value.
        high: Upper bounds, with the same exception.

    Returns:
        The perturbed rows, in the dtype of ``true``, and their distances from ``true`` in the budget's units.
    """
    exact = true.astype(np.float64)
    moved = ball.project(delta.astype(np.float64)) * scale
    with np.errstate(over="ignore"):  # overflows are corrected below
        perturbed = (exact + moved).astype(true.dtype)
    if np.any(perturbed < low) or np.any(perturbed > high):
        perturbed = np.clip(perturbed, np.minimum(low, true), np.maximum(high, true)).astype(true.dtype)
    measured = distance(true, perturbed, ball.norm, scale)
    for _ in range(3):  # the sum, the scale and the length are each rounded once
        beyond = measured > ball.epsilon
        if not beyond.any():
            return perturbed, measured
        outside = np.abs(perturbed - exact) >= np.abs(moved)
        perturbed = np.where(beyond[:, None] & outside, np.nextafter(perturbed, true), perturbed)
        measured = distance(true, perturbed, ball.norm, scale)
    # Rounding single coordinates may not shorten an l2 norm: the whole row is scaled down, by growing amounts.
    for power in range(8):
        beyond = measured > ball.epsilon
        if not beyond.any():
            return perturbed, measured
        shorter = (exact + moved * (1 - float(np.finfo(true.dtype).eps) * 8**power)).astype(true.dtype)
        perturbed = np.where(
            beyond[:, None], np.clip(shorter, np.minimum(perturbed, true), np.maximum(perturbed, true)), perturbed
        )
        measured = distance(true, perturbed, ball.norm, scale)
    perturbed = np.where((measured > ball.epsilon)[:, None], true, perturbed)
    return perturbed, distance(true, perturbed, ball.norm, scale)


def _lengths(rows: Array) -> Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None])
