"""Navigation in continuous space towards sparse goals."""

from quintain.envs.navigation.registry import register

__all__ = ["register"]
