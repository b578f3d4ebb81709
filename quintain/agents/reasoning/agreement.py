"""Estimators of internal consistency: how far several expressions of one model agree.

Source: Liang et al. 2024, arXiv 2407.14507, section 3.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

__all__ = ["distinct_ratio", "minus_entropy", "minus_variance"]


def minus_variance(values: Sequence[float]) -> float:
    """Return minus the population variance of numeric expressions; 0 if all agree.

    Example:
        >>> round(minus_variance([4, 3, 3, 3, 4]), 4)
        -0.24
    """
    mean = math.fsum(values) / len(values)
    return -math.fsum((value - mean) ** 2 for value in values) / len(values)


def minus_entropy(values: Sequence[Hashable]) -> float:
    """Return minus the entropy of the empirical distribution, in bits; 0 if all agree.

    Example:
        >>> round(minus_entropy([4, 3, 3, 3, 4]), 3)
        -0.971
    """
    shares = [count / len(values) for count in Counter(values).values()]
    return math.fsum(share * math.log2(share) for share in shares)


def distinct_ratio(values: Sequence[Hashable]) -> float:
    """Return the number of different expressions over their number, in (0, 1]: the disagreement of Active-Prompting."""
    return len(set(values)) / len(values)
