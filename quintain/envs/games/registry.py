"""Registration of every repeated game with Gymnasium (one seat) and PettingZoo (all seats)."""

from __future__ import annotations

from typing import Any

import gymnasium
import pettingzoo
from pettingzoo.env_registry.registration import aec_registry, parallel_registry

from quintain.envs.games.canonical import GAME_IDS

__all__ = ["register"]

_PACKAGE = "quintain.envs.games"

# Default opponents of the single-seat environments; tit-for-tat where every player has two options.
_OPPONENTS = {"rock_paper_scissors": "fictitious-play"}


def register(provider: str = "quintain.agents.games:opponent") -> None:
    """Register every id that is not registered yet; idempotent, imports nothing.

    ``RepeatedGame-v0`` takes any game as argument; the ids of ``GAME_IDS`` and ``OrdinalGame-1-1-v0`` to
    ``OrdinalGame-12-12-v0`` set it.

    Args:
        provider: ``"module:function"`` that makes the opponents of the single-seat environments; see
            :class:`~quintain.envs.games.OpponentProvider`. Default: ``"quintain.agents.games:opponent"``.
    """
    ordinal = {f"OrdinalGame-{r}-{c}-v0": f"ordinal_{r}_{c}" for r in range(1, 13) for c in range(1, 13)}
    for env_id, game in ({"RepeatedGame-v0": "prisoners_dilemma"} | GAME_IDS | ordinal).items():
        kwargs: dict[str, Any] = {"game": game}
        if env_id not in parallel_registry:
            pettingzoo.register("parallel", env_id, f"{_PACKAGE}.repeated:RepeatedGame", kwargs=kwargs)
        if env_id not in aec_registry:
            pettingzoo.register("aec", env_id, f"{_PACKAGE}.turns:repeated_game_aec", kwargs=kwargs)
        if env_id not in gymnasium.registry:
            single_seat = {**kwargs, "provider": provider, "opponent": _OPPONENTS.get(game, "tit-for-tat")}
            gymnasium.register(
                env_id,
                f"{_PACKAGE}.single_seat:RepeatedGameEnv",
                kwargs=single_seat,
                vector_entry_point=f"{_PACKAGE}.single_seat:make_vec",
            )
