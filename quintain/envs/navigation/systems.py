"""Dynamics of classic control with a goal region, on arrays of any library with NumPy's functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SYSTEMS", "System"]


@dataclass(frozen=True)
class System:
    """A system with a goal.

    Attributes:
        low: Least values of the state, shape ``(d,)``.
        high: Greatest values of the state.
        start: State in which a visit begins.
        spread: Greatest distance of a drawn start from it, in every entry.
        goal: A state of the goal region.
        actions: Length of an action in [-1, 1].
        step: ``step(states, actions, xp)``: the next states, shapes ``(n, d)`` and ``(n, m)``; xp is numpy or torch.
        reached: ``reached(states, xp)``: which states are in the goal region, shape ``(n,)``.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    start: tuple[float, ...]
    spread: tuple[float, ...]
    goal: tuple[float, ...]
    actions: int
    step: Callable[[Any, Any, Any], Any]
    reached: Callable[[Any, Any], Any]


def mountain_car(states: Any, actions: Any, xp: Any) -> Any:
    """Drive an underpowered car in a valley: position and velocity (Moore 1990; constants of Gymnasium's env)."""
    place, speed = states[:, 0], states[:, 1]
    speed = xp.clip(speed + 0.0015 * actions[:, 0] - 0.0025 * xp.cos(3 * place), -0.07, 0.07)
    place = xp.clip(place + speed, -1.2, 0.6)
    speed = xp.where((place <= -1.2) & (speed < 0), 0 * speed, speed)
    return xp.stack((place, speed), -1)


def pendulum(states: Any, actions: Any, xp: Any) -> Any:
    """Swing a pendulum of 1 m and 1 kg by a torque of at most 2 Nm: angle from hanging, in [-pi, pi), and velocity."""
    angle, speed = states[:, 0], states[:, 1]
    speed = xp.clip(speed + (-15 * xp.sin(angle) + 6 * actions[:, 0]) * 0.05, -8, 8)
    angle = (angle + 0.05 * speed + np.pi) % (2 * np.pi) - np.pi
    return xp.stack((angle, speed), -1)


def acrobot(states: Any, actions: Any, xp: Any) -> Any:
    """Swing two links by the torque of their joint: two angles from hanging and two velocities, 0.2 s a step.

    R. Sutton and A. Barto, "Reinforcement Learning", section 11.3 of the first edition, with its four Euler steps.
    """
    first, second, omega1, omega2 = (states[:, index] for index in range(4))
    for _ in range(4):
        d1 = 3.5 + xp.cos(second)
        d2 = 1.25 + 0.5 * xp.cos(second)
        phi2 = 4.9 * xp.cos(first + second - np.pi / 2)
        phi1 = -0.5 * omega2**2 * xp.sin(second) - omega2 * omega1 * xp.sin(second)
        phi1 = phi1 + 14.7 * xp.cos(first - np.pi / 2) + phi2
        pull = actions[:, 0] + d2 / d1 * phi1 - 0.5 * omega1**2 * xp.sin(second) - phi2
        alpha2 = pull / (1.25 - d2**2 / d1)
        alpha1 = -(d2 * alpha2 + phi1) / d1
        omega1 = xp.clip(omega1 + 0.05 * alpha1, -4 * np.pi, 4 * np.pi)
        omega2 = xp.clip(omega2 + 0.05 * alpha2, -9 * np.pi, 9 * np.pi)
        first, second = first + 0.05 * omega1, second + 0.05 * omega2
    first, second = ((angle + np.pi) % (2 * np.pi) - np.pi for angle in (first, second))
    return xp.stack((first, second, omega1, omega2), -1)


#: Obstacles of the arm: centres (x, y) and radius, in lengths of a link.
OBSTACLES = ((0.9, 1.1, 0.25), (-0.6, 1.2, 0.25), (0.2, -1.2, 0.3))


def reacher(states: Any, actions: Any, xp: Any) -> Any:
    """Turn the joints of an arm of two links, at most 0.1 rad a step, among discs that it cannot pass.

    A movement that would bring a link into a disc does not happen. Angles are in [-pi, pi], without going round.
    """
    moved = xp.clip(states + 0.1 * actions, -np.pi, np.pi)
    free = clearance(moved, xp) > 0
    return xp.where(free[:, None], moved, states)


def clearance(states: Any, xp: Any) -> Any:
    """Return the distance of the arm of :func:`reacher` from the nearest disc, at nine places of each link."""
    first, both = states[:, 0], states[:, 0] + states[:, 1]
    elbow = xp.stack((xp.cos(first), xp.sin(first)), -1)
    link = xp.stack((xp.cos(both), xp.sin(both)), -1)
    found = None
    for share in np.linspace(0, 1, 9):
        for place in (share * elbow, elbow + share * link):
            for x, y, radius in OBSTACLES:
                away = xp.sqrt((place[:, 0] - x) ** 2 + (place[:, 1] - y) ** 2) - radius
                found = away if found is None else xp.minimum(found, away)
    return found


def _hand_near(goal: tuple[float, ...]) -> Callable[[Any, Any], Any]:
    x, y = np.cos(goal[0]) + np.cos(sum(goal)), np.sin(goal[0]) + np.sin(sum(goal))

    def reached(states: Any, xp: Any) -> Any:
        first, both = states[:, 0], states[:, 0] + states[:, 1]
        across = xp.cos(first) + xp.cos(both) - x
        up = xp.sin(first) + xp.sin(both) - y
        return across**2 + up**2 < 0.15**2

    return reached


_ARM_GOAL = (2.0, 0.3)
#: Systems by name.
SYSTEMS = {
    "mountain-car": System(
        (-1.2, -0.07), (0.6, 0.07), (-0.5, 0.0), (0.1, 0.0), (0.45, 0.0), 1, mountain_car,
        lambda states, xp: states[:, 0] >= 0.45,
    ),
    "pendulum": System(
        (-np.pi, -8.0), (np.pi, 8.0), (0.0, 0.0), (0.1, 0.1), (np.pi, 0.0), 1, pendulum,
        lambda states, xp: (xp.cos(states[:, 0]) < -0.95) & (xp.abs(states[:, 1]) < 1),
    ),
    "acrobot": System(
        (-np.pi, -np.pi, -4 * np.pi, -9 * np.pi), (np.pi, np.pi, 4 * np.pi, 9 * np.pi), (0.0,) * 4, (0.1,) * 4,
        (np.pi, 0.0, 0.0, 0.0), 1, acrobot,
        lambda states, xp: -xp.cos(states[:, 0]) - xp.cos(states[:, 0] + states[:, 1]) > 1,
    ),
    "reacher": System(
        (-np.pi, -np.pi), (np.pi, np.pi), (0.0, 0.0), (0.05, 0.05), _ARM_GOAL, 2, reacher, _hand_near(_ARM_GOAL),
    ),
}  # fmt: skip
