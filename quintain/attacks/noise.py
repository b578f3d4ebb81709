"""Random noise: the attack that every other one has to beat."""

from __future__ import annotations

import numpy as np

from quintain.attacks.budget import Ball
from quintain.attacks.observation import Array, Method

__all__ = ["RandomNoise"]


class RandomNoise(Method):
    """A point drawn uniformly from the ball, afresh at every step."""

    name = "random"
    access = "observation only"

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the perturbation itself."""
        return ball.sample(rng, dimension)[None]

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Return what was drawn."""
        return noise[:, 0]
