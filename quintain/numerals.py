"""Numbers as text for readers who compute with them, such as language models."""

from __future__ import annotations

import numpy as np

__all__ = ["exact_number"]


def exact_number(value: float) -> str:
    """Write a finite number with all digits that it needs to be read back, and no more.

    Example:
        >>> exact_number(1000001.0), exact_number(0.5), exact_number(1e300)
        ('1000001', '0.5', '1e+300')
    """
    short = f"{value:g}"
    if float(short) == value and "e+" not in short:
        return short
    return np.format_float_positional(value, trim="-") if 1e-4 <= abs(value) < 1e16 else repr(float(value))
