"""A history-dependent policy in all ways to run it."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents.policies import Autograd, Policy, Rollouts, SequencePolicy
from quintain.errors import CapabilityError
from quintain.training.control import play_episodes

torch = pytest.importorskip("torch")

STATES, ACTIONS = spaces.Box(-np.inf, np.inf, (3,)), spaces.Box(-9.0, 9.0, (1,), np.float64)


class Sums(SequencePolicy):
    """Acts with a weighted sum of the current observation and the earlier observations, actions and rewards."""

    def new_history(self, rows):
        return Totals(rows)


class Totals:
    def __init__(self, rows):
        self.total, self.newest = np.zeros(rows), np.zeros((rows, 3))

    def reset(self, rows):
        self.total[rows] = 0

    def network(self, rows):
        before = torch.tensor(self.total[rows])[:, None]
        return Autograd(lambda x: x[:, :1] + 0.1 * before, torch.float64)

    def observe(self, x, rows):
        self.newest[rows] = x

    def record(self, actions, rewards, rows):
        self.total[rows] += self.newest[rows, 0] + 0.01 * actions[:, 0] + 0.001 * rewards


def policy(**options):
    return Policy(Sums(), STATES, ACTIONS, **options)


def expected_actions(observations, rewards):
    """Return the actions of an episode, computed directly."""
    total, actions = 0.0, []
    for observation, reward in zip(observations, rewards, strict=True):
        actions.append(np.clip(observation[0] + 0.1 * total, -9, 9))
        total += observation[0] + 0.01 * actions[-1] + 0.001 * reward
    return actions


def test_actions_depend_on_past_observations_actions_and_rewards():
    rollouts = Rollouts(policy(), 2)
    rollouts.reset()
    rng = np.random.default_rng(0)
    observations, rewards = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 2))
    taken = []
    for observation, reward in zip(observations, rewards, strict=True):
        taken.append(rollouts.act(observation))
        rollouts.record(taken[-1], reward)
    for row in range(2):
        wanted = expected_actions(observations[:, row], rewards[:, row])
        np.testing.assert_allclose(np.array(taken)[:, row, 0], wanted, rtol=1e-6)


def test_each_row_has_its_own_history_and_reset():
    rollouts = Rollouts(policy(), 3)
    rollouts.reset()
    ones = np.ones((3, 3))
    rollouts.act(ones)
    rollouts.record(np.zeros((3, 1)), np.zeros(3))
    rollouts.reset(np.array([1]))
    np.testing.assert_allclose(rollouts.act(ones)[:, 0], [1.1, 1.0, 1.1])
    np.testing.assert_allclose(rollouts.policy_at(np.array([2, 1])).act_batch(ones[:2])[:, 0], [1.1, 1.0])


def test_the_policy_at_one_step_is_a_stateless_policy_that_does_not_change():
    rollouts = Rollouts(policy(std=np.array([0.5])), 1)
    rollouts.reset()
    moment = rollouts.policy_at()
    assert not moment.is_stateful
    assert moment.capabilities == policy(std=np.array([0.5])).capabilities == {"gradient", "density", "continuous"}
    rollouts.act(np.full((1, 3), 5.0))
    rollouts.record(np.zeros((1, 1)), np.zeros(1))
    np.testing.assert_allclose(moment.act_batch(np.ones((1, 3))), [[1.0]])
    np.testing.assert_allclose(rollouts.policy_at().act_batch(np.ones((1, 3))), [[1.5]])


def test_acting_on_single_observations_without_history_is_refused():
    for ask in (policy().act_batch, policy().network.vjp):
        with pytest.raises(CapabilityError, match="is history-dependent"):
            ask(np.ones((1, 3)))


class Paying(gym.Env):
    """Observations are noise; the reward is the action, reported in ``reward_terms`` if ``terms``."""

    observation_space, action_space = STATES, ACTIONS
    metadata = {"render_modes": []}

    def __init__(self, terms=True):
        self.terms, self.observations, self.executed, self.rewards = terms, [], [], []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.observations, self.executed, self.rewards = [self.np_random.normal(size=3).astype(np.float32)], [], []
        return self.observations[-1], {}

    def step(self, action):
        self.time += 1
        self.executed.append(action)
        self.observations.append(self.np_random.normal(size=3).astype(np.float32))
        self.rewards.append(float(action[0]))
        info = (
            {"reward_terms": {"half": self.rewards[-1] / 2, "other half": self.rewards[-1] / 2}} if self.terms else {}
        )
        return self.observations[-1], self.rewards[-1], False, self.time == 4, info


def test_play_episodes_records_observations_actions_and_rewards():
    made = []

    def make():
        made.append(Paying())
        return made[-1]

    played = play_episodes(make, policy(), [3, 4])
    for env, episode in zip(made, played, strict=True):
        wanted = expected_actions(env.observations[:4], env.rewards)
        np.testing.assert_allclose(np.ravel(env.executed), wanted, rtol=1e-6)
        assert episode.reward == pytest.approx(sum(wanted), rel=1e-6)


@pytest.fixture
def paying():
    for name, terms in (("Paying-v0", True), ("Silent-v0", False)):
        gym.register(name, entry_point=Paying, kwargs={"terms": terms}, disable_env_checker=True)
    yield
    for name in ("Paying-v0", "Silent-v0"):
        gym.registry.pop(name)


def test_as_an_agent_it_reads_rewards_from_reward_terms(paying):
    report = quintain.evaluate("Paying-v0", policy(), episodes=3, seed=1, concurrency=2)
    assert report.errors == 0
    for episode in report.episodes:
        observations = [step["observation"] for step in episode.steps]
        rewards = [step["reward"] for step in episode.steps]
        actions = [step["action"][0] for step in episode.steps]
        np.testing.assert_allclose(actions, expected_actions(observations, rewards), rtol=1e-5)


def test_as_an_agent_without_reward_terms_it_is_refused(paying):
    with pytest.raises(CapabilityError, match="reward_terms"):
        quintain.evaluate("Silent-v0", policy(), episodes=1)
