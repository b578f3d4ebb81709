"""Rollouts for learning: groups of episodes that begin alike, with the tokens that the policy wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Agent
from quintain.engines.lock_step import in_lock_step
from quintain.errors import ConfigurationError
from quintain.evaluation.job import DEFAULT_MAX_STEPS, Job
from quintain.evaluation.loop import play_jobs, run_in_loop
from quintain.evaluation.match import open_game, play_match, seats_of
from quintain.evaluation.rollout import as_source, made_agent, run_episodes
from quintain.evaluation.settings import with_required_settings
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.language.sequences import TokenSequence, sequences_of, turn_rewards
from quintain.training.sources import Matches, Problems, Worlds

__all__ = ["Rollout", "play_rollouts"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode of a group, as one seat played it.

    Attributes:
        record: The episode's record, with tokens.
        group: Number of the group; episodes of a group begin alike.
        sequences: The tokens of the episode; none where the policy wrote nothing.
        rewards: Reward of each turn, in order.
        rest: Reward that belongs to no turn.
        seat: Name of the seat. Default: ``"agent"``, the only one outside games.
    """

    record: EpisodeRecord
    group: int
    sequences: Sequence[TokenSequence]
    rewards: Sequence[float]
    rest: float
    seat: str = "agent"

    @property
    def total(self) -> float:
        """Return of the episode for this seat."""
        return sum(self.rewards) + self.rest

    @property
    def valid(self) -> bool:
        """Whether the episode can be learned from: it did not end in an infrastructure failure."""
        return self.record.outcome != "error"

    def to_go(self, gamma: float = 1.0) -> NDArray[np.float64]:
        """Return the reward that follows from each turn on, discounted by turn; shape ``(turns,)``.

        Args:
            gamma: Discount factor, in [0, 1]. Default: 1.
        """
        follows, total = np.zeros(len(self.rewards)), self.rest
        for turn in reversed(range(len(self.rewards))):
            total = self.rewards[turn] + gamma * total
            follows[turn] = total
        return follows


def play_rollouts(
    source: Worlds | Problems | Matches,
    agent: Agent,
    *,
    groups: Sequence[int],
    group_size: int,
    seeds: SeedStream,
    concurrency: int = 256,
    max_steps: int | None = DEFAULT_MAX_STEPS,
    sink: Callable[[EpisodeRecord], None] | None = None,
) -> list[Rollout]:
    """Play ``group_size`` episodes from each of several beginnings, in the loop that evaluates agents.

    Episodes of a group have the same environment seed; the agent's random choices have seeds of their own. Requests are
    served in lock-step, so equal arguments and weights give rollouts that are equal to the bit.

    Args:
        source: The environment, problems of it, or matches of a game, in which every seat that learns has a rollout.
        agent: An agent whose engine can train.
        groups: Numbers of the groups, of which the source draws the beginnings; record ``i`` of group ``g`` has the
            index ``g * group_size + i``.
        group_size: Episodes per group, >= 1.
        seeds: Seed stream of the environment's seeds.
        concurrency: Maximum number of episodes at once, >= 1. Default: 256.
        max_steps: Cap on an episode's steps, or ``None``. Default: 100,000.
        sink: Called with each finished record, in order of completion.

    Returns:
        The rollouts, group by group.

    Raises:
        ConfigurationError: If agent and environment do not fit together, or the agent's replies cannot be trained on.
    """
    jobs: list[Job] = []
    group_of: dict[int, int] = {}
    chosen = isinstance(source, Problems)  # they choose the item themselves
    for number in groups:
        draw = source.draw(seeds, number)
        for index in range(number * group_size, (number + 1) * group_size):
            group_of[index] = number
            # A problem that comes again has other random choices: the number of the answer is that of the episode.
            jobs.append(
                Job(index, draw.seed, draw.reset_options, max_steps, None if chosen else number, index, tokens=True)
            )
    records: dict[int, EpisodeRecord] = {}

    def take(record: EpisodeRecord) -> None:
        records[record.index] = record
        if sink is not None:
            sink(record)

    with in_lock_step():
        if isinstance(source, Matches):
            seats = _run_matches(source, agent, jobs, concurrency, take)
        else:
            worlds, seats = source.worlds if isinstance(source, Problems) else source, ["agent"]
            env_kwargs = with_required_settings(worlds.env, worlds.env_kwargs, agent)
            parallel = min(concurrency, len(jobs))
            run_episodes(worlds.env, env_kwargs, agent, iter(jobs), parallel, take, lambda facts: None)
    return [
        _rollout(records[job.index], len(seats) * group_of[job.index] + number, seat)
        for job in jobs
        for number, seat in enumerate(seats)
    ]


def _run_matches(
    source: Matches, agent: Agent, jobs: Sequence[Job], concurrency: int, sink: Callable[[EpisodeRecord], None]
) -> list[str]:
    """Play matches, and return the seats that the agent took.

    Raises:
        ConfigurationError: If an opponent has no seat, or there is no seat to learn from.
    """
    with ExitStack() as stack:
        first = open_game(source.game, source.env_kwargs, stack)
        seats, free = seats_of(first), [first]
        if lost := sorted(set(source.opponents) - set(seats)):
            raise ConfigurationError(f"there is no seat {lost[0]!r} for an opponent; seats: {', '.join(seats)}")
        own = [seat for seat in seats if seat not in source.opponents]
        if not own:
            raise ConfigurationError("every seat has an opponent, so there is nothing to learn from")
        opponents = {seat: stack.enter_context(made_agent(as_source(a))) for seat, a in source.opponents.items()}
        players = {seat: opponents.get(seat, agent) for seat in seats}
        name = source.game if isinstance(source.game, str) else type(first.unwrapped).__name__

        def start_worker() -> Callable[[Job], Awaitable[EpisodeRecord]]:
            game = free.pop() if free else open_game(source.game, source.env_kwargs, stack)
            return lambda job: play_match(game, name, players, job)

        run_in_loop(lambda: play_jobs(iter(jobs), min(concurrency, len(jobs)), start_worker, sink))
    return own


def _rollout(record: EpisodeRecord, group: int, seat: str) -> Rollout:
    rewards = turn_rewards(record, seat)
    if record.outcome == "error":
        return Rollout(record, group, (), rewards, 0.0, seat)
    rest = record.returns.get(seat, 0.0) - sum(rewards)
    return Rollout(record, group, sequences_of(record, seat), rewards, rest, seat)
