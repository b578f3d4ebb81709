"""Episodes have seeds that every simulator takes; runs of version 0.1.0 keep theirs."""

import json
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from typer.testing import CliRunner

import quintain
from quintain.cli.app import app
from quintain.evaluation import Report, compare
from quintain.seeding import episode_seeds

STORED = Path(__file__).parents[1] / "data" / "runs_0_1_0_before"
OPTIONS = {"episodes": 3, "seed": 1, "progress": False}


class Legacy(gym.Env):
    """Seeds NumPy's RandomState, which takes 32 bits."""

    observation_space, action_space = spaces.Box(0, 1, (2,), np.float64), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.random = np.random.RandomState(seed)
        return self.random.random_sample(2), {}

    def step(self, action):
        return self.random.random_sample(2), 1.0, True, False, {}


class LegacyGame(pettingzoo.ParallelEnv):
    metadata, possible_agents, render_mode = {"name": "legacy_v0"}, ["a"], None

    def observation_space(self, agent):
        return spaces.Discrete(2)

    action_space = observation_space

    def reset(self, seed=None, options=None):
        self.agents = ["a"]
        np.random.RandomState(seed)
        return {"a": 0}, {"a": {}}

    def step(self, actions):
        self.agents = []
        return {"a": 0}, {"a": 1.0}, {"a": True}, {"a": False}, {"a": {}}


def seeds(report):
    return [episode.seed for episode in report.episodes]


def test_simulators_that_take_32_bits_are_played():
    report = quintain.evaluate(Legacy, "random", episodes=50, progress=False)
    assert (report.errors, report.reward.estimate, report.manifest["config"]["seed_bits"]) == (0, 1.0, 31)
    assert seeds(report) == [episode_seeds(0)[i] for i in range(50)]
    assert len({str(e.steps[0]["observation"]) for e in report.episodes}) == 50
    game = quintain.play(LegacyGame(), {"a": "random"}, episodes=50, progress=False)
    assert (game.errors, seeds(game), game.manifest["config"]["seed_bits"]) == (0, seeds(report), 31)
    old = quintain.evaluate(Legacy, "random", episodes=3, seed_bits=53, progress=False, errors="record")
    assert old.errors == 3


def test_a_run_of_version_0_1_0_is_continued_with_its_seeds(tmp_path):
    run = shutil.copytree(STORED / "evaluate_control", tmp_path / "run")
    before = seeds(Report.load(run))
    report = quintain.evaluate("CartPole-v1", "random", out=run, resume=True, **OPTIONS | {"episodes": 5})
    assert seeds(report) == [episode_seeds(1, bits=53)[i] for i in range(5)]
    assert seeds(report)[:3] == before
    assert "seed_bits" not in json.loads((run / "run.json").read_text())["config"]
    with pytest.raises(quintain.QuintainError, match="seed_bits was not given, is 31"):
        quintain.evaluate("CartPole-v1", "random", out=run, resume=True, seed_bits=31, **OPTIONS)


def test_a_new_run_is_continued_with_its_seeds(tmp_path):
    for bits in (31, 53):
        first = quintain.evaluate("CartPole-v1", "random", out=tmp_path / str(bits), seed_bits=bits, **OPTIONS)
        more = quintain.evaluate(
            "CartPole-v1", "random", out=tmp_path / str(bits), resume=True, **OPTIONS | {"episodes": 4}
        )
        assert seeds(more) == [episode_seeds(1, bits)[i] for i in range(4)]
        assert seeds(more)[:3] == seeds(first)


@pytest.mark.parametrize(
    "agent",
    [
        {"name": "replay", "run": str(STORED / "evaluate_language_model")},
        {"name": "all-text", "engine": f"replay:{STORED / 'evaluate_language_model'}"},
        {"name": "all-text", "engine": {"name": "replay", "path": str(STORED / "evaluate_language_model")}},
    ],
    ids=["agent", "engine", "engine with options"],
)
def test_a_run_of_version_0_1_0_is_replayed_with_its_seeds(agent):
    report = quintain.evaluate("CodeReason-v0", agent, env_kwargs={"tasks": "letters"}, **OPTIONS)
    assert seeds(report) == seeds(Report.load(STORED / "evaluate_language_model"))


def test_actions_of_a_run_of_version_0_1_0_are_replayed():
    agent = {"name": "replay", "run": str(STORED / "evaluate_control")}
    report = quintain.evaluate("CartPole-v1", agent, **OPTIONS)
    assert report.errors == 0
    assert [e.returns for e in report.episodes] == [
        e.returns for e in Report.load(STORED / "evaluate_control").episodes
    ]


def test_runs_with_different_seeds_are_not_replayed_together(tmp_path):
    seats = ("player_0", "player_1")
    game = {"env_kwargs": {"rounds": 3}, **OPTIONS}
    quintain.play("PrisonersDilemma-v0", dict.fromkeys(seats, "random"), out=tmp_path, **game)
    agents = dict(zip(seats, ({"name": "replay", "run": str(run)} for run in (STORED / "play", tmp_path)), strict=True))
    with pytest.raises(quintain.QuintainError, match=r"seeds of \[31, 53\] bits"):
        quintain.play("PrisonersDilemma-v0", agents, **game)
    agents["player_0"] = agents["player_1"]
    assert quintain.play("PrisonersDilemma-v0", agents, **game).errors == 0


def test_a_comparison_of_runs_with_different_seeds_says_what_to_do():
    new = quintain.evaluate("CartPole-v1", "random", **OPTIONS)
    with pytest.raises(quintain.QuintainError, match="begin the newer run with seed_bits=53"):
        compare(new, STORED / "evaluate_control")


def test_a_new_run_can_share_its_seeds_with_one_of_version_0_1_0(tmp_path):
    words = "eval CartPole-v1 -a random -n 3 --seed 1 --seed-bits 53 --no-report"
    result = CliRunner().invoke(app, [*words.split(), "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert compare(tmp_path / "run", STORED / "evaluate_control").reward.estimate == 0.0


@pytest.mark.parametrize("bits", [32, 0, "31"])
def test_other_numbers_of_bits_are_refused(bits):
    with pytest.raises(quintain.QuintainError, match="seed_bits must be 31 or 53"):
        quintain.evaluate(Legacy, "random", seed_bits=bits, **OPTIONS)


def test_the_items_of_two_runs_and_of_training_and_test_differ():
    """Each of 300 episodes of a run draws an item of its own, from a stream that depends on the split."""

    def items(seed, split):
        env = gym.make("CodeReason-v0", tasks="number_multiply", split=split, code=False)
        drawn = episode_seeds(seed)
        return {env.reset(seed=drawn[i])[1]["task_hash"] for i in range(300)}

    groups = [items(seed, split) for seed in (0, 1) for split in ("train", "test")]
    assert [len(group) for group in groups] == [300] * 4
    assert len(set.union(*groups)) == 1200
