"""Synthetic frame features of an execution: what a step recogniser sees, without videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number

__all__ = ["FrameSettings", "FrameSource", "Video"]


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """Frame features with their labels.

    Attributes:
        features: Shape ``(frames, features)``, float32.
        labels: Number of the step at each frame, shape ``(frames,)``.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """What videos are drawn from.

    Attributes:
        features: Number of features of a frame, >= 1.
        mean_frames: Mean number of frames of a step, >= 2 (Assembly101: about 570).
        spread: Standard deviation of the logarithm of that number, >= 0.
        noise: Standard deviation of the noise of a feature, >= 0, where that of the centres of steps is 1.
        memory: Correlation of the noise of successive frames, in [0, 1).
    """

    features: int = 16
    mean_frames: int = 570
    spread: float = 0.4
    noise: float = 1.5
    memory: float = 0.9

    def __post_init__(self) -> None:
        check_number("features", self.features, low=1, integer=True)
        check_number("mean_frames", self.mean_frames, low=2, integer=True)
        check_number("spread", self.spread, low=0)
        check_number("noise", self.noise, low=0)
        check_number("memory", self.memory, low=0, high=0.999)


class FrameSource:
    """Makes videos of steps: each step has a centre in feature space, around which its frames wander.

    Args:
        classes: Number of steps, >= 1.
        settings: What to draw from.
        rng: Draws the centres.
    """

    def __init__(self, classes: int, settings: FrameSettings, rng: np.random.Generator) -> None:
        check_number("classes", classes, low=1, integer=True)
        self.settings = settings
        self._centres = rng.normal(size=(classes, settings.features))

    def film(self, steps: Sequence[int], rng: np.random.Generator) -> Video:
        """Return a video of the steps, with durations that are log-normal.

        Args:
            steps: Numbers of the steps, at least one.
            rng: Source of randomness.
        """
        made = self.settings
        mean_log = np.log(made.mean_frames) - made.spread**2 / 2
        lengths = np.maximum(2, rng.lognormal(mean_log, made.spread, size=len(steps)).astype(int))
        labels = np.repeat(np.asarray(steps, dtype=np.int64), lengths)
        noise = rng.normal(size=(len(labels), made.features))
        fresh = np.sqrt(1 - made.memory**2)
        for frame in range(1, len(noise)):
            noise[frame] = made.memory * noise[frame - 1] + fresh * noise[frame]
        return Video((self._centres[labels] + made.noise * noise).astype(np.float32), labels)
