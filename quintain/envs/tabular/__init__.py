"""Tabular environments: small MDPs with sparse rewards, for the design of rewards."""

from quintain.envs.tabular.chain import ChainEnv, chain
from quintain.envs.tabular.line_key import LineKeyEnv, line_key
from quintain.envs.tabular.room import RoomEnv, room, room_features

__all__ = ["ChainEnv", "LineKeyEnv", "RoomEnv", "chain", "line_key", "room", "room_features"]
