"""Evolution in a population of strategies, from the matrix of what they earn against each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["fixation_probability", "moran_process", "replicator_dynamics"]


def replicator_dynamics(
    payoffs: ArrayLike, start: ArrayLike | None = None, *, time: float = 50.0, step: float = 0.05
) -> NDArray[np.float64]:
    """Follow an infinite population: dx_i/dt = x_i ((A x)_i - x . A x) (Taylor and Jonker 1978).

    Integrated by the classical Runge-Kutta method and brought back onto the simplex after each step.

    Args:
        payoffs: Shape ``(n, n)``: mean payoff of the row strategy against the column strategy.
        start: Shape ``(n,)``: initial shares; equal ones if left out.
        time: Length of the trajectory.
        step: Length of a step; should be small against 1 / spread of the payoffs.

    Returns:
        Shape ``(steps + 1, n)``: the shares over time.

    Raises:
        ConfigurationError: If shapes or shares make no sense.
    """
    matrix = _square(payoffs)
    shares = np.full(len(matrix), 1 / len(matrix)) if start is None else np.asarray(start, dtype=np.float64)
    if shares.shape != (len(matrix),) or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ConfigurationError(f"start must hold {len(matrix)} shares that add up to 1, got {shares!r}")

    def velocity(x: NDArray[np.float64]) -> NDArray[np.float64]:
        fitness: NDArray[np.float64] = matrix @ x
        return x * (fitness - x @ fitness)

    path = [shares]
    for _ in range(round(time / step)):
        k1 = velocity(shares)
        k2 = velocity(shares + step / 2 * k1)
        k3 = velocity(shares + step / 2 * k2)
        k4 = velocity(shares + step * k3)
        shares = np.maximum(shares + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4), 0.0)
        shares = shares / shares.sum()
        path.append(shares)
    return np.array(path)


def moran_process(
    payoffs: ArrayLike,
    counts: Sequence[int],
    *,
    steps: int = 10_000,
    intensity: float = 1.0,
    mutation: float = 0.0,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Follow a finite population, one birth and one death at a time (Moran 1958; Nowak et al. 2004).

    Everybody meets everybody else once; fitness is exp(intensity * mean payoff). A parent is drawn by fitness, its
    child replaces a player drawn uniformly, and with probability ``mutation`` the child is of a random type.

    Args:
        payoffs: Shape ``(n, n)``.
        counts: Shape ``(n,)``: initial numbers; they add up to the population's size, >= 2.
        steps: Most steps; without mutation the process ends when one type is left.
        intensity: Strength of selection, >= 0; 0 is neutral drift.
        mutation: Probability in [0, 1].
        seed: Seed of the draws.

    Returns:
        Shape ``(steps taken + 1, n)``: the numbers over time.

    Raises:
        ConfigurationError: If an argument is out of range.
    """
    matrix = _square(payoffs)
    numbers = np.asarray(counts, dtype=np.int64).copy()
    if numbers.shape != (len(matrix),) or (numbers < 0).any() or numbers.sum() < 2:
        raise ConfigurationError(f"counts must hold {len(matrix)} numbers >= 0, two players at least; got {counts!r}")
    if intensity < 0 or not 0 <= mutation <= 1 or steps < 0:
        raise ConfigurationError(f"out of range: steps={steps!r}, intensity={intensity!r}, mutation={mutation!r}")
    rng = SeedStream(seed, "moran").generator()
    size, own = int(numbers.sum()), np.diag(matrix)
    path = [numbers.copy()]
    for _ in range(steps):
        if not mutation and (numbers == size).any():
            break
        mean_payoff = (matrix @ numbers - own) / (size - 1)  # nobody meets itself
        weight = numbers * np.exp(intensity * (mean_payoff - mean_payoff.max()))
        child = int(rng.choice(len(numbers), p=weight / weight.sum()))
        if mutation and rng.random() < mutation:
            child = int(rng.integers(len(numbers)))
        numbers[rng.choice(len(numbers), p=numbers / size)] -= 1
        numbers[child] += 1
        path.append(numbers.copy())
    return np.array(path)


def fixation_probability(payoffs: ArrayLike, size: int, *, intensity: float = 1.0) -> NDArray[np.float64]:
    """Probability that a single mutant of the row strategy takes over a population of the column strategy.

    rho = 1 / (1 + sum_{k=1}^{N-1} prod_{i=1}^{k} f_resident(i) / f_mutant(i)) for the Moran process above
    (Nowak 2006, eq. 6.13); 1/N is neutral.

    Args:
        payoffs: Shape ``(n, n)``.
        size: Population size N, >= 2.
        intensity: Strength of selection.

    Returns:
        Shape ``(n, n)``; the diagonal is 1/N.

    Raises:
        ConfigurationError: If the size is below 2.
    """
    matrix = _square(payoffs)
    if size < 2:
        raise ConfigurationError(f"size must be >= 2, got {size!r}")
    mutants = np.arange(1, size)
    diagonal = np.diag(matrix)
    # Axes: mutant, resident, number of mutants.
    mutant = diagonal[:, None, None] * (mutants - 1) + matrix[:, :, None] * (size - mutants)
    resident = matrix.T[:, :, None] * mutants + diagonal[None, :, None] * (size - mutants - 1)
    log_ratio = intensity * (resident - mutant) / (size - 1)
    odds: NDArray[np.float64] = np.exp(np.cumsum(log_ratio, axis=2)).sum(axis=2)
    return 1 / (1 + odds)


def _square(payoffs: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(payoffs, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ConfigurationError(f"payoffs must be a square matrix of finite numbers, got shape {matrix.shape}")
    return matrix
