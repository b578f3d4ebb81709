"""Single steps of attacks that look for a direction, and the schedules of those that train, beside values by hand."""

from dataclasses import replace

import numpy as np
import pytest
from attacked_envs import WEIGHT, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import MLP, Normaliser
from quintain.attacks import trainers
from quintain.attacks.budget import Ball
from quintain.attacks.contract import AttackContext
from quintain.attacks.divergence import FGSM, MAD
from quintain.attacks.learned import scaled
from quintain.attacks.pa_ad import PAAD
from quintain.attacks.target import Target

Z = np.array([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
BOX = spaces.Box(np.array([-10.0, -2.0]), np.array([10.0, 6.0]), dtype=np.float64)


def objective_gradient(change, direction):
    """d/dc of cos(c, d) + |c|, by central differences."""

    def value(c):
        return c @ direction / np.linalg.norm(c) / np.linalg.norm(direction) + np.linalg.norm(c)

    return np.array([(value(change + 1e-6 * e) - value(change - 1e-6 * e)) / 2e-6 for e in np.eye(2)])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pa_ad_takes_one_step_of_the_whole_budget_from_a_tenth_of_its_start(norm):
    ball, noise = Ball(0.4, norm), np.array([[[0.3, -0.2, 0.1]], [[-0.1, 0.3, 0.35]]])
    director = linear(np.array([[1.0, 0.0, 0.5], [0.0, -1.0, 0.2]]))
    found = PAAD(linear_gaussian(), director).propose(Z, noise, ball)
    for z, start, delta in zip(Z, noise[:, 0] / 10, found, strict=True):
        slope = objective_gradient(WEIGHT @ start, director(z[None])[0]) @ WEIGHT
        wanted = np.sign(slope) if norm == "linf" else slope / np.linalg.norm(slope)
        np.testing.assert_allclose(delta, 0.4 * wanted, rtol=1e-5)


@pytest.mark.parametrize("head", ["gaussian", "squashed", "scaled"])
def test_the_target_s_gradient_is_that_of_the_squared_distance_in_the_policy_s_units(head):
    wanted = np.array([5.0, 1.0])  # 0.5 and -0.25 of half the range from its middle
    victim = linear_gaussian(head=head, std=None if head == "scaled" else np.ones(2), normaliser=None)
    victim.action_space = BOX
    intention = linear_gaussian()
    intention.network, intention.action_space = linear(np.zeros((2, 3)), wanted), BOX
    goal = wanted if head == "gaussian" else np.array([0.5, -0.25])

    def distance(point):
        outputs = WEIGHT @ point
        return (((np.tanh(outputs) if head == "squashed" else outputs) - goal) ** 2).sum()

    slope = Target(victim, intention).ascent(Z)(Z + 0.1)
    for found, z in zip(slope, Z + 0.1, strict=True):
        numeric = [(distance(z - 1e-6 * e) - distance(z + 1e-6 * e)) / 2e-6 for e in np.eye(3)]
        np.testing.assert_allclose(found, numeric, rtol=1e-5, atol=1e-6)


def test_the_target_acts_on_the_true_state_in_the_environment_s_units():
    normaliser = Normaliser(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 0.5]))
    victim, intention = linear_gaussian(normaliser=normaliser), linear_gaussian()
    raw = Z * normaliser.scale + normaliser.mean
    np.testing.assert_allclose(Target(victim, intention, "normalised").wanted_actions(Z), intention.act_batch(raw))
    np.testing.assert_allclose(Target(victim, intention, "raw").wanted_actions(Z), intention.act_batch(Z))


def test_learned_outputs_are_clipped_by_entry_or_by_length():
    outputs = np.array([[0.5, -2.0], [3.0, 4.0], [0.3, 0.4]])
    np.testing.assert_allclose(scaled(outputs, Ball(0.2)), [[0.1, -0.2], [0.2, 0.2], [0.06, 0.08]])
    by_length = [[0.2 * 0.5 / 4.25**0.5, -0.4 / 4.25**0.5], [0.12, 0.16], [0.06, 0.08]]
    np.testing.assert_allclose(scaled(outputs, Ball(0.2, "l2")), by_length)


def test_the_learning_rate_of_an_adversary_falls_linearly_over_its_steps():
    pytest.importorskip("stable_baselines3")
    from quintain.attacks.adversary import ADVERSARY_PPO, AdversaryLearner, AdversarySettings

    settings = AdversarySettings(steps=100, ppo=replace(ADVERSARY_PPO, n_envs=2, n_steps=4, batch_size=8))
    learner = AdversaryLearner(Walk, linear_gaussian(), epsilon=0.1, settings=settings)
    rates = []
    for steps in (0, 25, 100, 180):
        learner._model.num_timesteps = steps
        rates.append(learner._model.lr_schedule(0.5))
    assert rates == pytest.approx([3e-4, 0.75 * 3e-4, 0, 0])
    assert (learner._venv.norm_obs, learner._venv.norm_reward, learner._venv.gamma) == (False, True, 0.99)
    learner._model.num_timesteps = 0
    told = []
    learner.learn(8, told.append)
    learner.learn(8, told.append)
    assert told == list(range(2, 17, 2))
    learner.close()
    table = {"n_envs": 16, "n_steps": 128, "batch_size": 256, "log_std_init": -0.5}
    assert {name: getattr(ADVERSARY_PPO, name) for name in table} == table
    assert AdversarySettings().ppo is ADVERSARY_PPO


