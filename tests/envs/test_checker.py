"""The checker passes correct environments and finds faults: each faulty environment has one."""

import random
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.envs.transcripts import equal, same
from quintain.errors import EnvironmentFault, UnknownNameError


class Guess(gym.Env):
    """Guess a digit; without faults."""

    metadata = {"render_modes": []}
    shared = np.random.default_rng(0)

    def __init__(self, render_mode=None):
        self.observation_space = spaces.Discrete(10)
        self.action_space = spaces.Discrete(10)

    def draw(self):
        return int(self.np_random.integers(10))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.digit = self.draw()
        return self.digit, {}

    def step(self, action):
        invalid = not (isinstance(action, (int, np.integer)) and action in self.action_space)
        right = not invalid and int(action) == self.digit
        info = {"success": right, "invalid_action": invalid, "reward_terms": {"right": float(right)}}
        return self.digit, float(right), True, False, info

    def solution(self):
        return self.digit


class IgnoresTheSeed(Guess):
    def draw(self):
        return int(np.random.default_rng().integers(10))


class SharesAGenerator(Guess):
    def reset(self, *, seed=None, options=None):
        if seed is not None:
            type(self).shared = np.random.default_rng(seed)
        super().reset(seed=seed)
        self.digit = self.draw()
        return self.digit, {}

    def draw(self):
        return int(self.shared.integers(10))

    def step(self, action):
        _, reward, _, _, info = super().step(action)
        self.count = getattr(self, "count", 0) + 1
        self.digit = self.draw()
        over = self.count % 4 == 0
        return self.digit, reward, over, False, info


class UsesTheGlobalGenerator(Guess):
    def draw(self):
        random.random()
        return super().draw()


class NeverVaries(Guess):
    def draw(self):
        return 3


class NeverVariesAndSaysSo(NeverVaries):
    metadata = {"render_modes": [], "deterministic": True}


class ClaimsNeverToVary(Guess):
    metadata = {"render_modes": [], "deterministic": True}


class Raises(Guess):
    def step(self, action):
        return super().step(int(action))


class DefaultsSilently(Guess):
    def step(self, action):
        return super().step(action if action in self.action_space else 0)


class DoesNotAddUp(Guess):
    def step(self, action):
        *rest, info = super().step(action)
        return *rest, info | {"reward_terms": {"right": 0.5}}


class SaysSuccessOnlyWhenRight(Guess):
    def step(self, action):
        *rest, info = super().step(action)
        if not info["success"]:
            del info["success"]
        return *rest, info


class KeepsNoConvention(Guess):
    def step(self, action):
        if action not in self.action_space:
            raise TypeError("no member of the space")
        return *super().step(action)[:4], {}


class TakesNonsenseForSuccess(KeepsNoConvention):
    def step(self, action):
        return self.digit, 1.0, True, False, {"success": True}


class NeverShowsItsNumber(Guess):
    def reset(self, **kwargs):
        super().reset(**kwargs)
        self.digit = 10 + self.digit
        return 0, {}

    def step(self, action):
        return 0, *super().step(action)[1:]

    solution = None


class LimitedText(Guess):
    def __init__(self, render_mode=None):
        super().__init__()
        self.observation_space = spaces.Text(50)

    def reset(self, **kwargs):
        super().reset(**kwargs)
        return "Which digit?", {}

    def step(self, action):
        return "", *super().step(action)[1:]


BROKEN = {
    IgnoresTheSeed: "same seed same episode",
    SharesAGenerator: "instances do not interfere",
    UsesTheGlobalGenerator: "global generators untouched",
    ClaimsNeverToVary: "different seeds differ",
    Raises: "hostile actions are outcomes",
    DefaultsSilently: "hostile actions are outcomes",
    DoesNotAddUp: "info adds up",
    SaysSuccessOnlyWhenRight: "info adds up",
    TakesNonsenseForSuccess: "hostile actions are outcomes",
}


@pytest.fixture
def registered():
    def register(entry_point, name=""):
        env_id = f"Checker{name or entry_point.__name__}-v0"
        gym.register(env_id, entry_point=entry_point)
        return env_id

    yield register
    for name in [n for n in gym.registry if n.startswith("Checker")]:
        del gym.registry[name]


def test_a_correct_environment_passes(registered):
    report = quintain.check(registered(Guess), skip=["spec survives json"])
    assert report.ok
    assert "gymnasium check env" in report.passed
    assert report.skipped["vectors agree"].startswith("not a text environment")
    assert report.skipped["spec survives json"] == "skipped on request"


