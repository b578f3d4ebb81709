import numpy as np
import pytest
from gymnasium import spaces

torch = pytest.importorskip("torch")

from quintain.agents.victims import MLP, Layer, Victim  # noqa: E402
from quintain.attacks.rat.learners import Adversary, IntentionPolicy  # noqa: E402
from quintain.attacks.rat.networks import ASSUMED_STD, gaussian_of, kl, perceptron  # noqa: E402
from quintain.attacks.rat.settings import RATSettings  # noqa: E402
from quintain.errors import CapabilityError, ConfigurationError  # noqa: E402

SETTINGS = RATSettings(hidden=16, eta=0.05, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def make(seed=0, victim=None, see=lambda x, lie: x + 0.3 * lie):
    generator = torch.Generator().manual_seed(seed)
    intention = IntentionPolicy(torch, 3, 2, SETTINGS, generator)
    adversary = Adversary(torch, 3, victim or intention.distribution, see, SETTINGS, generator)
    return adversary, intention


def test_a_victim_that_already_does_what_is_wanted_is_left_alone():
    adversary, intention = make()
    states = torch.randn(256, 3, generator=torch.Generator().manual_seed(1))
    losses = [adversary.update(states, intention) for _ in range(400)]
    assert losses[-1] < 0.05 * losses[0]
    assert adversary.network(states).abs().mean() < 0.2


def test_the_adversary_finds_the_lie_that_shifts_the_victim():
    """The victim copies its first two entries; what is wanted lies 0.2 to the right, so the lie is 0.2 / 0.3 there."""
    adversary, intention = make(victim=lambda x: (x[:, :2], torch.full((len(x), 2), 0.3)))
    intention.distribution = lambda x: (x[:, :2] + torch.tensor([0.2, 0.0]), torch.full((len(x), 2), 0.3))
    states = torch.randn(256, 3, generator=torch.Generator().manual_seed(1))
    for _ in range(600):
        adversary.update(states, intention)
    np.testing.assert_allclose(adversary.network(states).mean(0)[:2].detach(), [2 / 3, 0], atol=0.08)


def test_the_gradient_of_the_outer_loss_is_that_of_finite_differences():
    adversary, intention = make(victim=lambda x: (torch.tanh(x[:, :2]), torch.full((len(x), 2), 0.3, dtype=x.dtype)))
    for network in (adversary.network, adversary.weights, intention.actor, *intention.critics):
        network.double()
    generator = torch.Generator().manual_seed(3)
    x, fresh = (torch.randn(2, 3, generator=generator, dtype=torch.float64) for _ in range(2))

    def outer():
        adversary._generator = torch.Generator().manual_seed(7)  # the same noise each time
        return adversary.outer_loss(x, fresh, intention)

    parameter = adversary.weights[0].weight
    (exact,) = torch.autograd.grad(outer(), parameter)
    h, numeric = 1e-5, torch.zeros_like(exact)
    for index in np.ndindex(*parameter.shape):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[index] += sign * h
            values.append(float(outer().detach()))
            with torch.no_grad():
                parameter[index] -= sign * h
        numeric[index] = (values[0] - values[1]) / (2 * h)
    assert exact.abs().max() > 1e-6
    np.testing.assert_allclose(exact, numeric, rtol=1e-3, atol=1e-8)


def test_the_outer_step_changes_the_weights_alone():
    adversary, intention = make(victim=lambda x: (x[:, :2], torch.full((len(x), 2), 0.3)))
    before = [p.clone() for p in (*adversary.network.parameters(), *intention.critics[0].parameters())]
    weights = [p.clone() for p in adversary.weights.parameters()]
    states = torch.randn(32, 3)
    adversary.update_weights(states, torch.randn(32, 3), intention)
    after = (*adversary.network.parameters(), *intention.critics[0].parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(weights, adversary.weights.parameters(), strict=True))


def test_importance_is_positive_and_one_on_average():
    adversary, _ = make()
    h = adversary.importance(torch.randn(64, 3))
    assert (h > 0).all()
    assert float(h.mean().detach()) == pytest.approx(1, rel=1e-5)


def test_the_divergence_is_that_of_torch():
    mean, other = torch.randn(5, 2), torch.randn(5, 2)
    std, other_std = torch.rand(5, 2) + 0.1, torch.rand(5, 2) + 0.1
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(normal(mean, std), normal(other, other_std)).sum(1)
    torch.testing.assert_close(kl(torch, mean, std, other, other_std), wanted)


def test_soft_actor_critic_learns_a_bandit():
    generator = torch.Generator().manual_seed(0)
    policy = IntentionPolicy(torch, 1, 1, SETTINGS, generator)
    x = torch.zeros(64, 1)
    for _ in range(500):
        action = 2 * torch.rand(64, 1, generator=generator) - 1
        policy.update(x, action, -5 * (action[:, 0] - 0.6) ** 2, x, torch.zeros(64))
    # The entropy bonus, and the tanh on a bell curve, move the mode outwards a little.
    assert float(policy.distribution(x[:1])[0].detach()) == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize("head", ["gaussian", "squashed", "scaled", "deterministic"])
def test_every_head_is_scaled_to_the_unit_box(head):
    low, high = np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32)
    policy = MLP([Layer(np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros(2), "identity")])
    box = spaces.Box(-np.inf, np.inf, (3,))
    std = np.array([0.5, 0.5]) if head in ("gaussian", "squashed") else None
    victim = Victim(policy, box, spaces.Box(low, high), head=head, std=std)
    x = np.array([[0.4, 0.3, 0.0]])
    mean, sigma = gaussian_of(torch, victim)(torch.tensor(x, dtype=torch.float32))
    np.testing.assert_allclose(low + (mean.numpy() + 1) / 2 * (high - low), victim.act_batch(x), rtol=1e-5)
    wanted = {"gaussian": [0.25, 1.0], "squashed": 0.5 * (1 - np.tanh([0.4, 0.3]) ** 2)}.get(head, [ASSUMED_STD] * 2)
    np.testing.assert_allclose(sigma.numpy()[0], wanted, rtol=1e-5)


def test_what_rat_cannot_attack_is_refused():
    policy = MLP([Layer(np.ones((2, 3)), np.zeros(2), "identity")])
    box = spaces.Box(-np.inf, np.inf, (3,))
    with pytest.raises(CapabilityError, match="continuous"):
        gaussian_of(torch, Victim(policy, box, spaces.Discrete(2), head="categorical"))
    with pytest.raises(ConfigurationError, match="bounded"):
        gaussian_of(torch, Victim(policy, box, spaces.Box(-np.inf, np.inf, (2,))))


def test_networks_depend_on_their_generator_alone():
    state = torch.random.get_rng_state()
    one, two = (perceptron(torch, [3, 4, 1], torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[0].weight, two[0].weight)
    assert torch.equal(torch.random.get_rng_state(), state)
