"""How episodes and matches end: success, termination, truncation, and games whose agents are all over."""

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

import quintain
from quintain.agents.policies import Policy
from quintain.training.control.episodes import play_episodes


class Two(pettingzoo.ParallelEnv):
    """Ends after two rounds, by the flags that it is given for its two seats."""

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
def test_a_match_is_truncated_if_a_seat_was_cut_off_and_not_over(convert, terminated, truncated, right):
    game = convert(Two([bool(x) for x in terminated], [bool(x) for x in truncated]))
    report = quintain.play(game, {"a": "random", "b": "random"}, episodes=2, progress=False)
    assert [(e.truncated, e.returns, e.error) for e in report.episodes] == [(right, {"a": 2.0, "b": 2.0}, None)] * 2


def test_a_game_that_lists_agents_which_are_over_ends():
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