@pytest.mark.parametrize(
    ("train", "kind", "objective"),
    [
        (trainers.train_sa_rl, "sa-rl", "return"), (trainers.train_sa_rl_target, "sa-rl", "target"),
        (trainers.train_pa_ad, "pa-ad", "return"), (trainers.train_pa_ad_target, "pa-ad", "target"),
    ],
)  # fmt: skip
def test_a_registered_adversary_trains_for_its_kind_goal_and_budget(monkeypatch, train, kind, objective):
    passed = {}

    class Made:
        director, network = (linear(np.eye(3)[: k + 1]) for k in (0, 1))

    def record(make_env, victim, **options):
        passed.update(options)
        return Made()

    monkeypatch.setattr(trainers, "train_adversary", record)
    context = AttackContext(Walk, linear_gaussian(), 0.3, norm="l2", space="raw", seed=7, steps=123)
    network, facts = train(context)
    assert (passed["kind"], passed["objective"], passed["seed"]) == (kind, objective, 7)
    assert (passed["epsilon"], passed["norm"], passed["space"]) == (0.3, "l2", "raw")
    assert passed["settings"].steps == facts["steps"] == 123
    assert network is (Made.director if kind == "pa-ad" else Made.network)


@pytest.mark.parametrize(("steps", "exploring"), [(30_000, 2_000), (800, 100)])
def test_rat_explores_for_at_most_an_eighth_of_its_steps(monkeypatch, steps, exploring):
    passed = {}

    class Made:
        labels, accuracy, inner_loss = 5, 0.5, 0.25

        class method:
            network = linear(np.eye(3))

    def record(make_env, victim, **options):
        passed.update(options, victim=victim)
        return Made

    monkeypatch.setattr(trainers, "train_rat", record)
    context = AttackContext(Walk, linear_gaussian(), 0.3, seed=7, steps=steps)
    network, facts = trainers.train_rat_attack(context)
    assert (passed["settings"].steps, passed["settings"].exploration_steps) == (steps, exploring)
    assert (passed["epsilon"], passed["space"], passed["seed"]) == (0.3, "raw", 7)
    assert facts == {"steps": steps, "labels": 5, "accuracy": 0.5, "inner_loss": 0.25}
    assert isinstance(network, MLP)

    class Imitation:
        policy, error, baseline = linear_gaussian(std=np.ones(2)), 0.1, 0.9

    imitated = {}
    monkeypatch.setattr(trainers, "train_surrogate", lambda *args, **kwargs: imitated.update(kwargs) or Imitation)
    _, facts = trainers.train_rat_surrogate(context)
    assert passed["victim"] is Imitation.policy
    assert imitated["settings"].transitions == min(20_000, steps)
    assert (facts["error"], facts["baseline"], facts["labels"]) == (0.1, 0.9, 5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fgsm_steps_by_the_whole_budget_from_a_tenth_of_its_start_and_stays_inside(norm):
    ball, noise = Ball(0.4, norm), np.array([[[0.3, -0.2, 0.1]], [[-0.1, 0.3, 0.35]]])
    found = FGSM(linear_gaussian(std=np.ones(2))).propose(Z, noise, ball)
    for start, delta in zip(noise[:, 0] / 10, found, strict=True):
        slope = 2 * (WEIGHT @ start) @ WEIGHT
        far = start + 0.4 * (np.sign(slope) if norm == "linf" else slope / np.linalg.norm(slope))
        wanted = np.clip(far, -0.4, 0.4) if norm == "linf" else far * min(1, 0.4 / np.linalg.norm(far))
        np.testing.assert_allclose(delta, wanted, rtol=1e-6)


def test_a_spread_that_depends_on_the_state_is_held_at_that_of_the_true_state():
    states = np.concatenate([Z, [[0.2, 0.1, -0.3]]])
    log_std = np.array([[0.5, 0.0, -0.2], [-0.3, 0.4, 0.1]])
    gradient = MAD(linear_gaussian(std=linear(log_std))).ascent(states)
    delta = np.array([0.1, -0.2, 0.3])
    for found, z in zip(gradient(states + delta), states, strict=True):
        std = np.exp(log_std @ z)
        np.testing.assert_allclose(found, 2 * ((std.mean() / std) ** 2 * (WEIGHT @ delta)) @ WEIGHT, rtol=1e-6)
