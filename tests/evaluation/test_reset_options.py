"""``reset_options`` are passed to every reset, and are part of the run's configuration."""

import functools

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec
from typer.testing import CliRunner

import quintain
from quintain.cli.app import app
from quintain.evaluation import Report


class Starts(gym.Env):
    """Observes its start; modifies the options that it gets, as an environment may."""

    observation_space, action_space = spaces.Box(-9, 9, (1,), np.float64), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        start = -1.0 if options is None else options["at"].pop()
        return np.full(1, start), {"without": options is None}

    def step(self, action):
        return np.zeros(1), 0.0, True, False, {}


class Game(pettingzoo.ParallelEnv):
    metadata, possible_agents, render_mode = {"name": "game_v0"}, ["a"], None

    def observation_space(self, agent):
        return spaces.Discrete(9)

    action_space = observation_space

    def reset(self, seed=None, options=None):
        self.agents = ["a"]
        return {"a": options["at"]}, {"a": {}}

    def step(self, actions):
        self.agents = []
        return {"a": 0}, {"a": 1.0}, {"a": True}, {"a": False}, {"a": {}}


class Fixed:
    def begin(self, seat):
        raise AssertionError("not one by one")

    def act_batch(self, observations):
        return np.zeros(len(observations), np.int64)


def starts(report):
    return [float(e.steps[0]["observation"][0]) for e in report.episodes]


@pytest.mark.parametrize("agent", ["random", Fixed()], ids=["one by one", "batched"])
def test_every_episode_is_reset_with_the_options(agent):
    evaluate = functools.partial(quintain.evaluate, Starts, agent, episodes=3, concurrency=2, progress=False)
    assert starts(evaluate()) == [-1.0] * 3
    given = {"at": [4.0]}
    assert starts(evaluate(reset_options=given)) == [4.0] * 3
    assert given == {"at": [4.0]}


@pytest.mark.parametrize("convert", [lambda game: game, parallel_to_aec], ids=["parallel", "turns"])
def test_every_match_is_reset_with_the_options(convert):
    report = quintain.play(convert(Game()), {"a": "random"}, episodes=2, reset_options={"at": 5}, progress=False)
    assert [e.steps[0]["observation"] for e in report.episodes] == [5, 5]
    assert report.manifest["config"]["reset_options"] == {"at": 5}


def test_reset_options_are_compared_on_resume_and_used_in_rescoring(tmp_path):
    options = {"out": tmp_path / "run", "episodes": 2, "progress": False}
    evaluate = functools.partial(quintain.evaluate, "CartPole-v1", "random", **options)
    evaluate(reset_options={"low": 0.25, "high": 0.26})
    assert Report.load(tmp_path / "run").manifest["config"]["reset_options"] == {"low": 0.25, "high": 0.26}
    assert quintain.rescore(tmp_path / "run").changed == []
    evaluate(reset_options={"low": 0.25, "high": 0.26}, resume=True)
    for other in ({"low": 0.25, "high": 0.27}, None):
        with pytest.raises(quintain.QuintainError, match="another configuration: reset_options"):
            evaluate(reset_options=other, resume=True)


def test_a_run_without_reset_options_is_not_resumed_with_some(tmp_path):
    evaluate = functools.partial(quintain.evaluate, "CartPole-v1", "random", out=tmp_path, episodes=1, progress=False)
    evaluate()
    with pytest.raises(quintain.QuintainError, match="reset_options was not given"):
        evaluate(reset_options={"low": 0.0}, resume=True)


@pytest.mark.parametrize("options", [[1], "low=1", {1: 2}])
def test_reset_options_must_be_a_mapping_with_text_keys(options):
    with pytest.raises(quintain.QuintainError, match="reset_options must be"):
        quintain.evaluate(Starts, "random", episodes=1, reset_options=options, progress=False)


def test_the_command_line_passes_reset_options_and_max_steps(tmp_path):
    words = "eval CartPole-v1 -a random -n 2 --reset-option low=0.01 --reset-option high=0.02 --max-steps 3 --no-report"
    result = CliRunner().invoke(app, [*words.split(), "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    report = Report.load(tmp_path / "run")
    config = report.manifest["config"]
    assert (config["reset_options"], config["max_steps"]) == ({"low": 0.01, "high": 0.02}, 3)
    assert all(0.01 <= x <= 0.02 for e in report.episodes for x in e.steps[0]["observation"])
    assert [(len(e.steps), e.info["truncated_by"]) for e in report.episodes] == [(3, "max_steps")] * 2


def test_the_command_line_can_disable_the_step_limit(tmp_path):
    words = "eval CartPole-v1 -a random -n 1 --max-steps 0 --no-report"
    assert CliRunner().invoke(app, [*words.split(), "-o", str(tmp_path / "run")]).exit_code == 0
    assert Report.load(tmp_path / "run").manifest["config"]["max_steps"] is None
