"""The updates of RAT's learners, compared with their documented equations differentiated by torch."""

import itertools
import math

import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks.rat.gaussian import VictimGaussian, kl, kl_gradients
from quintain.attacks.rat.learners import Adversary, IntentionPolicy
from quintain.attacks.rat.mlp_ensemble import MLPEnsemble
from quintain.attacks.rat.preferences import RewardEnsemble
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.rat.training import _perturbation

torch = pytest.importorskip("torch")

D, K, N = 3, 2, 7
SETTINGS = RATSettings(hidden_size=5, learning_rate=3e-3, gamma=0.9, tau=0.2, eta=0.5, outer_rate=0.1)
STD = np.array([0.3, 0.6])
WEIGHT = np.array([[1.0, -0.5, 0.2], [0.3, 0.8, -1.0]])


def double(network):
    """Convert a network to float64 with random biases, since ReLU is not differentiable at 0."""
    rng = np.random.default_rng(len(network.flat))
    network.flat = network.flat.astype(np.float64) + 0.1 * rng.normal(size=len(network.flat))
    network.layers = network.split(network.flat)
    network._moments = (np.zeros_like(network.flat), np.zeros_like(network.flat))
    return network


def intention(seed=0):
    policy = IntentionPolicy(D, K, SETTINGS, np.random.default_rng(seed))
    for network in (policy.actor, policy.critics, policy._target_critics):
        double(network)
    return policy


def victim():
    network = MLP([Layer(WEIGHT, np.array([0.1, -0.1]), "tanh")])
    return Policy(network, spaces.Box(-np.inf, np.inf, (D,)), spaces.Box(-1, 1, (K,)), head="gaussian", std=STD)


def torch_victim(x):
    return torch.tanh(x @ torch.tensor(WEIGHT).T + torch.tensor([0.1, -0.1])), torch.tensor(STD)


def leaf(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def apply(network, flat, x, member=0):
    """Evaluate one member of an ensemble in torch, from its flat parameters."""
    start = 0
    for number, (fan_in, fan_out) in enumerate(itertools.pairwise(network.sizes), 1):
        middle = start + network.members * fan_in * fan_out
        end = middle + network.members * fan_out
        weight = flat[start:middle].reshape(network.members, fan_in, fan_out)[member]
        x = x @ weight + flat[middle:end].reshape(network.members, fan_out)[member]
        if number < len(network.sizes) - 1:
            x = torch.relu(x)
        elif network.last == "tanh":
            x = torch.tanh(x)
        start = end
    return x


def adam(flat, gradient, rate):
    """Return parameters after the first step of Adam, which moves each by the rate against the gradient's sign."""
    return flat - rate * gradient / (np.abs(gradient) + 1e-8 / 0.001**0.5)


def squashed_log_prob(mean, log_std, noise):
    action = torch.tanh(mean + log_std.exp() * noise)
    normal = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)
    return action, (normal - torch.log(1 - action**2 + 1e-6)).sum(1)


def batch(seed=1):
    rng = np.random.default_rng(seed)
    x, next_x = rng.normal(size=(2, N, D))
    return x, rng.uniform(-1, 1, (N, K)), rng.normal(size=N), next_x, np.array([1.0, 1, 0, 1, 1, 0, 1])


def noise_of(policy, draws):
    return [
        torch.tensor(policy._rng.standard_normal((N, K), dtype=np.float32), dtype=torch.float64) for _ in range(draws)
    ]


def split_outputs(outputs):
    return outputs[:, :K], outputs[:, K:].clamp(-5, 2)


@pytest.fixture
def gradients(monkeypatch):
    """Record the gradients that are passed to Adam, in order."""
    given = []
    step = MLPEnsemble.adam_step

    def recorded(network, gradient):
        given.append(gradient.copy())
        step(network, gradient)

    monkeypatch.setattr(MLPEnsemble, "adam_step", recorded)
    return given


def close(found, wanted):
    """Compare gradients up to float32 and to the three digits of half the logarithm of 2 pi."""
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-4 * np.abs(wanted).max())


