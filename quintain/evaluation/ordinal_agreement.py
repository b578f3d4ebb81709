"""Agreement on ordered categories: Cohen's weighted kappa of two raters, and Krippendorff's alpha of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["krippendorff_alpha", "weighted_kappa"]


def weighted_kappa(first: ArrayLike, second: ArrayLike, categories: Sequence[float]) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen 1968).

    kappa = 1 - sum w o / sum w e with w_ij = (i - j)^2, o the observed and e the expected shares of pairs.

    Args:
        first: Category of each item by the first rater, shape ``(n,)``.
        second: By the second rater, shape ``(n,)``.
        categories: All categories, in order.

    Returns:
        Agreement in [-1, 1]; NaN where both raters always choose the same category, or without items.

    Example:
        >>> weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2], [1, 2, 3])
        0.8
    """
    places = np.asarray(categories, dtype=np.float64)
    a = np.searchsorted(places, np.asarray(first, dtype=np.float64))
    b = np.searchsorted(places, np.asarray(second, dtype=np.float64))
    if not len(a):
        return math.nan
    k = len(places)
    weights = (np.arange(k)[:, None] - np.arange(k)) ** 2
    expected = float(np.bincount(a, minlength=k) @ weights @ np.bincount(b, minlength=k)) / len(a)
    return 1 - float(weights[a, b].sum()) / expected if expected else math.nan


def krippendorff_alpha(ratings: ArrayLike) -> float:
    """Return Krippendorff's alpha for interval data (Krippendorff 2011).

    alpha = 1 - D_o / D_e: D_o is the mean squared difference of two ratings of one item, each item weighted by its
    number of ratings, and D_e that of two ratings of any items.

    Args:
        ratings: Shape ``(raters, items)``; NaN where a rater gave none. Items with fewer than two ratings are left out.

    Returns:
        Agreement, at most 1, and 0 for raters by chance; NaN where all ratings are equal or none can be compared.

    Example:
        >>> krippendorff_alpha([[1, 2, 3], [1, 2, 3]])
        1.0
    """
    data = np.asarray(ratings, dtype=np.float64)
    counts = (~np.isnan(data)).sum(0)
    data, counts = data[:, counts > 1], counts[counts > 1]
    values = data[~np.isnan(data)]
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return math.nan
    within = np.nansum((data - np.nanmean(data, axis=0)) ** 2, axis=0)  # sum of squares = sum of pairs / counts
    observed = float((2 * within * counts / (counts - 1)).sum()) / n
    expected = 2 * float(((values - values.mean()) ** 2).sum()) / (n - 1)
    return 1 - observed / expected
