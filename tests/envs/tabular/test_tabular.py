"""Room, Chain and LineKey: the contract, and transitions and rewards by hand."""

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.tabular import chain, line_key, room
from quintain.errors import ConfigurationError
from quintain.mdp import mdp_of, value_iteration

IDS = ("Tabular/Room-v0", "Tabular/Chain-v0", "Tabular/LineKey-v0")


@pytest.mark.parametrize("env_id", IDS)
def test_it_keeps_the_contract(env_id):
    found = quintain.check(env_id)
    assert found.ok, str(found)
    assert not found.notes


@pytest.mark.parametrize("env_id", IDS)
def test_its_mdp_equals_its_table(env_id):
    env = gym.make(env_id).unwrapped
    mdp = mdp_of(env)
    for state, row in env.P.items():
        for action, outcomes in row.items():
            assert sum(p for p, *_ in outcomes) == pytest.approx(1)
            assert sum(p * r for p, _, r, _ in outcomes) == pytest.approx(mdp.rewards[state, action])
            assert all(mdp.transitions[state, action, after] == p for p, after, _, _ in outcomes)


def test_steps_are_drawn_from_the_transitions():
    env = gym.make("Tabular/Room-v0", max_episode_steps=10**9).unwrapped
    env.reset(seed=0)
    counts = np.zeros(50)
    for _ in range(2000):
        env._state = 8
        counts[env.step(0)[0]] += 1
    # 2,000 draws: three standard deviations of a share of 0.9 are 0.02
    np.testing.assert_allclose(counts / 2000, room().transitions[8, 0], atol=0.02)


@pytest.mark.parametrize(("env_id", "low"), [("Tabular/Room-v0", 0.8), ("Tabular/LineKey-v0", 0.6)])
def test_the_oracle_reaches_the_goal(env_id, low):
    assert quintain.evaluate(env_id, "oracle", episodes=30, seed=1).success.estimate > low


def test_an_invalid_action_stays_and_costs():
    env = gym.make("Tabular/LineKey-v0").unwrapped
    state, _ = env.reset(seed=0)
    for action in ("right", None, 3, -1, 1.0, True, np.zeros(2)):
        after, reward, terminated, _, info = env.step(action)
        assert (after, reward, terminated, info["invalid_action"]) == (state, -1.0, False, True)


def test_room_by_hand():
    mdp = room()
    up, left, down, right = range(4)
    assert mdp.initial[8] == 1
    assert mdp.rewards.sum() == mdp.rewards[48, right] == 10
    # From the start, up leads up with 0.9, else to one of the three other neighbours.
    np.testing.assert_allclose(mdp.transitions[8, up, [15, 7, 1, 9]], [0.9, 0.1 / 3, 0.1 / 3, 0.1 / 3])
    # A wall before column 3 in row 2: right stays; its gate is in row 1.
    assert mdp.transitions[2 * 7 + 2, right, 2 * 7 + 2] == 0.9
    assert mdp.transitions[1 * 7 + 2, right, 1 * 7 + 3] == 0.9
    # A wall before row 3 in column 0; its gate is in column 1.
    assert mdp.transitions[2 * 7 + 0, up, 2 * 7 + 0] == 0.9
    assert mdp.transitions[2 * 7 + 1, up, 3 * 7 + 1] == 0.9
    # Both corners end the episode.
    assert mdp.transitions[0, left, 49] == mdp.transitions[0, down, 49] == 0.9
    assert mdp.transitions[48, up, 49] == mdp.transitions[48, right, 49] == 0.9


def test_the_rooms_of_the_papers_differ():
    mdp = room("explors", distractor=0.1)
    assert (mdp.gamma, mdp.rewards[48, 3], mdp.rewards[1, 0]) == (0.99, 1.0, 0.1)
    assert mdp.transitions[48, 3, 48] == pytest.approx(0.95 + 2 * 0.05 / 4)  # the goal goes on paying
    assert mdp.transitions[48, 3, 49] == 0


def test_chain_by_hand():
    mdp = chain(distractor=0.01)
    assert mdp.shape == (62, 2)
    assert mdp.initial[40] == 1
    assert (mdp.rewards[60, 1], mdp.rewards[25, 0]) == (1.0, 0.01)
    assert mdp.transitions[0, 0, 61] == pytest.approx(0.975)
    assert mdp.transitions[60, 1, 60] == pytest.approx(0.975)
    assert mdp.transitions[40, 1, 41] == pytest.approx(0.975)
    assert mdp.transitions[40, 1, 39] == pytest.approx(0.025)


def test_line_key_by_hand():
    mdp = line_key()
    left, right, pick = range(3)
    assert mdp.shape == (21, 3)
    assert mdp.initial[5] == 1
    assert mdp.rewards.sum() == mdp.rewards[19, right] == 10
    assert mdp.transitions[1, pick, 10] == 1
    assert mdp.transitions[2, pick, 2] == 1
    assert mdp.transitions[0, left, 20] == 1
    assert mdp.transitions[0, right, 20] == pytest.approx(0.1)
    assert mdp.transitions[10, left, 10] == pytest.approx(0.9)
    assert mdp.transitions[19, right, 20] == 1
    assert mdp.transitions[19, left, 20] == pytest.approx(0.1)
    assert mdp.transitions[9, right, 9] == pytest.approx(0.9)  # without the key there is no goal


def test_without_slips_the_best_return_is_that_of_the_shortest_way():
    assert value_iteration(room(slip=0.0)).values[8] == pytest.approx(10 * 0.95**10)
    assert value_iteration(line_key(slip=0.0)).values[5] == pytest.approx(10 * 0.95 ** (4 + 1 + 9))


def test_bad_arguments_are_refused():
    for make in (
        lambda: room("other"),
        lambda: room(slip=2),
        lambda: chain(0),
        lambda: chain(distractor=0.1, distance=99),
    ):
        with pytest.raises(ConfigurationError):
            make()
    with pytest.raises(ConfigurationError, match="gamma"):
        line_key(gamma=1.0)
