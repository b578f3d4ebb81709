"""Self-play: tabular learners that play matches against each other and learn after every match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from quintain.agents import AgentLike
from quintain.agents.agent import Seat
from quintain.agents.games.learners import TabularLearner
from quintain.agents.registry import as_agent
from quintain.errors import ConfigurationError
from quintain.evaluation.tabular import Row, Tabular
from quintain.seeding import SeedStream

__all__ = ["SelfPlay", "self_play"]


@dataclass(frozen=True, repr=False)
class SelfPlay(Tabular):
    """Results of self-play.

    Attributes:
        seats: Names of the seats.
        rewards: Mean reward per round, shape ``(matches, seats)``.
    """

    seats: Sequence[str]
    rewards: NDArray[np.float64]

    def headline(self) -> str:
        """Return the number of matches, and the mean rewards of the last tenth."""
        last = self.rewards[-max(1, len(self.rewards) // 10) :].mean(axis=0)
        ends = ", ".join(f"{seat} {value:.3g}" for seat, value in zip(self.seats, last, strict=True))
        return f"{len(self.rewards):,} matches; mean reward per round in the last tenth: {ends}"

    def to_rows(self) -> list[Row]:
        """Return one row per match: its number and each seat's mean reward per round."""
        return [
            {"match": number, **dict(zip(self.seats, map(float, values), strict=True))}
            for number, values in enumerate(self.rewards)
        ]


def self_play(
    game: ParallelEnv[str, Any, Any], players: Mapping[str, AgentLike], *, episodes: int, seed: int = 0
) -> SelfPlay:
    """Train the learners among the players in repeated matches. Players of other kinds do not change.

    Args:
        game: A repeated game with a numeric view, such as ``RepeatedGame-v0``.
        players: One player per seat: a :class:`~quintain.agents.games.learners.TabularLearner`, which learns, or
            another agent whose ``act`` is not a coroutine.
        episodes: Number of matches, >= 1.
        seed: Root seed of the matches; equal seeds give equal matches. Default: 0.

    Returns:
        Mean reward per round of every match and seat, seats in the order of ``game.possible_agents``.

    Raises:
        ConfigurationError: If ``players`` does not have exactly one player for each seat.
    """
    if set(players) != set(game.possible_agents):
        raise ConfigurationError(f"expected one player for each of {game.possible_agents}, got {sorted(players)}")
    seated = {seat: as_agent(players[seat]) for seat in game.possible_agents}
    learners = {seat: player for seat, player in seated.items() if isinstance(player, TabularLearner)}
    seeds, curve = SeedStream(seed, "self-play"), np.zeros((episodes, len(seated)))
    for episode in range(episodes):
        observations, infos = game.reset(seed=seeds[episode])
        actors = {
            seat: player.begin(
                Seat("RepeatedGame-v0", seat, game.observation_space(seat), game.action_space(seat), seeds[episode])
            )
            for seat, player in seated.items()
        }
        states: dict[str, list[int]] = {seat: [] for seat in learners}
        options: dict[str, list[int]] = {seat: [] for seat in learners}
        rewards: dict[str, list[float]] = {seat: [] for seat in seated}
        while game.agents:
            actions: dict[str, Any] = {
                seat: actor.act(observations[seat], infos[seat]) for seat, actor in actors.items()
            }
            for seat, learner in learners.items():
                states[seat].append(learner.state(infos[seat]["moves"]))
                options[seat].append(int(actions[seat]))
            observations, earned, _, _, infos = game.step(actions)
            for seat in seated:
                rewards[seat].append(earned[seat])
        for seat, learner in learners.items():
            learner.learn(states[seat], options[seat], rewards[seat])
        curve[episode] = [float(np.mean(rewards[seat])) for seat in seated]
    return SelfPlay(list(seated), curve)
