"""PettingZoo's classic module style: ``from quintain.envs.games import repeated_game_v0 as g; g.parallel_env()``."""

from quintain.envs.games.repeated import RepeatedGame as parallel_env
from quintain.envs.games.turns import repeated_game_aec as env

raw_env = env

__all__ = ["env", "parallel_env", "raw_env"]
