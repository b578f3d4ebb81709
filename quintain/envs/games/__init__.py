"""Repeated normal-form games: canonical games, the 144 ordinal 2x2 games, and environments that play them."""

from quintain.envs.games.canonical import GAME_IDS, GAMES, game_names, load_game, public_goods
from quintain.envs.games.normal_form import NormalFormGame, bimatrix
from quintain.envs.games.ordinal import FAMILIES, family_of, ordinal_game, ordinal_games
from quintain.envs.games.registry import register
from quintain.envs.games.repeated import RepeatedGame
from quintain.envs.games.rules import NO_MOVE, Rules
from quintain.envs.games.single_seat import OpponentProvider, RepeatedGameEnv
from quintain.envs.games.turns import repeated_game_aec

__all__ = [
    "FAMILIES",
    "GAMES",
    "GAME_IDS",
    "NO_MOVE",
    "NormalFormGame",
    "OpponentProvider",
    "RepeatedGame",
    "RepeatedGameEnv",
    "Rules",
    "bimatrix",
    "family_of",
    "game_names",
    "load_game",
    "ordinal_game",
    "ordinal_games",
    "public_goods",
    "register",
    "repeated_game_aec",
]
