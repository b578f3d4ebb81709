"""``play``: matches between several agents, one per seat of a PettingZoo game."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pettingzoo

from quintain.agents.agent import Actor, Agent, Seat, is_oracle
from quintain.engines.engine import ExchangeLog, acting_seat, record_exchanges
from quintain.envs.protocols import DescribedEnv, SolvableGame
from quintain.envs.sharing import check_distinct, own
from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.evaluation.episode_log import EpisodeLog, snapshot
from quintain.evaluation.error_boundary import ErrorBoundary
from quintain.evaluation.failures import OnErrors, check_errors, first_exception, raise_if_all_failed
from quintain.evaluation.job import DEFAULT_MAX_STEPS, Job, check_settings
from quintain.evaluation.loop import YieldTimer, play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent, make_manifest, warn_if_undescribed
from quintain.evaluation.origin import choose_seed_bits
from quintain.evaluation.recording import Recording, check_confidence, check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import as_source, made_agent
from quintain.records import EpisodeRecord
from quintain.seeding import episode_seeds

__all__ = ["open_game", "play", "play_match", "seats_of"]


def play(
    game: Any,
    agents: Mapping[str, Any],
    *,
    episodes: int = 1,
    seed: int = 0,
    seed_bits: int | None = None,
    concurrency: int = 1,
    out: str | Path | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    reset_options: Mapping[str, Any] | None = None,
    max_steps: int | None = DEFAULT_MAX_STEPS,
    resume: bool = False,
    retry_errors: bool = False,
    confidence: float = 0.95,
    progress: bool | None = None,
    on_episode: Callable[[EpisodeRecord], None] | None = None,
    errors: OnErrors = "raise",
) -> Report:
    """Play matches of a game with one agent per seat.

    Args:
        game: Id of a game in PettingZoo's registry (the parallel form, where there are both), a ``ParallelEnv`` or
            ``AECEnv``, or a function that makes one.
        agents: For every seat an agent, its name, a mapping that describes one, or anything that
            :func:`~quintain.agents.registry.as_agent` takes. The same agent may take several seats.
        episodes: Number of matches, >= 1.
        seed: Root seed, >= 0; match ``i`` depends on ``seed`` and ``i`` alone.
        seed_bits: Bits of the episodes' seeds: 31, which every simulator takes, or 53, as runs of version 0.1.0 have
            them. Default: those of the run that is continued or replayed, else 31.
        concurrency: Maximum number of matches at once, >= 1; more than one needs ``game`` to be an id or a function.
        out: Run folder for manifest and records; ``None`` writes nothing.
        env_kwargs: Arguments for a game that is given by its id.
        reset_options: ``options`` of every episode's ``reset``, as Gymnasium and PettingZoo define it; ``None`` calls
            ``reset`` without options. They are part of the run's configuration.
        max_steps: Number of steps, >= 1, after which a match that has not ended is truncated; a step is one action of
            every seat in a parallel game, one action in a turn-based game. ``info["truncated_by"]`` of its record is
            then ``"max_steps"``. A match that the default of 100,000 cuts is warned of; ``None`` lifts the cap.
        resume: Continue the run in ``out``: finished matches are kept.
        retry_errors: With ``resume``: play again only the matches that failed for infrastructure reasons.
        confidence: Nominal coverage of the intervals, in (0, 1).
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_episode: Called with each finished record, in order of completion.
        errors: ``"raise"`` raises if every match failed in an agent's or the game's own code, with the first exception
            as cause; ``"record"`` returns a report of such matches, too. Other failures are always recorded.

    Returns:
        The report; ``report.returns`` has one interval per seat.

    Raises:
        ConfigurationError: If the combination cannot work, a seat has no agent, or an agent no seat.
        RecordError: If the folder cannot be written, or holds another run.
        AgentError: If every match failed in an agent's code, and ``errors`` is ``"raise"``.
        EnvironmentFault: If every match failed in the game's code, and ``errors`` is ``"raise"``.
        KeyboardInterrupt: On Ctrl-C. Finished matches are recorded; continue with ``resume=True``.
    """
    check_counts(episodes=episodes, concurrency=concurrency)
    check_confidence(confidence)
    check_errors(errors)
    settings = check_settings(max_steps, reset_options)
    if env_kwargs and not isinstance(game, str):
        raise ConfigurationError("env_kwargs go with a game's id; any other game has its arguments already")
    with ExitStack() as stack:
        free: list[Any] = []
        if isinstance(game, (pettingzoo.ParallelEnv, pettingzoo.AECEnv)) or (
            hasattr(game, "possible_agents") and not isinstance(game, type)
        ):
            if concurrency > 1:
                raise ConfigurationError("concurrent matches need one game each: give its id or a function")
            free.append(game)
        else:
            free.append(open_game(game, env_kwargs, stack))
        first = free[0]
        games = [first]
        seats = _check_seats(seats_of(first), agents)
        players = {seat: stack.enter_context(made_agent(as_source(agents[seat]))) for seat in seats}
        if out is not None:
            for player in players.values():
                warn_if_undescribed(player)
        name = game if isinstance(game, str) else str(first.metadata.get("name", type(first.unwrapped).__name__))
        arguments = env_kwargs if isinstance(game, str) else _arguments(first.unwrapped)
        described = {s: describe_agent(a) for s, a in players.items()}
        manifest = make_manifest(name, arguments, described, seed, **settings)
        manifest["kind"] = "play"
        seeds = episode_seeds(seed, choose_seed_bits(manifest, seed_bits, out if resume else None))

        def start_worker() -> Callable[[int], Awaitable[EpisodeRecord]]:
            if free:
                mine = free.pop()
            else:
                mine = open_game(game, env_kwargs, stack)
                games.append(mine)
                check_distinct(games)
            return lambda index: play_match(mine, name, players, Job(index, seeds[index], reset_options, max_steps))

        with (
            first_exception() as found,
            Recording(
                manifest, episodes, out=out, resume=resume, retry_errors=retry_errors, progress=progress,
                on_episode=on_episode,
            ) as run,
        ):  # fmt: skip
            run_in_loop(lambda: play_jobs(iter(run.todo), concurrency, start_worker, run.add))
    report = run.report(confidence)
    if errors == "raise":
        raise_if_all_failed(report.episodes, found, out)
    return report


def open_game(game: Any, env_kwargs: Mapping[str, Any] | None, stack: ExitStack) -> Any:
    """Make a game that is given by its id in PettingZoo's registry or a function, to be closed with ``stack``."""
    if isinstance(game, str):
        turns_only = game in pettingzoo.aec_registry and game not in pettingzoo.parallel_registry
        made: Any = pettingzoo.make("aec" if turns_only else "parallel", game, **(env_kwargs or {}))
    else:
        made = game()
    stack.callback(made.close)
    return made


