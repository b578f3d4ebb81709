"""The trainers by name: functions that change a policy from one episode to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quintain.registry import Registry

__all__ = ["TRAINERS", "Smoke", "TrainerFacts"]

_SUMS: Mapping[str, Any] = {"tasks": "mini_sum", "rules": False, "code": False}


@dataclass(frozen=True, slots=True)
class Smoke:
    """A training of seconds, which shows that everything runs and measures nothing.

    Attributes:
        settings: Settings by name.
        env: Id of the environment. Default: ``"CodeReason-v0"``.
        env_kwargs: Its arguments. Default: sums of small numbers.
    """

    settings: Mapping[str, Any]
    env: str = "CodeReason-v0"
    env_kwargs: Mapping[str, Any] = field(default_factory=lambda: _SUMS)


@dataclass(frozen=True, slots=True)
class TrainerFacts:
    """What is known of a trainer without importing it.

    Attributes:
        learns_from: What it learns from: ``"environment"``, ``"records"``, ``"data set"`` or ``"game"``.
            Default: ``"environment"``.
        language: Whether it trains language models. Default: false.
        settings: ``"module:attribute"`` of the dataclass with its hyper-parameters; empty if there is none.
        source: Paper that describes the method, author and year.
        smoke: What ``quintain train --smoke`` trains in seconds; ``None`` where it trains nothing. Default: ``None``.
    """

    learns_from: str = "environment"
    language: bool = False
    settings: str = ""
    source: str = ""
    smoke: Smoke | None = None


#: Other packages add trainers through the entry-point group ``quintain.trainers``.
TRAINERS: Registry[Any, TrainerFacts] = Registry("trainer", TrainerFacts, group="quintain.trainers")
TRAINERS.add(
    "ppo",
    "quintain.training.control.ppo:train_ppo",
    settings="quintain.training.control.settings:PPOTrainingSettings",
    source="Schulman et al. 2017",
)
_TABULAR = "quintain.training.control.tabular"
TRAINERS.add(
    "q-learning",
    f"{_TABULAR}:train_q_learning",
    settings=f"{_TABULAR}:QLearningSettings",
    source="Watkins 1989",
)
TRAINERS.add(
    "reinforce",
    f"{_TABULAR}:train_reinforce",
    settings=f"{_TABULAR}:ReinforceSettings",
    source="Williams 1992",
)
TRAINERS.add(
    "decision-transformer",
    "quintain.training.control.imitation:train_decision_transformer",
    learns_from="data set",
    settings="quintain.training.control.imitation:ImitationSettings",
    source="Chen et al. 2021",
)
TRAINERS.add(
    "self-play",
    "quintain.training.self_play:train_self_play",
    learns_from="game",
    settings="quintain.training.self_play:SelfPlaySettings",
)
TRAINERS.add(
    "grpo",
    "quintain.training.language.grpo:train_grpo",
    language=True,
    settings="quintain.training.language.grpo_settings:GRPOSettings",
    source="Shao et al. 2024",
    smoke=Smoke({"iterations": 2, "num_prompts": 2, "num_generations": 4, "steps_per_generation": 2}),
)
TRAINERS.add(
    "score",
    "quintain.training.language.score:train_score",
    language=True,
    settings="quintain.training.language.score_settings:SCoRESettings",
    source="Kumar et al. 2024",
    smoke=Smoke(
        {"iterations": 2, "stage1_iterations": 1, "num_prompts": 8, "steps_per_generation": 2},
        "SelfCorrect-v0",
        {"env_kwargs": _SUMS, "revise": "again?"},
    ),
)
TRAINERS.add(
    "b-star",
    "quintain.training.language.b_star:train_b_star",
    language=True,
    settings="quintain.training.language.b_star_settings:BStarSettings",
    source="Zeng et al. 2024",
    smoke=Smoke(
        {
            "iterations": 2, "steps": 1, "num_queries": 4, "monitored_queries": 2, "num_generations": 4,
            "temperatures": (0.7, 1.0), "thresholds": (-1.0,),
        }
    ),
)  # fmt: skip
TRAINERS.add(
    "self",
    "quintain.training.language.self_evolution:train_self",
    language=True,
    settings="quintain.training.language.self_evolution_settings:SELFSettings",
    source="Lu et al. 2023",
    smoke=Smoke({"iterations": 1, "steps": 1, "num_seeds": 4, "num_queries": 4}),
)
TRAINERS.add(
    "rest-mcts",
    "quintain.training.language.rest_mcts:train_rest_mcts",
    language=True,
    settings="quintain.training.language.rest_mcts_settings:ReSTMCTSSettings",
    source="Zhang et al. 2024",
    smoke=Smoke({"iterations": 2, "steps": 1, "num_queries": 2, "search_iterations": 2, "value_steps": 1}),
)
TRAINERS.add(
    "cot-monitor",
    "quintain.training.language.cot_monitor:train_cot_monitor",
    language=True,
    settings="quintain.training.language.cot_monitor_settings:CoTMonitorSettings",
    source="Ji et al. 2025",
    smoke=Smoke(
        {"iterations": 2, "num_prompts": 2, "num_generations": 4, "steps_per_generation": 2, "monitor_tokens": 8},
        "Deception-v0",
        {"tasks": "numbers", "reward": "goal", "condition": "drawn"},
    ),
)
TRAINERS.add(
    "spc",
    "quintain.training.language.spc:train_spc",
    learns_from="game",
    language=True,
    settings="quintain.training.language.spc_settings:SPCSettings",
    source="Chen et al. 2025",
    smoke=Smoke(
        {"iterations": 1, "steps": 1, "lessons": 8, "games": 4, "eval_steps": 4}, "Critique-v0", {"rules": False}
    ),
)
TRAINERS.add(
    "sft",
    "quintain.training.language.sft:train_sft",
    learns_from="records",
    language=True,
    settings="quintain.training.language.sft:SFTSettings",
)
