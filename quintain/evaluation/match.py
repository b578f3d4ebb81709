"""``play``: several seats, each with its own agent, in a PettingZoo game."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from quintain.agents.agent import Actor, Agent, Seat
from quintain.agents.llm.engine import record_exchanges
from quintain.agents.registry import as_agent, make_agent
from quintain.errors import Boundary, ConfigurationError, EnvironmentFault
from quintain.evaluation.episode import Ledger, classify, keep
from quintain.evaluation.manifest import describe_agent, make_manifest
from quintain.evaluation.records import EpisodeRecord, RunFolder
from quintain.evaluation.report import Report
from quintain.evaluation.runner import run_in_loop
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
    resume: bool = False,
    confidence: float = 0.95,
) -> Report:
    """Play a game with one agent per seat.

    Args:
        game: A PettingZoo ``ParallelEnv`` or ``AECEnv``, or a function that makes one.
        agents: For every seat an agent, its name, a mapping that describes one, or anything that
            :func:`~quintain.agents.registry.as_agent` takes. The same agent may take several seats.
        episodes: Number of matches, >= 1.
        concurrency: Matches that are live at once; more than one needs ``game`` to be a function.
        seed: Root seed; match ``i`` depends on ``seed`` and ``i`` alone.
        out: Folder for manifest and records; nothing is written without it.
        resume: Continue the run in ``out``.
        confidence: Nominal coverage of the intervals, in (0, 1).

    Returns:
        The report; ``report.returns`` has one interval per seat.

    Raises:
        ConfigurationError: If a seat has no agent, or an agent no seat.
    """
    if episodes < 1:
        raise ConfigurationError(f"episodes must be >= 1, got {episodes!r}")
    made = hasattr(game, "possible_agents")
    if made and concurrency > 1:
        raise ConfigurationError("concurrent matches need one game each: give a function that makes the game")
    world = game if made else game()
    seats = list(world.possible_agents)
    if set(agents) != set(seats):
        missing, extra = sorted(set(seats) - set(agents)), sorted(set(agents) - set(seats))
        raise ConfigurationError(f"every seat needs one agent: missing {missing}, no such seat {extra}; seats: {seats}")
    players = {s: make_agent(**agents[s]) if isinstance(agents[s], Mapping) else as_agent(agents[s]) for s in seats}
    name = str(world.metadata.get("name", type(world.unwrapped).__name__))
    described = {seat: describe_agent(player) for seat, player in players.items()}
    manifest = make_manifest(name, {}, described, seed)
    seeds = SeedStream(seed, "episode")

    async def run() -> list[EpisodeRecord]:
        with ExitStack() as stack:
            folder = stack.enter_context(RunFolder(out, manifest, resume=resume)) if out is not None else None
            done = {e.index: e for e in folder.episodes} if folder is not None else {}
            todo = iter([i for i in range(episodes) if i not in done])

            async def work(table: Any) -> None:
                for index in todo:
                    done[index] = await play_match(table, name, players, index, seeds[index])
                    if folder is not None:
                        folder.append(done[index])

            await asyncio.gather(*(work(game() if n else world) for n in range(min(concurrency, episodes))))
        return [done[i] for i in sorted(done) if i < episodes]

    return Report(run_in_loop(run), manifest, Path(out) if out is not None else None, confidence)


async def play_match(game: Any, name: str, players: Mapping[str, Agent], index: int, seed: int) -> EpisodeRecord:
    """Play one match. Like :func:`~quintain.evaluation.episode.play_episode`, it records failures and does not raise.

    Args:
        game: A PettingZoo game, parallel or AEC, that nobody else uses meanwhile.
        name: The game's id.
        players: One agent per seat. The record keeps the seats in this order.
        index: Number of the match in its run.
        seed: Its seed.
    """
    ledger = Ledger(index, seed, players)
    error: dict[str, str] | None = None
    with record_exchanges() as tape:
        table = _Table(game, name, players, seed, ledger)
        try:
            await (table.play_turns() if hasattr(game, "agent_iter") else table.play_rounds())
        except ConfigurationError:
            raise
        except Exception as caught:
            error = classify(caught, table.boundary)
            if table.acting:
                error["seat"] = table.acting
    return ledger.finish(tape, error)


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
            following, rewards, _, _, infos = self._game.step(actions)
            for seat in seats:
                self._ledger.step(seat, seen[seat], actions[seat], rewards[seat], infos.get(seat, {}))
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
                self._ledger.pay(seat, float(reward), info)
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
