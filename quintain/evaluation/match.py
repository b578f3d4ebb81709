"""``play``: several seats, each with its own agent, in a PettingZoo game."""

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

from quintain.agents.agent import Actor, Agent, Seat
from quintain.engines.engine import record_exchanges
from quintain.envs.games import RepeatedGame
from quintain.errors import Boundary, ConfigurationError, EnvironmentFault
from quintain.evaluation.episode import Ledger, classify, keep
from quintain.evaluation.loop import play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent, make_manifest
from quintain.evaluation.recording import Recording, check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import as_source, made_agent
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["play", "play_match"]


def play(
    game: Any,
    agents: Mapping[str, Any],
    *,
    episodes: int = 1,
    seed: int = 0,
    concurrency: int = 1,
    out: str | Path | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    confidence: float = 0.95,
    progress: bool | None = None,
    on_episode: Callable[[EpisodeRecord], None] | None = None,
) -> Report:
    """Play a game with one agent per seat.

    Args:
        game: Id of a game in PettingZoo's registry (the parallel form, where there are both), a ``ParallelEnv`` or
            ``AECEnv``, or a function that makes one.
        agents: For every seat an agent, its name, a mapping that describes one, or anything that
            :func:`~quintain.agents.registry.as_agent` takes. The same agent may take several seats.
        episodes: Number of matches, >= 1.
        seed: Root seed; match ``i`` depends on ``seed`` and ``i`` alone.
        concurrency: Matches that are live at once; more than one needs ``game`` to be an id or a function.
        out: Folder for manifest and records; nothing is written without it.
        env_kwargs: Arguments for a game that is given by its id.
        resume: Continue the run in ``out``: finished matches are kept.
        retry_errors: With ``resume``: play the matches again that failed for infrastructure reasons, and only them.
        confidence: Nominal coverage of the intervals, in (0, 1).
        progress: Show a progress bar; by default where there is a terminal.
        on_episode: Called with each finished record, in order of completion.

    Returns:
        The report; ``report.returns`` has one interval per seat.

    Raises:
        ConfigurationError: If the combination cannot work, a seat has no agent, or an agent no seat.
        RecordError: If the folder cannot be written, or holds another run.
        KeyboardInterrupt: On Ctrl-C. Finished matches are recorded; continue with ``resume=True``.
    """
    check_counts(episodes=episodes, concurrency=concurrency)
    if env_kwargs and not isinstance(game, str):
        raise ConfigurationError("env_kwargs go with a game's id; any other game has its arguments already")
    with ExitStack() as stack:

        def make() -> Any:
            table = maker()
            stack.callback(table.close)
            return table

        if hasattr(game, "possible_agents") and not isinstance(game, type):
            if concurrency > 1:
                raise ConfigurationError("concurrent matches need one game each: give its id or a function")
            first = game
        else:
            maker = _maker(game, env_kwargs)
            first = make()
        seats = list(first.possible_agents)
        if set(agents) != set(seats):
            missing, extra = sorted(set(seats) - set(agents)), sorted(set(agents) - set(seats))
            raise ConfigurationError(
                f"every seat needs one agent: missing {missing}, no such seat {extra}; seats: {seats}"
            )
        players = {seat: stack.enter_context(made_agent(as_source(agents[seat]))) for seat in seats}
        name = game if isinstance(game, str) else str(first.metadata.get("name", type(first.unwrapped).__name__))
        arguments = env_kwargs if isinstance(game, str) else _arguments(first.unwrapped)
        manifest = make_manifest(name, arguments, {s: describe_agent(a) for s, a in players.items()}, seed)
        manifest["kind"] = "play"
        seeds = SeedStream(seed, "episode")
        free = [first]

        def sit_down() -> Callable[[int], Awaitable[EpisodeRecord]]:
            table = free.pop() if free else make()
            return lambda index: play_match(table, name, players, index, seeds[index])

        with Recording(
            manifest, episodes, out=out, resume=resume, retry_errors=retry_errors, progress=progress,
            on_episode=on_episode,
        ) as run:  # fmt: skip
            run_in_loop(lambda: play_jobs(iter(run.todo), concurrency, sit_down, run.add))
    return run.report(confidence)


def _maker(game: Any, env_kwargs: Mapping[str, Any] | None) -> Callable[[], Any]:
    if not isinstance(game, str):
        return game  # type: ignore[no-any-return]  # a user's function
    turns_only = game in pettingzoo.aec_registry and game not in pettingzoo.parallel_registry
    return partial(pettingzoo.make, "aec" if turns_only else "parallel", game, **(env_kwargs or {}))


