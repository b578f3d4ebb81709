"""Environments, registered with Gymnasium and PettingZoo."""

from __future__ import annotations

import gymnasium as gym
import pettingzoo

from quintain.envs import games, minecraft, mujoco, navigation

__all__ = ["register_all"]

#: Environments of texts: id -> module and class; ``make_vec`` of the module makes the text-safe vector environment.
_TEXT = {
    "AgentDojo-v0": ("quintain.envs.tools.agentdojo", "AgentDojoEnv"),
    "CodeReason-v0": ("quintain.envs.code_reason.env", "CodeReasonEnv"),
    "Deception-v0": ("quintain.envs.deception.env", "DeceptionEnv"),
    "OpenEnv-v0": ("quintain.serving.openenv_env", "OpenEnvEnv"),
    "Procedure-v0": ("quintain.envs.procedures.env", "ProcedureEnv"),
    "QuestionAnswering-v0": ("quintain.envs.question_answering.env", "QuestionAnsweringEnv"),
    "Questionnaire-v0": ("quintain.envs.questionnaires.env", "QuestionnaireEnv"),
    "Repair-v0": ("quintain.envs.repair.env", "RepairEnv"),
    "SelfCorrect-v0": ("quintain.envs.self_correct.env", "SelfCorrectEnv"),
    "ToolUse-v0": ("quintain.envs.tools.env", "ToolUseEnv"),
}


#: Environments without texts: id -> class.
_NUMERIC = {"ConceptShift-v0": "quintain.envs.concept_shift.env:ConceptShiftEnv"}
#: Games of texts, turn by turn: id -> class.
_GAMES = {
    "Critique-v0": "quintain.envs.critique.env:Critique",
    "ToolChain-v0": "quintain.envs.tools.chain:ToolChain",
}


#: Tabular environments: id -> class, and steps of an episode, which are those of the source.
_TABULAR = {
    "Tabular/Room-v0": ("quintain.envs.tabular.room:RoomEnv", 50),
    "Tabular/Chain-v0": ("quintain.envs.tabular.chain:ChainEnv", 40),
    "Tabular/LineKey-v0": ("quintain.envs.tabular.line_key:LineKeyEnv", 30),
}


def register_all() -> None:
    """Register every environment; idempotent. Nothing is imported until an environment is made."""
    for env_id, (module, name) in _TEXT.items():
        if env_id not in gym.registry:
            gym.register(env_id, entry_point=f"{module}:{name}", vector_entry_point=f"{module}:make_vec")
    for env_id, entry_point in _NUMERIC.items():
        if env_id not in gym.registry:
            gym.register(env_id, entry_point=entry_point)
    for env_id, entry_point in _GAMES.items():
        if env_id not in pettingzoo.aec_registry:
            pettingzoo.register("aec", env_id, entry_point)
    for env_id, (entry_point, steps) in _TABULAR.items():
        if env_id not in gym.registry:
            gym.register(env_id, entry_point=entry_point, max_episode_steps=steps)
    games.register()
    mujoco.register()
    minecraft.register()
    navigation.register()
