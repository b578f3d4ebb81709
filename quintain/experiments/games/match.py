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
from quintain.evaluation.tabular import Row, Tabular
from quintain.records import EpisodeRecord, read_episodes

__all__ = ["Match", "Matches", "ScheduledMatch", "failed_matches", "load_matches", "match_of", "matches_of"]


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
        moves: Option indices, shape ``(rounds, players)``; ``-1`` for an illegal move. A match that was cut off has
            the rounds that were played, perhaps none.
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

    @property
    def cut_off(self) -> str:
        """Why the match ended early: a model's context window was full. Empty if it was played to its end."""
        return str(self.record.info["detail"]) if self.record.info.get("context_overflow") else ""

    @property
    def horizon(self) -> int | None:
        """Number of rounds after which the match was to end; ``None`` if its end was random or is not recorded."""
        for info in self.record.info.get("seats", {}).values():
            length = str(info.get("task_id", "")).rpartition("/")[2]
            return int(length) if length.isdecimal() else None
        return None

    @cached_property
    def payoffs(self) -> NDArray[np.float64]:
        """Payoffs of every round, without penalties, shape ``(rounds, players)``."""
        earned = np.zeros(self.moves.shape)
        legal = (self.moves != NO_MOVE).all(axis=1)
        if legal.any():
            earned[legal] = self.game.payoffs[(slice(None), *self.moves[legal].T)].T
        return earned


class Matches(Tabular, list[Match]):
    """A list of finished matches, which shows and exports itself as a table."""

    def headline(self) -> str:
        """Return the numbers of matches, games and players."""
        games = {match.scheduled.game for match in self}
        players = {name for match in self for name in match.scheduled.agents}
        return f"{len(self):,} matches of {len(games):,} games between {len(players):,} players"

    def to_rows(self) -> list[Row]:
        """Return one row per match and seat: payoffs include penalties for illegal moves."""
        rows = []
        for match in self:
            for seat, player in enumerate(match.scheduled.agents):
                moves = match.moves[:, seat]
                legal = moves[moves != NO_MOVE]
                rows.append(
                    {
                        "game": match.scheduled.game,
                        "repetition": match.scheduled.repetition,
                        "seat": seat,
                        "player": player,
                        "opponents": ", ".join(n for k, n in enumerate(match.scheduled.agents) if k != seat),
                        "rounds": len(moves),
                        "payoff": match.record.returns[f"player_{seat}"],
                        "option_0": float((legal == 0).mean()) if len(legal) else None,
                        "illegal": len(moves) - len(legal),
                        "seed": match.record.seed,
                    }
                )
        return rows


def load_matches(run: str | Path) -> Matches:
    """Read the matches of a run folder, without those that failed for infrastructure reasons.

    Raises:
        RecordError: If there is no run, or its episodes are not matches.
    """
    return matches_of(read_episodes(run))


def matches_of(records: Iterable[EpisodeRecord]) -> Matches:
    """Convert records to matches, without those that failed for infrastructure reasons.

    Raises:
        RecordError: If a record is not of a match.
    """
    return Matches(match_of(record) for record in records if record.outcome != "error")


def failed_matches(records: Iterable[EpisodeRecord]) -> list[ScheduledMatch]:
    """Return what :func:`matches_of` leaves out: the matches that failed for infrastructure reasons."""
    infos = [record.info.get("match") for record in records if record.outcome == "error"]
    return [_scheduled(info) for info in infos if isinstance(info, dict)]


def match_of(record: EpisodeRecord) -> Match:
    """Convert a record to a match.

    Raises:
        RecordError: If the record is not of a match.
    """
    info = record.info.get("match")
    if not isinstance(info, dict):
        raise RecordError(f"episode {record.index} is not a match of a repeated game")
    scheduled = _scheduled(info)
    moves = np.array(info["moves"], dtype=np.int64).reshape(-1, len(scheduled.agents))
    return Match(scheduled, moves, info["traces"], record)


def _scheduled(info: Mapping[str, Any]) -> ScheduledMatch:
    return ScheduledMatch(info["game"], tuple(info["agents"]), info["repetition"])
