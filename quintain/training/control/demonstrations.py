"""Recording episodes of a policy, with several levels of action noise, as a Minari data set for imitation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies.actor import Rollouts
from quintain.agents.policies.policy import Policy
from quintain.errors import require
from quintain.evaluation.minari import portable_spec
from quintain.seeding import SeedStream

__all__ = ["record_demonstrations"]

#: Levels of action noise, one per episode in turn. With noise the data cover states that a good policy never visits,
#: and returns differ between episodes, which a return-conditioned policy needs to learn what a return means.
LEVELS = (0.0, 0.1, 0.3, 0.6)


def record_demonstrations(
    make_env: Callable[[], gym.Env[Any, Any]],
    policy: Policy,
    dataset_id: str,
    *,
    episodes: int,
    seed: int = 0,
    levels: Sequence[float] = LEVELS,
) -> Any:
    """Play episodes and store the executed actions as a data set; one of the same name is replaced.

    Args:
        make_env: Makes an environment, registered and with a step limit.
        policy: The policy; the most likely actions, with noise.
        dataset_id: Id of the Minari data set, ``"namespace/name-vN"``.
        episodes: Number of episodes, >= 1.
        seed: Root seed; equal seeds give equal data. Default: 0.
        levels: Noise level of the episodes in turn. Continuous actions: standard deviation in units of half the action
            range (of the action itself where unbounded), clipped to the bounds. Discrete actions: probability of a
            uniformly random action, in [0, 1].

    Returns:
        The ``minari.MinariDataset``.

    Raises:
        MissingDependencyError: If Minari is not installed.
    """
    minari = require("minari", "rl", "recording trajectories")
    seeds = SeedStream(seed, "demonstrations")
    rng = seeds.child("noise").generator()
    env, buffers = make_env(), []
    try:
        for number in range(episodes):
            episode_seed, level = seeds.child("episode")[number], levels[number % len(levels)]
            buffer = minari.data_collector.EpisodeBuffer(id=number, seed=episode_seed)
            buffers.append(replace(buffer, **_play(env, policy, episode_seed, level, rng)))
        if dataset_id in minari.list_local_datasets():
            minari.delete_dataset(dataset_id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an author's name and address, and a link to the code
            return minari.create_dataset_from_buffers(
                dataset_id,
                buffers,
                env=portable_spec(env.spec),
                observation_space=env.observation_space,
                action_space=env.action_space,
                algorithm_name=policy.name,
                description=f"{episodes} episodes of {policy.name} with action noise of {tuple(levels)} in turn",
            )
    finally:
        env.close()


def _play(env: gym.Env[Any, Any], policy: Policy, seed: int, level: float, rng: np.random.Generator) -> dict[str, Any]:
    """Play one episode and return its columns as Minari names them."""
    rollouts = Rollouts(policy, 1)
    rollouts.reset()
    observation, _ = env.reset(seed=seed)
    columns: dict[str, list[Any]] = {n: [] for n in ("actions", "rewards", "terminations", "truncations")}
    observations, over = [observation], False
    while not over:
        action = _noisy(rollouts.act(observation[None]), policy.action_space, level, rng)
        observation, reward, terminated, truncated, _ = env.step(action[0])
        rollouts.record(action, np.array([reward]))
        observations.append(observation)
        for column, value in zip(columns.values(), (action[0], float(reward), terminated, truncated), strict=True):
            column.append(value)
        over = terminated or truncated
    return columns | {"observations": np.stack(observations), "actions": np.stack(columns["actions"])}


def _noisy(
    actions: NDArray[Any], space: spaces.Box | spaces.Discrete, level: float, rng: np.random.Generator
) -> NDArray[Any]:
    if isinstance(space, spaces.Discrete):
        random = space.start + rng.integers(space.n, size=actions.shape)
        return np.where(rng.random(actions.shape) < level, random, actions)
    half = (space.high.astype(np.float64) - space.low) / 2 if space.is_bounded() else 1.0
    noisy = actions + level * half * rng.standard_normal(actions.shape)
    return np.clip(noisy, space.low, space.high).astype(space.dtype)
