"""Environments, registered with Gymnasium and PettingZoo."""

from __future__ import annotations

import gymnasium as gym

from quintain.envs import games, minecraft, mujoco

__all__ = ["register_all"]


def register_all() -> None:
    """Register every environment; idempotent. Nothing is imported until an environment is made."""
    if "CodeReason-v0" not in gym.registry:
        gym.register(
            "CodeReason-v0",
            entry_point="quintain.envs.code_reason.env:CodeReasonEnv",
            vector_entry_point="quintain.envs.code_reason.env:make_vec",
        )
    if "QuestionAnswering-v0" not in gym.registry:
        gym.register(
            "QuestionAnswering-v0",
            entry_point="quintain.envs.question_answering.env:QuestionAnsweringEnv",
            vector_entry_point="quintain.envs.question_answering.env:make_vec",
        )
    if "Repair-v0" not in gym.registry:
        gym.register(
            "Repair-v0",
            entry_point="quintain.envs.repair.env:RepairEnv",
            vector_entry_point="quintain.envs.repair.env:make_vec",
        )
    if "ToolUse-v0" not in gym.registry:
        gym.register(
            "ToolUse-v0",
            entry_point="quintain.envs.tools.env:ToolUseEnv",
            vector_entry_point="quintain.envs.tools.env:make_vec",
        )
    games.register()
    mujoco.register()
    minecraft.register()