def test_one_sac_update_equals_its_equations(gradients):
    policy = intention()
    policy._log_temperature = -0.7
    policy._target_critics.flat += 0.3
    x, action, reward, next_x, going = batch()
    policy._rng = np.random.default_rng(5)
    next_noise, actor_noise = noise_of(policy, 2)
    policy._rng = np.random.default_rng(5)
    actor, critics, targets = leaf(policy.actor.flat), leaf(policy.critics.flat), policy._target_critics.flat.copy()
    policy.update(x, action, reward, next_x, going)

    mu = math.exp(-0.7)
    states, next_states = torch.tensor(x), torch.tensor(next_x)
    with torch.no_grad():
        next_action, log_prob = squashed_log_prob(*split_outputs(apply(policy.actor, actor, next_states)), next_noise)
        joined = torch.cat([next_states, next_action], 1)
        old = torch.tensor(targets)
        q = torch.minimum(*(apply(policy.critics, old, joined, m)[:, 0] for m in (0, 1)))
        target = torch.tensor(reward) + 0.9 * torch.tensor(going) * (q - mu * log_prob)
    joined = torch.cat([states, torch.tensor(action)], 1)
    loss = sum(((apply(policy.critics, critics, joined, m)[:, 0] - target) ** 2).mean() for m in (0, 1))
    (grad_critics,) = torch.autograd.grad(loss, critics)
    close(gradients[0], grad_critics)
    np.testing.assert_allclose(policy.critics.flat, adam(critics.detach().numpy(), gradients[0], 3e-3), atol=1e-7)

    # The actor sees the critics after their step.
    new = torch.tensor(policy.critics.flat)
    drawn, log_prob = squashed_log_prob(*split_outputs(apply(policy.actor, actor, states)), actor_noise)
    joined = torch.cat([states, drawn], 1)
    q = torch.minimum(*(apply(policy.critics, new, joined, m)[:, 0] for m in (0, 1)))
    (grad_actor,) = torch.autograd.grad((mu * log_prob - q).mean(), actor)
    close(gradients[1], grad_actor)
    np.testing.assert_allclose(policy.actor.flat, adam(actor.detach().numpy(), gradients[1], 3e-3), atol=1e-7)

    # The temperature descends E[-log mu (log pi + H)] with H = -K: more entropy than wanted lowers it.
    assert policy._log_temperature == pytest.approx(-0.7 + 3e-3 * (log_prob.mean().item() - K), abs=1e-5)
    np.testing.assert_allclose(policy._target_critics.flat, 0.8 * targets + 0.2 * policy.critics.flat, rtol=1e-6)


def test_the_temperature_rises_if_entropy_is_below_the_target():
    """The target entropy is minus the number of action entries; narrow distributions have less."""
    for log_std, rises in ((-4.0, True), (0.0, False)):
        policy = IntentionPolicy(D, K, SETTINGS, np.random.default_rng(0))
        policy.actor.layers[-1][0][:] = 0
        policy.actor.layers[-1][1][0, 0] = [0, 0, log_std, log_std]
        before = policy.temperature
        policy.update(*(part.astype(np.float32) for part in batch()))
        assert (policy.temperature > before) == rises
    assert before == pytest.approx(0.1, rel=0.01)


def test_target_critics_start_equal_to_the_critics():
    policy = IntentionPolicy(D, K, SETTINGS, np.random.default_rng(0))
    np.testing.assert_array_equal(policy._target_critics.flat, policy.critics.flat)
    one, two = policy.critics(np.ones((1, D + K), np.float32))
    assert one != two


def test_the_spread_of_the_actor_is_kept_between_its_bounds():
    policy = intention()
    policy.actor.layers[-1][0][:] = 0
    policy.actor.layers[-1][1][0, 0] = [0.2, -0.4, 9.0, -9.0]
    mean, std = policy.distribution(np.zeros((1, D)))
    slope = 1 - np.tanh([0.2, -0.4]) ** 2
    np.testing.assert_allclose(mean[0], np.tanh([0.2, -0.4]))
    np.testing.assert_allclose(std[0], np.maximum(np.exp([2.0, -5.0]) * slope, 0.1))
    policy._rng = np.random.default_rng(3)
    (noise,) = noise_of(policy, 1)
    policy._rng = np.random.default_rng(3)
    action, log_prob = policy.sample(np.zeros((N, D)))
    wanted, density = squashed_log_prob(
        torch.tensor([[0.2, -0.4]], dtype=torch.float64), torch.tensor([[2.0, -5.0]], dtype=torch.float64), noise
    )
    np.testing.assert_allclose(action, wanted, rtol=1e-6)
    np.testing.assert_allclose(log_prob, density, rtol=1e-4, atol=1e-3)
    # Beyond the bounds the logarithm of the spread receives no gradient.
    policy.update(*batch())
    np.testing.assert_array_equal(policy.actor.layers[-1][1][0, 0, K:], [9.0, -9.0])


