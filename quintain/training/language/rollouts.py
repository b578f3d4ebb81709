"""Rollouts for learning: groups of episodes that begin alike, with the tokens that the policy wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Agent
from quintain.engines.lock_step import in_lock_step
from quintain.evaluation.job import DEFAULT_MAX_STEPS, Job
from quintain.evaluation.rollout import run_episodes
from quintain.evaluation.settings import with_required_settings
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.language.sequences import TokenSequence, sequences_of, turn_rewards
from quintain.training.sources import Problems, Worlds

__all__ = ["Rollout", "play_rollouts"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode of a group.

    Attributes:
        record: The episode's record, with tokens.
        group: Number of the group; episodes of a group begin alike.
        sequences: The tokens of the episode; none where the policy wrote nothing.
        rewards: Reward of each turn, in order.
        rest: Reward that belongs to no turn: the return is ``sum(rewards) + rest``.
    """

    record: EpisodeRecord
    group: int
    sequences: Sequence[TokenSequence]
    rewards: Sequence[float]
    rest: float

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
    source: Worlds | Problems,
    agent: Agent,
    *,
    groups: Sequence[int],
    group_size: int,
    seeds: SeedStream,
    first_index: int = 0,
    concurrency: int = 256,
    max_steps: int | None = DEFAULT_MAX_STEPS,
    sink: Callable[[EpisodeRecord], None] | None = None,
) -> list[Rollout]:
    """Play ``group_size`` episodes from each of several beginnings, in the loop that evaluates agents.

    Episodes of a group have the same environment seed; the agent's random choices have seeds of their own. Requests are
    served in lock-step, so equal arguments and weights give rollouts that are equal to the bit.

    Args:
        source: The environment, or problems of it.
        agent: An agent whose engine can train.
        groups: Numbers of the groups, of which the source draws the beginnings.
        group_size: Episodes per group, >= 1.
        seeds: Seed stream of the environment's seeds.
        first_index: Index of the first record; the others follow. Default: 0.
        concurrency: Maximum number of episodes at once, >= 1. Default: 256.
        max_steps: Cap on an episode's steps, or ``None``. Default: 100,000.
        sink: Called with each finished record, in order of completion.

    Returns:
        The rollouts, group by group.

    Raises:
        ConfigurationError: If agent and environment do not fit together, or the agent's replies cannot be trained on.
    """
    worlds = source.worlds if isinstance(source, Problems) else source
    jobs: list[Job] = []
    group_of: dict[int, int] = {}
    chosen = isinstance(source, Problems)  # they choose the item themselves
    for number in groups:
        draw = source.draw(seeds, number)
        for _ in range(group_size):
            index = first_index + len(jobs)
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

    env_kwargs = with_required_settings(worlds.env, worlds.env_kwargs, agent)
    with in_lock_step():
        run_episodes(worlds.env, env_kwargs, agent, iter(jobs), min(concurrency, len(jobs)), take, lambda facts: None)
    return [_rollout(records[job.index], group_of[job.index]) for job in jobs]


def _rollout(record: EpisodeRecord, group: int) -> Rollout:
    rewards = turn_rewards(record)
    if record.outcome == "error":
        return Rollout(record, group, (), rewards, 0.0)
    return Rollout(record, group, sequences_of(record), rewards, record.reward - sum(rewards))
