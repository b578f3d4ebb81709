"""Manipulation tasks on MuJoCo, each with a second goal for targeted attacks: tabletop tasks and Meta-World."""

from quintain.envs.mujoco.registry import register

__all__ = ["register"]
