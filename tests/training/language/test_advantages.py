"""Advantages of turns, beside values that were computed by hand."""

import math

import numpy as np
import pytest

from quintain.records import EpisodeRecord
from quintain.training.language.advantages import turn_advantages
from quintain.training.language.rollouts import Rollout


def rollout(rewards, group=0, outcome="finished", rest=0.0):
    return Rollout(EpisodeRecord(0, 0, outcome, {"agent": sum(rewards) + rest}), group, (), rewards, rest)


def advantages(rollouts, **settings):
    return [list(map(float, a)) for a in turn_advantages(rollouts, **settings)]


def test_grpo_is_the_return_less_the_mean_over_the_standard_deviation_of_the_group():
    # Returns 1, 0, 0, 0: mean 1/4, deviation with n - 1: sqrt((9/16 + 3/16) / 3) = 1/2.
    found = advantages([rollout([1.0]), rollout([0.0]), rollout([0.0]), rollout([0.0])])
    assert found == [[pytest.approx(0.75 / 0.5001)], *[[pytest.approx(-0.25 / 0.5001)]] * 3]


def test_every_turn_has_the_advantage_of_the_whole_episode_however_long_the_others_are():
    # Returns 1, 0, 0: mean 1/3, deviation sqrt((4/9 + 1/9 + 1/9) / 2) = 1/sqrt(3).
    found = advantages([rollout([1.0]), rollout([0.0, 0.0]), rollout([0.0, 0.0])])
    deviation = 1 / math.sqrt(3) + 1e-4
    assert found == [[pytest.approx(2 / 3 / deviation)], *[[pytest.approx(-1 / 3 / deviation)] * 2] * 2]


def test_rounding_is_no_advantage():
    assert advantages([rollout([0.1]), rollout([0.1]), rollout([0.1])]) == [[0.0]] * 3


def test_groups_are_compared_within_themselves():
    found = advantages([rollout([1.0], 0), rollout([0.0], 0), rollout([5.0], 1), rollout([5.0], 1)], scale="none")
    assert found == [[0.5], [-0.5], [0.0], [0.0]]


def test_leave_one_out_compares_with_the_others():
    found = advantages([rollout([3.0]), rollout([1.0]), rollout([2.0])], baseline="leave-one-out", scale="none")
    assert found == [[1.5], [-1.5], [0.0]]


def test_batch_baseline_and_scale_are_over_all_groups():
    found = advantages([rollout([1.0], 0), rollout([3.0], 1)], baseline="batch", scale="batch")
    assert found == [[pytest.approx(-1 / (math.sqrt(2) + 1e-4))], [pytest.approx(1 / (math.sqrt(2) + 1e-4))]]


def test_no_baseline_is_the_return():
    assert advantages([rollout([1.0, 2.0])], baseline="none", scale="none") == [[3.0, 3.0]]


def test_turn_credit_compares_what_follows_from_the_same_turn_on():
    # To go: [1, 1] and [2, 0, 1]; the third turn is reached once and has nothing to be compared with.
    found = advantages([rollout([0.0, 1.0]), rollout([1.0, -1.0, 1.0])], credit="turn", scale="none")
    assert found == [[0.0, 0.5], [0.0, -0.5, 0.0]]


def test_later_rewards_are_discounted_by_turn():
    assert list(rollout([1.0, 2.0, 4.0]).to_go(0.5)) == [3.0, 4.0, 4.0]
    assert list(rollout([1.0, 2.0], rest=8.0).to_go(0.5)) == [4.0, 6.0]  # what belongs to no turn follows the last one


def test_an_infrastructure_failure_is_outside_the_baseline():
    alone = advantages([rollout([1.0]), rollout([0.0])])
    assert advantages([rollout([1.0]), rollout([0.0]), rollout([-9.0], outcome="error")]) == [*alone, [0.0]]


def test_equal_returns_give_no_gradient():
    assert np.allclose(advantages([rollout([0.5]), rollout([0.5])]), 0)
    assert advantages([rollout([0.5])]) == [[0.0]]
    assert advantages([rollout([0.5])], baseline="leave-one-out") == [[0.0]]