def test_a_deterministic_environment_declares_it_and_that_is_verified(registered):
    report = quintain.check(registered(NeverVariesAndSaysSo), skip=["spec survives json"])
    assert report.ok
    assert report.skipped["different seeds differ"].startswith("nothing is random, as metadata['deterministic'] says")


@pytest.mark.parametrize("broken", BROKEN, ids=lambda c: c.__name__)
def test_each_fault_is_reported(broken, registered):
    name = registered(broken)
    report = quintain.check(name, skip=["spec survives json"], raise_on_failure=False)
    assert BROKEN[broken] in report.failed
    with pytest.raises(EnvironmentFault, match=f"FAIL  {BROKEN[broken]}"):
        quintain.check(name, skip=["spec survives json"])


def test_missing_conventions_are_noted(registered):
    name = registered(KeepsNoConvention)
    report = quintain.check(name, skip=["spec survives json"])
    assert report.ok
    assert report.notes == {
        "hostile actions are outcomes": "action '' raised TypeError: no member of the space",
        "info adds up": "info has no 'reward_terms' and no 'success'",
    }
    assert "Notes are not failures" in str(report)
    strict = quintain.check(name, skip=["spec survives json"], strict=True, raise_on_failure=False)
    assert set(strict.failed) == set(report.notes)
    assert "the others are Quintain's" in str(strict)


def test_an_unobserved_answer_is_not_reported_as_nondeterminism(registered):
    report = quintain.check(registered(NeverShowsItsNumber), skip=["spec survives json"])
    assert "the environment draws random numbers" in report.notes["different seeds differ"]


def test_text_beyond_gymnasiums_character_set_names_our_space(registered):
    report = quintain.check(registered(LimitedText), skip=["spec survives json"], raise_on_failure=False)
    assert "quintain.UnicodeText" in report.failed["gymnasium check env"]
    assert "SyncVectorEnv" in report.notes["vectors agree"]


def test_an_undeclared_environment_without_randomness_is_noted(registered):
    report = quintain.check(registered(NeverVaries), raise_on_failure=False)
    assert report.ok
    assert "metadata['deterministic']" in report.notes["different seeds differ"]


def test_a_class_as_entry_point_is_noted(registered):
    """A class cannot be written in a spec's JSON, although Gymnasium documents it as entry point."""
    report = quintain.check(registered(Guess), raise_on_failure=False)
    assert report.ok
    assert "'module:name'" in report.notes["spec survives json"]


def with_a_function(**kwargs):
    return gym.wrappers.TransformReward(gym.make("CartPole-v1", **kwargs), lambda reward: reward)


def with_numbers(**kwargs):
    return gym.wrappers.ClipReward(gym.make("CartPole-v1", **kwargs), 0.0, 0.5)


@pytest.fixture
def as_module(monkeypatch):
    """Let an entry point name functions of this file."""
    monkeypatch.setitem(sys.modules, "checked_here", sys.modules[__name__])
    return "checked_here"


def test_a_wrapper_whose_arguments_json_cannot_hold_is_named(registered, as_module):
    report = quintain.check(registered(f"{as_module}:with_a_function", "Function"), raise_on_failure=False)
    assert report.failed.keys() == {"spec survives json"}
    assert "['TransformReward']" in report.failed["spec survives json"]


def test_a_wrapper_that_records_plain_arguments_passes(registered, as_module):
    report = quintain.check(registered(f"{as_module}:with_numbers", "Numbers"))
    assert "spec survives json" in report.passed


def test_arrays_are_compared_by_value_and_nan_equals_nan():
    first, second = ({"x": np.array([1.0, np.nan])}, [np.nan, "a"]), ({"x": np.array([1.0, np.nan])}, [np.nan, "a"])
    assert equal(first, second)
    assert not equal(first, ({"x": np.array([1.0, 2.0])}, [np.nan, "a"]))
    with pytest.raises(EnvironmentFault, match="two runs: step 1 differs"):
        same([first, (np.zeros(2),)], [second, (np.ones(2),)], "two runs")


def test_games_are_checked_with_pettingzoos_api_tests():
    report = quintain.check("RepeatedGame-v0", {"game": "prisoners_dilemma", "rounds": 5}, raise_on_failure=False)
    assert {"pettingzoo parallel api", "pettingzoo parallel seeds", "pettingzoo aec api"} <= set(report.passed)


def test_unknown_ids_raise_errors_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'CodeReason-v0'"):
        quintain.check("CodeReson-v0")
