"""Players of repeated games: classic, adaptive and zero-determinant strategies, and language models."""

from quintain.agents.games.machines import Machine, Traits, memory_one
from quintain.agents.games.strategy import StrategyAgent, is_strategy, machine, opponent, strategy, strategy_names

__all__ = [
    "Machine",
    "StrategyAgent",
    "Traits",
    "is_strategy",
    "machine",
    "memory_one",
    "opponent",
    "strategy",
    "strategy_names",
]
