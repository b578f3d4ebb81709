"""The losses of the trained defences, compared with hand-computed values."""

from dataclasses import replace

import numpy as np
import pytest
from attacked_envs import Walk, linear, linear_gaussian

pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")

from quintain.agents.policies import ActionValue, Normaliser  # noqa: E402
from quintain.attacks.budget import Ball  # noqa: E402
from quintain.attacks.defences import (  # noqa: E402
    DEFENCE_PPO,
    DefenceSettings,
    train_rat_wocar,
    train_sa_ppo,
    train_wocar,
    wocar,
)
from quintain.attacks.defences.agent import RobustAgent  # noqa: E402
from quintain.attacks.defences.regulariser import divergence, worst_observation  # noqa: E402
from quintain.attacks.defences.settings import Checkpoint  # noqa: E402
from quintain.attacks.defences.worst_case import WorstCaseCritic  # noqa: E402

PPO = replace(
    DEFENCE_PPO, n_envs=2, n_steps=8, batch_size=8, n_epochs=1, ent_coef=0.25, learning_rate=0.8, net_arch=(4,)
)
SETTINGS = DefenceSettings(steps=64, ppo=PPO, warmup=0.25, ramp=0.25, eval_freq=64, n_eval_episodes=1)
X = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.1, -0.2], [1.0, 0.5, 0.2]])


@pytest.fixture
def agents(monkeypatch):
    """Make trainers return their agent untrained, with the full budget; close agents after the test."""
    made = []

    def untrained(agent, *_):
        made.append(agent)
        agent.envs.freeze()
        agent.envs.ball = agent.full
        return agent

    monkeypatch.setattr(RobustAgent, "train", untrained)
    yield
    for agent in made:
        agent.close()


def mean_of(x):
    return torch.stack([x[:, 0] - x[:, 1], 2 * x[:, 2]], 1)


def test_the_penalty_is_added_to_ppos_loss_and_entropy_bonus(agents):
    agent = train_sa_ppo(Walk, epsilon=0.2, settings=SETTINGS)
    agent.penalty = lambda mean, std, x: x[:, 0] + 10 * std.sum() + 100 * mean(x)[:, 0]
    policy = agent.model.policy
    entropy = policy.get_distribution(X).entropy()
    # PPO subtracts ent_coef times the mean of what stands in the place of the entropy.
    assert agent.model.ent_coef == 1.0
    with torch.no_grad():
        penalty = X[:, 0] + 10 * policy.log_std.exp().sum() + 100 * agent.mean_network(X)[:, 0]
        instead = policy.evaluate_actions(X, torch.zeros(3, 2))[2]
    torch.testing.assert_close(instead, 0.25 * entropy - penalty)
    torch.testing.assert_close(agent.mean_network(X), policy.get_distribution(X).distribution.mean)
    agent.envs.ball = Ball(0.0)
    torch.testing.assert_close(policy.evaluate_actions(X, torch.zeros(3, 2))[2], 0.25 * entropy)
    agent.envs.ball, agent.penalty = agent.full, None
    torch.testing.assert_close(policy.evaluate_actions(X, torch.zeros(3, 2))[2], 0.25 * entropy)


def test_the_regulariser_is_its_weight_times_the_largest_divergence(agents):
    agent = train_sa_ppo(Walk, epsilon=0.2, settings=SETTINGS, regulariser=3.0, search_steps=4)
    state = agent.generator.get_state()
    std = torch.tensor([0.5, 1.5])
    found = agent.penalty(mean_of, std, X)
    agent.generator.set_state(state)
    radius = torch.as_tensor(agent.envs.radius, dtype=X.dtype)
    clean = mean_of(X)
    worst = worst_observation(
        torch, X, radius, lambda p: divergence(clean, mean_of(p), std), steps=4, generator=agent.generator
    )
    torch.testing.assert_close(found, 3 * divergence(clean, mean_of(worst), std))
    assert (found > 0).all()


def test_the_sgld_search_follows_the_documented_update():
    """x_{i+1} = clip(x_i + eta sign(g + xi_i sqrt(2 eta) / (i + 2))), eta = radius / steps, from a corner of eta."""
    radius, steps = torch.tensor([0.3, 0.6, 0.9]), 3
    slope = torch.tensor([0.01, -0.02, 0.5])
    made = worst_observation(
        torch, X, radius, lambda p: (p * slope).sum(1), steps=steps, generator=torch.Generator().manual_seed(3)
    )
    generator, eta = torch.Generator().manual_seed(3), radius / 3
    point = X + eta * torch.randn(X.shape, generator=generator).sign()
    for i in range(steps):
        kick = torch.randn(X.shape, generator=generator) * (2 * eta) ** 0.5 / (i + 2)
        point = torch.clamp(point + eta * (slope + kick).sign(), X - radius, X + radius)
    torch.testing.assert_close(made, point)
    assert not torch.allclose((made - X).abs(), radius.expand(3, 3))  # noise decided somewhere


class Linear(WorstCaseCritic):
    """Q(x, a) = x_0 + 2 a_0 - a_1; records the data that it is fitted to."""

    fitted = []

    def value(self, x, action, network=None):
        return x[:, 0] + 2 * action[:, 0] - action[:, 1]

    def fit(self, transitions, policy, radius, **options):
        self.fitted.append((transitions, radius, options, self.gamma))


def test_wocar_raises_the_worst_value_of_the_mean_action(agents, monkeypatch):
    monkeypatch.setattr(wocar, "WorstCaseCritic", Linear)
    agent = train_wocar(Walk, epsilon=0.2, settings=SETTINGS, value_weight=0.6, regulariser=0.0)
    scaled = mean_of(X) / 10  # actions are bounded by 10
    q = X[:, 0] + 2 * scaled[:, 0] - scaled[:, 1]
    torch.testing.assert_close(agent.penalty(mean_of, torch.ones(2), X), -0.6 * q / q.std())


