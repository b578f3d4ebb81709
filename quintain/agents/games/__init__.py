"""Players of repeated games: classic, adaptive and zero-determinant strategies, and language models."""

from quintain.agents.games.game_info import ChecksRules, GameRules, Round
from quintain.agents.games.label_questions import Choice
from quintain.agents.games.llm_player import LLMPlayer
from quintain.agents.games.machines import Machine, Traits, memory_one
from quintain.agents.games.player_settings import PlayerSettings
from quintain.agents.games.prompts import Wording
from quintain.agents.games.strategies import (
    STRATEGIES,
    is_strategy,
    machine,
    opponent,
    strategy,
    strategy_arguments,
    strategy_names,
)
from quintain.agents.games.strategy_agent import MatchPlayer, StrategyAgent

__all__ = [
    "STRATEGIES",
    "ChecksRules",
    "Choice",
    "GameRules",
    "LLMPlayer",
    "Machine",
    "MatchPlayer",
    "PlayerSettings",
    "Round",
    "StrategyAgent",
    "Traits",
    "Wording",
    "is_strategy",
    "machine",
    "memory_one",
    "opponent",
    "strategy",
    "strategy_arguments",
    "strategy_names",
]
