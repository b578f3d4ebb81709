"""Playing matches between any agents, many at once, in a run that can be resumed."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from quintain.agents.agent import Actor, Agent, Seat
from quintain.agents.games import ChecksRules, GameRules, LLMPlayer
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.evaluation.failures import error_place
from quintain.evaluation.job import Job
from quintain.evaluation.loop import play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.match import play_match
from quintain.evaluation.recording import check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import as_source, made_agent
from quintain.experiments.experiment import Sink
from quintain.experiments.games.match import Match, ScheduledMatch, failed_matches, match_of, matches_of
from quintain.experiments.games.report import games_page
from quintain.experiments.runner import ExperimentRun
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["MatchesExperiment", "play_matches", "run_matches"]


@dataclass(frozen=True)
class MatchesExperiment:
    """A list of matches. Its one cell holds them all, so that all may be live at once.

    Attributes:
        schedule: The matches to play, in the order of the results.
        players: The agents, by the names in the schedule.
        env: Further arguments of :class:`~quintain.envs.games.RepeatedGame`, such as ``rounds`` and ``noise``.
        seed: Root seed, >= 0. Default: 0.
        concurrency: Maximum number of live matches, >= 1. It changes no result. Default: 16.
        studied: Names of the players that the page is about; empty for all.
    """

    kind: ClassVar[str] = "matches"
    title: ClassVar[str] = "Repeated games"

    schedule: Sequence[ScheduledMatch]
    players: Mapping[str, Agent]
    env: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    concurrency: int = 16
    studied: Sequence[str] = ()

    def check(self) -> None:
        """Check that every player can play its games, and ask each language model whether its labels work.

        Raises:
            ConfigurationError: If a match does not have one player per seat, a player cannot play a game, a label does
                not suit the model's vocabulary, or its engine lacks a capability.
            EngineError: If an engine fails.
        """
        for name in dict.fromkeys(match.game for match in self.schedule):
            self._check_game(name)
        run_in_loop(self._check_players)

    def _check_game(self, name: str) -> None:
        game = RepeatedGame(name, **self.env)
        seats = len(game.possible_agents)
        played = {match.agents for match in self.schedule if match.game == name}
        if wrong := [agents for agents in played if len(agents) != seats]:
            raise ConfigurationError(f"{name} has {seats} seats, got {wrong[0]!r}")
        problems = set()
        for seat in range(seats):
            rules = cast(GameRules, game.rules_seen_by(seat))
            for player in {agents[seat] for agents in played}:
                agent = self.players[player]
                try:
                    if isinstance(agent, ChecksRules):
                        agent.check_rules(rules)
                except ConfigurationError as error:
                    problems.add(str(error))
        if problems:
            raise ConfigurationError("; ".join(sorted(problems)))

    async def _check_players(self) -> None:
        for player in self.players.values():
            if isinstance(player, LLMPlayer):
                await player.check()

    def describe(self) -> dict[str, Any]:
        """Return everything that results depend on."""
        return {
            "env": "RepeatedGame-v0",
            "env_kwargs": dict(self.env),
            "agent": {name: describe_agent(player) for name, player in self.players.items()},
            "seed": self.seed,
            "fixtures": [[match.game, list(match.agents), match.repetition] for match in self.schedule],
        }

    def metadata(self) -> dict[str, Any]:
        """Return the names of the players that the page is about."""
        return {"players": list(self.studied)} if self.studied else {}

    def cells(self) -> Iterator[MatchesCell]:
        """Return the one cell."""
        yield MatchesCell(self.schedule, self.players, self.env, self.seed, self.concurrency)

    @classmethod
    def tabulate(cls, report: Report) -> Any:
        """Return the matches without infrastructure failure, a list of :class:`Match`.

        Raises:
            RecordError: If the run is not one of matches.
        """
        return matches_of(report.episodes)

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: position-bias audit, metrics, figures, every match.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
            ConfigurationError: If ``report.confidence`` is not 0.95, the confidence of all intervals on the page.
        """
        matches, players = page_matches(report)
        return games_page(matches, players, title=cls.title, failed=failed_matches(report.episodes), run=report)


@dataclass(frozen=True)
class MatchesCell:
    """Matches that may be live at once; attributes as in :class:`MatchesExperiment`."""

    schedule: Sequence[ScheduledMatch]
    players: Mapping[str, Agent]
    env: Mapping[str, Any]
    seed: int
    concurrency: int

    title: ClassVar[str] = ""

    @property
    def indices(self) -> range:
        """One episode per match, in the order of the schedule."""
        return range(len(self.schedule))

    def prepare(self, store: Store) -> None:
        """Do nothing: the players are ready."""

    def play(self, indices: Sequence[int], store: Store, sink: Sink) -> None:
        """Play matches concurrently, so that a language model gets the requests of all live ones as one batch."""
        play_one = partial(self._play_one, SeedStream(self.seed, "match"))
        run_in_loop(lambda: play_jobs(iter(indices), self.concurrency, lambda: play_one, sink))

    async def _play_one(self, seeds: SeedStream, index: int) -> EpisodeRecord:
        match = self.schedule[index]
        game = RepeatedGame(match.game, **self.env)
        seats = game.possible_agents
        seed = seeds.child(match.game, match.repetition).seed
        agents = {seat: _KeepsActor(self.players[name]) for seat, name in zip(seats, match.agents, strict=True)}
        # Without a cap, since the number of rounds is fixed before the first one.
        record = await play_match(game, "RepeatedGame-v0", agents, Job(index, seed, max_steps=None))
        traces = [getattr(agent.actor, "trace", []) for agent in agents.values()]
        record.info["match"] = {
            "game": match.game,
            "agents": list(match.agents),
            "repetition": match.repetition,
            "moves": [list(joint) for joint in game.history],
            "traces": [[dataclasses.asdict(choice) for choice in trace] for trace in traces],
        }
        return record


