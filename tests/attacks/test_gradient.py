import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import ACTIONS, STATES, STD, VALUE, WEIGHT, Q, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import ActionValue, Normaliser, Policy
from quintain.attacks import CriticAttack, FGSMAttack, MADAttack, MixedAttack, RobustSarsaAttack
from quintain.attacks.budget import Ball
from quintain.attacks.critics import Critic, RobustSarsa
from quintain.attacks.divergence import FGSM, MAD
from quintain.attacks.gradient import Mixture
from quintain.errors import CapabilityError, ConfigurationError

Z = np.array([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
NORMALISER = Normaliser(np.array([0.1, 0.2, 0.3]), np.array([2.0, 0.5, 1.0]), 10.0)


def noise(method, ball, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([method.draw(rng, ball, 3) for _ in Z])


def test_the_gradient_of_mad_equals_the_analytic_one():
    """sum_j ((W d)_j / w_j)^2 with w = sigma / mean(sigma) has the gradient 2 W^T diag(w^-2) W d."""
    delta = np.array([[0.1, -0.2, 0.05], [-0.3, 0.0, 0.2]])
    precision = (STD.mean() / STD) ** 2
    by_hand = 2 * (delta @ WEIGHT.T * precision) @ WEIGHT
    np.testing.assert_allclose(MAD(linear_gaussian()).ascent(Z)(Z + delta), by_hand, rtol=1e-10)
    # In normalised space x = z; in raw space each entry is divided by its scale, on the way in and on the way back.
    normalised = MAD(linear_gaussian(normaliser=NORMALISER), "normalised").ascent(Z)(Z + delta)
    np.testing.assert_allclose(normalised, by_hand, rtol=1e-10)
    raw = MAD(linear_gaussian(normaliser=NORMALISER), "raw").ascent(Z)(Z + delta)
    scaled = 2 * ((delta / NORMALISER.scale) @ WEIGHT.T * precision) @ WEIGHT / NORMALISER.scale
    np.testing.assert_allclose(raw, scaled, rtol=1e-10)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_mad_equals_its_update_rule_step_by_step(norm):
    ball, method = Ball(0.3, norm), MAD(linear_gaussian(), steps=3)
    draws = noise(method, ball)
    precision = (STD.mean() / STD) ** 2

    def unit(g):
        return np.sign(g) if norm == "linf" else g / np.linalg.norm(g, axis=1, keepdims=True)

    def project(d):
        if norm == "linf":
            return np.clip(d, -0.3, 0.3)
        return d * np.minimum(1, 0.3 / np.linalg.norm(d, axis=1, keepdims=True))

    delta = 0.03 * unit(draws[:, 0])
    for i in range(3):
        gradient = 2 * (delta @ WEIGHT.T * precision) @ WEIGHT
        delta = project(delta + 0.03 * unit(gradient + draws[:, i + 1] * np.sqrt(0.06) / (i + 2)))
    np.testing.assert_allclose(method.propose(Z, draws, ball), delta, rtol=1e-9)


def test_many_steps_of_mad_reach_the_corner_that_changes_the_action_most():
    """With one weighted action the best corner of the box is sign(W_0), or its negative."""
    victim = linear_gaussian(std=np.array([1e-3, 1e3]))
    method, ball = MAD(victim, steps=40), Ball(0.5)
    best = 0.5 * np.sign(WEIGHT[0])
    for found in method.propose(Z, noise(method, ball), ball):
        assert np.allclose(found, best) or np.allclose(found, -best)


def test_fgsm_takes_one_step_of_epsilon_along_the_sign_of_the_gradient():
    ball, method = Ball(0.2), FGSM(linear_gaussian())
    draws = noise(method, ball)
    start = draws[:, 0] / 10
    gradient = 2 * (start @ WEIGHT.T * (STD.mean() / STD) ** 2) @ WEIGHT
    np.testing.assert_allclose(
        method.propose(Z, draws, ball), np.clip(start + 0.2 * np.sign(gradient), -0.2, 0.2), rtol=1e-12
    )


def test_fgsm_on_a_categorical_policy_ascends_the_loss_of_its_greedy_action():
    """d/dz of -log softmax(W z)_a is W^T (softmax - e_a)."""
    victim = Policy(linear(WEIGHT), STATES, spaces.Discrete(2), head="categorical")
    logits = Z @ WEIGHT.T
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = (probabilities - np.eye(2)[logits.argmax(1)]) @ WEIGHT
    method, ball = FGSM(victim), Ball(0.2)
    np.testing.assert_allclose(method.ascent(Z)(Z), gradient, rtol=1e-10)
    np.testing.assert_allclose(method.propose(Z, noise(method, ball), ball), 0.2 * np.sign(gradient))


def test_mad_on_a_categorical_policy_ascends_the_divergence():
    """d/dz of KL(p || softmax(W z)) is W^T (softmax(W z) - p); checked by central differences."""
    victim = Policy(linear(WEIGHT), STATES, spaces.Discrete(2), head="categorical")

    def divergence(point):
        p, q = (np.exp(logits) / np.exp(logits).sum() for logits in (WEIGHT @ Z[0], WEIGHT @ point))
        return (p * np.log(p / q)).sum()

    point, h = Z[0] + 0.3, 1e-6
    numeric = [(divergence(point + h * e) - divergence(point - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(MAD(victim).ascent(Z[:1])(point[None])[0], numeric, rtol=1e-6)


def test_the_critic_attack_descends_the_state_value():
    method, ball = Critic(linear_gaussian()), Ball(0.3)
    np.testing.assert_allclose(method.ascent(Z)(Z), np.repeat(-VALUE, 2, axis=0))
    # Ten steps of a tenth from a start within a tenth, against a constant gradient.
    start = noise(method, ball)[:, 0] / 10
    found = method.propose(Z, noise(method, ball), ball)
    np.testing.assert_allclose(found, np.clip(start - 0.3 * np.sign(VALUE), -0.3, 0.3), rtol=1e-9)


@pytest.mark.parametrize("head", ["gaussian", "squashed"])
def test_without_a_state_value_the_critic_attack_descends_the_action_value(head):
    victim = linear_gaussian(value=None, head=head)
    slope = Q[0, 3:] * (1 - np.tanh(Z @ WEIGHT.T) ** 2 if head == "squashed" else 1.0)
    by_hand = -(slope * np.ones((2, 2))) @ WEIGHT
    np.testing.assert_allclose(Critic(victim).ascent(Z)(Z), by_hand, rtol=1e-10)


def test_robust_sarsa_evaluates_q_at_the_true_state():
    """With Q(s, a) = (s . u) a_0 the gradient at any point is -(s . u) W_0, s being the true state."""
    torch = pytest.importorskip("torch")
    from quintain.agents.policies import Autograd

    u = np.array([1.0, 2.0, -1.0])
    product = Autograd(lambda x: (x[:, :3] @ torch.tensor(u) * x[:, 3])[:, None], torch.float64)
    method = RobustSarsa(linear_gaussian(), ActionValue([product]))
    by_hand = -(Z @ u)[:, None] * WEIGHT[0]
    np.testing.assert_allclose(method.ascent(Z)(Z + 0.7), by_hand, rtol=1e-10)


def test_a_mixture_is_the_weighted_sum_of_unit_gradients():
    victim = linear_gaussian()
    parts = [RobustSarsa(victim, victim.action_value), MAD(victim)]
    point = Z + 0.1
    directions = [part.ascent(Z)(point) for part in parts]
    units = [g / np.linalg.norm(g, axis=1, keepdims=True) for g in directions]
    mixed = Mixture(parts, [0.25, 0.75]).ascent(Z)(point)
    np.testing.assert_allclose(mixed, 0.25 * units[0] + 0.75 * units[1], rtol=1e-10)
    assert Mixture(parts, [1, 1]).name == "mixture"
    assert Mixture(parts, [1, 1], name="half and half").name == "half and half"


def test_a_clipped_observation_has_no_gradient():
    victim = linear_gaussian(normaliser=Normaliser(np.zeros(3), np.ones(3), clip=1.0))
    gradient = Critic(victim, "normalised").ascent(Z)(np.array([[5.0, 0.0, -5.0]]))
    np.testing.assert_array_equal(gradient, [[0.0, 1.0, 0.0]])


def test_mad_changes_the_action_more_than_noise_of_the_same_budget():
    victim = linear_gaussian()
    method, ball = MAD(victim), Ball(0.3)
    moved = np.linalg.norm(method.propose(Z, noise(method, ball), ball) @ WEIGHT.T, axis=1).mean()
    rng = np.random.default_rng(1)
    random = np.linalg.norm(np.stack([ball.sample(rng, 3) for _ in range(500)]) @ WEIGHT.T, axis=1).mean()
    assert moved > 1.5 * random


def test_missing_capabilities_are_refused_when_the_attack_is_made():
    deterministic = Policy(linear(WEIGHT), STATES, ACTIONS)
    with pytest.raises(CapabilityError, match=r"'mad' cannot work .* no distribution over actions; pass std="):
        MADAttack(Walk(), deterministic, epsilon=0.1)
    with pytest.raises(CapabilityError, match="neither V"):
        CriticAttack(Walk(), deterministic, epsilon=0.1)
    black_box = Policy(linear(WEIGHT), STATES, ACTIONS, differentiable=False)
    with pytest.raises(CapabilityError, match="gives no gradient"):
        FGSMAttack(Walk(), black_box, epsilon=0.1)
    discrete = Policy(linear(WEIGHT), STATES, spaces.Discrete(2), head="categorical")
    with pytest.raises(CapabilityError, match="continuous ones are needed"):
        RobustSarsaAttack(Walk(), discrete, ActionValue([linear(Q)]), epsilon=0.1)
    with pytest.raises(ConfigurationError, match="steps must be an integer >= 1"):
        MADAttack(Walk(), linear_gaussian(), epsilon=0.1, steps=0)
    with pytest.raises(ConfigurationError, match="weight"):
        MixedAttack(Walk(), linear_gaussian(), ActionValue([linear(Q)]), epsilon=0.1, share=2.0)
    with pytest.raises(ConfigurationError, match="was made for observations of 3 entries"):
        MADAttack(gym.make("CartPole-v1"), linear_gaussian(), epsilon=0.1)