def _arguments(game: Any) -> dict[str, Any]:
    """Tell what a game was made with, as far as it knows: PettingZoo's keep their arguments in order to be pickled."""
    if isinstance(game, RepeatedGame):
        return {"rules": game.rules.fingerprint(game.game), "view": game.view, "memory": game.memory}
    given = dict(enumerate(getattr(game, "_ezpickle_args", ()))) | getattr(game, "_ezpickle_kwargs", {})
    return {str(name): _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return type(value).__name__
    return value


async def play_match(game: Any, name: str, players: Mapping[str, Agent], index: int, seed: int) -> EpisodeRecord:
    """Play one match. Like :func:`~quintain.evaluation.episode.play_episode`, it records failures and does not raise.

    Args:
        game: A PettingZoo game, parallel or AEC, that nobody else uses meanwhile.
        name: The game's id.
        players: One agent per seat. The record keeps the seats in this order.
        index: Number of the match in its run.
        seed: Its seed.
    """
    ledger = Ledger(index, seed)
    ledger.returns = dict.fromkeys(players, 0.0)  # all have one, in the order of the seats, even if they never act
    error: dict[str, str] | None = None
    with record_exchanges() as log:
        table = _Table(game, name, players, seed, ledger)
        try:
            await (table.play_turns() if hasattr(game, "agent_iter") else table.play_rounds())
        except ConfigurationError:
            raise
        except Exception as caught:
            error = classify(caught, table.boundary)
            if table.acting:
                error["seat"] = table.acting
    return ledger.finish(log, error)


class _Table:
    """One match under way."""

    def __init__(self, game: Any, name: str, players: Mapping[str, Agent], seed: int, ledger: Ledger) -> None:
        self._game = game
        self._name = name
        self._players = players
        self._seed = seed
        self._ledger = ledger
        self._actors: dict[str, Actor] = {}
        self.boundary: Boundary = "env"
        self.acting = ""

    def _sit(self) -> None:
        self.boundary = "agent"
        for seat, player in self._players.items():
            self.acting = seat
            spaces = self._game.observation_space(seat), self._game.action_space(seat)
            self._actors[seat] = player.begin(Seat(self._name, seat, *spaces, self._seed))
        self.acting = ""

    async def _act(self, seat: str, observation: Any, info: dict[str, Any]) -> Any:
        try:
            action = self._actors[seat].act(observation, info)
            return await action if inspect.isawaitable(action) else action
        except Exception:
            self.acting = seat
            raise

    async def play_rounds(self) -> None:
        """Play a parallel game: all seats act at once, and those that ask a model wait together."""
        self.boundary = "env"
        observations, infos = self._game.reset(seed=self._seed)
        self._sit()
        while self._game.agents:
            seats = list(self._game.agents)
            seen = {seat: keep(observations[seat]) for seat in seats}
            self.boundary = "agent"
            chosen = await asyncio.gather(*(self._act(s, observations[s], infos.get(s, {})) for s in seats))
            self.boundary, self.acting = "env", ""
            actions = dict(zip(seats, chosen, strict=True))
            done = {seat: keep(action) for seat, action in actions.items()}
            following, rewards, _, _, infos = self._game.step(actions)
            for seat in seats:
                self._ledger.step(seat, seen[seat], done[seat], rewards[seat], infos.get(seat, {}))
            observations = following

    async def play_turns(self) -> None:
        """Play a turn-based game: a seat's reward arrives when it is its turn, for its last action if there was one."""
        self.boundary = "env"
        self._game.reset(seed=self._seed)
        self._sit()
        pending: dict[str, tuple[Any, Any]] = {}
        self.boundary = "env"
        for seat in self._game.agent_iter():
            observation, reward, terminated, truncated, info = self._game.last()
            if seat in pending:
                self._ledger.step(seat, *pending.pop(seat), reward, info)
            else:  # others' actions pay it before it ever acts
                self._ledger.pay(seat, reward, info)
            if terminated or truncated:
                self._game.step(None)
                continue
            seen = keep(observation)
            self.boundary = "agent"
            action = await self._act(seat, observation, info)
            self.boundary = "env"
            pending[seat] = (seen, keep(action))
            self._game.step(action)
        if pending:
            raise EnvironmentFault(
                f"the game ended before seats {sorted(pending)} got the rewards of their last actions"
            )
