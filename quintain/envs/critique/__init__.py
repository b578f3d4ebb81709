"""Critique-v0: one seat hides an error in a step of a solution, the other judges the step."""

from quintain.envs.critique.env import Critique, critic_observation
from quintain.envs.critique.judgements import Corruption, Judgement, critic_metrics, read_corruption, read_judgement
from quintain.envs.critique.solutions import ERROR_TYPES, Solution, draw_solution, is_error, rollout_test

__all__ = [
    "ERROR_TYPES",
    "Corruption",
    "Critique",
    "Judgement",
    "Solution",
    "critic_metrics",
    "critic_observation",
    "draw_solution",
    "is_error",
    "read_corruption",
    "read_judgement",
    "rollout_test",
]
