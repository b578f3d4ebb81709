import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks.rat.gaussian import MIN_STD, VictimGaussian, kl, kl_gradients
from quintain.attacks.rat.learners import Adversary, IntentionPolicy
from quintain.attacks.rat.mlp_ensemble import MLPEnsemble
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.torch_mlp import torch_mlp
from quintain.errors import CapabilityError, ConfigurationError

SETTINGS = RATSettings(hidden_size=16, eta=0.05, learning_rate=3e-3)
BOX, UNIT = spaces.Box(-np.inf, np.inf, (3,)), spaces.Box(-1, 1, (2,))


def perturb(x, delta):
    return x + 0.3 * delta, np.float64(0.3)


def identity_policy(activation="identity"):
    """A policy whose action is the first two entries of its observation."""
    return Policy(MLP([Layer(np.eye(2, 3), np.zeros(2), activation)]), BOX, UNIT, head="gaussian", std=np.full(2, 0.3))


def make(victim, dtype=np.float32):
    rng = np.random.default_rng(0)
    return Adversary(3, VictimGaussian(victim), perturb, SETTINGS, rng, dtype), IntentionPolicy(3, 2, SETTINGS, rng)


def states(n, seed=1, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(dtype)


def test_a_policy_that_already_acts_like_the_intention_policy_is_not_perturbed():
    adversary, intention = make(identity_policy())
    intention.distribution = lambda x: (x[:, :2], np.full((len(x), 2), 0.3))
    x = states(256)
    losses = [adversary.update(x, intention) for _ in range(400)]
    assert losses[-1] < 0.05 * losses[0]
    assert np.abs(adversary.network(x)).mean(1)[0, :2].max() < 0.2


def test_the_adversary_finds_the_perturbation_that_shifts_the_action():
    """The intended action is the policy's action plus 0.2, so the perturbation is 0.2 / 0.3 in that entry."""
    adversary, intention = make(identity_policy())
    intention.distribution = lambda x: (x[:, :2] + np.float32([0.2, 0.0]), np.full((len(x), 2), 0.3))
    x = states(256)
    for _ in range(600):
        adversary.update(x, intention)
    np.testing.assert_allclose(adversary.network(x)[0].mean(0)[:2], [2 / 3, 0], atol=0.08)


def test_the_gradient_of_the_outer_loss_is_that_of_finite_differences():
    adversary, intention = make(identity_policy("tanh"), np.float64)
    for networks in (intention.actor, intention.critics):
        networks.flat = networks.flat.astype(np.float64)
        networks.layers = networks.split(networks.flat)
    x, fresh = states(8, 3, np.float64), states(8, 4, np.float64)

    def outer():
        adversary._rng = np.random.default_rng(7)  # the same noise each time
        return adversary.outer_gradient(x, fresh, intention)

    exact = outer()[1]
    h, flat, numeric = 1e-4, adversary.weights.flat, np.zeros_like(exact)
    for i in range(len(flat)):
        values = []
        for sign in (1, -1):
            flat[i] += sign * h
            values.append(outer()[0])
            flat[i] -= sign * h
        numeric[i] = (values[0] - values[1]) / (2 * h)
    assert np.abs(exact).max() > 1e-6
    np.testing.assert_allclose(exact, numeric, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


def test_the_outer_step_changes_the_weights_alone():
    adversary, intention = make(identity_policy())
    before = [p.flat.copy() for p in (adversary.network, intention.critics, intention.actor)]
    weights = adversary.weights.flat.copy()
    adversary.update_weights(states(32), states(32, 2), intention)
    after = [p.flat for p in (adversary.network, intention.critics, intention.actor)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (weights != adversary.weights.flat).any()
    # Adam's first step is as long as its learning rate.
    moved = np.abs(adversary.weights.flat - weights).max()
    assert moved == pytest.approx(SETTINGS.outer_rate * SETTINGS.learning_rate, rel=0.05)


def test_importance_is_positive_and_one_on_average():
    h = make(identity_policy())[0].importance(states(64))
    assert (h > 0).all()
    assert h.mean() == pytest.approx(1, rel=1e-5)


def test_the_divergence_is_that_of_torch_and_its_gradients_that_of_finite_differences():
    rng = np.random.default_rng(0)
    mean, other = rng.normal(size=(2, 5, 2))
    std, other_std = rng.uniform(0.1, 1.1, (2, 5, 2))
    divergence = kl(mean, std, other, other_std)
    for slope, move in zip(kl_gradients(mean, std, other, other_std), ((1e-6, 0), (0, 1e-6)), strict=True):
        ends = [kl(mean + s * move[0], std + s * move[1], other, other_std) for s in (1, -1)]
        np.testing.assert_allclose(slope.sum(1), (ends[0] - ends[1]) / 2e-6, rtol=1e-4)
    torch = pytest.importorskip("torch")
    one, two = (torch.distributions.Normal(*map(torch.tensor, p)) for p in ((mean, std), (other, other_std)))
    np.testing.assert_allclose(divergence, torch.distributions.kl_divergence(one, two).sum(1), rtol=1e-6)


def test_soft_actor_critic_learns_a_bandit():
    rng = np.random.default_rng(0)
    policy = IntentionPolicy(1, 1, SETTINGS, rng)
    x = np.zeros((64, 1), np.float32)
    for _ in range(500):
        action = rng.uniform(-1, 1, (64, 1)).astype(np.float32)
        policy.update(x, action, -5 * (action[:, 0] - 0.6) ** 2, x, np.zeros(64, np.float32))
    # The entropy bonus, and the tanh on a bell curve, move the mode outwards a little.
    assert policy.distribution(x[:1])[0][0, 0] == pytest.approx(0.6, abs=0.15)


def test_the_density_of_a_drawn_action_integrates_to_one():
    policy = IntentionPolicy(1, 1, SETTINGS, np.random.default_rng(0))
    action, density = policy.sample(np.zeros((20_000, 1), np.float32))
    counts, edges = np.histogram(action[:, 0], 20, (-1, 1), density=True)
    cells = np.digitize(action[:, 0], edges[1:-1])
    mean = [np.exp(density[cells == i]).mean() for i in range(20)]
    np.testing.assert_allclose(counts, mean, rtol=0.15, atol=0.02)


def test_the_gradient_of_the_critics_is_that_of_finite_differences():
    _, intention = make(identity_policy())
    networks = intention.critics
    networks.flat = networks.flat.astype(np.float64)
    networks.layers = networks.split(networks.flat)
    x, action = states(6, dtype=np.float64), np.random.default_rng(2).uniform(-1, 1, (6, 2))
    for j, move in enumerate(1e-6 * np.eye(2)):
        ends = [intention.q(x, action + sign * move)[0] for sign in (1, -1)]
        np.testing.assert_allclose(intention.q(x, action)[1][:, j], (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("head", ["gaussian", "squashed", "scaled", "deterministic"])
def test_every_head_is_scaled_to_the_unit_box(head):
    low, high = np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32)
    policy = MLP([Layer(np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros(2), "identity")])
    std = np.array([0.5, 0.5]) if head in ("gaussian", "squashed") else None
    victim = Policy(policy, BOX, spaces.Box(low, high), head=head, std=std)
    x = np.array([[0.4, 0.3, 0.0]])
    mean, sigma = VictimGaussian(victim)(x)
    np.testing.assert_allclose(low + (mean + 1) / 2 * (high - low), victim.act_batch(x), rtol=1e-5)
    wanted = {"gaussian": [0.25, 1.0], "squashed": 0.5 * (1 - np.tanh([0.4, 0.3]) ** 2)}.get(head, [MIN_STD] * 2)
    np.testing.assert_allclose(sigma[0], wanted, rtol=1e-5)


@pytest.mark.parametrize("head", ["gaussian", "squashed"])
def test_gradients_through_the_victim_are_those_of_finite_differences(head):
    rng = np.random.default_rng(0)
    policy, spread = (MLPEnsemble([3, 6, 2], rng, last="tanh", dtype=np.float64).frozen() for _ in range(2))
    space = spaces.Box(-2, 2, (2,)) if head == "gaussian" else UNIT
    victim = VictimGaussian(Policy(policy, BOX, space, head=head, std=spread))
    x, grad_mean, grad_std = states(4, dtype=np.float64), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))

    def loss(x):
        mean, std = victim(x)
        return (mean * grad_mean + std * grad_std).sum(1)

    exact = victim.vjp(x)[2](grad_mean, grad_std)
    for j, move in enumerate(1e-6 * np.eye(3)):
        np.testing.assert_allclose(exact[:, j], (loss(x + move) - loss(x - move)) / 2e-6, rtol=1e-4, atol=1e-7)


def test_what_rat_cannot_attack_is_refused():
    policy = MLP([Layer(np.ones((2, 3)), np.zeros(2), "identity")])
    with pytest.raises(CapabilityError, match="continuous"):
        VictimGaussian(Policy(policy, BOX, spaces.Discrete(2), head="categorical"))
    with pytest.raises(ConfigurationError, match="bounded"):
        VictimGaussian(Policy(policy, BOX, spaces.Box(-np.inf, np.inf, (2,))))


def test_torch_networks_depend_on_their_generator_alone():
    torch = pytest.importorskip("torch")
    state = torch.random.get_rng_state()
    one, two = (torch_mlp(torch, [3, 4, 1], torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[0].weight, two[0].weight)
    assert torch.equal(torch.random.get_rng_state(), state)
