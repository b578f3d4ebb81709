"""The scenes of the tabletop tasks: the MuJoCo model (MJCF) of each, and the ranges from which positions are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCENES", "Layout", "Scenario", "Scene", "draw_layout"]

Point = NDArray[np.float64]

# Sites have an offset from their frame. Without it, MuJoCo treats their position as constant; each reset moves them.
_FRAME = """
<mujoco model="tabletop">
  <option timestep="0.005" integrator="implicitfast" gravity="0 0 0"/>
  <default><geom solref="0.01 1" friction="0.3 0.005 0.0001"/></default>
  {looks}
  <worldbody>
    {scenery}
    <geom name="table" type="box" size="0.45 0.45 0.01" pos="0 0 -0.01" {wood} contype="0" conaffinity="0"/>
    <site name="goal" type="cylinder" size="0.05 0.001" pos="0.1 0.1 0.001" rgba="0.10 0.62 0.30 1"/>
    <site name="attacker" type="cylinder" size="0.05 0.001" pos="0.1 0.2 0.001" rgba="0.80 0.16 0.18 1"/>
    <body name="hand" pos="0 0 0.03">
      <joint name="hand_x" type="slide" axis="1 0 0" range="-0.4 0.4" limited="true" damping="1"/>
      <joint name="hand_y" type="slide" axis="0 1 0" range="-0.4 0.4" limited="true" damping="1"/>
      <geom name="hand" type="cylinder" size="0.02 0.03" mass="0.5" rgba="0.16 0.36 0.78 1"/>
    </body>
    {things}
  </worldbody>
  <actuator>
    <velocity joint="hand_x" kv="40" ctrlrange="-1 1" gear="1"/>
    <velocity joint="hand_y" kv="40" ctrlrange="-1 1" gear="1"/>
  </actuator>
</mujoco>
"""

# Visual elements only: textures, lights, camera, floor and legs. They have no mass and no contacts.
_LOOKS = """
  <visual>
    <global offwidth="480" offheight="480"/>
    <headlight ambient="0.38 0.38 0.38" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <quality shadowsize="2048" offsamples="4"/>
    <map shadowclip="0.9"/>
  </visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.80 0.87 0.94" rgb2="0.48 0.58 0.70" width="64"
             height="384"/>
    <texture name="board" type="2d" builtin="checker" rgb1="0.80 0.72 0.60" rgb2="0.76 0.68 0.56" width="128"
             height="128"/>
    <texture name="tiles" type="2d" builtin="checker" rgb1="0.84 0.87 0.90" rgb2="0.79 0.82 0.86" width="128"
             height="128"/>
    <material name="board" texture="board" texrepeat="4.5 4.5" specular="0.05" shininess="0.1"/>
    <material name="tiles" texture="tiles" texrepeat="6 6" specular="0" shininess="0"/>
  </asset>
"""
_SCENERY = """
    <camera name="above" pos="0 -0.60 0.94" xyaxes="1 0 0 0 0.826 0.564" fovy="44"/>
    <light name="lamp" pos="-0.5 -0.5 1.6" dir="0.3 0.33 -1" diffuse="0.65 0.65 0.62" specular="0.1 0.1 0.1"
           castshadow="true"/>
    <geom type="plane" size="3 3 0.1" pos="0 0 -0.6" material="tiles" contype="0" conaffinity="0"/>
    <geom type="box" size="0.02 0.02 0.29" pos="0.42 0.42 -0.31" rgba="0.45 0.38 0.30 1" contype="0" conaffinity="0"/>
    <geom type="box" size="0.02 0.02 0.29" pos="-0.42 0.42 -0.31" rgba="0.45 0.38 0.30 1" contype="0" conaffinity="0"/>
    <geom type="box" size="0.02 0.02 0.29" pos="0.42 -0.42 -0.31" rgba="0.45 0.38 0.30 1" contype="0" conaffinity="0"/>
    <geom type="box" size="0.02 0.02 0.29" pos="-0.42 -0.42 -0.31" rgba="0.45 0.38 0.30 1" contype="0" conaffinity="0"/>
