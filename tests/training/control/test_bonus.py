"""Bonuses of a learner's own, by hand: what they add to rewards, what they keep, and what they learn."""

from types import SimpleNamespace

import numpy as np
import pytest

from quintain.training.control.bonus import RandomNetworkDistillation, SelfImitation
from quintain.training.control.reward_worlds import WorldStep

torch = pytest.importorskip("torch")


def step(observations, last=None, *, done=(), success=()):
    """A step of as many worlds as there are observations; ``done`` and ``success`` are rows."""
    seen, n = np.array(observations, np.float32), len(observations)
    ended, won = (np.isin(np.arange(n), rows) for rows in (done, success))
    zeros = np.zeros(n)
    after = seen if last is None else np.array(last, np.float32)
    return WorldStep(
        observations=seen, last=after, rewards=zeros, sparse=zeros, dense=zeros, terminated=won, done=ended,
        success=won, dead=ended & ~won, causes=[""] * n, inputs=None,
    )  # fmt: skip


class Policy(torch.nn.Module):
    """Two actions, whose logits are linear in the observation."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 2)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        self.seen = []

    def get_distribution(self, observations):
        self.seen.append(observations)
        return torch.distributions.Categorical(logits=self.layer(observations))


def learner(scaler=None):
    return SimpleNamespace(policy=Policy(), get_vec_normalize_env=lambda: scaler)


def test_curiosity_adds_errors_in_units_of_their_standard_deviation():
    bonus = RandomNetworkDistillation(1, seed=0, scale=0.5)
    with torch.no_grad():
        seen = torch.tensor([[0.0], [1.0], [3.0]])
        errors = ((bonus._student(seen) - bonus._target(seen)) ** 2).mean(1).numpy()
    found = bonus.add(step([[9.0]] * 3, last=seen.numpy()), np.zeros(3))  # of the same episode, not of the next one
    assert found == pytest.approx(0.5 * np.clip(errors / errors.std(), 0, 5), rel=1e-3)
    assert (found > 0).all()


def test_curiosity_clips_observations():
    five, fifty = RandomNetworkDistillation(1).add(step([[5.0], [50.0]]), np.zeros(2))
    assert five == fifty


def test_curiosity_wears_off_where_the_learner_has_been():
    bonus = RandomNetworkDistillation(1, learning_rate=1e-2)
    here, there = bonus.add(step([[1.0], [-4.0]]), np.zeros(2))
    bonus.update(None)
    for _ in range(40):
        bonus.add(step([[1.0], [1.0]]), np.zeros(2))
        bonus.update(None)
    again, still = bonus.add(step([[1.0], [-4.0]]), np.zeros(2))
    assert again < here / 4
    assert again / still < here / there / 4


def test_self_imitation_keeps_the_transitions_of_successes_alone():
    bonus = SelfImitation(2)
    assert bonus.add(step([[0.0], [10.0]]), np.array([0, 0])) is None  # what was before it is not known
    bonus.add(step([[1.0], [11.0]]), np.array([1, 0]))
    bonus.add(step([[2.0], [12.0]], done=[0, 1], success=[0]), np.array([0, 1]))
    bonus.add(step([[3.0], [13.0]], done=[1], success=[1]), np.array([1, 1]))
    kept = [(float(observation[0]), int(action)) for observation, action in bonus._kept]
    assert kept == [(0.0, 1), (1.0, 0), (12.0, 1)]
    small = SelfImitation(1, capacity=1)
    for place in (0.0, 1.0, 2.0):
        small.add(step([[place]], done=[0] if place == 2 else [], success=[0] if place == 2 else []), np.array([1]))
    assert [float(observation[0]) for observation, _ in small._kept] == [1.0]


def test_self_imitation_makes_kept_actions_more_likely():
    bonus, model = SelfImitation(1, batches=3), learner()
    bonus.update(model)
    assert model.policy.seen == []  # there is nothing to imitate
    bonus.add(step([[2.0]]), np.array([0]))
    bonus.add(step([[3.0]], done=[0], success=[0]), np.array([1]))
    bonus.update(model)
    assert [tuple(seen.shape) for seen in model.policy.seen] == [(512, 1)] * 3
    assert model.policy.get_distribution(torch.tensor([[2.0]])).probs[0, 1] > 0.6


def test_self_imitation_shows_the_policy_normalised_observations():
    """A policy that is trained with ``norm_obs`` has never seen others."""
    bonus, model = SelfImitation(1, batches=1), learner(SimpleNamespace(normalize_obs=lambda seen: (seen - 100) / 4))
    bonus.add(step([[108.0]]), np.array([0]))
    bonus.add(step([[109.0]], done=[0], success=[0]), np.array([1]))
    bonus.update(model)
    assert model.policy.seen[0].unique().tolist() == [2.0]
