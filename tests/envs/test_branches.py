"""``quintain.check`` finds environments whose restored episodes do not go on as the original did."""

import copy

import gymnasium as gym
import pytest
from gymnasium import spaces

import quintain
from quintain.errors import EnvironmentFault


class Branching(gym.Env):
    """Six draws that add up; its states are complete."""

    metadata = {"render_modes": []}
    observation_space, action_space = spaces.Discrete(1000), spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.drawn = [int(self.np_random.integers(100))]
        self.episode = getattr(self, "episode", 0) + 1
        return sum(self.drawn), {}

    def step(self, action):
        self.drawn.append(int(self.np_random.integers(100)) * int(action))
        return sum(self.drawn), float(self.drawn[-1]), len(self.drawn) > 6, False, {"last": self.drawn[-1]}

    def snapshot(self):
        return list(self.drawn), copy.deepcopy(self.np_random.bit_generator.state)

    def restore(self, snapshot):
        self.drawn, self.np_random.bit_generator.state = list(snapshot[0]), snapshot[1]


class ForgetsTheGenerator(Branching):
    def restore(self, snapshot):
        self.drawn = list(snapshot[0])


class SharesItsList(Branching):
    def snapshot(self):
        return self.drawn, self.np_random.bit_generator.state

    def restore(self, snapshot):
        self.drawn, self.np_random.bit_generator.state = snapshot


class UsesUpItsSnapshot(Branching):
    def restore(self, snapshot):
        self.drawn, self.np_random.bit_generator.state = snapshot[0], snapshot[1]


class RestoresTheLastEpisodeOnly(Branching):
    def snapshot(self):
        return (*super().snapshot(), self.episode)

    def restore(self, snapshot):
        if snapshot[2] == self.episode:
            super().restore(snapshot)


def test_complete_states_pass():
    report = quintain.check(Branching)
    assert "restored states continue" in report.passed


@pytest.mark.parametrize(
    "cls", [ForgetsTheGenerator, SharesItsList, UsesUpItsSnapshot, RestoresTheLastEpisodeOnly], ids=lambda c: c.__name__
)
def test_an_incomplete_state_is_found(cls):
    with pytest.raises(EnvironmentFault, match="restored states continue"):
        quintain.check(cls)


def test_an_environment_without_branches_is_not_checked():
    assert "restored states continue" in quintain.check("PrisonersDilemma-v0").skipped