class _KeepsActor:
    """Delegates to an agent and keeps the actor that it returned, whose trace goes into the record."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.actor: Actor | None = None

    def begin(self, seat: Seat) -> Actor:
        self.actor = self._agent.begin(seat)
        return self.actor


def play_matches(
    schedule: Sequence[ScheduledMatch],
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
    executor: str = "inline",
    workers: int = 2,
) -> list[Match]:
    """Play matches concurrently, so that a language model gets the requests of all live ones as one batch.

    Args:
        schedule: The matches to play, in the order of the results.
        agents: For every name in the schedule an agent, its name, or a mapping that describes one; names that are
            missing must be those of strategies.
        env: Further arguments of :class:`~quintain.envs.games.RepeatedGame`, such as ``rounds`` and ``noise``.
        seed: Root seed, >= 0. Default: 0.
        concurrency: Maximum number of live matches, >= 1. It changes no result. Default: 16.
        out: Run folder for manifest and records; ``None`` writes nothing.
        resume: Continue the run in ``out``: finished matches are kept. Default: false.
        retry_errors: With ``resume``: play again only the matches that failed for infrastructure reasons. Default:
            false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_match: Called with each match as it ends.
        executor: Where to play: ``"inline"``, in this process, or ``"process"``, in ``workers`` new processes. Default:
            ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Returns:
        The matches without infrastructure failure, in the order of the schedule.

    Raises:
        ConfigurationError: If a name is unknown, or the arguments do not fit; or if a language model's labels do not
            suit its vocabulary, or its engine lacks a capability that its settings need.
        EngineError: If an engine fails before the first match.
        RecordError: If the folder cannot be written, or holds another run.
    """
    report = run_matches(
        MatchesExperiment, schedule, agents, env=env, seed=seed, concurrency=concurrency, out=out, resume=resume,
        retry_errors=retry_errors, progress=progress, on_match=on_match, executor=executor, workers=workers,
    )  # fmt: skip
    return matches_of(report.episodes)


def run_matches(
    kind: type[MatchesExperiment],
    schedule: Sequence[ScheduledMatch],
    agents: Mapping[str, Any],
    *,
    env: Mapping[str, Any] | None = None,
    seed: int = 0,
    concurrency: int = 16,
    studied: Sequence[str] = (),
    on_match: Callable[[Match], None] | None = None,
    **options: Any,
) -> Report:
    """Make the players, run an experiment with them, and release those that were made here.

    Args:
        kind: Class of the experiment, which decides its tables and page.
        schedule: The matches to play, in the order of the results.
        agents: Agents by the names that occur in ``schedule``; other names are made by the registry.
        env: Further arguments of :class:`~quintain.envs.games.RepeatedGame`, such as ``rounds`` and ``noise``.
        seed: Root seed, >= 0. Default: 0.
        concurrency: Maximum number of matches played at the same time, >= 1. It changes no result. Default: 16.
        studied: Names of the players that the page is about; empty for all.
        on_match: Called with each match once it has finished without an error.
        options: Further arguments of :class:`~quintain.experiments.runner.ExperimentRun`: ``out``, ``resume``,
            ``retry_errors``, ``progress``, ``executor`` and ``workers``.
    """
    check_counts(concurrency=concurrency)

    def on_episode(record: EpisodeRecord) -> None:
        if on_match is not None and record.outcome != "error":
            on_match(match_of(record))

    with ExitStack() as stack:
        names = sorted({name for match in schedule for name in match.agents})
        players = {name: stack.enter_context(made_agent(as_source(agents.get(name, name)))) for name in names}
        experiment = kind(schedule, players, dict(env or {}), seed, concurrency, studied)
        run = stack.enter_context(ExperimentRun(experiment, on_episode=on_episode, **options))
        run.play()
        report = run.report()
    _warn_of_failures(report)
    return report


def page_matches(report: Report) -> tuple[list[Match], list[str]]:
    """Return what a page shows: the matches, and the names of the players that it is about.

    Raises:
        ConfigurationError: If ``report.confidence`` is not 0.95.
    """
    if report.confidence != 0.95:
        raise ConfigurationError("pages about matches have 95% intervals; leave out --confidence")
    matches = matches_of(report.episodes)
    schedule = report.manifest.get("config", {}).get("fixtures", ())
    players = report.manifest.get("players") or list(dict.fromkeys(name for _, pair, _ in schedule for name in pair))
    return matches, players


def _warn_of_failures(report: Report) -> None:
    failed = [record.error or {} for record in report.episodes if record.outcome == "error"]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(report.episodes)} matches failed and are left out; the first, "
            f"{error_place(failed[0].get('boundary', '?'))}: {failed[0].get('message')}",
            RuntimeWarning,
            stacklevel=4,
        )
