"""Draws that return plain Python values, so that a problem's data is JSON-able."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["choose", "randint", "sample", "shuffled", "text"]

Item = TypeVar("Item")


def randint(rng: np.random.Generator, low: int, high: int) -> int:
    """Draw an integer in [low, high]."""
    return int(rng.integers(low, high, endpoint=True))


def choose(rng: np.random.Generator, options: Sequence[Item]) -> Item:
    """Draw one of the options."""
    return options[int(rng.integers(len(options)))]


def sample(rng: np.random.Generator, options: Sequence[Item], size: int) -> list[Item]:
    """Draw ``size`` of the options without replacement, in random order."""
    return [options[i] for i in rng.permutation(len(options))[:size].tolist()]


def shuffled(rng: np.random.Generator, options: Sequence[Item]) -> list[Item]:
    """Return the options in random order."""
    return sample(rng, options, len(options))


def text(rng: np.random.Generator, alphabet: str, length: int) -> str:
    """Draw a string of independent characters."""
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=length).tolist())
