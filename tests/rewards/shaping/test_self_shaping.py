"""ExploRS, its rivals and ExpAdaRD: single updates by hand, and what each of them learns from."""

import numpy as np
import pytest

from quintain.envs.tabular import line_key, room, room_features
from quintain.errors import ConfigurationError
from quintain.mdp import MDP, evaluate_policy
from quintain.rewards.shaping import (
    LIRPG,
    SORS,
    AdaptiveDesigner,
    Episodes,
    ExpAdaRD,
    ExploRS,
    ExploRSSettings,
    FixedReward,
    Grouped,
    Problem,
    certify,
)
from quintain.seeding import SeedStream
from quintain.training.control.tabular_learners import Reinforce
from quintain.training.control.tabular_runs import TabularRuns

HALF = np.full((1, 4, 2), 0.5)
ONE = np.array([True])


def walk(n_right, n_left, gamma=1 - 1e-9):
    """A chain without slips: right pays 1 in the last cell, left of the first one ends the episode."""
    end = n_left + n_right + 1
    transitions, rewards = np.zeros((end + 1, 2, end + 1)), np.zeros((end + 1, 2))
    for cell in range(end):
        transitions[cell, 0, cell - 1 if cell else end] = transitions[cell, 1, cell + 1] = 1
    transitions[end, :, end] = 1
    rewards[end - 1, 1] = 1
    states = np.arange(end + 1)
    return MDP(transitions, rewards, gamma, (states == n_left) * 1.0, states == end)


def at(*values):
    return np.array(values, np.intp)


def test_the_bonus_decays_with_visits_and_is_none_at_the_end():
    made = ExploRS(walk(1, 1, 0.5), 1, ExploRSSettings(intrinsic=False))
    assert made.every == 0
    assert made.bonus(at(1)) == 1
    paid = [float(made.shape(at(1), at(0), at(0), np.zeros(1), ONE)[0]) for _ in range(3)]
    assert paid == [1, 1, 1]  # state 1 was left, state 0 was not
    assert made.counts[0].tolist() == [0, 3, 0, 0]
    assert made.bonus(at(1)) == pytest.approx(1 / 2)  # 1 / sqrt(1 + 3)
    assert made.shape(at(0), at(0), at(3), np.array([2.0]), ONE) == 2  # into the end: no bonus
    made.shape(at(1), at(0), at(0), np.zeros(1), np.array([False]))
    assert made.counts[0, 1] == 3  # a run that has ended counts nothing


def played(rewards=(0.0, 4.0), shaped=(9.0, 9.0)):
    """Right in state 1, then right in state 2, with true rewards that differ from the shaped ones."""
    return Episodes(at([1, 2, 0]).reshape(1, 3), at([1, 1, 0]).reshape(1, 3), np.array([[*rewards, 0.0]]),
                    np.array([[*shaped, 0.0]]), np.array([[True, True, False]]))  # fmt: skip


def test_the_learned_reward_follows_true_returns():
    made = ExploRS(walk(1, 1, 0.5), 1, ExploRSSettings(bonus=False, lr_reward=0.1, lr_value=0.1))
    made.update([played()], HALF, np.zeros((1, 64)))
    # True returns 2 and 4; weights pi * G = 1 and 2; phi += 0.1 * weight * (1 - pi).
    np.testing.assert_allclose(made.phi[0], [[0, 0], [-0.05, 0.05], [-0.1, 0.1], [0, 0]])
    np.testing.assert_allclose(made.values[0], [0, 0.1, 0.2, 0])  # 0.1 * G / 2 steps
    assert made.shape(at(2), at(1), at(3), np.array([4.0]), ONE) == pytest.approx(4.1)


def test_the_learned_reward_can_be_clipped():
    made = ExploRS(walk(1, 1, 0.5), 1, ExploRSSettings(clip=0.01, lr_reward=1.0))
    made.update([played()], HALF, np.zeros((1, 64)))
    assert np.abs(made.phi).max() == 0.01


def test_ranking_prefers_the_better_episode():
    made = SORS(walk(1, 1, 0.5), 1, lr=1.0)
    worse = Episodes(at([1, 0, 0]).reshape(1, 3), at([0, 0, 0]).reshape(1, 3), np.zeros((1, 3)), np.zeros((1, 3)),
                     np.array([[True, True, False]]))  # fmt: skip
    made.update([played(), worse], HALF, np.zeros((1, 64)))
    # One pair, doubt 1/2: discounted visits of the better minus those of the worse episode.
    np.testing.assert_allclose(made.phi[0], [[-0.25, 0], [-0.5, 0.5], [0, 0.25], [0, 0]])
    before = made.phi.copy()
    made.update([worse, worse], HALF, np.zeros((1, 64)))
    assert np.array_equal(made.phi, before)  # equal returns are no pair


def test_the_effect_on_visits_by_hand():
    mdp = walk(1, 1, 0.5)
    found = LIRPG(mdp, 1)._more_visits(HALF)[0]
    visits = np.zeros((4, 2, 4, 2))
    moves = np.einsum("sa,sat->st", HALF[0], mdp.continuing)
    series = sum(np.linalg.matrix_power(0.5 * moves, k) for k in range(60))
    for s in range(4):
        for a in range(2):
            visits[s, a] = (0.5 * mdp.continuing[s, a] @ series)[:, None] * HALF[0]
            visits[s, a, s, a] += 1
    for s in range(4):
        for a in range(2):
            assert found[s, a] == pytest.approx(visits[s, a, s, a] - (HALF[0, s] * visits[s, :, s, a]).sum())


