"""Self-play: tabular learners that play matches against each other and learn after every match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from quintain.agents import AgentLike
from quintain.agents.agent import Seat
from quintain.agents.games.learners import TabularLearner
from quintain.agents.registry import as_agent
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["self_play"]


def self_play(
    game: ParallelEnv[str, Any, Any], players: Mapping[str, AgentLike], *, episodes: int, seed: int = 0
) -> NDArray[np.float64]:
    """Train the learners among the players in repeated matches. Players of other kinds do not change.

    Args:
        game: A repeated game with a numeric view, such as ``RepeatedGame-v0``.
        players: One player per seat: a :class:`~quintain.agents.games.learners.TabularLearner`, which learns, or
            another agent whose ``act`` is not a coroutine.
        episodes: Number of matches, >= 1.
        seed: Root seed of the matches; equal seeds give equal matches. Default: 0.

    Returns:
        Mean reward per round, shape ``(episodes, seats)``, seats in the order of ``game.possible_agents``.

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
    return curve
