import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import WEIGHT, Walk, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import Normaliser
from quintain.attacks import MADAttack, RandomAttack, SurrogateSettings, train_surrogate
from quintain.attacks.episodes import play_attacked
from quintain.errors import AgentError, ConfigurationError
from quintain.training.control.settings import AdamSettings

pytest.importorskip("torch")
SMALL = SurrogateSettings(
    transitions=1_500, rounds=2, n_epochs=60, net_arch=(32, 32), optimiser=AdamSettings(learning_rate=3e-3)
)


class Leaky(Walk):
    """The state decays towards 0 with noise; the reward is minus the square of the second action."""

    def __init__(self, length=20):
        super().__init__(length)

    def step(self, action):
        self.time += 1
        self.state = 0.7 * self.state + self.np_random.normal(size=3) / 3
        return self.state.copy(), -(float(action[1]) ** 2), False, self.time >= self.length, {}


class BlackBox:
    """Acts as the linear policy; accessing any attribute but ``act_batch`` raises an error."""

    def __init__(self, victim):
        self._act = victim.act_batch

    def act_batch(self, observations):
        return object.__getattribute__(self, "_act")(observations)

    def __getattribute__(self, name):
        if name not in ("act_batch", "__class__"):
            raise AssertionError(f"a black box was asked for {name!r}")
        return object.__getattribute__(self, name)


@pytest.fixture(scope="module")
def imitated():
    return train_surrogate(Leaky, BlackBox(linear_gaussian()), settings=SMALL)


def test_a_black_box_is_only_queried_for_actions(imitated):
    assert imitated.queries == 2 * 93 * 8
    assert imitated.error < 0.1 * imitated.baseline
    assert {"gradient", "density", "continuous"} <= imitated.policy.capabilities


def test_a_policy_object_is_only_queried_for_actions():
    class Sealed:
        """A network without readable weights or gradient."""

        def __call__(self, x):
            return x @ WEIGHT.T

        def vjp(self, x):
            raise AssertionError("a gradient was asked for")

    victim = linear_gaussian()
    sealed = victim.with_network(Sealed())
    sealed.value = sealed.action_value = sealed._std = None
    little = SurrogateSettings(transitions=640, rounds=2, n_epochs=5)
    one, two = (train_surrogate(Leaky, v, settings=little).policy for v in (victim, sealed))
    np.testing.assert_array_equal(one.network(np.eye(3)), two.network(np.eye(3)))


def test_the_gradients_are_close_to_those_of_the_policy(imitated):
    states = np.random.default_rng(0).normal(size=(200, 3)) / 3
    for i in range(2):
        outputs, back = imitated.policy.network.vjp(imitated.policy.normalise(states))
        cotangent = np.zeros_like(outputs)
        cotangent[:, i] = 1
        slopes = back(cotangent) / imitated.policy.normaliser.scale
        np.testing.assert_allclose(np.median(slopes, axis=0), WEIGHT[i], atol=0.25)


def test_transferred_mad_is_stronger_than_noise_and_close_to_white_box_mad(imitated):
    victim, seeds = linear_gaussian(std=np.array([5.0, 0.5])), range(20)

    def loss(attack):
        attacked = play_attacked(Leaky, victim, seeds, attack)
        assert max(e.distance for e in attacked) <= 0.3
        return -np.mean([e.reward for e in attacked])

    noise = loss(lambda env: RandomAttack(env, epsilon=0.3))
    white = loss(lambda env: MADAttack(env, victim, epsilon=0.3))
    black = loss(lambda env: MADAttack(env, imitated.policy, epsilon=0.3))
    assert noise < black
    assert black < 1.1 * white


def test_a_function_with_discrete_actions_is_imitated():
    class Choice(Leaky):
        action_space = spaces.Discrete(2, start=3)

        def step(self, action):
            assert action in (3, 4)
            return super().step(np.zeros(2))

    made = train_surrogate(Choice, lambda states: 3 + (states[:, 0] > 0).astype(np.int64), settings=SMALL)
    assert made.policy.head == "categorical"
    assert made.error < 0.1 < 0.3 < made.baseline
    assert list(made.policy.act_batch(np.array([[2.0, 0, 0], [-2.0, 0, 0]]))) == [4, 3]


def test_actions_at_a_bound_are_treated_as_censored():
    """The policy is 4 x, clipped to 1: inside the bounds the imitation has the slope 4."""

    class Bounded(Leaky):
        action_space = spaces.Box(-1.0, 1.0, (1,), np.float64)

        def step(self, action):
            return super().step(np.zeros(2))

    made = train_surrogate(Bounded, lambda states: np.clip(4 * states[:, :1], -1, 1), settings=SMALL)
    inside = np.array([[-0.2, 0, 0], [0.2, 0, 0]])
    wanted = made.policy.network(made.policy.normalise(inside))[:, 0]
    assert np.diff(wanted)[0] / 0.4 == pytest.approx(4, abs=0.5)
    assert made.policy.act_batch(np.array([[3.0, 0, 0]]))[0] == 1


def test_equal_seeds_give_equal_imitations_and_a_given_normaliser_is_used():
    units = Normaliser(np.zeros(3), np.ones(3), 5.0)
    little = SurrogateSettings(transitions=64, rounds=1, n_epochs=2)
    one, two, other = (
        train_surrogate(Leaky, linear_gaussian(), settings=little, normaliser=units, seed=s) for s in (0, 0, 1)
    )
    assert one.policy.normaliser is units
    states = np.ones((1, 3))
    np.testing.assert_array_equal(one.policy.network(states), two.policy.network(states))
    assert not np.array_equal(one.policy.network(states), other.policy.network(states))
    assert one.epochs == (2,)


def test_training_stops_when_the_held_out_loss_stops_falling():
    def noise(states):
        return np.random.default_rng(len(states)).normal(size=(len(states), 2))

    made = train_surrogate(Leaky, noise, settings=SurrogateSettings(transitions=400, rounds=1, patience=3))
    assert made.epochs[0] < 200


def test_invalid_surrogate_settings_and_spaces_are_refused():
    with pytest.raises(ConfigurationError, match="n_envs >= 2"):
        train_surrogate(Leaky, linear_gaussian(), settings=SurrogateSettings(n_envs=1))
    with pytest.raises(AgentError, match="finite action"):
        train_surrogate(Leaky, lambda states: np.full((len(states), 2), np.nan), settings=SMALL)

    class ImageObservations(Leaky):
        observation_space = spaces.Box(0, 1, (4, 4), np.float64)

        def __init__(self):
            gym.Env.__init__(self)

    with pytest.raises(ConfigurationError, match="Box of one axis"):
        train_surrogate(ImageObservations, linear_gaussian(), settings=SMALL)
