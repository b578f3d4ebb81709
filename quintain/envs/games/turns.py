"""The agent-by-agent (AEC) form of a repeated game."""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec

from quintain.envs.games.repeated import RepeatedGame

__all__ = ["repeated_game_aec"]


def repeated_game_aec(**arguments: Any) -> AECEnv[Any, Any, Any]:
    """Make the AEC form: seats choose one after another, and nobody learns a move before all have chosen.

    Args:
        **arguments: Those of :class:`~quintain.envs.games.RepeatedGame`.

    Raises:
        ConfigurationError: If they do not describe a game.
    """
    return parallel_to_aec(RepeatedGame(**arguments))
