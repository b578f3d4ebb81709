"""Tests by ranks, over the last axis of arrays: Mann-Whitney U, Wilcoxon's signed ranks, and equivalence of means.

The asymptotic forms with correction for ties, as ``scipy.stats`` computes them, for many pairs of samples at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RankTest", "equivalence_test", "mann_whitney", "sign_flip_test", "wilcoxon"]


class RankTest(NamedTuple):
    """The result of a test, or of many; each field has the shape of the samples without their last axis.

    Attributes:
        statistic: U of the first sample, or the smaller sum of signed ranks.
        p_value: Two-sided p-value, in [0, 1].
        effect: Rank-biserial correlation, in [-1, 1]: positive where the first sample is larger.
    """

    statistic: NDArray[np.float64]
    p_value: NDArray[np.float64]
    effect: NDArray[np.float64]


def mann_whitney(first: ArrayLike, second: ArrayLike) -> RankTest:
    """Test whether two independent samples come from one distribution (Mann & Whitney 1947), two-sided.

    U = R_1 - n_1 (n_1 + 1) / 2 with R_1 the sum of ranks of the first sample; z = (max(U, n_1 n_2 - U) - n_1 n_2 / 2 -
    1/2) / s with s^2 = n_1 n_2 / 12 (n + 1 - sum (t^3 - t) / (n (n - 1))), t the sizes of ties. Equal to
    ``scipy.stats.mannwhitneyu(method="asymptotic")``; where all values are equal the p-value is 1.

    Args:
        first: Finite values, shape ``(..., n_1)``.
        second: Finite values, shape ``(..., n_2)``, with the same leading axes.

    Example:
        >>> round(float(mann_whitney([1, 2, 2, 3], [3, 4, 5, 5]).p_value), 4)
        0.0396
    """
    from scipy.special import ndtr

    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n1, n2 = x.shape[-1], y.shape[-1]
    ranks, ties = _ranks(np.concatenate([x, y], axis=-1))
    n, u = n1 + n2, ranks[..., :n1].sum(-1) - n1 * (n1 + 1) / 2
    variance = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (np.maximum(u, n1 * n2 - u) - n1 * n2 / 2 - 0.5) / np.sqrt(variance)
    p_value = np.where(variance > 0, np.minimum(1.0, 2 * ndtr(-z)), 1.0)
    return RankTest(u, p_value, 2 * u / (n1 * n2) - 1)


def wilcoxon(differences: ArrayLike) -> RankTest:
    """Test whether differences of pairs are symmetric around 0 (Wilcoxon 1945), two-sided; zeros are left out.

    z = (T - n (n + 1) / 4) / s with T the smaller sum of ranks of |d|, n the number of differences other than 0, and
    s^2 = n (n + 1) (2 n + 1) / 24 - sum (t^3 - t) / 48. Equal to ``scipy.stats.wilcoxon(method="asymptotic")``; where
    all differences are 0 the p-value is 1.

    Args:
        differences: Finite values, shape ``(..., n)``.
    """
    from scipy.special import ndtr

    d = np.asarray(differences, dtype=np.float64)
    zeros = (d == 0).sum(-1)
    ranks, ties = _ranks(np.abs(d))
    ties = ties - (zeros**3 - zeros)  # the zeros are a tie among themselves, and have the lowest ranks
    ranks = ranks - zeros[..., None]
    positive = (ranks * (d > 0)).sum(-1)
    n = (d.shape[-1] - zeros).astype(np.float64)
    total = n * (n + 1) / 2
    smaller = np.minimum(positive, total - positive)
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (smaller - total / 2) / np.sqrt(variance)
        effect = np.where(n > 0, 2 * positive / total - 1, 0.0)
    p_value = np.where(variance > 0, np.minimum(1.0, 2 * ndtr(-np.abs(z))), 1.0)
    return RankTest(smaller, p_value, effect)


def sign_flip_test(differences: ArrayLike, *, resamples: int = 9_999, seed: int = 0) -> float:
    """Test whether the mean of paired differences is 0, by flipping their signs at random; two-sided.

    p = (1 + #{|mean of flipped| >= |mean|}) / (1 + resamples).

    Args:
        differences: Finite values, shape ``(n,)``.
        resamples: Number of random assignments of signs, >= 1.
        seed: Seed of the assignments.
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0]
    if not len(d):
        return 1.0
    signs = np.random.default_rng(seed).integers(0, 2, (resamples, len(d)), dtype=np.int8) * 2 - 1
    sums, found = np.abs(signs @ d), abs(d.sum())
    return float(1 + np.count_nonzero(sums >= found - 1e-9 * max(1.0, found))) / (1 + resamples)


def equivalence_test(differences: ArrayLike, margin: float) -> float:
    """Test whether the mean of paired differences lies within a margin: two one-sided t tests (Schuirmann 1987).

    Args:
        differences: Finite values, shape ``(n,)``.
        margin: Largest difference that does not matter, > 0.

    Returns:
        The larger p-value of the tests of mean <= -margin and mean >= margin: below alpha, the means are equivalent.
        NaN from fewer than two differences.
    """
    from scipy.special import stdtr

    d = np.asarray(differences, dtype=np.float64)
    if len(d) < 2:
        return float("nan")
    distance, error = margin - abs(float(d.mean())), float(d.std(ddof=1)) / len(d) ** 0.5
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(len(d) - 1, -distance / error))


def _ranks(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the average ranks along the last axis, and the sum of t^3 - t over groups of t equal values."""
    smaller = (values[..., :, None] > values[..., None, :]).sum(-1)
    size = (values[..., :, None] == values[..., None, :]).sum(-1).astype(np.float64)
    return smaller + (size + 1) / 2, (size**2 - 1).sum(-1)
