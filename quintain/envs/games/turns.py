"""The agent-by-agent (AEC) form of a repeated game."""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec

from quintain.envs.games.repeated import RepeatedGame

__all__ = ["repeated_game_aec"]


def repeated_game_aec(**arguments: Any) -> AECEnv[Any, Any, Any]:
    """Make the AEC form: seats choose one after another; moves are revealed after all have chosen.

    Args:
        **arguments: Arguments of :class:`~quintain.envs.games.RepeatedGame`, with its defaults.

    Raises:
        ConfigurationError: If an argument is out of range.
    """
    return parallel_to_aec(RepeatedGame(**arguments))
