"""Navigation in continuous space towards sparse goals."""

from quintain.envs.navigation.batch import BatchStep, MazeBatch
from quintain.envs.navigation.layouts import Layout, generate, move_goal, read_drawing, reroute
from quintain.envs.navigation.pictures import draw_maze, plot_trajectories
from quintain.envs.navigation.registry import register

__all__ = [
    "BatchStep",
    "Layout",
    "MazeBatch",
    "draw_maze",
    "generate",
    "move_goal",
    "plot_trajectories",
    "read_drawing",
    "register",
    "reroute",
]