def test_rewards_in_groups_equal_each_alone():
    mdp = walk(3, 3, 0.9)
    make = (lambda: FixedReward(mdp.rewards), lambda: ExploRS(mdp, 2), lambda: SORS(mdp, 2))

    def table(shaper, n):
        learner = Reinforce(n, mdp.shape, mdp.gamma)
        TabularRuns(mdp, learner, shaper, [SeedStream(0, k % 2) for k in range(n)], 12).play(30)
        return learner.table

    together = table(Grouped([each() for each in make], [2, 2, 2]), 6)
    np.testing.assert_allclose(together, np.concatenate([table(each(), 2) for each in make]), atol=1e-12)


def test_groups_are_updated_equally_often():
    mdp = walk(1, 1, 0.5)
    with pytest.raises(ConfigurationError, match="equally often"):
        Grouped([SORS(mdp, 1, every=2), SORS(mdp, 1, every=3)], [1, 1])


def test_a_bonus_finds_the_end_of_a_chain_earlier_than_chance():
    mdp, n = walk(6, 3, 0.99), 6
    shaper = Grouped([FixedReward(mdp.rewards), ExploRS(mdp, n)], [n, n])
    learner = Reinforce(2 * n, mdp.shape, mdp.gamma)
    TabularRuns(mdp, learner, shaper, [SeedStream(0, k % n) for k in range(2 * n)], 9).play(600)
    found = evaluate_policy(mdp, learner.policy(), steps=9).reshape(2, n)
    assert found[1].min() > 1.5 * found[0].max()


def test_the_adaptive_reward_is_the_best_for_a_policy_and_keeps_what_is_optimal():
    mdp = line_key()
    designer = AdaptiveDesigner(mdp)
    uniform, left = np.full(mdp.shape, 1 / 3), np.full(mdp.shape, 0.05) + 0.85 * (np.arange(3) == 0)
    found = {name: designer.design(policy) for name, policy in (("uniform", uniform), ("left", left))}
    for rewards in found.values():
        assert certify(Problem.of(mdp), rewards).invariant
        assert np.abs(rewards).max() <= 10 + 1e-6
    assert not np.allclose(found["uniform"], found["left"])
    told = {name: (designer.objective(left) * rewards).sum() for name, rewards in found.items()}
    assert told["left"] > told["uniform"]
    assert told["left"] > (designer.objective(left) * mdp.rewards).sum()


def test_the_objective_by_its_definition():
    mdp = line_key()
    designer = AdaptiveDesigner(mdp)
    rng = np.random.default_rng(0)
    policy, rewards = rng.dirichlet(np.ones(3), 21), rng.normal(size=mdp.shape)
    advantage, told = designer._advantage, 0.0
    weights = designer._weights * designer.occupancy_of(policy)[:, None]
    for s in range(21):
        for a in range(3):
            more = advantage[s, a] - policy[s] @ advantage[s]
            told += weights[s, a] * policy[s, a] ** 2 * more * (rewards[s, a] - policy[s] @ rewards[s])
    assert (designer.objective(policy) * rewards).sum() == pytest.approx(told)


def test_the_adaptive_reward_is_designed_again_for_each_run():
    mdp = line_key()
    policies = np.stack([np.full(mdp.shape, 1 / 3), np.full(mdp.shape, 0.05) + 0.85 * (np.arange(3) == 0)])
    made = ExpAdaRD(AdaptiveDesigner(mdp), policies)
    before = made.tables.copy()
    made.update([], policies[::-1], np.zeros((2, 64)))
    np.testing.assert_allclose(made.tables, before[::-1])
    assert made.shape(at(3, 3), at(0, 1), at(2, 4), np.ones(2), np.array([True, True])).tolist() == [
        made.tables[0, 3, 0], made.tables[1, 3, 1]
    ]  # fmt: skip


def test_rewards_of_few_features_are_constant_on_squares():
    mdp = room("expadard")
    features = room_features()
    assert features.shape == (50, 4, 40)
    found = AdaptiveDesigner(mdp, features, epsilon=0.4).design(np.full(mdp.shape, 0.25))
    assert certify(Problem.of(mdp), found).invariant
    assert np.ptp(found[[0, 1, 2, 7, 8, 9, 14, 15, 16]], axis=0).max() < 1e-9


def test_bad_settings_are_refused():
    for bad in ({"lambda_": 0}, {"clip": 0}, {"every": 0}, {"bonus": False, "intrinsic": False}):
        with pytest.raises(ConfigurationError):
            ExploRSSettings(**bad)
    with pytest.raises(ConfigurationError, match="epsilon"):
        AdaptiveDesigner(line_key(), epsilon=1.0)


@pytest.mark.parametrize("pairs", [0, 65, 1.5])
def test_a_number_of_pairs_beyond_the_draws_is_refused(pairs):
    with pytest.raises(ConfigurationError, match="pairs must be an integer >= 1 and <= 64"):
        SORS(walk(1, 1), 1, pairs=pairs)


def test_an_unknown_treatment_of_ties_is_refused():
    with pytest.raises(ConfigurationError, match="ties must be 'all' or 'one'"):
        AdaptiveDesigner(walk(1, 1, 0.5), ties="every")
