"""Sweeps over games: games x players x opponents x seats, as in the study of Akata et al. (2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from quintain.envs.games import FAMILIES, load_game, ordinal_games
from quintain.errors import ConfigurationError
from quintain.experiments.games.match import Matches, ScheduledMatch, matches_of
from quintain.experiments.games.matches import MatchesExperiment, run_matches
from quintain.seeding import SeedStream

__all__ = ["PAYOFF_SWEEP", "SweepExperiment", "sample_games", "sweep"]

#: Battles of the sexes from one-sided to fair and back: the study's payoff sweep.
PAYOFF_SWEEP = tuple(f"battle_of_the_sexes:{pays}" for pays in ("10,7", "9,8", "8,8", "8,9", "7,10"))


@dataclass(frozen=True)
class SweepExperiment(MatchesExperiment):
    """A cross product of games, players and opponents; attributes as in :class:`MatchesExperiment`."""

    kind: ClassVar[str] = "sweep"
    title: ClassVar[str] = "Sweep over ordinal games"


def sample_games(count: int, seed: int = 0) -> list[str]:
    """Draw ordinal games without replacement, families in proportion to their size, in a fixed order.

    Args:
        count: Number of games, in [1, 144].
        seed: Seed of the draw. Default: 0.

    Raises:
        ConfigurationError: If the count is out of range.
    """
    if not 1 <= count <= 144:
        raise ConfigurationError(f"there are 144 ordinal games, asked for {count!r}")
    rng = SeedStream(seed, "games").generator()
    order = {game.name: k for k, game in enumerate(ordinal_games())}
    by_family = {letter: [g.name for g in ordinal_games() if g.family == letter] for letter in FAMILIES}
    for names in by_family.values():
        rng.shuffle(names)
    # Systematic sampling along the families: each gets its share to within one game.
    queue = [name for names in by_family.values() for name in names]
    places = (np.arange(count) + rng.random()) * len(queue) / count
    return sorted({queue[int(place)] for place in places}, key=order.__getitem__)


def sweep(
    players: Sequence[str],
    games: Sequence[str],
    *,
    opponents: Sequence[str] | None = None,
    agents: Mapping[str, Any] | None = None,
    rounds: int = 10,
    repetitions: int = 1,
    seats: Sequence[int] = (0, 1),
    env: Mapping[str, Any] | None = None,
    seed: int = 0,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    progress: bool | None = None,
    executor: str = "inline",
    workers: int = 2,
) -> Matches:
    """Play every game with every player against every opponent, in the given seats.

    Args:
        players: Names of the players studied.
        games: Names of two-player games.
        opponents: Names of their opponents; ``None`` takes the players themselves, for a full cross product.
        agents: Players that are not strategies, by name.
        rounds: Rounds per match, >= 1; 10 as in the study. Default: 10.
        repetitions: Matches per game, pair and seat, >= 1. Default: 1.
        seats: Seats that the players take, 0 or 1 each. Default: (0, 1).
        env: Further arguments of :class:`~quintain.envs.games.RepeatedGame`, such as ``unit``.
        seed: Root seed, >= 0. All players get the same seeds, so comparisons are paired. Default: 0.
        concurrency: Maximum number of live matches, >= 1. It changes no result. Default: 16.
        out: Run folder for manifest and records; ``None`` writes nothing.
        resume: Continue the run in ``out``: finished matches are kept. Default: false.
        retry_errors: With ``resume``: play again only the matches that failed for infrastructure reasons. Default:
            false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        executor: Where to play: ``"inline"``, in this process, or ``"process"``, in ``workers`` new processes. Default:
            ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Returns:
        The matches without infrastructure failure.

    Raises:
        ConfigurationError: If a game, player or seat is unknown, a game has more than two seats, or a player cannot
            play a game.
        RecordError: If the folder cannot be written, or holds another run.
    """
    for game in games:
        if load_game(game).players != 2:
            raise ConfigurationError(f"a sweep is for games of two players, and {game!r} has more")
    if wrong := sorted({seat for seat in seats if seat not in (0, 1)}):
        raise ConfigurationError(f"the players take seats 0 and 1, got {wrong}")
    schedule = []
    for game in games:
        for player in players:
            for opponent in players if opponents is None else opponents:
                for seat in seats:
                    pair = (player, opponent) if seat == 0 else (opponent, player)
                    schedule += [ScheduledMatch(game, pair, repetition) for repetition in range(repetitions)]
    schedule = list(dict.fromkeys(schedule))  # a full cross product lists each pair twice
    report = run_matches(
        SweepExperiment, schedule, agents or {}, env={"rounds": rounds, **(env or {})}, seed=seed,
        concurrency=concurrency, studied=list(players), out=out, resume=resume, retry_errors=retry_errors,
        progress=progress, executor=executor, workers=workers,
    )  # fmt: skip
    return matches_of(report.episodes)
