"""Evolutionary dynamics of a population of strategies, computed from their payoff matrix."""

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
    """Simulate an infinite population: dx_i/dt = x_i ((A x)_i - x . A x) (Taylor and Jonker 1978).

    Integrated for log x_i, so that a very small share does not underflow and can grow again, by LSODA (scipy's
    ``solve_ivp``) with relative tolerance 1e-8 and absolute tolerance 1e-11.

    Args:
        payoffs: Shape ``(n, n)``: mean payoff of the row strategy against the column strategy.
        start: Shape ``(n,)``: initial shares; equal ones if left out.
        time: Length of the trajectory, > 0, in units of 1 / payoff. Default: 50.
        step: Interval between the returned points, > 0; it does not affect the accuracy. Default: 0.05.

    Returns:
        Shape ``(time / step + 1, n)``: the shares at each point.

    Raises:
        ConfigurationError: If shapes do not fit, ``start`` is no distribution, ``time`` or ``step`` is not > 0, or the
            payoffs are too large for so long a trajectory.
    """
    from scipy.integrate import solve_ivp

    matrix = _square(payoffs)
    shares = np.full(len(matrix), 1 / len(matrix)) if start is None else np.asarray(start, dtype=np.float64)
    if shares.shape != (len(matrix),) or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ConfigurationError(f"start must hold {len(matrix)} shares that add up to 1, got {shares!r}")

    if not 0 < step <= time < np.inf:
        raise ConfigurationError(f"needs 0 < step <= time, got step={step!r}, time={time!r}")
    alive = shares > 0  # a share of 0 stays 0
    scaled, exponent = _scaled(matrix)  # payoffs divided by 2**exponent, and time multiplied by it
    rates, evaluations = scaled[np.ix_(alive, alive)], 0

    def velocity(_: float, logs: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal evaluations
        evaluations += 1
        if evaluations > _MAX_EVALUATIONS:
            raise _failed_integration(matrix, time, f"more than {_MAX_EVALUATIONS:,} evaluations")
        x = _softmax(logs)
        fitness: NDArray[np.float64] = rates @ x
        return fitness - x @ fitness

    times = np.arange(round(time / step) + 1) * step
    with np.errstate(over="ignore"):
        scaled_times = np.ldexp(times, exponent)
    if not np.isfinite(scaled_times).all():
        raise _failed_integration(matrix, time, "the product of payoffs and time overflows")
    start_logs, span = np.log(shares[alive]), (0.0, scaled_times[-1])
    found = solve_ivp(velocity, span, start_logs, method="LSODA", t_eval=scaled_times, rtol=1e-8, atol=1e-11)
    if found.status != 0 or not np.isfinite(found.y).all():
        raise _failed_integration(matrix, time, found.message if found.status else "the numbers overflow")
    path = np.zeros((len(times), len(matrix)))
    path[:, alive] = _softmax(found.y.T)
    return path


# Limit of the integration, a minute or less; 50 units of time with payoffs around 1 take a few hundred.
_MAX_EVALUATIONS = 1_000_000


def _failed_integration(matrix: NDArray[np.float64], time: float, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the replicator equation was not solved up to time={time!r} ({why}); its payoffs reach "
        f"{float(np.abs(matrix).max())!r}, and time is in units of 1 / payoff: divide the payoffs or lower time"
    )


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def moran_process(
    payoffs: ArrayLike,
    counts: Sequence[int],
    *,
    steps: int = 10_000,
    intensity: float = 1.0,
    mutation: float = 0.0,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Simulate a finite population, one birth and one death per step (Moran 1958; Nowak et al. 2004).

    Each player meets every other once; fitness is exp(intensity * mean payoff). A parent is drawn in proportion to
    fitness, its child replaces a player drawn uniformly, and with probability ``mutation`` the child has a random type.

    Args:
        payoffs: Shape ``(n, n)``: mean payoff of the row strategy against the column strategy.
        counts: Shape ``(n,)``: initial number of players of each type; the sum is the population size, >= 2.
        steps: Maximum number of steps; without mutation the process ends when one type is left. Default: 10,000.
        intensity: Intensity of selection, >= 0; 0 is neutral drift. Default: 1.
        mutation: Probability in [0, 1] that a child has a random type. Default: 0.
        seed: Seed of the draws, >= 0. Default: 0.

    Returns:
        Shape ``(steps taken + 1, n)``: the number of players of each type after each step.

    Raises:
        ConfigurationError: If an argument is out of range.
    """
    matrix = _square(payoffs)
    numbers = np.asarray(counts, dtype=np.int64).copy()
    if numbers.shape != (len(matrix),) or (numbers < 0).any() or numbers.sum() < 2:
        raise ConfigurationError(f"counts must be {len(matrix)} numbers >= 0 with a sum >= 2, got {counts!r}")
    if not 0 <= intensity < np.inf or not 0 <= mutation <= 1 or steps < 0:
        raise ConfigurationError(f"out of range: steps={steps!r}, intensity={intensity!r}, mutation={mutation!r}")
    rng = SeedStream(seed, "moran").generator()
    matrix, exponent = _scaled(matrix)
    size, own = int(numbers.sum()), np.diag(matrix)
    path = [numbers.copy()]
    for _ in range(steps):
        if not mutation and (numbers == size).any():
            break
        mean_payoff = (matrix @ numbers - own) / (size - 1)  # no player meets itself
        alive = numbers > 0  # fitness counts among the types that are there
        behind = np.where(alive, mean_payoff - mean_payoff[alive].max(), -np.inf)
        weight = numbers * np.exp(_selected(behind, intensity, exponent))
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
        payoffs: Shape ``(n, n)``: mean payoff of the row strategy against the column strategy.
        size: Population size N, >= 2.
        intensity: Intensity of selection, >= 0; 0 is neutral drift. Default: 1.

    Returns:
        Shape ``(n, n)``; the diagonal is 1/N.

    Raises:
        ConfigurationError: If ``size`` or ``intensity`` is out of range.
    """
    matrix, exponent = _scaled(_square(payoffs))
    if size < 2 or not 0 <= intensity < np.inf:
        raise ConfigurationError(f"out of range: size={size!r} (>= 2), intensity={intensity!r} (>= 0, finite)")
    mutants = np.arange(1, size)
    diagonal = np.diag(matrix)
    # Axes: mutant, resident, number of mutants.
    mutant = diagonal[:, None, None] * (mutants - 1) + matrix[:, :, None] * (size - mutants)
    resident = matrix.T[:, :, None] * mutants + diagonal[None, :, None] * (size - mutants - 1)
    log_products = np.cumsum((resident - mutant) / (size - 1), axis=2)
    log_products[range(len(matrix)), range(len(matrix))] = 0.0  # equal types drift, without rounding errors
    with np.errstate(over="ignore"):  # infinite odds: a probability of 0
        odds: NDArray[np.float64] = np.exp(_selected(log_products, intensity, exponent)).sum(axis=2)
    return 1 / (1 + odds)


def _scaled(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Divide by the power of 2 next to the greatest absolute payoff, so that sums do not overflow; also its exponent.

    The division is exact.
    """
    exponent = int(np.frexp(np.abs(matrix).max())[1])
    return np.ldexp(matrix, -exponent), exponent


def _selected(differences: NDArray[np.float64], intensity: float, exponent: int) -> NDArray[np.float64]:
    """Intensity times the differences of payoffs that were scaled by ``exponent``: infinite where it overflows."""
    if intensity == 0:
        return np.where(np.isneginf(differences), -np.inf, 0.0)
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(intensity * differences, exponent))


def _square(payoffs: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(payoffs, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ConfigurationError(f"payoffs must be a square matrix of finite numbers, got shape {matrix.shape}")
    return matrix
