import numpy as np
import pytest
from attacked_envs import STATES, STD, WEIGHT, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import Policy
from quintain.attacks.sarsa import SarsaSettings, _collect, _gap, _loss, _Transitions, train_robust_sarsa
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


class Delayed(Walk):
    """Two steps, and the reward of the second is the first entry of the first action: Q(s_0, a) = gamma a_0."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = np.array([0.0, 0.0, 1.0])
        return self.state.copy(), {}

    def step(self, action):
        self.time += 1
        reward = self.state[0] if self.time == 2 else 0.0
        self.state = np.array([action[0], 0.0, 0.0])
        return self.state.copy(), float(reward), self.time == 2, False, {}


def test_the_critic_hands_a_later_reward_back_through_the_discount():
    victim = linear_gaussian(std=np.array([2.0, 2.0]))
    slopes = []
    for gamma in (0.4, 0.8):
        settings = SarsaSettings(
            transitions=800, n_epochs=20, gamma=gamma, tau=0.1, robustness=0, net_arch=(16,),
            optimiser=AdamSettings(learning_rate=5e-3, batch_size=64),
        )  # fmt: skip
        critic = train_robust_sarsa(lambda: Delayed(2), victim, settings=settings)
        rewards = _collect(lambda: Delayed(2), victim, settings, 0).rewards
        first = np.tile(np.float32([0.0, 0.0, 1.0]), (7, 1))
        actions = np.stack([np.linspace(-3, 3, 7), np.zeros(7)], 1)
        q, _ = critic.vjp(first, actions)
        slopes.append(np.polyfit(actions[:, 0], q, 1)[0] * rewards.std())
    np.testing.assert_allclose(slopes, [0.4, 0.8], rtol=0.2)


def test_the_loss_is_that_of_the_equation():
    """Linear critics: Q = (1, 2, 3, 4, 5) . (s, a) + 0.5, target Q' = (1, 0, -1, 2, 0.5) . (s', a')."""
    critic, target = (torch.nn.Sequential(torch.nn.Linear(5, 1)) for _ in range(2))
    with torch.no_grad():
        critic[0].weight[:] = torch.tensor([1.0, 2, 3, 4, 5])
        critic[0].bias[:] = 0.5
        target[0].weight[:] = torch.tensor([1.0, 0, -1, 2, 0.5])
        target[0].bias[:] = 0
    part = torch.tensor
    batch = _Transitions(
        states=part([[1.0, 0, 0], [0, 0, 0.1]]), actions=part([[0.0, 1], [0.1, 0]]), rewards=part([2.0, 0.25]),
        next_states=part([[0.0, 1, 1], [2.0, 0, 0]]), next_actions=part([[3.0, 2], [1.0, 2]]),
        going_on=part([1.0, 0.0]),
    )  # fmt: skip
    # Q = 6.5 and 1.2; targets 2 + 0.9 (-1 + 6 + 1) = 7.4 and 0.25, so the errors are -0.9 and 0.95, both below 1.
    wanted = (0.5 * 0.9**2 + 0.5 * 0.95**2) / 2
    plain = _loss(torch, critic, target, batch, SarsaSettings(gamma=0.9, robustness=0))
    assert plain.item() == pytest.approx(wanted, rel=1e-5)
    # The gap of a linear critic over a box of half-width 0.2 in the action is 2 * 0.2 * (4 + 5) = 3.6.
    robust = _loss(torch, critic, target, batch, SarsaSettings(gamma=0.9, robustness=0.3, radius=0.2))
    assert robust.item() == pytest.approx(wanted + 0.3 * 3.6**2, rel=1e-5)
    robust.backward()
    assert target[0].weight.grad is None


def test_the_gap_of_a_small_network_is_that_by_hand():
    """relu(a - 1) and relu(2 a), added, over a in [0.5, 1.5]: from 1 to 3.5; the state adds no width."""
    critic = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    with torch.no_grad():
        critic[0].weight[:] = torch.tensor([[5.0, 1.0], [0.0, 2.0]])
        critic[0].bias[:] = torch.tensor([-1.0, 0.0])
        critic[2].weight[:] = 1
        critic[2].bias[:] = 7
        gap = _gap(torch, critic, torch.zeros(1, 1), torch.ones(1, 1), 0.5)
    assert gap.item() == pytest.approx(2.5)


class Ends(Walk):
    """Episodes end after five steps: in every second one the task ends, in the others the limit."""

    episodes = 0

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, _, ended, info = super().step(action)
        terminated = ended and self.episodes % 2 == 0
        return observation, reward, terminated, ended and not terminated, info


def test_transitions_are_those_of_the_policy_with_its_own_next_action():
    settings = SarsaSettings(transitions=60, n_envs=2)
    data = _collect(Ends, linear_gaussian(), settings, 0)
    assert [len(part) for part in data] == [60] * 6
    one = _Transitions(*(part[::2] for part in data))  # the first of two environments
    moved = np.stack([one.actions[:, 0], one.actions[:, 1], one.actions[:, 0] - one.actions[:, 1]], 1)
    inside = (np.abs(one.actions) < 10).all(1)
    assert inside.sum() > 10
    np.testing.assert_allclose((one.next_states - one.states)[inside], moved[inside], atol=1e-9)
    np.testing.assert_allclose(one.rewards, one.next_states[:, 0])
    time = np.arange(30) % 5
    goes_on = time < 4
    np.testing.assert_array_equal(one.next_states[:-1][goes_on[:-1]], one.states[1:][goes_on[:-1]])
    np.testing.assert_array_equal(one.next_actions[:-1][goes_on[:-1]], one.actions[1:][goes_on[:-1]])
    assert not np.isclose(one.next_states[:-1][~goes_on[:-1]], one.states[1:][~goes_on[:-1]]).any()
    np.testing.assert_array_equal(one.going_on, np.where((time == 4) & (np.arange(30) // 5 % 2 == 1), 0.0, 1.0))
    noise = one.actions - one.states @ WEIGHT.T
    assert np.std(noise, 0) == pytest.approx(STD, rel=0.5)


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
