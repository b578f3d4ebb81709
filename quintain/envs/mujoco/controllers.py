"""Scripted controllers of the tabletop tasks: hand velocities that bring the object to any place.

They read the state of the scene, not the observation. All points have shape ``(2,)`` and are in metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quintain.envs.mujoco.scenes import Point

__all__ = ["push", "reach", "slide_handle", "turn_lever"]

#: Proportional gain, in m/s per metre; the velocity is clipped to [-1, 1].
_GAIN = 8


def reach(hand: Point, place: Point) -> NDArray[np.float32]:
    """Move the hand itself to ``place``."""
    return _velocity(hand, place)


def push(hand: Point, puck: Point, place: Point) -> NDArray[np.float32]:
    """Go behind the puck, as seen from ``place``, and push it there."""
    way = place - puck
    length = float(np.linalg.norm(way))
    if length <= 0.01:
        return _velocity(hand, hand)
    direction = way / max(length, 1e-9)
    behind = puck - 0.065 * direction
    aligned = np.linalg.norm(hand - behind) < 0.03
    if aligned:
        return _velocity(hand, hand + way)
    if float((hand - puck) @ direction) > -0.03:  # on the wrong side: go round
        aside = np.array([-direction[1], direction[0]])
        return _velocity(hand, puck + 0.09 * np.sign((hand - puck) @ aside or 1.0) * aside - 0.09 * direction)
    return _velocity(hand, behind)


def slide_handle(hand: Point, handle: Point, place: Point) -> NDArray[np.float32]:
    """Enter between the handle's posts and slide it along its rail, until its x is that of ``place``."""
    inside = abs(hand[0] - handle[0]) < 0.045 and hand[1] > handle[1] - 0.05
    if inside:
        return _velocity(hand, np.array([hand[0] + place[0] - handle[0], handle[1]]))
    if abs(hand[0] - handle[0]) > 0.03:  # line up in front of the opening first
        return _velocity(hand, np.array([handle[0], handle[1] - 0.1]))
    return _velocity(hand, np.array([handle[0], handle[1]]))


def turn_lever(hand: Point, handle: Point, place: Point, pivot: Point, radius: float) -> NDArray[np.float32]:
    """Enter between the posts at the end of the lever and turn it about ``pivot`` until its end is at ``place``.

    Args:
        hand: Position of the hand.
        handle: Position of the lever's end.
        place: Where the lever's end should be, on the circle of ``radius`` about ``pivot``.
        pivot: Position of the pivot.
        radius: Length of the lever.
    """
    out = (handle - pivot) / radius  # from the pivot to the handle
    across, depth = float(out[0] * (hand - handle)[1] - out[1] * (hand - handle)[0]), float((hand - handle) @ out)
    if abs(across) < 0.045 and depth < 0.05:
        return _velocity(hand, hand + (place - handle) - depth * out)
    return _velocity(hand, handle if abs(across) < 0.03 else handle + 0.1 * out)


def _velocity(hand: Point, wanted: Point) -> NDArray[np.float32]:
    return np.clip(_GAIN * (wanted - hand), -1, 1).astype(np.float32)
