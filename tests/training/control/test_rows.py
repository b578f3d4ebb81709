import itertools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import VectorWrapper

from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows


class Count(gym.Env):
    """Observes seed and time; the seed is the episode's length. Logs the seeds of all resets."""

    observation_space = gym.spaces.Box(0, 1000, (2,), np.float64)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    resets: list[int | None] = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.resets.append(seed)
        self.seed, self.time = seed or 0, 0
        return np.array([self.seed, 0.0]), {}

    def step(self, action):
        self.time += 1
        over = self.time >= max(1, self.seed)
        info = {"time": self.time, "nested": {"seed": self.seed}}
        return np.array([self.seed, self.time], float), float(action[0]), over, False, info


@pytest.fixture(autouse=True)
def forget():
    Count.resets.clear()


def test_each_episode_starts_with_the_next_seed_lower_rows_first():
    with EnvRows(Count, 3, itertools.count(1)) as rows:
        assert rows.reset().tolist() == [[1, 0], [2, 0], [3, 0]]
        step = rows.step(np.zeros((3, 1)))
        assert step.done.tolist() == [True, False, False]
        assert step.observations.tolist() == [[4, 0], [2, 1], [3, 1]]
        assert step.final_observations.tolist() == [[1, 1], [2, 1], [3, 1]]
        assert [info["time"] for info in step.infos] == [1, 1, 1]
        step = rows.step(np.zeros((3, 1)))
        step = rows.step(np.zeros((3, 1)))
        assert step.terminated.tolist() == [False, False, True]
        assert not step.truncated.any()
        assert step.observations.tolist() == [[4, 2], [5, 1], [6, 0]]
    assert Count.resets == [1, 2, 3, 4, 5, 6]


def test_rows_equal_single_environments():
    stream, n_envs = SeedStream(3, "episode"), 4
    make = lambda: gym.make("CartPole-v1")  # noqa: E731
    actions = np.random.default_rng(0).integers(0, 2, (100, n_envs))
    seeds = map(stream.__getitem__, itertools.count())
    envs = [make() for _ in range(n_envs)]
    observations = np.stack([env.reset(seed=next(seeds))[0] for env in envs])
    with EnvRows(make, n_envs, stream) as rows:
        np.testing.assert_array_equal(rows.reset(), observations)
        for row_actions in actions:
            step = rows.step(row_actions)
            for i, env in enumerate(envs):
                final, reward, terminated, truncated, _ = env.step(row_actions[i])
                np.testing.assert_array_equal(step.final_observations[i], final)
                assert (step.rewards[i], step.terminated[i], step.truncated[i]) == (reward, terminated, truncated)
                observations[i] = env.reset(seed=next(seeds))[0] if terminated or truncated else final
            np.testing.assert_array_equal(step.observations, observations)


def test_a_row_without_a_next_seed_stops_and_continues_unseeded_if_stepped():
    with EnvRows(Count, 2, [1, 3]) as rows:
        rows.reset()
        step = rows.step(np.zeros((2, 1)))
        assert step.observations.tolist() == [[1, 1], [3, 1]]
        assert Count.resets == [1, 3]
        step = rows.step(np.zeros((2, 1)))
        assert Count.resets == [1, 3, None]
        assert step.observations.tolist() == [[0, 1], [3, 2]]


def test_infos_are_unchanged_by_a_vector_wrapper():
    infos = []
    for wrap in (None, VectorWrapper):
        with EnvRows(Count, 2, [5, 1, 7], wrap=wrap) as rows:
            rows.reset()
            infos.append(list(rows.step(np.zeros((2, 1))).infos))
    assert infos[0] == infos[1] == [{"time": 1, "nested": {"seed": 5}}, {"time": 1, "nested": {"seed": 1}}]
    assert infos[0][0]["time"] == 1


def test_zero_rows_are_refused():
    with pytest.raises(ConfigurationError, match="n_envs must be >= 1, got 0"):
        EnvRows(Count, 0, SeedStream(0))
