"""Small manipulation tasks on MuJoCo, with a place where an attacker would like to see things instead."""

from quintain.envs.mujoco.registry import register

__all__ = ["register"]
