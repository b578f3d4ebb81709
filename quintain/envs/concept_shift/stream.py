"""Streams under concept shift: two classes exchange their labels again and again, while the samples stay the same.

The protocol of Man, Damasio & Neven 2022 (arXiv 2205.08645): a random walk over permutations of the labels, at a number
of swaps per epoch that may itself change from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.envs.concept_shift.data import LabelledData, load_data
from quintain.errors import ConfigurationError

__all__ = ["Stream", "StreamSettings", "Swap", "make_stream"]


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What streams are drawn from.

    Attributes:
        data: Name of the data set: one of :data:`~quintain.envs.concept_shift.DATA_SETS`.
        samples: Number of samples of an epoch, >= 2. Default: 1,000 (paper: the 60,000 of MNIST).
        validation: Number of further samples, held out for validation, >= 0. Default: 0.
        epochs: Number of passes, each in a new random order, >= 1. Default: 1 (paper: 50).
        swaps_per_epoch: Number of swaps in an epoch, in [0, samples]; 0 for a stationary stream. A list holds for one
            epoch each and begins again at its end. Default: 4.
        classes: Number of classes of ``"gaussian"``, >= 4.
        features: Number of features of ``"gaussian"``, >= 1.
        separation: Standard deviation of the class centres of ``"gaussian"``, > 0.
    """

    data: str = "gaussian"
    samples: int = 1000
    validation: int = 0
    epochs: int = 1
    swaps_per_epoch: int | Sequence[int] = 4
    classes: int = 10
    features: int = 64
    separation: float = 0.5

    def __post_init__(self) -> None:
        check_number("samples", self.samples, low=2, integer=True)
        check_number("validation", self.validation, low=0, integer=True)
        check_number("epochs", self.epochs, low=1, integer=True)
        if not self.rates:
            raise ConfigurationError("swaps_per_epoch must be an integer or a list of them, got an empty list")
        for rate in self.rates:
            check_number("swaps_per_epoch", rate, low=0, high=self.samples, integer=True)

    @property
    def rates(self) -> tuple[Any, ...]:
        """Swaps per epoch of the first epochs, which later epochs repeat."""
        given = self.swaps_per_epoch
        return (given,) if isinstance(given, (int, str)) else tuple(given)


class Swap(NamedTuple):
    """Two classes exchange their labels.

    Attributes:
        step: Number of the first sample with the new labels; at the length of the stream it is seen in validation only.
        first: One of the labels.
        second: The other one.
    """

    step: int
    first: int
    second: int


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A stream of samples.

    Attributes:
        data: The samples of an epoch, with original labels.
        validation: Samples that are held out.
        order: Sample at each step, shape ``(steps,)``.
        phase: Number of swaps before each step, shape ``(steps,)``.
        permutations: Label of each original class after each number of swaps, shape ``(swaps + 1, classes)``.
        swaps: The swaps, in order.
        epochs: Number of epochs, of equal length.
    """

    data: LabelledData
    validation: LabelledData
    order: NDArray[np.int64]
    phase: NDArray[np.int64]
    permutations: NDArray[np.int64]
    swaps: tuple[Swap, ...]
    epochs: int

    def __len__(self) -> int:
        return len(self.order)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Label at each step, shape ``(steps,)``."""
        return self.permutations[self.phase, self.data.labels[self.order]]

    def steps_after_swaps(self, within: int) -> NDArray[np.bool_]:
        """Whether each step is one of the first ``within`` after a swap, shape ``(steps,)``."""
        after = np.zeros(len(self), dtype=bool)
        for swap in self.swaps:
            after[swap.step : swap.step + within] = True
        return after


def make_stream(settings: StreamSettings, rng: np.random.Generator) -> Stream:
    """Draw a stream.

    With k swaps in an epoch of N samples, labels are swapped after each N // k samples, k times; a swap at the end of
    an epoch is in force at the first step of the next one.

    Args:
        settings: What to draw from.
        rng: Source of randomness: of samples, orders and swaps.

    Raises:
        ConfigurationError: If the data set has too few samples.
    """
    n = settings.samples
    data = load_data(
        settings.data, rng, n + settings.validation,
        classes=settings.classes, features=settings.features, separation=settings.separation,
    )  # fmt: skip
    order = np.concatenate([rng.permutation(n) for _ in range(settings.epochs)])
    permutations, swaps = [np.arange(data.classes)], []
    for epoch in range(settings.epochs):
        rate = settings.rates[epoch % len(settings.rates)]
        for k in range(1, rate + 1):
            first, second = (int(label) for label in rng.choice(data.classes, size=2, replace=False))
            swaps.append(Swap(epoch * n + k * (n // rate), first, second))
            permutations.append(_swapped(permutations[-1], first, second))
    phase = np.searchsorted([swap.step for swap in swaps], np.arange(len(order)), side="right")
    stacked = np.array(permutations, dtype=np.int64)
    parts = data.part(slice(n)), data.part(slice(n, None))
    return Stream(*parts, order, phase.astype(np.int64), stacked, tuple(swaps), settings.epochs)


def _swapped(labels: NDArray[np.int64], first: int, second: int) -> NDArray[np.int64]:
    new = labels.copy()
    new[labels == first], new[labels == second] = second, first
    return new