def torch_kl(mean, std, other, other_std):
    one, two = (torch.distributions.Normal(m, s) for m, s in ((mean, std), (other, other_std)))
    return torch.distributions.kl_divergence(one, two).sum(1)


@pytest.fixture
def pair():
    """An adversary and an intention policy in float64, and a function that replays the outer loss's noise."""
    policy, perturb = intention(), lambda z, delta: (z + 0.4 * delta, 0.4)
    adversary = Adversary(D, VictimGaussian(victim()), perturb, SETTINGS, np.random.default_rng(1), np.float64)
    for network in (adversary.network, adversary.weights):
        double(network)
    return adversary, policy


def inner_loss(adversary, policy, alpha, omega, states):
    """Return E[h KL(perturbed victim || intention policy)], written out in torch."""
    mean, std = torch_victim(states + 0.4 * apply(adversary.network, alpha, states))
    other = (torch.tensor(part) for part in policy.distribution(states.numpy()))
    divergence = torch_kl(mean, std.expand_as(mean), *other)
    h = torch.nn.functional.softplus(apply(adversary.weights, omega, states)[:, 0])
    return (h / h.mean() * divergence).mean(), divergence


def test_the_inner_step_descends_the_weighted_kl_divergence(pair, gradients):
    adversary, policy = pair
    x = batch()[0]
    alpha, omega = leaf(adversary.network.flat), leaf(adversary.weights.flat)
    loss, divergence = inner_loss(adversary, policy, alpha, omega, torch.tensor(x))
    (wanted,) = torch.autograd.grad(loss, alpha)
    assert adversary.update(x, policy) == pytest.approx(loss.item(), rel=1e-6)
    assert loss.item() != pytest.approx(divergence.mean().item(), rel=1e-3)  # h matters
    close(gradients[0], wanted)
    np.testing.assert_allclose(adversary.network.flat, adam(alpha.detach().numpy(), gradients[0], 3e-3), atol=1e-8)
    np.testing.assert_array_equal(adversary.weights.flat, omega.detach())


def test_without_weighting_all_states_have_equal_weight(pair):
    from dataclasses import replace

    adversary, policy = pair
    adversary._settings = replace(SETTINGS, weighting=False)
    alpha, omega = leaf(adversary.network.flat), leaf(adversary.weights.flat)
    x = batch()[0]
    divergence = inner_loss(adversary, policy, alpha, omega, torch.tensor(x))[1].mean()
    assert adversary.update(x, policy) == pytest.approx(divergence.item(), rel=1e-6)


def test_the_outer_loss_is_entropy_minus_q_after_one_virtual_step(pair):
    adversary, policy = pair
    policy._log_temperature = -0.5
    x, fresh = batch()[0], batch(9)[0]
    alpha, omega = leaf(adversary.network.flat), leaf(adversary.weights.flat)
    inner, _ = inner_loss(adversary, policy, alpha, omega, torch.tensor(x))
    (descent,) = torch.autograd.grad(inner, alpha, create_graph=True)
    after, states = alpha - 0.5 * descent, torch.tensor(fresh)
    mean, std = torch_victim(states + 0.4 * apply(adversary.network, after, states))
    noise = np.random.default_rng(7).standard_normal((N, K))
    drawn = mean + std * torch.tensor(noise)
    critics = torch.tensor(policy.critics.flat)
    joined = torch.cat([states, drawn.clamp(-1, 1)], 1)
    q = torch.minimum(*(apply(policy.critics, critics, joined, m)[:, 0] for m in (0, 1)))
    log_prob = torch.distributions.Normal(mean, std).log_prob(drawn).sum(1)
    loss = (math.exp(-0.5) * log_prob - q).mean()
    (wanted,) = torch.autograd.grad(loss, omega)

    adversary._rng = np.random.default_rng(7)
    value, gradient = adversary.outer_gradient(x, fresh, policy)
    assert value == pytest.approx(loss.item(), abs=1e-3)  # 0.919 for half the logarithm of 2 pi
    close(gradient, wanted)
    assert np.abs(gradient).max() > 1e-5
    adversary._rng = np.random.default_rng(7)
    adversary.update_weights(x, fresh, policy)
    rate = 3e-3 * 0.1
    np.testing.assert_allclose(adversary.weights.flat, adam(omega.detach().numpy(), gradient, rate), atol=1e-8)


