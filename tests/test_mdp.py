"""Finite MDPs: values by hand, terminal states, ties, unreachable states, and the tables of Gymnasium."""

import gymnasium as gym
import numpy as np
import pytest

from quintain.errors import ConfigurationError
from quintain.mdp import MDP, evaluate_policy, mdp_of, occupancy, optimal_actions, value_iteration


def corridor(gamma=0.5, reward=4.0, start=0):
    """Three cells and an end: action 1 goes right and pays at the end, action 0 stays; cell 2 is not reachable."""
    transitions = np.zeros((4, 2, 4))
    for cell in range(3):
        transitions[cell, 0, cell] = 1
    transitions[0, 1, 1] = transitions[1, 1, 3] = transitions[2, 1, 3] = 1
    transitions[3, :, 3] = 1
    rewards = np.zeros((4, 2))
    rewards[1, 1] = reward
    states = np.arange(4)
    return MDP(transitions, rewards, gamma, (states == start) * 1.0, states == 3)


def test_optimal_values_by_hand():
    found = value_iteration(corridor())
    np.testing.assert_allclose(found.values, [2, 4, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found.action_values[:2], [[1, 2], [2, 4]], atol=1e-9)


def test_values_of_a_random_policy_by_hand():
    mdp = corridor()
    uniform = np.full((4, 2), 0.5)
    # V1 = 0.5 * 0.5 * V1 + 0.5 * 4, V0 = 0.25 * V0 + 0.25 * V1
    v1 = 2 / 0.75
    assert evaluate_policy(mdp, uniform) == pytest.approx(v1 / 3)
    assert evaluate_policy(mdp, np.stack([uniform, uniform])).shape == (2,)
    assert evaluate_policy(mdp, uniform, steps=1) == 0
    assert evaluate_policy(mdp, uniform, steps=2) == pytest.approx(0.25 * 2)


def test_occupancy_leaves_out_terminal_states():
    right = np.array([[0.0, 1.0]] * 4)
    np.testing.assert_allclose(occupancy(corridor(), right), [2 / 3, 1 / 3, 0, 0])


def test_nothing_is_paid_after_the_end():
    mdp = corridor()
    rewards = mdp.rewards + 1
    assert (mdp.with_rewards(rewards).rewards[3] == 0).all()
    wrong = mdp.rewards.copy()
    wrong[3] = 1
    with pytest.raises(ConfigurationError, match="0 in terminal states"):
        MDP(mdp.transitions, wrong, 0.5, mdp.initial, mdp.terminal)


def test_equal_values_are_ties():
    assert optimal_actions(np.array([[1.0, 1.0 - 1e-12], [0.5, 1.0]])).tolist() == [[True, True], [False, True]]


def test_unreachable_states_are_found():
    assert corridor().reachable().tolist() == [True, True, False, True]
    assert corridor(start=2).reachable().tolist() == [False, False, True, True]


@pytest.mark.parametrize("gamma", [1.0, -0.1, 2])
def test_gamma_must_be_below_one(gamma):
    with pytest.raises(ConfigurationError, match=r"gamma must be in \[0, 1\)"):
        corridor(gamma)


def test_rows_must_be_distributions_and_shapes_must_fit():
    mdp = corridor()
    with pytest.raises(ConfigurationError, match="transitions: every row"):
        MDP(mdp.transitions * 0.9, mdp.rewards, 0.5, mdp.initial, mdp.terminal)
    with pytest.raises(ConfigurationError, match=r"shape \(S, A, S\)"):
        MDP(mdp.transitions[:, :1], mdp.rewards, 0.5, mdp.initial, mdp.terminal)
    with pytest.raises(ConfigurationError, match="rewards must be finite"):
        MDP(mdp.transitions, mdp.rewards * np.nan, 0.5, mdp.initial, mdp.terminal)


def test_transitions_that_end_the_episode_lead_to_an_additional_state():
    mdp = mdp_of(gym.make("FrozenLake-v1", is_slippery=False), gamma=0.9)
    assert mdp.shape == (17, 4)
    assert mdp.terminal.tolist() == [False] * 16 + [True]
    assert mdp.transitions[14, 2, 16] == 1  # right of cell 14 lies the goal
    assert mdp.rewards[14, 2] == 1
    assert value_iteration(mdp).values[0] == pytest.approx(0.9**5)  # six steps, of which the last one pays


def test_the_best_return_of_cliff_walking_is_that_of_the_shortest_safe_way():
    mdp = mdp_of(gym.make("CliffWalking-v1"), gamma=0.9)
    assert value_iteration(mdp).values @ mdp.initial == pytest.approx(-(1 - 0.9**13) / 0.1)


def test_an_environment_without_a_table_is_refused():
    with pytest.raises(ConfigurationError, match="CartPoleEnv is no finite MDP"):
        mdp_of(gym.make("CartPole-v1"))
