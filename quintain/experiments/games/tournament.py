"""Round-robin tournaments, and what evolution makes of their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.games import Machine, is_strategy, strategy
from quintain.envs.games import NormalFormGame, load_game
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean
from quintain.experiments.games.matches import Fixture, Match, play_matches
from quintain.experiments.games.vectorised import play_machines

__all__ = ["Tournament", "tournament"]


@dataclass(frozen=True)
class Tournament:
    """Everybody against everybody, themselves included.

    Attributes:
        names: The players.
        payoffs: Shape ``(n, n)``: mean payoff per round of the row player against the column player, what it paid for
            illegal moves taken off.
        cooperation: Shape ``(n, n)``: share of option 0 among the legal moves of the row player against the column
            player; NaN where it made none.
        scores: Shape ``(n, repetitions)``: each player's mean payoff per round over all opponents, per repetition in
            which no match was lost to a failure of infrastructure.
        rounds: Rounds of a match (the most, if the end is random).
        matches: Number of matches.
        played: The matches themselves, if they were played one by one.
    """

    names: Sequence[str]
    payoffs: NDArray[np.float64]
    cooperation: NDArray[np.float64]
    scores: NDArray[np.float64]
    rounds: int
    matches: int
    played: Sequence[Match] = field(default=(), repr=False)

    def ranking(self, confidence: float = 0.95) -> list[tuple[str, Interval]]:
        """Players by mean payoff per round, best first, with intervals over repetitions."""
        intervals = [mean(values, confidence) for values in self.scores]
        order = sorted(range(len(self.names)), key=lambda k: -intervals[k].estimate)
        return [(self.names[k], intervals[k]) for k in order]


def tournament(
    players: Sequence[str],
    game: str = "prisoners_dilemma_classic",
    *,
    rounds: int = 200,
    repetitions: int = 10,
    noise: float = 0.0,
    continuation: float | None = None,
    seed: int = 0,
    agents: Mapping[str, Any] | None = None,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    retry_errors: bool = False,
) -> Tournament:
    """Let everybody play everybody in a two-player game.

    Finite-state strategies in symmetric games are played by the vectorised engine, thousands of matches at once. As
    soon as another kind of player takes part, or a run folder is wanted, matches are played in the environment; in a
    game that is not symmetric each pair plays in both seats and the payoffs are averaged.

    Args:
        players: Names of strategies, or keys of ``agents``.
        game: Name of the game.
        rounds: Rounds per match.
        repetitions: Matches per pair.
        noise: Probability that a move comes out as another option.
        continuation: Probability that another round follows, or ``None``.
        seed: Root seed.
        agents: Players that are not strategies, by name.
        concurrency: Matches that are live at once, in the environment.
        out: Folder for the records.
        resume: Continue the run in ``out``.
        retry_errors: With ``resume``: play the matches again that failed for infrastructure reasons, and only them.

    Raises:
        ConfigurationError: If there are too few players, a name occurs twice, or the game has more than two seats.
    """
    stage = load_game(game)
    if stage.players != 2:
        raise ConfigurationError(f"a round robin is for two players, and {game!r} has {stage.players} seats")
    if not players or len(set(players)) < len(players) or repetitions < 1:
        raise ConfigurationError(f"players must be distinct, and repetitions >= 1; got {list(players)!r}")
    for player in players:
        if not isinstance(player, str):
            raise ConfigurationError(
                f"players are names, got {type(player).__name__}; name it in agents: "
                'players=["mine", ...], agents={"mine": agent}'
            )
    machines = _machines(players, agents or {})
    if machines is not None and stage.shape == (2, 2) and stage.is_symmetric and out is None:
        return _vectorised(players, machines, stage, rounds, repetitions, noise, continuation, seed)
    pairs = list(product(players, repeat=2))
    if stage.is_symmetric:
        pairs = list(combinations_with_replacement(players, 2))
    fixtures = [Fixture(game, pair, repetition) for repetition in range(repetitions) for pair in pairs]
    options = {"rounds": rounds, "noise": noise, "continuation": continuation}
    played = play_matches(
        fixtures, agents or {}, env=options, seed=seed, concurrency=concurrency, out=out, resume=resume,
        retry_errors=retry_errors, about={"kind": "tournament", "players": list(players)},
    )  # fmt: skip
    return collect(players, played, rounds, repetitions)


def _machines(players: Sequence[str], agents: Mapping[str, Any]) -> list[Machine] | None:
    if any(name in agents or not is_strategy(name) for name in players):
        return None
    found = [strategy(name).machine for name in players]
    return [machine for machine in found if machine is not None] if None not in found else None


def _vectorised(
    players: Sequence[str],
    machines: Sequence[Machine],
    game: NormalFormGame,
    rounds: int,
    repetitions: int,
    noise: float,
    continuation: float | None,
    seed: int,
) -> Tournament:
    n = len(players)
    pairs = np.array(list(combinations_with_replacement(range(n), 2)))
    batch = play_machines(
        machines, np.tile(pairs, (repetitions, 1)), rounds, noise=noise, continuation=continuation, seed=seed
    )
    shape = (repetitions, len(pairs), 2)
    earned = (batch.scores(game) / batch.lengths[:, None]).reshape(shape)
    own_zero = batch.cells[:, [0, 1]].sum(axis=1), batch.cells[:, [0, 2]].sum(axis=1)
    kind = (np.stack(own_zero, axis=1) / batch.lengths[:, None]).reshape(shape)
    tables = [np.zeros((repetitions, n, n)), np.zeros((repetitions, n, n))]
    for table, values in zip(tables, (earned, kind), strict=True):
        table[:, pairs[:, 0], pairs[:, 1]] = values[:, :, 0]
        table[:, pairs[:, 1], pairs[:, 0]] = values[:, :, 1]
        itself = pairs[:, 0] == pairs[:, 1]
        table[:, pairs[itself, 0], pairs[itself, 0]] = values[:, itself].mean(axis=2)
    payoffs, cooperation = tables
    return Tournament(
        list(players), payoffs.mean(axis=0), cooperation.mean(axis=0), payoffs.mean(axis=2).T, rounds, len(batch.cells)
    )


def collect(players: Sequence[str], played: Sequence[Match], rounds: int, repetitions: int) -> Tournament:
    """Make a tournament of its matches.

    Raises:
        ConfigurationError: If there is no repetition in which every pair has a match.
    """
    n = len(players)
    place = {name: k for k, name in enumerate(players)}
    earned, kind, count, judged = np.zeros((4, repetitions, n, n))
    for match in played:
        for seat, name in enumerate(match.fixture.agents):
            cell = match.fixture.repetition, place[name], place[match.fixture.agents[1 - seat]]
            own = match.moves[:, seat]
            earned[cell] += match.record.returns[f"player_{seat}"] / len(own)
            count[cell] += 1
            legal = own[own >= 0]
            if len(legal):
                kind[cell] += (legal == 0).mean()
                judged[cell] += 1
    complete = count.all(axis=(1, 2))
    if not complete.any():
        raise ConfigurationError(
            "in every repetition some pair has no match without infrastructure failure; the warning above names the "
            "first, the records (out=...) all of them. Play those again with resume=True, retry_errors=True "
            "(--resume --retry-errors)"
        )
    # Only where everybody met everybody can scores be ranked.
    scores = (earned[complete] / count[complete]).mean(axis=2).T
    with np.errstate(invalid="ignore"):  # a player without a legal move has no cooperation
        cooperation = kind.sum(axis=0) / judged.sum(axis=0)
    totals = count.sum(axis=0)
    return Tournament(
        list(players), earned.sum(axis=0) / totals, cooperation, scores, rounds, len(played), list(played)
    )