def seats_of(game: Any) -> list[str]:
    """Return the names of a game's seats.

    Raises:
        ConfigurationError: If the game does not list them.
    """
    seats = getattr(game, "possible_agents", None)
    if not seats:
        raise ConfigurationError(
            f"{type(getattr(game, 'unwrapped', game)).__name__} has no possible_agents, the list of all its seats, "
            "without which agents cannot be given one each"
        )
    return list(seats)


def _check_seats(seats: list[str], agents: Mapping[str, Any]) -> list[str]:
    missing, extra = sorted(set(seats) - set(agents)), sorted(set(agents) - set(seats))
    if missing or extra:
        raise ConfigurationError(f"every seat needs one agent: missing {missing}, no such seat {extra}; seats: {seats}")
    return seats


def _arguments(game: Any) -> dict[str, Any]:
    """Describe a game that the caller made, by its own facts or by the arguments that PettingZoo keeps for pickling."""
    if isinstance(game, DescribedEnv):
        return dict(game.describe())
    given = dict(enumerate(getattr(game, "_ezpickle_args", ()))) | getattr(game, "_ezpickle_kwargs", {})
    return {str(name): _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return type(value).__name__
    return value


async def play_match(game: Any, name: str, players: Mapping[str, Agent], job: Job) -> EpisodeRecord:
    """Play one match. Failures do not raise, as in :func:`~quintain.evaluation.episode.play_episode`.

    Args:
        game: A PettingZoo game, parallel or AEC; no other match may use it meanwhile.
        name: The game's id, for the agents' seats.
        players: One agent per seat. The record keeps the seats in this order.
        job: The match to play.
    """
    log = EpisodeLog(job.index, job.seed)
    log.returns = dict.fromkeys(players, 0.0)  # every seat has one, even if it never acts
    with record_exchanges(job.tokens) as exchanges, ErrorBoundary("env") as running:
        match = _Match(game, name, players, job, log, running, exchanges)
        await (match.play_turns() if hasattr(game, "agent_iter") else match.play_rounds())
    return log.finish(exchanges, running.error)


class _Match:
    """A running match."""

    def __init__(
        self,
        game: Any,
        name: str,
        players: Mapping[str, Agent],
        job: Job,
        log: EpisodeLog,
        running: ErrorBoundary,
        exchanges: ExchangeLog,
    ) -> None:
        self._game = game
        self._name = name
        self._players = players
        self._job = job
        self._log = log
        self._running = running
        self._exchanges = exchanges
        self._actors: dict[str, Actor] = {}
        self._cut: dict[str, bool] = {}  # whether a seat's part was truncated, and not terminated

    def _begin(self) -> None:
        self._running.boundary = "agent"
        for seat, player in self._players.items():
            self._running.seat = seat
            spaces = self._game.observation_space(seat), self._game.action_space(seat)
            game = self._game.unwrapped
            solves = is_oracle(player) and isinstance(game, SolvableGame)
            solution = partial(game.solution_of, seat) if solves else None
            self._actors[seat] = player.begin(Seat(self._name, seat, *spaces, self._job.agent_seed, solution))
        self._running.seat = ""

    def _ask(self, seat: str, observation: Any, info: dict[str, Any]) -> Any:
        """Return a seat's action, or what to await for it."""
        acting_seat.set(seat)
        try:
            return self._actors[seat].act(observation, info)
        except Exception:
            self._running.seat = seat
            raise

    async def _wait_for(self, seat: str, action: Awaitable[Any]) -> Any:
        acting_seat.set(seat)
        try:
            return await action
        except Exception:
            self._running.seat = seat
            raise

    async def _act_together(
        self, seats: list[str], observations: Mapping[str, Any], infos: Mapping[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """Return every seat's action. Tasks are made only for the agents that wait, such as for a language model."""
        actions: dict[str, Any] = {}
        try:
            for seat in seats:
                actions[seat] = self._ask(seat, observations[seat], infos.get(seat, {}))
        except Exception:
            for action in actions.values():
                if inspect.iscoroutine(action):
                    action.close()  # it is not awaited any more
            raise
        waiting = [seat for seat, action in actions.items() if inspect.isawaitable(action)]
        if waiting:
            chosen = await asyncio.gather(*(self._wait_for(seat, actions[seat]) for seat in waiting))
            actions.update(zip(waiting, chosen, strict=True))
        return actions

    async def play_rounds(self) -> None:
        """Play a parallel game: all seats act at once, and the requests of language models are served together."""
        self._running.boundary = "env"
        observations, infos = self._job.reset(self._game)
        self._begin()
        over: set[str] = set()  # the listed seats that were terminated or truncated
        timer = YieldTimer()
        rounds = 0
        while self._game.agents and rounds != self._job.max_steps:
            seats = list(self._game.agents)
            before = {seat: snapshot(observations[seat]) for seat in seats}
            self._running.boundary = "agent"
            self._exchanges.step = self._log.length
            actions = await self._act_together(seats, observations, infos)
            self._running.boundary, self._running.seat = "env", ""
            recorded = {seat: snapshot(action) for seat, action in actions.items()}
            observations, rewards, terminations, truncations, infos = self._game.step(actions)
            rounds += 1
            for seat in seats:
                info, terminated, truncated = infos.get(seat, {}), terminations.get(seat), truncations.get(seat)
                if terminated or truncated:
                    over.add(seat)
                    self._cut[seat] = not terminated
                    info = own(info)  # no later info replaces it, and the game may use it again
                elif seat in over and (seat in terminations or seat in truncations):
                    over.remove(seat)
                    self._cut[seat] = False
                self._log.add_step(seat, before[seat], recorded[seat], rewards[seat], info)
            over.intersection_update(self._game.agents)
            if over and len(over) == len(self._game.agents):
                break  # a game may keep finished agents in its list
            if timer.is_due():
                await asyncio.sleep(0)
        else:
            if self._game.agents:
                self._log.cut(rounds)
        self._log.truncated |= any(self._cut.values())

    async def play_turns(self) -> None:
        """Play a turn-based game: the reward of an action is known when it is the seat's turn again."""
        self._running.boundary = "env"
        self._job.reset(self._game)
        self._begin()
        self._running.boundary = "env"
        unpaid: dict[str, tuple[Any, Any]] = {}  # per seat: observation and action whose reward is still to come
        turns = 0
        for seat in self._game.agent_iter():
            observation, reward, terminated, truncated, info = self._game.last()
            over, was_over = terminated or truncated, seat in self._cut
            if not (over and was_over):
                self._pay(seat, reward, info, unpaid)
            if over and not was_over:
                self._cut[seat] = bool(truncated) and not terminated
                self._game.step(None)
                continue
            ended = over and self._is_over()
            if ended or turns == self._job.max_steps:
                self._settle(seat, unpaid)
                if not ended:
                    self._log.cut(turns)
                break
            turns += 1
            if over:  # the game gives the turn to a seat that is over, while others go on
                self._game.step(None)
                continue
            self._cut.pop(seat, None)
            before = snapshot(observation)
            self._running.boundary = "agent"
            self._exchanges.step = self._log.length
            action = self._ask(seat, observation, info)
            if inspect.isawaitable(action):
                action = await self._wait_for(seat, action)
            self._running.boundary = "env"
            unpaid[seat] = (before, snapshot(action))
            self._game.step(action)
        self._log.truncated |= any(self._cut.values())
        if unpaid:
            raise EnvironmentFault(
                f"the game ended before seats {sorted(unpaid)} got the rewards of their last actions"
            )

    def _is_over(self) -> bool:
        """Whether all seats that a turn-based game lists are over: it may go on listing them."""
        game = self._game
        return all(game.terminations.get(seat) or game.truncations.get(seat) for seat in game.agents)

    def _pay(self, seat: str, reward: Any, info: dict[str, Any], unpaid: dict[str, tuple[Any, Any]]) -> None:
        info = own(info)  # the game may change it in the turns of the others
        if seat in unpaid:
            self._log.add_step(seat, *unpaid.pop(seat), reward, info)
        else:  # a reward for the actions of others, before this seat's first one
            self._log.add_reward(seat, reward, info)

    def _settle(self, current: str, unpaid: dict[str, tuple[Any, Any]]) -> None:
        """Record the rewards that the other seats would get at their next turn, which does not come.

        Args:
            current: The seat whose turn it is, which has its rewards.
            unpaid: Observation and action of each seat whose reward is still to come; emptied.
        """
        game = self._game
        for seat in game.agents:
            if seat != current and seat not in self._cut:
                self._pay(seat, game._cumulative_rewards[seat], game.infos.get(seat, {}), unpaid)
                self._cut[seat] = bool(game.truncations.get(seat)) and not game.terminations.get(seat)
