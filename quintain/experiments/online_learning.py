"""Online learners on streams under concept shift, all seeds of a condition in lock step.

The same learner as the agent ``online-classifier`` in ``ConceptShift-v0`` with ``announce_swaps=True``, and the same
predictions, without an environment's step per sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.homeostatic import Learners, LearnerSettings, RateRule
from quintain.envs.concept_shift import LabelledData, Stream
from quintain.errors import ConfigurationError

__all__ = ["OnlineRun", "learn_streams"]


@dataclass(frozen=True, slots=True, eq=False)
class OnlineRun:
    """What learners did on their streams; the last axis of each array is that of the learners.

    Attributes:
        right: Whether each prediction was right, before the label was known, shape ``(steps, learners)``.
        validation: Accuracy on the held-out samples after each epoch, shape ``(epochs, learners)``; NaN without any.
        rates: Learning rate of each minibatch's step, shape ``(minibatches, learners)``.
        offered: Number of decisions about a stimulus, shape ``(learners,)``.
        taken: Number of stimuli that were taken.
        wrong: Number of those that were taken because of a wrong guess of their effect.
    """

    right: NDArray[np.bool_]
    validation: NDArray[np.float64]
    rates: NDArray[np.float64]
    offered: NDArray[np.int64]
    taken: NDArray[np.int64]
    wrong: NDArray[np.int64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Prequential accuracy of each learner."""
        return np.asarray(self.right.mean(axis=0))

    @property
    def take_rate(self) -> NDArray[np.float64]:
        """Share of the stimuli that each learner took; NaN for a rule without decisions."""
        return np.where(self.offered > 0, self.taken / np.maximum(self.offered, 1), np.nan)


def learn_streams(
    streams: Sequence[Stream],
    settings: LearnerSettings,
    rngs: Sequence[np.random.Generator],
    *,
    rule: RateRule | None = None,
    dtype: Any = np.float64,
) -> OnlineRun:
    """Let one learner per stream learn it, all of them in lock step.

    Args:
        streams: Streams of equal shape.
        settings: Hyper-parameters of all learners.
        rngs: One generator per learner: of its weights, then of its random decisions.
        rule: What moves the learning rates. Default: that of the settings.
        dtype: Type of weights and samples. Default: float64; float32 takes about half the time.

    Raises:
        ConfigurationError: If the streams differ in shape, there are not as many generators, or an epoch is no whole
            number of minibatches.
    """
    first, size = streams[0], settings.batch_size
    shapes = {(len(s), s.epochs, s.data.features.shape, len(s.validation), s.data.classes) for s in streams}
    if len(shapes) > 1 or len(rngs) != len(streams):
        raise ConfigurationError("learners in lock step need streams of equal shape, and one generator each")
    if len(first.data) % size:
        raise ConfigurationError(f"an epoch of {len(first.data)} samples is no whole number of minibatches of {size}")
    learners = Learners(settings, first.data.features.shape[1], first.data.classes, rngs, rule, dtype)
    data = np.array([stream.data.features for stream in streams], dtype=dtype)
    original = np.array([stream.data.labels[stream.order] for stream in streams])
    order, phase = (np.array([getattr(stream, name) for stream in streams]) for name in ("order", "phase"))
    permutations, validation = [stream.permutations for stream in streams], _Validation(streams, dtype)
    rows = np.arange(len(streams))[:, None]
    right = np.zeros((len(first), len(streams)), dtype=bool)
    rates, accuracy = np.zeros((len(first) // size, len(streams))), np.full((first.epochs, len(streams)), np.nan)
    counts = np.zeros((3, len(streams)), dtype=np.int64)
    most = max(len(found) for found in permutations)
    table = np.array([np.pad(found, ((0, most - len(found)), (0, 0))) for found in permutations])
    for start in range(0, len(first), size):
        now, past = slice(start, start + size), slice(max(0, start - settings.memory), start)
        labels = table[rows, phase[:, now], original[:, now]]
        remembered = table[rows, phase[:, start, None], original[:, past]]
        batch, memory = data[rows, order[:, now]], data[rows, order[:, past]]
        guessed, taken = learners.learn(start, batch, labels, memory, remembered)
        right[now] = (guessed == labels).T
        rates[start // size] = learners.rates
        if taken is not None:
            counts += np.array(taken)
        if (start + size) % len(first.data) == 0:
            epoch = (start + size) // len(first.data)
            accuracy[epoch - 1] = validation.accuracy(learners, epoch)
    return OnlineRun(right, accuracy, rates, *counts)


class _Validation:
    """The held-out samples of the streams."""

    def __init__(self, streams: Sequence[Stream], dtype: Any) -> None:
        held: list[LabelledData] = [stream.validation for stream in streams]
        self._streams = streams
        self._samples = np.array([data.features for data in held], dtype=dtype)
        self._labels = [data.labels for data in held]

    def accuracy(self, learners: Learners, epoch: int) -> NDArray[np.float64]:
        """Return the accuracy after an epoch, with the labels that hold then; NaN without samples."""
        if not self._samples.shape[1]:
            return np.full(len(self._streams), np.nan)
        labels = []
        for stream, original in zip(self._streams, self._labels, strict=True):
            done = sum(swap.step <= epoch * len(stream.data) for swap in stream.swaps)
            labels.append(stream.permutations[done, original])
        return np.asarray((learners.predict(self._samples) == np.array(labels)).mean(axis=1))
