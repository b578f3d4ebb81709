"""Compatibility of a policy with an environment: one predicate on spaces, for models, policies and normalisers."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Seat
from quintain.errors import CapabilityError

__all__ = ["check_fit", "fits", "is_channel_first"]


def fits(own: spaces.Space[Any], other: spaces.Space[Any], *, images: bool = False) -> bool:
    """Return whether members of one space mean the same in the other.

    Bounds of boxes are not compared, since wrappers and versions of an environment change them without changing what
    the numbers mean (but see :func:`check_fit`). Neither are dtypes, except that ``uint8`` images are compatible with
    ``uint8`` images only.

    Args:
        own: Space that the policy was made for.
        other: Space of the environment.
        images: Whether ``own`` may be channel-first where ``other`` is channel-last: Stable-Baselines3 keeps the spaces
            of images so, and transposes observations by itself. Default: false.
    """
    if isinstance(own, spaces.Discrete):
        return isinstance(other, spaces.Discrete) and (own.n, own.start) == (other.n, other.start)
    if isinstance(own, spaces.MultiDiscrete):
        return (
            isinstance(other, spaces.MultiDiscrete)
            and np.array_equal(own.nvec, other.nvec)
            and np.array_equal(own.start, other.start)
        )
    if isinstance(own, spaces.Box):
        if not isinstance(other, spaces.Box) or _is_image(own) != _is_image(other):
            return False
        return own.shape == other.shape or (images and is_channel_first(own, other))
    if isinstance(own, spaces.Dict):
        return (
            isinstance(other, spaces.Dict)
            and set(own) == set(other)
            and all(fits(own[name], other[name], images=images) for name in own)
        )
    if isinstance(own, spaces.Tuple):
        return (
            isinstance(other, spaces.Tuple)
            and len(own) == len(other)
            and all(fits(mine, yours, images=images) for mine, yours in zip(own, other, strict=True))
        )
    if isinstance(own, spaces.OneOf):
        return isinstance(other, spaces.OneOf) and fits(
            spaces.Tuple(own.spaces), spaces.Tuple(other.spaces), images=images
        )
    if isinstance(own, spaces.Sequence):
        return (
            isinstance(other, spaces.Sequence)
            and own.stack == other.stack
            and fits(own.feature_space, other.feature_space, images=images)
        )
    if isinstance(own, spaces.Graph):
        return isinstance(other, spaces.Graph) and fits(_parts_of(own), _parts_of(other), images=images)
    if isinstance(own, spaces.MultiBinary):
        return isinstance(other, spaces.MultiBinary) and own.shape == other.shape
    return bool(own == other)


def _parts_of(graph: spaces.Graph) -> spaces.Space[Any]:
    return spaces.Tuple([graph.node_space, *([] if graph.edge_space is None else [graph.edge_space])])


def is_channel_first(own: spaces.Box, other: spaces.Box) -> bool:
    """Return whether ``own`` is the space of ``other``'s images with the channels in front."""
    if own.dtype != np.uint8 or other.dtype != np.uint8 or len(other.shape) != 3:
        return False
    height, width, channels = other.shape
    return own.shape == (channels, height, width) and channels <= min(height, width)


def check_fit(
    name: str, observation_space: spaces.Space[Any] | None, action_space: spaces.Space[Any] | None, seat: Seat,
    *, images: bool = False,
) -> None:  # fmt: skip
    """Check that a policy fits a seat: compatible spaces in the sense of :func:`fits`, and actions within the bounds.

    Args:
        name: What the message calls the policy, such as ``"the model"``.
        observation_space: Space of its observations; ``None`` if it does not say.
        action_space: Space of its actions; ``None`` if it does not say.
        seat: The seat in which the policy is to act; its observation and action spaces are compared.
        images: Whether the library moves the channels of images itself, as :func:`fits` explains; observations only.
            Default: false.

    Raises:
        CapabilityError: If it was made for other spaces; the message names both.
    """
    pairs = (
        ("observation_space", observation_space, seat.observation_space, images),
        ("action_space", action_space, seat.action_space, False),
    )
    for kind, own, other, as_images in pairs:
        if own is None:
            continue
        if not fits(own, other, images=as_images) or (kind == "action_space" and not _within(own, other)):
            raise CapabilityError(f"{name}'s {kind} {own} does not fit seat {seat.name!r} of {seat.env_id}: {other}")


def _is_image(space: spaces.Box) -> bool:
    return len(space.shape) == 3 and space.dtype == np.uint8


def _within(own: spaces.Space[Any], other: spaces.Space[Any]) -> bool:
    """Return whether own's bounds lie within other's, up to rounding (1e-5); True for spaces without bounds."""
    if isinstance(own, spaces.Dict) and isinstance(other, spaces.Dict):
        return all(_within(own[name], other[name]) for name in own)
    if isinstance(own, (spaces.Tuple, spaces.OneOf)) and isinstance(other, (spaces.Tuple, spaces.OneOf)):
        return all(map(_within, own.spaces, other.spaces))
    if not isinstance(own, spaces.Box) or not isinstance(other, spaces.Box):
        return True
    low, high = other.low.astype(np.float64), other.high.astype(np.float64)
    below, above = (1e-5 * np.maximum(1.0, np.abs(np.where(np.isfinite(x), x, 1.0))) for x in (low, high))
    # Infinite bounds are accepted: the environment or its wrapper clips the actions of such a policy.
    return bool(
        np.all(((own.low >= low - below) | np.isinf(own.low)) & ((own.high <= high + above) | np.isinf(own.high)))
    )