def test_wocar_fits_its_critic_to_each_rollout_before_the_update(agents, monkeypatch):
    monkeypatch.setattr(wocar, "WorstCaseCritic", Linear)
    Linear.fitted.clear()
    agent = train_wocar(Walk, epsilon=0.2, settings=replace(SETTINGS, ppo=replace(PPO, n_epochs=3)))
    agent.model.learn(agent.settings.ppo.rollout_size, reset_num_timesteps=False)
    ((x, actions, rewards, next_x, ended), radius, options, gamma) = Linear.fitted[0]
    assert options == {"gradient_steps": 3 * 16 // 8, "batch_size": 8}
    assert gamma == PPO.gamma
    normaliser = agent.envs.normaliser
    before, after = (part * normaliser.scale + normaliser.mean for part in (x, next_x))
    moved = np.asarray(actions) * 10
    step = np.stack([moved[:, 0], moved[:, 1], moved[:, 0] - moved[:, 1]], 1)
    np.testing.assert_allclose(after - before, step, atol=1e-3)
    np.testing.assert_allclose(rewards * np.sqrt(agent.venv.ret_rms.var + 1e-8), after[:, 0], atol=1e-3)
    assert not ended.any()
    np.testing.assert_allclose(radius, 0.2 / normaliser.scale, rtol=1e-5)
    assert agent.envs.transitions == []


def test_rat_wocar_lowers_the_attackers_worst_case_value(agents):
    """Two critics of the intention policy, averaged; the agent's action is the worst one within the budget."""
    one, two = np.array([[0.0, 0, 0, 3.0, 0.0]]), np.array([[1.0, 0, 0, 1.0, -2.0]])
    critics = ActionValue([linear(one), linear(two)])
    normaliser = Normaliser(np.zeros(3), np.array([1.0, 2.0, 4.0]))
    intention = linear_gaussian(action_value=critics, normaliser=normaliser)
    agent = train_rat_wocar(
        Walk, intention, epsilon=0.4, settings=SETTINGS, value_weight=0.6, regulariser=0.0, search_steps=3
    )
    radius = torch.tensor([0.4, 0.2, 0.1])
    torch.testing.assert_close(torch.as_tensor(agent.envs.radius, dtype=torch.float32), radius)
    state = agent.generator.get_state()
    found = agent.penalty(mean_of, torch.ones(2), X)

    def attacker(point):
        action = (mean_of(point) / 10).clamp(-1, 1)
        return 0.5 * X[:, 0] + 2 * action[:, 0] - action[:, 1]

    agent.generator.set_state(state)
    worst = worst_observation(torch, X, radius, attacker, steps=3, generator=agent.generator)
    value = attacker(worst)
    torch.testing.assert_close(found, 0.6 * value / value.std(), rtol=1e-4, atol=1e-5)
    assert (value >= attacker(X)).all()


def test_the_learning_rate_decays_with_the_steps_of_earlier_rollouts(agents):
    agent = train_sa_ppo(Walk, epsilon=0.2, settings=SETTINGS)
    rates = []
    for steps in (16, 32, 64):
        agent.model.num_timesteps = steps
        rates.append(agent._learning_rate(0.0))
    assert rates == pytest.approx([0.8, 0.8 * 0.75, 0.8 * 0.25])
    assert [agent.is_done, agent.steps] == [True, 64]
    agent.model.num_timesteps = 63
    assert not agent.is_done


def test_observation_statistics_are_frozen_when_the_budget_is_above_zero():
    agent = RobustAgent(
        Walk, epsilon=0.2, space="raw", settings=SETTINGS, normaliser=None, seed=0, name="a", progress=None
    )
    frozen = []
    agent.envs.freeze = lambda: frozen.append(agent.model.num_timesteps)
    budgets = []
    for steps in (0, 16, 24, 32, 64):
        agent.model.num_timesteps = steps
        budgets.append(agent.set_budget())
        assert agent.envs.ball == Ball(budgets[-1])
    assert budgets == pytest.approx([0, 0, 0.1, 0.2, 0.2])
    assert frozen == [24, 32, 64]
    agent.close()


def test_checkpoints_are_ranked_by_success_then_return_and_by_the_full_budget_first(monkeypatch):
    agent = RobustAgent(
        Walk, epsilon=0.2, space="raw", settings=SETTINGS, normaliser=None, seed=0, name="a", progress=None
    )
    agent.envs.freeze()
    played = iter([(9.0, 8.0), (1.0, -3.0), (2.0, -3.0), (2.0, -3.5)])

    class One:
        def __init__(self, reward):
            self.reward, self.success = reward, None

    now = []

    def play(policy, method):
        if method is None:
            now[:] = next(played)
        return [One(now[0] if method is None else now[1])]

    monkeypatch.setattr(agent, "_play", play)
    for epsilon in (0.1, 0.2, 0.2, 0.2):
        agent.envs.ball = Ball(epsilon)
        agent._evaluate(())
    result = agent.result()
    agent.close()
    assert [(point.clean, point.attacked) for point in result.curve] == [(9, 8), (1, -3), (2, -3), (2, -3.5)]
    assert (result.chosen.clean, result.chosen.attacked) == (2, -3)


def test_the_score_is_the_mean_of_clean_and_attacked():
    assert Checkpoint(1, 5.0, 1.0, 0.9, 0.5).score == (pytest.approx(0.7), 3.0)
    assert Checkpoint(1, 5.0, 1.0, None, 0.5).score == (0.0, 3.0)
    assert Checkpoint(1, 5.0, 1.0, 0.5, None).score == (0.0, 3.0)
