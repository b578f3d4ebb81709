"""How episodes and matches end: success, termination, truncation, and games whose agents have all finished."""

import json
import warnings

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

import quintain
from quintain.agents.policies import Policy
from quintain.evaluation import recording
from quintain.training.control.episodes import play_episodes


class Two(pettingzoo.ParallelEnv):
    """Ends after two rounds, with the given flags for each of the two seats."""

    metadata, possible_agents, render_mode = {"name": "two_v0"}, ["a", "b"], None

    def __init__(self, terminated, truncated, stay=False):
        self.flags = [dict(zip("ab", flags, strict=True)) for flags in (terminated, truncated)]
        self.stay = stay

    def observation_space(self, agent):
        return spaces.Discrete(2)

    action_space = observation_space

    def reset(self, seed=None, options=None):
        self.agents, self.left = ["a", "b"], 2
        return dict.fromkeys("ab", 0), {"a": {}, "b": {}}

    def step(self, actions):
        self.left -= 1
        flags = self.flags if self.left <= 0 else [dict.fromkeys("ab", False)] * 2
        if self.left <= 0 and not self.stay:
            self.agents = []
        return dict.fromkeys("ab", 0), dict.fromkeys("ab", 1.0), *flags, {"a": {}, "b": {}}


@pytest.mark.parametrize("convert", [lambda game: game, parallel_to_aec], ids=["parallel", "turns"])
@pytest.mark.parametrize(
    ("terminated", "truncated", "right"),
    [((1, 1), (0, 0), False), ((0, 0), (1, 1), True), ((1, 0), (0, 1), True), ((1, 1), (1, 1), False)],
)
def test_a_match_is_truncated_if_any_seat_is_truncated_and_not_terminated(convert, terminated, truncated, right):
    game = convert(Two([bool(x) for x in terminated], [bool(x) for x in truncated]))
    report = quintain.play(game, {"a": "random", "b": "random"}, episodes=2, progress=False)
    assert [(e.truncated, e.returns, e.error) for e in report.episodes] == [(right, {"a": 2.0, "b": 2.0}, None)] * 2


def test_a_game_that_keeps_finished_agents_in_its_list_ends():
    game = Two([True, True], [False, False], stay=True)
    report = quintain.play(game, {"a": "random", "b": "random"}, progress=False)
    assert (report.episodes[0].returns, report.episodes[0].truncated) == ({"a": 2.0, "b": 2.0}, False)


class Goal(gym.Env):
    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, info):
        self.info = info

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, True, False, self.info


@pytest.mark.parametrize(
    ("info", "outcome", "success"),
    [
        ({"is_success": 1.0}, "success", True),
        ({"is_success": np.float32(0)}, "failure", False),
        ({"success": False, "is_success": True}, "failure", False),
        ({"success": True}, "success", True),
        ({}, "finished", None),
    ],
)
def test_success_is_read_under_both_names(info, outcome, success):
    report = quintain.evaluate(lambda: Goal(info), "random", episodes=3, progress=False)
    assert report.outcomes[outcome] == 3
    policy = Policy.from_function(lambda o: np.zeros(1), Goal.observation_space, Goal.action_space)
    assert [e.success for e in play_episodes(lambda: Goal(info), policy, [1, 2])] == [success] * 2


class Forever(gym.Env):
    """Never ends. Observes the number of its steps, and pays 1 for each."""

    observation_space, action_space = spaces.Box(0, np.inf, (1,), np.float64), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1), {"success": False}

    def step(self, action):
        self.t += 1
        return np.full(1, float(self.t)), 1.0, False, False, {"success": False}


class ForeverGame(Two):
    """Never ends; pays the first seat 1 and the second 2 a round."""

    def __init__(self):
        super().__init__([False, False], [False, False])

    def step(self, actions):
        self.left = 2
        observations, _, *rest = super().step(actions)
        return observations, {"a": 1.0, "b": 2.0}, *rest


class Alternates:
    """Acts on batches, and so is played in lock-step."""

    def begin(self, seat):
        raise AssertionError("not one by one")

    def act_batch(self, observations):
        return observations[:, 0].astype(int) % 2


@pytest.mark.parametrize("agent", ["random", Alternates()], ids=["one by one", "batched"])
def test_an_episode_that_never_ends_is_capped_and_says_so(agent):
    report = quintain.evaluate(Forever, agent, episodes=3, max_steps=7, progress=False)
    for episode in report.episodes:
        assert (episode.outcome, episode.truncated, episode.reward, len(episode.steps)) == ("failure", True, 7.0, 7)
        assert episode.info["truncated_by"] == "max_steps"
        assert "max_steps = 7" in episode.info["detail"]
        assert episode.final_observation == [7.0]


@pytest.mark.parametrize("agent", ["random", Alternates()], ids=["one by one", "batched"])
def test_an_episode_that_ends_at_its_last_step_is_not_capped(agent):
    report = quintain.evaluate(lambda: Goal({"success": True}), agent, episodes=2, max_steps=1, progress=False)
    assert [(e.outcome, e.truncated, e.info) for e in report.episodes] == [("success", False, {"success": True})] * 2


