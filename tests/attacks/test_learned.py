from dataclasses import replace

import numpy as np
import pytest
from attacked_envs import Walk, linear, linear_gaussian
from gymnasium.vector import SyncVectorEnv

from quintain.agents.policies import Normaliser
from quintain.attacks import AdversarySettings, LearnedAttack, TargetAttack, train_adversary
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.budget import Ball
from quintain.attacks.episodes import play_attacked
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.pa_ad import PAAD
from quintain.attacks.target import Target
from quintain.errors import CapabilityError, ConfigurationError, EnvironmentFault

Z = np.array([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
SMALL = AdversarySettings(steps=512, ppo=replace(ADVERSARY_PPO, n_envs=4, n_steps=32, batch_size=64))


def test_a_learned_perturbation_is_the_clipped_output_times_epsilon():
    method = LearnedMethod(linear_gaussian(), linear(np.diag([1.0, 2.0, -0.5])))
    np.testing.assert_allclose(
        method.propose(Z, np.zeros((2, 0, 3)), Ball(0.1)), [[0.05, -0.1, -0.1], [0, 0.06, 0.035]]
    )


def test_the_adversary_reads_the_normalised_observation():
    normaliser = Normaliser(np.ones(3), np.full(3, 4.0), 10.0)
    identity, none = linear(np.eye(3)), np.zeros((2, 0, 3))
    raw = LearnedMethod(linear_gaussian(normaliser=normaliser), identity, "raw").propose(Z, none, Ball(0.1))
    np.testing.assert_allclose(raw, 0.1 * np.clip((Z - 1) / 4, -1, 1))
    standard = LearnedMethod(linear_gaussian(normaliser=normaliser), identity, "normalised").propose(Z, none, Ball(0.1))
    np.testing.assert_allclose(standard, 0.1 * np.clip(Z, -1, 1))


def test_the_gradient_of_pa_ad_equals_the_numeric_one():
    victim, direction, start = linear_gaussian(), np.array([[1.0, -0.5]]), np.array([[0.1, 0.2, -0.1]])
    method = PAAD(victim, victim.network)

    def objective(point):
        change = victim.network(point[None])[0] - victim.network(Z[:1])[0]
        return change @ direction[0] / np.linalg.norm(change) / np.linalg.norm(direction) + np.linalg.norm(change)

    point, h = Z[0] + start[0], 1e-6
    numeric = [(objective(point + h * e) - objective(point - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(method.towards(Z[:1], direction)(point[None])[0], numeric, rtol=1e-5)


def test_pa_ad_moves_the_action_in_the_director_s_direction():
    victim, ball, rng = linear_gaussian(), Ball(0.3), np.random.default_rng(0)
    for direction in ([1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]):
        method = PAAD(victim, linear(np.zeros((2, 3)), direction))
        moved = np.stack([
            victim.network(Z + method.propose(Z, np.stack([method.draw(rng, ball, 3)] * 2), ball)) - victim.network(Z)
            for _ in range(50)
        ])  # fmt: skip
        assert (moved.mean((0, 1)) @ direction) > 0.1


def test_the_target_is_reached_where_the_ball_allows_it():
    victim, intention = linear_gaussian(), linear_gaussian()
    intention.network = linear(np.zeros((2, 3)), [0.4, -0.2])
    method, ball = Target(victim, intention, steps=200), Ball(5.0)
    noise = np.stack([method.draw(np.random.default_rng(0), ball, 3)] * 2)
    before = np.abs(victim.network(Z) - [0.4, -0.2]).max()
    after = np.abs(victim.network(Z + method.propose(Z, noise, ball)) - [0.4, -0.2]).max()
    assert before > 1.5
    assert after < 1.0  # steps of a fixed length 0.5 go back and forth around the target


def test_the_gradient_is_zero_if_the_intention_is_the_victim():
    victim = linear_gaussian()
    method = Target(victim, victim)
    np.testing.assert_allclose(method.ascent(Z)(Z), 0)


@pytest.mark.parametrize("kind", ["sa-rl", "pa-ad"])
def test_a_trained_adversary_stays_in_its_budget_and_is_reproducible(kind):
    pytest.importorskip("stable_baselines3")
    victim = linear_gaussian()
    one, two, other = (train_adversary(Walk, victim, kind=kind, epsilon=0.3, settings=SMALL, seed=s) for s in (0, 0, 1))
    ball, noise = Ball(0.3), np.zeros((2, 1, 3)) + 0.05
    np.testing.assert_array_equal(one.propose(Z, noise, ball), two.propose(Z, noise, ball))
    if kind == "sa-rl":
        assert not np.array_equal(one.propose(Z, noise, ball), other.propose(Z, noise, ball))
    played = play_attacked(Walk, victim, [1, 2, 3], lambda env: LearnedAttack(env, victim, one, epsilon=0.3))
    assert max(e.distance for e in played) <= 0.3


def test_sa_rl_learns_to_lower_the_return():
    """The reward is the first action, W_0 s: the best perturbation lowers it at every step."""
    pytest.importorskip("stable_baselines3")
    victim = linear_gaussian()
    settings = AdversarySettings(
        steps=10_000, ppo=replace(ADVERSARY_PPO, n_envs=8, n_steps=64, batch_size=128, learning_rate=2e-3)
    )
    adversary = train_adversary(Still, victim, epsilon=0.5, settings=settings)
    seeds = range(20)
    clean = np.mean([e.reward for e in play_attacked(Still, victim, seeds)])
    attacked = np.mean(
        [
            e.reward
            for e in play_attacked(Still, victim, seeds, lambda v: LearnedAttack(v, victim, adversary, epsilon=0.5))
        ]
    )
    # The bound is 5 steps * 0.5 * |W_0|_1 = 8.75.
    assert 4.0 < clean - attacked <= 8.75 + 1e-6


class Still(Walk):
    """The state is constant; the reward is the first action."""

    def step(self, action):
        self.time += 1
        return self.state.copy(), float(action[0]), False, self.time >= self.length, {}


def test_incompatible_training_arguments_are_refused():
    pytest.importorskip("stable_baselines3")
    with pytest.raises(EnvironmentFault, match="attacker_reward"):
        train_adversary(Walk, linear_gaussian(), epsilon=0.1, objective="target", settings=SMALL)
    with pytest.raises(ConfigurationError, match="'sa-rl' or 'pa-ad'"):
        train_adversary(Walk, linear_gaussian(), kind="pgd", epsilon=0.1)
    from gymnasium import spaces

    from quintain.agents.policies import Policy

    discrete = Policy(linear(np.ones((2, 3))), Walk().observation_space, spaces.Discrete(2), head="categorical")
    with pytest.raises(CapabilityError, match="continuous"):
        train_adversary(Walk, discrete, kind="pa-ad", epsilon=0.1)
    with pytest.raises(CapabilityError, match="continuous"):
        TargetAttack(SyncVectorEnv([Walk]), discrete, discrete, epsilon=0.1)
