"""Matches of repeated games as data: which to play, and what was played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import NO_MOVE, NormalFormGame, load_game
from quintain.errors import RecordError
from quintain.records import EpisodeRecord, read_episodes

__all__ = ["Match", "ScheduledMatch", "load_matches", "match_of", "matches_of"]


@dataclass(frozen=True)
class ScheduledMatch:
    """One match to play.

    Attributes:
        game: Name of the game.
        agents: Names of the players, one per seat.
        repetition: Number of the repetition, >= 0. Equal game and repetition mean an equal seed whoever plays, so that
            players are compared in pairs.
    """

    game: str
    agents: tuple[str, ...]
    repetition: int = 0


@dataclass(frozen=True)
class Match:
    """A finished match.

    Attributes:
        scheduled: Game, players and repetition.
        moves: Option indices, shape ``(rounds, players)``; ``-1`` for an illegal move.
        traces: Per seat the answers of a language model, as dictionaries of
            :class:`~quintain.agents.games.Choice`; empty for other players.
        record: The episode's full record.
    """

    scheduled: ScheduledMatch
    moves: NDArray[np.int64]
    traces: Sequence[Sequence[Mapping[str, Any]]]
    record: EpisodeRecord = field(repr=False)

    @cached_property
    def game(self) -> NormalFormGame:
        """The stage game."""
        return load_game(self.scheduled.game)

    @cached_property
    def payoffs(self) -> NDArray[np.float64]:
        """Payoffs of every round, without penalties, shape ``(rounds, players)``."""
        earned = np.zeros(self.moves.shape)
        legal = (self.moves != NO_MOVE).all(axis=1)
        if legal.any():
            earned[legal] = self.game.payoffs[(slice(None), *self.moves[legal].T)].T
        return earned


def load_matches(run: str | Path) -> list[Match]:
    """Read the matches of a run folder, without those that failed for infrastructure reasons.

    Raises:
        RecordError: If there is no run, or its episodes are not matches.
    """
    return matches_of(read_episodes(run))


def matches_of(records: Iterable[EpisodeRecord]) -> list[Match]:
    """Convert records to matches, without those that failed for infrastructure reasons.

    Raises:
        RecordError: If a record is not of a match.
    """
    return [match_of(record) for record in records if record.outcome != "error"]


def match_of(record: EpisodeRecord) -> Match:
    """Convert a record to a match.

    Raises:
        RecordError: If the record is not of a match.
    """
    info = record.info.get("match")
    if not isinstance(info, dict):
        raise RecordError(f"episode {record.index} is not a match of a repeated game")
    scheduled = ScheduledMatch(info["game"], tuple(info["agents"]), info["repetition"])
    moves = np.array(info["moves"], dtype=np.int64).reshape(-1, len(scheduled.agents))
    return Match(scheduled, moves, info["traces"], record)