"""

#: What the colours of a scene mean, as CSS colours.
_LEGEND = {"#1a9e4d": "goal", "#cc292e": "attacker's goal", "#295cc7": "hand"}
#: The same for what the hand moves.
_THING_LEGEND = {"#e68a1f": "object"}

_PUCK = """
    <body name="object" pos="0 0 0.03">
      <joint name="object_x" type="slide" axis="1 0 0" range="-0.4 0.4" limited="true" damping="2" frictionloss="0.2"/>
      <joint name="object_y" type="slide" axis="0 1 0" range="-0.4 0.4" limited="true" damping="2" frictionloss="0.2"/>
      <geom name="object" type="cylinder" size="0.04 0.03" mass="0.2" rgba="0.90 0.54 0.12 1"/>
    </body>
"""

# The hand moves the handle by entering between its two posts, so it can slide it either way.
_HANDLE = """
    <body name="rail" pos="0 0.1 0">
    <geom type="box" size="0.3 0.005 0.005" pos="0 0.04 0.005" rgba="0.4 0.4 0.4 1" contype="0" conaffinity="0"/>
    <body name="object" pos="0 0 0.03">
      <joint name="object_x" type="slide" axis="1 0 0" range="-0.25 0.25" limited="true" damping="2"
             frictionloss="0.2"/>
      <geom name="left" type="box" size="0.01 0.04 0.03" pos="-0.06 0 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
      <geom name="right" type="box" size="0.01 0.04 0.03" pos="0.06 0 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
      <geom name="bar" type="box" size="0.07 0.005 0.03" pos="0 0.045 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
    </body>
    </body>
"""

# The handle at the end of a lever, which turns about a pivot behind it.
_LEVER = """
    <body name="rail" pos="0 0.1 0">
    <geom type="cylinder" size="0.02 0.01" pos="0 0 0.01" rgba="0.4 0.4 0.4 1" contype="0" conaffinity="0"/>
    <body name="lever" pos="0 0 0">
      <joint name="object_angle" type="hinge" axis="0 0 1" range="-85 85" limited="true" damping="0.05"
             frictionloss="0.005"/>
      <geom type="box" size="0.005 0.05 0.005" pos="0 -0.05 0.07" mass="0.05" rgba="0.4 0.4 0.4 1" contype="0"
            conaffinity="0"/>
      <body name="object" pos="0 -0.15 0.03">
        <geom name="left" type="box" size="0.01 0.04 0.03" pos="-0.06 0 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
        <geom name="right" type="box" size="0.01 0.04 0.03" pos="0.06 0 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
        <geom name="bar" type="box" size="0.07 0.005 0.03" pos="0 0.045 0" mass="0.1" rgba="0.90 0.54 0.12 1"/>
      </body>
    </body>
    </body>
