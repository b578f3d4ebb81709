"""A failure that every episode would share ends the run; any other one fails its episode and is counted apart."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.errors import ConfigurationError, MissingDependencyError, require
from quintain.evaluation.report import Report


class Measured(gym.Env):
    """One step, whose info has a metric that is NaN in every second episode."""

    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2)
    episodes = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episodes += 1
        return np.zeros(1, np.float32), {}

    def step(self, action):
        metrics = {"speed": np.nan if self.episodes % 2 else 3.0, "never": np.nan}
        return np.zeros(1, np.float32), 1.0, True, False, {"metrics": metrics}


class Fails:
    """Raises an error in every episode."""

    def __init__(self, fail):
        self.fail = fail

    def begin(self, seat):
        return self

    def act(self, observation, info):
        return self.fail()


class FailsInBatches(Fails):
    def act_batch(self, observations):
        return self.fail()


def misconfigured():
    raise ConfigurationError("it cannot work")


def broken():
    raise RuntimeError("it broke")


@pytest.mark.parametrize("kind", [Fails, FailsInBatches])
@pytest.mark.parametrize(
    ("fail", "error"),
    [(misconfigured, ConfigurationError), (lambda: require("not_installed", "rl"), MissingDependencyError)],
)
def test_what_every_episode_would_share_ends_the_run(kind, fail, error):
    with pytest.raises(error):
        quintain.evaluate(Measured, kind(fail), episodes=3, progress=False)


@pytest.mark.parametrize("kind", [Fails, FailsInBatches])
def test_any_other_failure_is_counted_apart(kind):
    report = quintain.evaluate(Measured, kind(broken), episodes=3, progress=False, errors="record")
    assert report.errors == 3
    assert report.episodes[0].error["boundary"] == "agent"


def test_a_metric_of_nan_is_no_measurement(tmp_path):
    report = quintain.evaluate(Measured, "random", episodes=6, concurrency=1, out=tmp_path / "run", progress=False)
    for run in (report, Report.load(tmp_path / "run")):
        assert run.metric_names == ["speed"]
        assert run.metric("speed").estimate == 3.0
        assert run.metric("speed").n == 3
