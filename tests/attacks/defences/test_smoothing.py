from dataclasses import replace

import numpy as np
import pytest
from attacked_envs import WEIGHT, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import Normaliser, Policy, Rollouts
from quintain.attacks import AdversarySettings, MADAttack, RandomAttack, SARLAttack, train_adversary
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.defences import smooth_actions, smooth_observations
from quintain.attacks.episodes import play_attacked
from quintain.errors import CapabilityError, ConfigurationError

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(6, 3))


def actions_along(victim, states):
    rollouts = Rollouts(victim, 1)
    rollouts.reset()
    return np.stack([rollouts.act(state[None])[0] for state in states])


def test_the_exponential_filter_equals_its_closed_form():
    """y_t = w sum_k (1 - w)^k x_{t-k}, with x_t = x_0 for t < 0."""
    weight = 0.3
    victim = smooth_observations(linear_gaussian(), "exponential", weight=weight)
    for t in range(len(STATES)):
        past = [weight * (1 - weight) ** k * STATES[t - k] for k in range(t)]
        expected = sum(past) + (1 - weight) ** t * STATES[0]
        np.testing.assert_allclose(actions_along(victim, STATES)[t], WEIGHT @ expected)


def test_the_median_filter_equals_the_median_of_the_window():
    victim = smooth_observations(linear_gaussian(), "median", window=3)
    padded = np.concatenate([STATES[:1], STATES[:1], STATES])
    expected = np.stack([np.median(padded[t : t + 3], axis=0) for t in range(len(STATES))])
    np.testing.assert_allclose(actions_along(victim, STATES), expected @ WEIGHT.T)


@pytest.mark.parametrize("kind", ["exponential", "median"])
def test_the_gradient_is_that_of_the_filtered_policy(kind):
    victim, h = smooth_observations(linear_gaussian(), kind), 1e-6
    rollouts = Rollouts(victim, 2)
    rollouts.reset()
    for step in range(3):
        now, x, cotangent = rollouts.policy_at(), STATES[2 * step : 2 * step + 2], np.array([[1.0, 2.0], [-1.0, 0.5]])
        _, back = now.network.vjp(x)
        if step:  # x_t = x_0 for t < 0
            numeric = [
                (((now.network(x + h * e) - now.network(x - h * e)) / (2 * h)) * cotangent).sum(1) for e in np.eye(3)
            ]
            np.testing.assert_allclose(back(cotangent), np.stack(numeric, 1), atol=1e-6)
        else:
            np.testing.assert_allclose(back(cotangent), cotangent @ WEIGHT)
        rollouts.observe(x)


def test_each_row_has_its_own_filter_state_and_reset():
    victim = smooth_observations(linear_gaussian(), weight=0.5)
    rollouts = Rollouts(victim, 2)
    rollouts.reset()
    rollouts.act(STATES[:2])
    rollouts.reset(np.array([1]))
    actions = rollouts.act(STATES[2:4])
    np.testing.assert_allclose(actions, np.stack([(STATES[0] + STATES[2]) / 2, STATES[3]]) @ WEIGHT.T)


def test_averaging_over_noise_keeps_a_linear_policy_and_smooths_a_step():
    np.testing.assert_allclose(
        smooth_actions(linear_gaussian(), 0.5).network(STATES), linear_gaussian().network(STATES), atol=1e-12
    )

    class Step:
        """-1 below 0, 1 above."""

        def __call__(self, x):
            return np.sign(x[:, :2])

        def vjp(self, x):
            return self(x), lambda gradient: np.zeros_like(x)

    smoothed = smooth_actions(linear_gaussian().with_network(Step()), 1.0, samples=2000)
    # The average is 2 Phi(x) - 1.
    np.testing.assert_allclose(smoothed.network(np.array([[0.5, -1.0, 0.0]]))[0], [0.383, -0.683], atol=0.05)


def test_the_gradient_of_the_average_is_the_average_of_the_gradients():
    base = Policy.from_module(_tanh_network(), linear_gaussian().observation_space, linear_gaussian().action_space)
    victim, h, cotangent = smooth_actions(base, 0.3, samples=8), 1e-3, np.ones((6, 2))
    _, back = victim.network.vjp(STATES)
    numeric = [((victim.network(STATES + h * e) - victim.network(STATES - h * e)) / (2 * h)).sum(1) for e in np.eye(3)]
    np.testing.assert_allclose(back(cotangent), np.stack(numeric, 1), atol=1e-3)


def _tanh_network():
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()


def test_a_filter_reduces_noise_on_a_constant_state():
    class Aim(Walk):
        """The state is constant; the cost is the squared error of the action."""

        def step(self, action):
            self.time += 1
            return self.state.copy(), -float(np.sum((action - WEIGHT @ self.state) ** 2)), False, self.time >= 60, {}

    def cost(victim):
        played = play_attacked(Aim, victim, range(5), lambda env: RandomAttack(env, victim, epsilon=0.5))
        return -np.mean([e.reward for e in played])

    plain = linear_gaussian()
    # An exponential filter of weight w keeps w / (2 - w) of the variance: a ninth for 0.2.
    assert cost(smooth_observations(plain, weight=0.2)) == pytest.approx(cost(plain) / 9, rel=0.4)


def test_smoothed_policies_support_white_box_and_learned_attacks():
    victim = smooth_observations(linear_gaussian(normaliser=Normaliser(np.zeros(3), np.ones(3))), "median")
    attacked = play_attacked(Walk, victim, [1, 2], lambda env: MADAttack(env, victim, epsilon=0.3))
    assert max(e.distance for e in attacked) <= 0.3
    pytest.importorskip("stable_baselines3")
    settings = AdversarySettings(steps=128, ppo=replace(ADVERSARY_PPO, n_envs=4, n_steps=32, batch_size=64))
    adversary = train_adversary(Walk, victim, epsilon=0.3, settings=settings)
    played = play_attacked(Walk, victim, [1], lambda env: SARLAttack(env, victim, adversary, epsilon=0.3))
    assert 0 < played[0].distance <= 0.3


def test_policies_that_cannot_be_smoothed_are_refused():
    discrete = Policy(linear(np.ones((2, 3))), Walk().observation_space, spaces.Discrete(2), head="categorical")
    with pytest.raises(CapabilityError, match="discrete actions"):
        smooth_actions(discrete, 0.1)
    assert smooth_observations(discrete).head == "categorical"
    with pytest.raises(CapabilityError, match="history-dependent"):
        smooth_observations(smooth_observations(linear_gaussian()))
    with pytest.raises(ConfigurationError, match="odd window"):
        smooth_observations(linear_gaussian(), "median", window=4)
    with pytest.raises(ConfigurationError, match="noise > 0"):
        smooth_actions(linear_gaussian(), 0.0)
