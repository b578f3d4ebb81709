"""From a label per frame to a list of steps, and how near that list is to the true one (TI-PREGO 2026, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.arguments import check_number

__all__ = ["centred_modes", "deduplicate", "sliding_modes", "step_similarity", "window_modes"]

#: Frames of a window (paper: 200, 6.7 s at 30 frames a second; a step lasts about 570).
WINDOW = 200


def deduplicate(labels: ArrayLike) -> list[int]:
    """Remove consecutive repetitions, as PREGO does.

    Example:
        >>> deduplicate([3, 3, 1, 1, 3])
        [3, 1, 3]
    """
    frames = _frames(labels)
    keep = np.ones(len(frames), dtype=bool)
    keep[1:] = frames[1:] != frames[:-1]
    return [int(frame) for frame in frames[keep]]


def window_modes(labels: ArrayLike, window: int = WINDOW) -> list[int]:
    """Aggregate by the mode of each non-overlapping window, and remove consecutive repetitions (NOMA).

    Args:
        labels: A label per frame, integers >= 0.
        window: Frames of a window, >= 1; the last one may be shorter. The smallest of several modes counts.
            Default: 200 (paper).

    Example:
        >>> window_modes([1, 1, 2, 1, 3, 3, 3, 3, 2], window=4)
        [1, 3, 2]
    """
    check_number("window", window, low=1, integer=True)
    frames = _frames(labels)
    modes = [int(np.bincount(frames[k : k + window]).argmax()) for k in range(0, len(frames), window)]
    return deduplicate(modes)


def sliding_modes(labels: ArrayLike, window: int = WINDOW) -> list[int]:
    """Replace each frame by the mode of the window that it ends, and remove consecutive repetitions (OMA).

    Args:
        labels: A label per frame, integers >= 0.
        window: Frames of a window, >= 1. Default: 200 (paper).
    """
    return _smoothed(labels, window, window - 1, 0)


def centred_modes(labels: ArrayLike, window: int = WINDOW) -> list[int]:
    """Replace each frame by the mode of the window around it, and remove consecutive repetitions (OCMA).

    Args:
        labels: A label per frame, integers >= 0.
        window: Frames of a window, >= 1. Default: 200 (paper).
    """
    return _smoothed(labels, window, window // 2, (window - 1) // 2)


def step_similarity(first: Sequence[Any], second: Sequence[Any]) -> float:
    """Return 1 - d / max(length), with d the Levenshtein distance of two lists of steps; 1 for two empty lists.

    Example:
        >>> step_similarity([4, 7, 10], [4, 10]), step_similarity("abc", "xyz")
        (0.6666666666666667, 0.0)
    """
    longest = max(len(first), len(second))
    if not longest:
        return 1.0
    row = list(range(len(second) + 1))
    for number, step in enumerate(first, start=1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(second, start=1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (step != other))
    return 1 - row[-1] / longest


def _smoothed(labels: ArrayLike, window: int, before: int, after: int) -> list[int]:
    check_number("window", window, low=1, integer=True)
    frames = _frames(labels)
    if not len(frames):
        return []
    seen = np.eye(int(frames.max()) + 1, dtype=np.int64)[frames]
    sums = np.concatenate([np.zeros_like(seen[:1]), seen.cumsum(axis=0)])
    places = np.arange(len(frames))
    ends = np.minimum(places + after + 1, len(frames))
    return deduplicate((sums[ends] - sums[np.maximum(places - before, 0)]).argmax(axis=1))


def _frames(labels: ArrayLike) -> NDArray[np.int64]:
    frames = np.asarray(labels, dtype=np.int64)
    if frames.ndim != 1 or (len(frames) and frames.min() < 0):
        raise ValueError(f"labels must be a list of integers >= 0, one per frame, got shape {frames.shape}")
    return frames
