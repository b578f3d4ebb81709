"""Behaviour common to all trained defences, and the alternation of agent and adversary."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import Shift, Walk

pytest.importorskip("stable_baselines3")

from quintain.attacks import AdversarySettings
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.defences import DEFENCE_PPO, Checkpoint, DefenceSettings, train_atla, train_sa_ppo
from quintain.attacks.defences.agent import RobustAgent
from quintain.errors import ConfigurationError

PPO = replace(DEFENCE_PPO, n_envs=4, n_steps=16, batch_size=32, n_epochs=2)
SMALL = DefenceSettings(steps=384, ppo=PPO, warmup=0.3, ramp=0.2, eval_freq=128, n_eval_episodes=2)
OPPONENT = AdversarySettings(ppo=replace(ADVERSARY_PPO, n_envs=4, n_steps=16, batch_size=32, n_epochs=2))


def test_the_agent_learns_from_the_perturbed_observations():
    learner = RobustAgent(
        lambda: Walk(1000), epsilon=0.2, space="raw", settings=SMALL, normaliser=None, seed=0, name="a", progress=None
    )
    shown = []
    learner.iterate()
    learner.envs.freeze()
    learner.envs.ball = learner.full
    true = learner.envs.observe

    def note(states):
        seen = true(states)
        shown.append((states.copy(), seen))
        return seen

    learner.envs.observe = note
    stored = []
    learner.before_update = lambda: stored.append(learner.model.rollout_buffer.observations.copy())
    learner.iterate(Shift())
    learner.iterate(Shift())
    learner.close()
    steps = shown[15:31]  # what the second of them began with, and what followed
    normaliser = learner.envs.normaliser
    for (states, seen), row in zip(steps, stored[1], strict=True):
        np.testing.assert_array_equal(row, seen)
        np.testing.assert_allclose(row - normaliser(states), np.tile(0.2 / normaliser.scale, (4, 1)), atol=1e-5)


def test_the_budget_grows_linearly_after_the_warm_up():
    settings = DefenceSettings(steps=1000, warmup=0.2, ramp=0.4)
    assert [settings.budget(steps, 0.5) for steps in (0, 199, 200, 400, 600, 1000)] == pytest.approx(
        [0, 0, 0, 0.25, 0.5, 0.5]
    )
    assert DefenceSettings(steps=1000, warmup=0, ramp=0).budget(0, 0.5) == 0.5


def test_atla_alternates_single_iterations_after_the_warm_up():
    heard = []
    train_atla(Walk, epsilon=0.2, settings=SMALL, adversary=OPPONENT, progress=lambda *who: heard.append(who))
    assert heard[:2] == [("agent", 64), ("agent", 128)]
    assert heard[2:] == [pair for i in range(3, 7) for pair in (("agent", 64 * i), ("adversary", 64 * (i - 2)))]


def test_the_adversary_attacks_the_current_agent(monkeypatch):
    """After every iteration of the agent the adversary attacks its current weights."""
    from quintain.attacks.defences import atla

    attacked = []

    class Recorded(atla.AdversaryLearner):
        def set_policy(self, victim):
            attacked.append(victim.network(np.ones((1, 3)))[0])
            super().set_policy(victim)

    monkeypatch.setattr(atla, "AdversaryLearner", Recorded)
    made = train_atla(Walk, epsilon=0.2, settings=SMALL, adversary=OPPONENT)
    assert len(attacked) == 4
    assert len({tuple(outputs) for outputs in attacked}) == 4
    assert any(np.array_equal(made.policy.network(np.ones((1, 3)))[0], outputs) for outputs in attacked)


def test_the_adversarys_schedule_covers_the_steps_after_the_warm_up(monkeypatch):
    """Of 384 steps the agent has made 128, two iterations of 64, when the adversary begins."""
    from quintain.attacks.defences import atla

    planned = []

    class Recorded(atla.AdversaryLearner):
        def __init__(self, *args, settings, **options):
            planned.append(settings.steps)
            super().__init__(*args, settings=settings, **options)

    monkeypatch.setattr(atla, "AdversaryLearner", Recorded)
    train_atla(Walk, epsilon=0.2, settings=SMALL, adversary=OPPONENT)
    assert planned == [256]


@pytest.mark.parametrize("train", [train_atla, train_sa_ppo])
def test_equal_seeds_give_equal_runs(train):
    little = replace(SMALL, steps=192, eval_freq=192)
    one, two, other = (train(Walk, epsilon=0.2, settings=little, seed=seed) for seed in (0, 0, 1))
    x = np.ones((1, 3))
    assert one.curve == two.curve
    np.testing.assert_array_equal(one.policy.network(x), two.policy.network(x))
    assert not np.array_equal(one.policy.network(x), other.policy.network(x))


def test_the_best_checkpoint_under_the_full_budget_is_kept():
    made = train_sa_ppo(Walk, epsilon=0.2, settings=SMALL)
    assert [point.steps for point in made.curve] == [128, 256, 384]
    assert made.chosen.score == max(point.score for point in made.curve[1:])
    assert made.policy.observation_space == Walk().observation_space
    assert made.policy.name == "sa-ppo"
    better, worse = Checkpoint(1, 5.0, 1.0, 0.9, 0.5), Checkpoint(1, 9.0, 9.0, 0.8, 0.5)
    assert better.score > worse.score


def test_the_regulariser_flattens_the_policy():
    def slope(weight, seed):
        settings = DefenceSettings(
            steps=2048, warmup=0, ramp=0, eval_freq=2048, n_eval_episodes=2,
            ppo=replace(PPO, n_steps=64, batch_size=64, n_epochs=5, learning_rate=3e-3),
        )  # fmt: skip
        policy = train_sa_ppo(Walk, epsilon=0.5, settings=settings, regulariser=weight, seed=seed).policy
        states = np.random.default_rng(0).normal(size=(50, 3))
        _, back = policy.network.vjp(states)
        return np.abs(back(np.ones((50, 2)))).sum(1).mean()

    slopes = np.array([[slope(weight, seed) for weight in (10.0, 0.0)] for seed in range(3)])
    assert (slopes[:, 0] < slopes[:, 1]).all()
    assert slopes[:, 0].sum() < 0.8 * slopes[:, 1].sum()


def test_incompatible_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="continuous actions"):
        train_atla(lambda: gym.make("CartPole-v1"), epsilon=0.1)
    with pytest.raises(ConfigurationError, match="regulariser >= 0"):
        train_sa_ppo(Walk, epsilon=0.1, regulariser=-1)
    with pytest.raises(ConfigurationError, match="bound must be one of"):
        train_sa_ppo(Walk, epsilon=0.1, bound="crown", settings=SMALL)
    with pytest.raises(ConfigurationError, match="warmup must be"):
        DefenceSettings(warmup=0.8, ramp=0.4)
    with pytest.raises(ConfigurationError, match="counts must be >= 1"):
        DefenceSettings(n_eval_episodes=0)