@pytest.mark.parametrize(
    ("convert", "steps"), [(lambda game: game, 4), (parallel_to_aec, 8)], ids=["parallel", "turns"]
)
def test_a_match_that_never_ends_is_capped_with_the_rewards_of_all_actions(convert, steps):
    game = convert(ForeverGame())
    (episode,) = quintain.play(game, {"a": "random", "b": "random"}, max_steps=steps, progress=False).episodes
    assert (episode.returns, episode.truncated, episode.error) == ({"a": 4.0, "b": 8.0}, True, None)
    assert episode.info["truncated_by"] == "max_steps"
    assert len(episode.steps) == 8


def test_the_default_cap_warns_once_and_can_be_lifted(monkeypatch):
    monkeypatch.setattr(recording, "DEFAULT_MAX_STEPS", 5)
    with pytest.warns(RuntimeWarning, match="not ended after 5 steps") as caught:
        quintain.evaluate(Forever, "random", episodes=3, max_steps=5, progress=False)
    assert sum("not ended" in str(warning.message) for warning in caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quintain.evaluate(Forever, "random", episodes=2, max_steps=4, progress=False)
        long = quintain.evaluate("Pendulum-v1", "random", episodes=1, max_steps=None, progress=False)
    assert len(long.episodes[0].steps) == 200


@pytest.mark.parametrize("max_steps", [0, -1, 2.5, True, "7"])
def test_an_impossible_cap_is_refused(max_steps):
    with pytest.raises(quintain.QuintainError, match="max_steps must be"):
        quintain.evaluate(Forever, "random", episodes=1, max_steps=max_steps, progress=False)


def test_a_run_with_another_cap_is_refused_and_one_without_any_is_continued_with_the_default(tmp_path):
    options = {"out": tmp_path / "run", "progress": False}
    quintain.evaluate("CartPole-v1", "random", episodes=1, max_steps=5, **options)
    with pytest.raises(quintain.QuintainError, match="max_steps was 5, is 6"):
        quintain.evaluate("CartPole-v1", "random", episodes=2, max_steps=6, resume=True, **options)
    path = tmp_path / "run" / "run.json"
    manifest = json.loads(path.read_text())
    del manifest["config"]["max_steps"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(quintain.QuintainError, match="max_steps was not given, is 5"):
        quintain.evaluate("CartPole-v1", "random", episodes=2, max_steps=5, resume=True, **options)
    assert len(quintain.evaluate("CartPole-v1", "random", episodes=2, resume=True, **options).episodes) == 2


def test_a_capped_run_is_scored_again_as_it_was(tmp_path):
    quintain.evaluate("Pendulum-v1", "random", episodes=2, max_steps=9, out=tmp_path / "run", progress=False)
    again = quintain.rescore(tmp_path / "run")
    assert again.changed == []
    assert [e.truncated for e in again.after.episodes] == [True, True]


class Stays(pettingzoo.AECEnv):
    """Two seats that are over after one action each, and that stay listed; only the first one gets further turns."""

    metadata, possible_agents, render_mode = {"name": "stays_v0"}, ["a", "b"], None

    def observation_space(self, agent):
        return spaces.Discrete(2)

    action_space = observation_space

    def reset(self, seed=None, options=None):
        self.agents, self.agent_selection = ["a", "b"], "a"
        self.rewards = self._cumulative_rewards = dict.fromkeys("ab", 0.0)
        self.terminations, self.truncations = dict.fromkeys("ab", False), dict.fromkeys("ab", False)
        self.infos = {"a": {}, "b": {}}

    def observe(self, agent):
        return 0

    def step(self, action):
        if self.agent_selection == "b":
            self._cumulative_rewards = {"a": 3.0, "b": 4.0}
            self.terminations = dict.fromkeys("ab", True)
        self.agent_selection = "a" if self.terminations["a"] else "b"


def test_a_turn_based_game_that_lists_agents_which_are_over_ends_and_pays_each_once():
    (episode,) = quintain.play(Stays(), {"a": "random", "b": "random"}, max_steps=None, progress=False).episodes
    assert (episode.returns, episode.truncated, episode.error) == ({"a": 3.0, "b": 4.0}, False, None)


class Staggered(Two):
    """Its seats are over in different rounds, each reported once, and stay listed."""

    def __init__(self):
        super().__init__([False, False], [False, False])

    def step(self, actions):
        self.left -= 1
        over = {"a": True, "b": False} if self.left == 1 else {"b": self.left <= 0}
        return dict.fromkeys("ab", 0), dict.fromkeys("ab", 1.0), over, dict.fromkeys(over, False), {"a": {}, "b": {}}


def test_a_game_whose_agents_are_over_one_after_the_other_ends():
    (episode,) = quintain.play(Staggered(), {"a": "random", "b": "random"}, max_steps=9, progress=False).episodes
    assert (len(episode.steps), episode.truncated) == (4, False)