def test_states_whose_divergence_lowers_the_outer_loss_get_more_weight():
    """Two states, one step: following the intention policy raises Q in the first state and lowers it in the second."""
    adversary = Adversary(
        D,
        VictimGaussian(victim()),
        lambda z, delta: (z + 0.4 * delta, 0.4),
        SETTINGS,
        np.random.default_rng(1),
        np.float64,
    )
    policy = intention()
    policy.q = lambda x, action: (action[:, 0], np.tile([1.0, 0.0], (len(x), 1)))  # the first entry should rise
    policy._log_temperature = -50
    x = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    policy.distribution = lambda states: (
        np.where(states[:, :1] > 0, 1.0, -1.0) * [1.0, 0.0],
        np.full((len(x), 2), 0.3),
    )
    before = adversary.importance(x)
    for _ in range(300):
        adversary.update_weights(x, x, policy)
    after = adversary.importance(x)
    assert after[0] - after[1] > before[0] - before[1] + 0.05


def test_the_divergence_is_not_symmetric_and_its_direction_is_victim_to_intention():
    """KL(N(0, 1) || N(1, 2)) = ln 2 + (1 + 1) / 8 - 1/2, and not KL(N(1, 2) || N(0, 1)) = -ln 2 + (4 + 1) / 2 - 1/2."""
    one, two = np.ones((1, 1)), 2 * np.ones((1, 1))
    assert kl(0 * one, one, one, two)[0] == pytest.approx(math.log(2) + 0.25 - 0.5)
    assert kl(one, two, 0 * one, one)[0] == pytest.approx(-math.log(2) + 2.5 - 0.5)
    by_mean, by_std = kl_gradients(0 * one, one, one, two)
    assert (by_mean[0, 0], by_std[0, 0]) == (pytest.approx(-1 / 4), pytest.approx(1 / 4 - 1))


def test_the_reward_descends_the_cross_entropy_of_bradley_and_terry(gradients):
    settings = RATSettings(hidden_size=4, ensemble_size=2, learning_rate=1e-2, max_reward_epochs=1)
    rewards = RewardEnsemble(D, settings, np.random.default_rng(0))
    double(rewards._members)
    rng = np.random.default_rng(2)
    segments, labels = rng.normal(size=(6, 2, 3, D)), np.array([1.0, 0.0, 0.5, 1.0, 0.0, 1.0])
    for pair, label in zip(segments, labels, strict=True):
        rewards.add(*pair, label)
    flat = leaf(rewards._members.flat)
    loss = 0
    for member in range(2):
        returns = apply(rewards._members, flat, torch.tensor(segments), member).sum((2, 3))
        chance = torch.softmax(returns, 1)[:, 0]
        target = torch.tensor(labels)
        loss = loss - (target * chance.log() + (1 - target) * (1 - chance).log()).mean()
    (wanted,) = torch.autograd.grad(loss, flat)
    rewards.fit()
    close(gradients[0], wanted)
    np.testing.assert_allclose(rewards._members.flat, adam(flat.detach().numpy(), gradients[0], 1e-2), atol=1e-6)


@pytest.mark.parametrize(("space", "step"), [("raw", [0.5 / 2.0, 0.5 / 0.25]), ("normalised", [0.5, 0.5])])
def test_training_perturbs_in_the_budgets_space_up_to_the_clip(space, step):
    from quintain.agents.policies import Normaliser

    normaliser = Normaliser(np.zeros(2), np.array([2.0, 0.25]), 10.0)
    network = MLP([Layer(np.ones((1, 2)), np.zeros(1), "identity")])
    box = spaces.Box(-np.inf, np.inf, (2,))
    attacked = Policy(network, box, spaces.Box(-1, 1, (1,)), normaliser=normaliser)
    perturb = _perturbation(attacked, 0.5, space)
    z, delta = np.array([[1.0, -1.0], [30.0, -11.0]], np.float32), np.array([[1.0, -0.5]], np.float32)
    x, slope = perturb(z, delta)
    np.testing.assert_allclose(x, [[1 + step[0], -1 - step[1] / 2], [10, -10]])
    np.testing.assert_allclose(slope, [step, [0, 0]])
    np.testing.assert_array_equal(perturb(z, 0.0)[0], [[1, -1], [10, -10]])
