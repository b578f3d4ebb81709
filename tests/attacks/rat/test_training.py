from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("mujoco")

import quintain  # noqa: F401 - registers the tabletop
from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks import Ball, RATAttack
from quintain.attacks.episodes import play_attacked
from quintain.attacks.rat import RATSettings, train_rat
from quintain.attacks.rat.mlp_ensemble import MLPEnsemble
from quintain.errors import ConfigurationError, EnvironmentFault

SMALL = RATSettings(
    steps=480, n_envs=4, exploration_steps=120, hidden_size=8, batch_size=16, segment_length=10, feedback_every=100,
    queries_per_round=10, max_labels=25, max_reward_epochs=2, gradient_steps=1,
)  # fmt: skip


def make():
    return gym.make("Tabletop/Reach-v0", disable_env_checker=True)


def walker():
    """Return a policy that moves straight to the goal: its action is eight times goal minus hand position."""
    env = make()
    weight = np.zeros((2, 6))
    weight[[0, 1], [0, 1]], weight[[0, 1], [4, 5]] = -8, 8
    policy = MLP([Layer(weight, np.zeros(2), "identity")])
    return Policy(policy, env.observation_space, env.action_space, head="gaussian", std=np.full(2, 0.3))


def test_training_is_reproducible_and_stays_within_labels_and_budget():
    victim = walker()
    one, two, other = (train_rat(make, victim, epsilon=0.1, settings=SMALL, seed=s) for s in (0, 0, 1))
    assert one.labels == 25
    z, nothing = np.ones((1, 6)), np.zeros((1, 0, 6))
    deltas = [r.method.propose(z, nothing, Ball(0.1)) for r in (one, two, other)]
    np.testing.assert_array_equal(deltas[0], deltas[1])
    assert not np.array_equal(deltas[0], deltas[2])
    played = play_attacked(make, victim, [1, 2], lambda env: RATAttack(env, victim, one, epsilon=0.1))
    assert 0 < max(e.distance for e in played) <= 0.1
    assert play_attacked(make, one.intention, [1])[0].length == 60


@pytest.mark.parametrize("switch", [{"weighting": False}, {"mixed": False}, {"oracle": True}, {"intention": False}])
def test_every_ablation_runs_and_gives_another_result(switch):
    victim = walker()
    full, cut = (train_rat(make, victim, epsilon=0.1, settings=s) for s in (SMALL, replace(SMALL, **switch)))
    z, nothing = np.ones((1, 6)), np.zeros((1, 0, 6))
    assert not np.array_equal(full.method.propose(z, nothing, Ball(0.1)), cut.method.propose(z, nothing, Ball(0.1)))
    assert cut.labels == (0 if switch == {"oracle": True} else 25)


def test_without_an_intention_policy_only_the_adversary_is_trained():
    victim = walker()
    trained = train_rat(make, victim, epsilon=0.1, settings=replace(SMALL, intention=False))
    assert trained.intention is None
    assert trained.method.name == "sa-rl"
    z = np.random.default_rng(0).normal(0, 3, (50, 6))
    deltas = trained.method.propose(z, np.zeros((50, 0, 6)), Ball(0.1))
    assert 0 < np.abs(deltas).max() <= 0.1
    assert np.ptp(deltas, axis=0).max() > 0


def test_an_environment_without_the_attackers_reward_is_refused():
    pendulum = gym.make("Pendulum-v1")
    policy = MLP([Layer(np.ones((1, 3)), np.zeros(1), "identity")])
    victim = Policy(policy, pendulum.observation_space, pendulum.action_space)
    with pytest.raises(EnvironmentFault, match="attacker_reward"):
        train_rat(lambda: gym.make("Pendulum-v1"), victim, epsilon=0.1, settings=SMALL)
    with pytest.raises(ConfigurationError, match="segments have 100"):
        train_rat(make, walker(), epsilon=0.1, settings=replace(SMALL, segment_length=100))


def test_anneal_lowers_the_learning_rates_at_the_end(monkeypatch):
    rates = []
    descend = MLPEnsemble.adam_step

    def recorded(network, gradient):
        rates.append((len(network.flat), network.learning_rate))
        descend(network, gradient)

    monkeypatch.setattr(MLPEnsemble, "adam_step", recorded)
    train_rat(make, walker(), epsilon=0.1, settings=replace(SMALL, anneal=0.5, learning_rate=0.01))
    rates_by_size = {size: [rate for other, rate in rates if other == size] for size, _ in rates}
    constant = [size for size, seen in rates_by_size.items() if set(seen) == {0.01}]
    assert len(rates_by_size) == 5
    assert len(constant) == 1  # the reward's
    falling = [seen for size, seen in rates_by_size.items() if size not in constant]
    assert sorted(seen[0] for seen in falling) == [pytest.approx(0.001), 0.01, 0.01, 0.01]  # h's is a tenth
    for seen in falling:
        assert seen == sorted(seen, reverse=True)
        assert 0 < seen[-1] < seen[0] / 10
