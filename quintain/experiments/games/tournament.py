"""Round-robin tournaments of repeated games."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quintain.agents.games import Machine, is_strategy, strategy
from quintain.envs.games import NormalFormGame, load_game
from quintain.errors import ConfigurationError
from quintain.evaluation.report import Report
from quintain.experiments.games.match import ScheduledMatch, failed_matches, matches_of
from quintain.experiments.games.matches import MatchesExperiment, page_matches, run_matches
from quintain.experiments.games.report import games_page
from quintain.experiments.games.standings import Tournament, collect
from quintain.experiments.games.vectorised import play_machines

__all__ = ["TournamentExperiment", "tournament"]


@dataclass(frozen=True)
class TournamentExperiment(MatchesExperiment):
    """Every player against every player, in rounds of repetitions; attributes as in :class:`MatchesExperiment`."""

    kind: ClassVar[str] = "tournament"

    @classmethod
    def tabulate(cls, report: Report) -> Tournament:
        """Return payoff matrices and scores.

        Raises:
            ConfigurationError: If there is no repetition in which every pair has a match.
            RecordError: If the run is not one of matches.
        """
        config = report.manifest["config"]
        repetitions = 1 + max(repetition for _, _, repetition in config["fixtures"])
        matches = super().tabulate(report)
        failed = failed_matches(report.episodes)
        return collect(report.manifest["players"], matches, config["env_kwargs"]["rounds"], repetitions, failed)

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page; the ranking is left out until every pair has met.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
            ConfigurationError: If ``report.confidence`` is not 0.95, the confidence of all intervals on the page.
        """
        matches, players = page_matches(report)
        result = None
        with suppress(ConfigurationError):  # some pair has not met yet
            result = cls.tabulate(report)
        failed = failed_matches(report.episodes)
        return games_page(matches, players, title=cls.title, result=result, failed=failed, run=report)


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
    executor: str = "inline",
    workers: int = 2,
) -> Tournament:
    """Play a round robin of a two-player game, matches of a player against itself included.

    If all players are finite-state strategies, the game is symmetric and no run folder is wanted, the vectorised
    engine plays thousands of matches at once. Otherwise matches are played in the environment; in a game that is not
    symmetric each pair plays in both seats and the payoffs are averaged.

    Args:
        players: Names of strategies, or keys of ``agents``.
        game: Name of the game. Default: ``"prisoners_dilemma_classic"``.
        rounds: Rounds per match, >= 1; 200 as in Axelrod's tournaments. Default: 200.
        repetitions: Matches per pair (and seat order), >= 1. Default: 10.
        noise: Probability in [0, 1] that a move is replaced by another option. Default: 0.
        continuation: Probability in [0, 1] that another round follows; ``None`` plays exactly ``rounds``.
        seed: Root seed, >= 0. Default: 0.
        agents: Players that are not strategies, by name.
        concurrency: Maximum number of live matches in the environment, >= 1. Default: 16.
        out: Run folder for manifest and records; ``None`` writes nothing.
        resume: Continue the run in ``out``: finished matches are kept. Default: false.
        retry_errors: With ``resume``: play again only the matches that failed for infrastructure reasons. Default:
            false.
        executor: Where matches in the environment are played: ``"inline"``, in this process, or ``"process"``, in
            ``workers`` new processes. Default: ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Raises:
        ConfigurationError: If there are no players, a name occurs twice, or the game has more than two seats.
        RecordError: If the folder cannot be written, or holds another run.
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
    schedule = [ScheduledMatch(game, pair, repetition) for repetition in range(repetitions) for pair in pairs]
    options = {"rounds": rounds, "noise": noise, "continuation": continuation}
    report = run_matches(
        TournamentExperiment, schedule, agents or {}, env=options, seed=seed, concurrency=concurrency,
        studied=list(players), out=out, resume=resume, retry_errors=retry_errors, executor=executor, workers=workers,
    )  # fmt: skip
    return collect(players, matches_of(report.episodes), rounds, repetitions, failed_matches(report.episodes))


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
    totals = batch.scores(game).reshape(repetitions, len(pairs), 2)
    rounds_played = batch.lengths.reshape(repetitions, len(pairs))
    shares = batch.cells.reshape(repetitions, len(pairs), 4) / rounds_played[:, :, None]
    both = np.stack([shares, shares[:, :, [0, 2, 1, 3]]], axis=2)  # the cells as each of the two sees them
    cells = _by_player(both, pairs, n)
    payoffs = _by_player(totals / rounds_played[:, :, None], pairs, n)
    wins = np.zeros((n, repetitions))
    for seat in (0, 1):
        won = (totals[:, :, seat] > totals[:, :, 1 - seat]) & (pairs[:, 0] != pairs[:, 1])
        np.add.at(wins, pairs[:, seat], won.T)
    return Tournament(
        list(players), payoffs.mean(axis=0), cells[..., :2].sum(axis=-1).mean(axis=0), payoffs.mean(axis=2).T, rounds,
        len(batch.cells), wins=wins, cells=cells.mean(axis=0),
    )  # fmt: skip


def _by_player(values: NDArray[np.float64], pairs: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Arrange values of matches, shape ``(repetitions, pairs, 2, ...)``, by row and column player.

    Against itself a player has the mean of both seats.
    """
    table = np.zeros((len(values), n, n, *values.shape[3:]))
    table[:, pairs[:, 0], pairs[:, 1]] = values[:, :, 0]
    table[:, pairs[:, 1], pairs[:, 0]] = values[:, :, 1]
    itself = pairs[:, 0] == pairs[:, 1]
    table[:, pairs[itself, 0], pairs[itself, 0]] = values[:, itself].mean(axis=2)
    return table
