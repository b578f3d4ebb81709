import numpy as np
import pytest
from attacked_envs import STATES, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import Policy
from quintain.attacks.sarsa import SarsaSettings, _gap, train_robust_sarsa
from quintain.errors import CapabilityError, ConfigurationError
from quintain.training.control.settings import AdamSettings

torch = pytest.importorskip("torch")


class Bandit(Walk):
    """The reward is the first action and the episode ends, so that Q(s, a) = a_0."""

    def step(self, action):
        observation, _, _, _, info = super().step(action)
        return observation, float(action[0]), True, False, info


def test_the_critic_learns_the_reward():
    victim = linear_gaussian(std=np.array([2.0, 2.0]))
    critic = train_robust_sarsa(
        lambda: Bandit(1), victim, settings=SarsaSettings(transitions=3000, n_epochs=15, robustness=0)
    )
    states, actions = np.zeros((5, 3), np.float32), np.stack([np.linspace(-3, 3, 5), np.zeros(5)], 1)
    q, back = critic.vjp(states, actions)
    assert np.corrcoef(q, actions[:, 0])[0, 1] > 0.98
    slope = back(np.ones(5, np.float32))
    assert (slope[:, 0] > 3 * np.abs(slope[:, 1])).all()


def test_equal_seeds_give_equal_critics():
    settings = SarsaSettings(transitions=200, n_epochs=2, optimiser=AdamSettings(batch_size=32))
    x, a = np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)
    one, two, other = (
        train_robust_sarsa(Walk, linear_gaussian(), settings=settings, seed=s).vjp(x, a)[0] for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_the_gap_bounds_every_action_in_the_box():
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    states, actions = torch.randn(4, 3), torch.randn(4, 2)
    with torch.no_grad():
        gap = _gap(torch, critic, states, actions, 0.3)
        nearby = actions + 0.3 * (2 * torch.rand(500, 4, 2) - 1)
        q = critic(torch.cat([states.expand(500, 4, 3), nearby], 2))[..., 0]
    assert (q.max(0).values - q.min(0).values <= gap).all()


def test_discrete_actions_and_too_few_transitions_are_refused():
    discrete = Policy(linear(np.ones((2, 3))), STATES, spaces.Discrete(2), head="categorical")
    with pytest.raises(CapabilityError, match="continuous"):
        train_robust_sarsa(Walk, discrete)
    with pytest.raises(ConfigurationError, match="transitions"):
        train_robust_sarsa(Walk, linear_gaussian(), settings=SarsaSettings(transitions=3))