"""


#: The attacker's goal: the mirror image of the goal, or a fixed place.
Scenario = Literal["manipulation", "opposite"]


@dataclass(frozen=True)
class Scene:
    """Model and position ranges of one task. Lengths are in metres, ranges are (low, high).

    Attributes:
        things: MJCF of everything but hand and table.
        hand: Start of the hand: range of x, range of y.
        thing: Start of the object: one range per joint; empty where the task moves the hand itself.
        goal: The goal: range of x, range of y, on the right-hand side.
        place: The attacker's goal in the scenario ``manipulation``, a fixed point.
        rail: Range of y of the handle's rail or pivot, to which ``goal`` and ``place`` are relative, or ``None``.
        radius: Distance of the object from the pivot about which it turns. The first entries of ``goal`` and ``place``
            are then angles in radians, 0 pointing at the hand. ``None`` for objects that move freely.
    """

    things: str
    hand: tuple[tuple[float, float], tuple[float, float]]
    thing: tuple[tuple[float, float], ...]
    goal: tuple[tuple[float, float], tuple[float, float]]
    place: tuple[float, float]
    rail: tuple[float, float] | None = None
    radius: float | None = None

    def point(self, spot: tuple[float, float]) -> tuple[float, float]:
        """Convert an entry of ``goal`` or ``place`` to a point (x, y) relative to rail or pivot."""
        if self.radius is None:
            return spot
        return self.radius * math.sin(spot[0]), -self.radius * math.cos(spot[0])

    @property
    def xml(self) -> str:
        """The whole model in MJCF."""
        return _FRAME.format(things=self.things, looks=_LOOKS, scenery=_SCENERY, wood='material="board"')

    @property
    def bare_xml(self) -> str:
        """The same model without the visual elements: the states are equal, and loading is faster."""
        return _FRAME.format(things=self.things, looks="", scenery="", wood="")

    @property
    def legend(self) -> dict[str, str]:
        """What the colours mean: CSS colour -> meaning."""
        return _LEGEND | (_THING_LEGEND if self.thing else {})


SCENES: dict[str, Scene] = {
    "reach": Scene(
        things="",
        hand=((-0.03, 0.03), (-0.2, -0.14)),
        thing=(),
        goal=((0.15, 0.3), (-0.2, 0.25)),
        place=(-0.2, -0.25),
    ),
    "push": Scene(
        things=_PUCK,
        hand=((-0.02, 0.02), (-0.17, -0.13)),
        thing=((-0.02, 0.02), (-0.02, 0.02)),
        goal=((0.12, 0.2), (0.16, 0.24)),
        place=(0.0, 0.25),
    ),
    "slide-handle": Scene(
        things=_HANDLE,
        hand=((-0.04, 0.04), (-0.12, -0.08)),
        thing=((-0.02, 0.02),),
        goal=((0.12, 0.22), (0.0, 0.0)),
        place=(-0.08, 0.0),
        rail=(0.07, 0.13),
    ),
    "turn-lever": Scene(
        things=_LEVER,
        hand=((-0.04, 0.04), (-0.22, -0.18)),
        thing=((-0.1, 0.1),),
        goal=((0.7, 1.2), (0.0, 0.0)),
        place=(-0.5, 0.0),
        rail=(0.07, 0.13),
        radius=0.15,
    ),
}


@dataclass(frozen=True)
class Layout:
    """The positions of one episode, in metres.

    Attributes:
        positions: Joint positions of hand and object at the start.
        rail: y of the handle's rail or pivot; 0 without one.
        goal: The goal, shape ``(2,)``.
        attacker_place: The attacker's goal, shape ``(2,)``.
    """

    positions: list[float]
    rail: float
    goal: Point
    attacker_place: Point


def draw_layout(scene: Scene, scenario: Scenario, mirrored: bool, rng: np.random.Generator) -> Layout:
    """Draw the positions of an episode.

    Args:
        scene: The task's model and position ranges.
        scenario: ``"opposite"``: the attacker's goal is the mirror image of the goal. ``"manipulation"``: it is
            ``scene.place``, on the side of the goal.
        mirrored: Whether to mirror everything, so that the goal lies on the left-hand side.
        rng: Generator of the environment, ``env.np_random``.
    """
    side = -1.0 if mirrored else 1.0
    positions = [rng.uniform(low, high) for low, high in (*scene.hand, *scene.thing)]
    positions[::2] = [side * x for x in positions[::2]]
    spot = [rng.uniform(low, high) for low, high in scene.goal]
    rail = 0.0 if scene.rail is None else rng.uniform(*scene.rail)
    x, y = scene.point((spot[0], spot[1]))
    goal = np.array([side * x, y + rail])
    if scenario == "manipulation":
        x, y = scene.point(scene.place)
        return Layout(positions, rail, goal, np.array([side * x, y + rail]))
    return Layout(positions, rail, goal, np.array([-side * x, y + rail]))
