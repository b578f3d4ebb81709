"""Matches between any agents: which to play, playing them concurrently, and reading them back from a run folder."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Actor, Agent, Seat
from quintain.agents.games import LLMPlayer
from quintain.envs.games import NO_MOVE, NormalFormGame, RepeatedGame, load_game
from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.loop import play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent, make_manifest
from quintain.evaluation.match import play_match
from quintain.evaluation.recording import Recording, check_counts
from quintain.evaluation.rollout import as_source, made_agent
from quintain.records import EpisodeRecord, read_episodes
from quintain.seeding import SeedStream

__all__ = ["Fixture", "Match", "load_matches", "play_matches"]


@dataclass(frozen=True)
class Fixture:
    """One match to play.

    Attributes:
        game: Name of the game.
        agents: Names of the players, one per seat.
        repetition: Tells repeated matches apart. Equal game and repetition mean an equal seed whoever plays, so that
            players are compared in pairs.
    """

    game: str
    agents: tuple[str, ...]
    repetition: int = 0


@dataclass(frozen=True)
class Match:
    """A finished match.

    Attributes:
        fixture: What was played.
        moves: Shape ``(rounds, players)``; ``-1`` for an illegal move.
        traces: Per seat what a language model answered, as dictionaries of
            :class:`~quintain.agents.games.Choice`; empty for other players.
        record: The episode's full record.
    """

    fixture: Fixture
    moves: NDArray[np.int64]
    traces: Sequence[Sequence[Mapping[str, Any]]]
    record: EpisodeRecord = field(repr=False)

    @cached_property
    def game(self) -> NormalFormGame:
        """The stage game."""
        return load_game(self.fixture.game)

    @cached_property
    def payoffs(self) -> NDArray[np.float64]:
        """Payoffs of every round, without penalties, shape ``(rounds, players)``."""
        earned = np.zeros(self.moves.shape)
        legal = (self.moves != NO_MOVE).all(axis=1)
        if legal.any():
            earned[legal] = self.game.payoffs[(slice(None), *self.moves[legal].T)].T
        return earned


def play_matches(
    fixtures: Sequence[Fixture],
    agents: Mapping[str, Any],
    *,
    env: Mapping[str, Any] | None = None,
    seed: int = 0,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    progress: bool | None = None,
    on_match: Callable[[Match], None] | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[Match]:
    """Play matches, many at once, so that a language model gets the requests of all of them together.

    Args:
        fixtures: What to play.
        agents: For every name in the fixtures an agent, its name, or a mapping that describes one; names that are
            missing must be those of strategies.
        env: Further arguments of :class:`~quintain.envs.games.RepeatedGame`, such as ``rounds`` and ``noise``.
        seed: Root seed.
        concurrency: Matches that are live at once.
        out: Folder for manifest and records.
        resume: Continue the run in ``out``: finished matches are kept.
        retry_errors: With ``resume``: play the matches again that failed for infrastructure reasons, and only them.
        progress: Show a progress bar; by default where there is a terminal.
        on_match: Called with each match as it ends.
        about: What else the manifest says: the ``"kind"`` of the experiment and the ``"players"`` whom it studies.

    Returns:
        The matches without infrastructure failure, in the order of the fixtures.

    Raises:
        ConfigurationError: If a name is unknown, or the arguments do not fit; or if a language model's labels do not
            suit its vocabulary, or its engine does not tell what its settings need.
        EngineError: If an engine fails before the first match.
        RecordError: If the folder cannot be written, or holds another run.
    """
    check_counts(concurrency=concurrency)
    names = sorted({name for fixture in fixtures for name in fixture.agents})
    options = dict(env or {})
    seeds = SeedStream(seed, "match")

    def tell(record: EpisodeRecord) -> None:
        if on_match is not None and record.outcome != "error":
            on_match(_match(record))

    with ExitStack() as stack:
        players = {name: stack.enter_context(made_agent(as_source(agents.get(name, name)))) for name in names}
        described = {name: describe_agent(player) for name, player in players.items()}
        manifest = make_manifest("RepeatedGame-v0", options, described, seed)
        manifest |= {"kind": "matches", **(about or {})}
        manifest["config"]["fixtures"] = [[f.game, list(f.agents), f.repetition] for f in fixtures]
        run_in_loop(lambda: _check(players.values()))
        recording = Recording(
            manifest, len(fixtures), out=out, resume=resume, retry_errors=retry_errors, progress=progress,
            on_episode=tell,
        )  # fmt: skip
        run = stack.enter_context(recording)

        async def play_one(index: int) -> EpisodeRecord:
            fixture = fixtures[index]
            episode = seeds.child(fixture.game, fixture.repetition).seed
            return await _play_one(fixture, players, options, index, episode)

        run_in_loop(lambda: play_jobs(iter(run.todo), concurrency, lambda: play_one, run.add))
    failed = [run.episodes[i].error or {} for i in sorted(run.episodes) if run.episodes[i].outcome == "error"]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(run.episodes)} matches failed for infrastructure reasons and are left out; "
            f"the first: {failed[0].get('boundary')}: {failed[0].get('message')}",
            RuntimeWarning,
            stacklevel=2,
        )
    return [_match(run.episodes[i]) for i in sorted(run.episodes) if run.episodes[i].outcome != "error"]


def load_matches(run: str | Path) -> list[Match]:
    """Read the matches of a run folder, without those that failed for infrastructure reasons.

    Raises:
        RecordError: If there is no run, or it is not one of matches.
    """
    return [_match(record) for record in read_episodes(run) if record.outcome != "error"]


async def _check(players: Iterable[Agent]) -> None:
    for player in players:
        if isinstance(player, LLMPlayer):
            await player.check()


async def _play_one(
    fixture: Fixture, players: Mapping[str, Agent], options: Mapping[str, Any], index: int, seed: int
) -> EpisodeRecord:
    world = RepeatedGame(fixture.game, **options)
    if len(fixture.agents) != len(world.possible_agents):
        raise ConfigurationError(f"{fixture.game} has {len(world.possible_agents)} seats, got {fixture.agents!r}")
    kept = {seat: _Keep(players[name]) for seat, name in zip(world.possible_agents, fixture.agents, strict=True)}
    record = await play_match(world, "RepeatedGame-v0", kept, index, seed)
    traces = [getattr(keep.actor, "trace", []) for keep in kept.values()]
    record.info["match"] = {
        "game": fixture.game,
        "agents": list(fixture.agents),
        "repetition": fixture.repetition,
        "moves": [list(joint) for joint in world.history],
        "traces": [[dataclasses.asdict(choice) for choice in trace] for trace in traces],
    }
    return record


class _Keep:
    """An agent that remembers the actor it seated, whose trace goes into the record."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.actor: Actor | None = None

    def begin(self, seat: Seat) -> Actor:
        self.actor = self._agent.begin(seat)
        return self.actor


def _match(record: EpisodeRecord) -> Match:
    told = record.info.get("match")
    if not isinstance(told, dict):
        raise RecordError(f"episode {record.index} is not a match of a repeated game")
    fixture = Fixture(told["game"], tuple(told["agents"]), told["repetition"])
    moves = np.array(told["moves"], dtype=np.int64).reshape(-1, len(fixture.agents))
    return Match(fixture, moves, told["traces"], record)
