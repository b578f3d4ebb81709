import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quintain.attacks.defences.regulariser import divergence, interval, largest_divergence, worst_observation  # noqa: E402
from quintain.attacks.torch_mlp import torch_mlp  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402

STD = torch.tensor([0.5])
X = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.1, -0.2]])


def linear(weight):
    weight = torch.as_tensor(weight, dtype=torch.float32)
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.fill_(0.7)
    return torch.nn.Sequential(layer)


def largest(policy, x=X, std=STD, radius=0.1, bound="sgld", steps=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return largest_divergence(torch, policy, x, std, radius, bound=bound, steps=steps, generator=generator)


def test_the_gaussian_kl_divergence_equals_torchs():
    normal = torch.distributions.Normal
    mean, other, std = torch.tensor([[0.1, 2.0]]), torch.tensor([[0.4, -1.0]]), torch.tensor([0.5, 1.5])
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(other, std)).sum(1)
    torch.testing.assert_close(divergence(mean, other, std), expected)


def test_for_one_linear_output_the_relaxation_equals_the_closed_form():
    """The mean moves by at most radius |w|_1 = 0.1 * (1 + 2 + 0.5) = 0.35, so KL = 1/2 (0.35 / 0.5)^2 = 0.245."""
    torch.testing.assert_close(
        largest(linear([[1.0, -2.0, 0.5]]), bound="relaxation"), torch.full((2,), 0.245), rtol=1e-5, atol=0
    )


def test_gradient_ascent_approaches_the_closed_form_from_below():
    policy = linear([[1.0, -2.0, 0.5]])
    for steps, share in ((2, 0.2), (50, 0.8)):
        found = torch.stack([largest(policy, steps=steps, seed=s) for s in range(20)])
        assert found.max() <= 0.245 * (1 + 1e-5)
        assert found.mean() > share * 0.245


def test_each_entry_has_its_own_radius():
    radius = torch.tensor([0.1, 0.0, 0.2])
    found = largest(linear([[1.0, -2.0, 0.5]]), radius=radius, bound="relaxation")
    torch.testing.assert_close(found, torch.full((2,), 0.5 * (0.2 / 0.5) ** 2), rtol=1e-5, atol=0)


def test_with_several_outputs_the_relaxation_is_an_upper_bound_at_every_corner():
    weight, std = [[1.0, -2.0, 0.5], [0.5, 1.0, 1.0]], torch.tensor([0.5, 2.0])
    policy = linear(weight)
    corners = [X + 0.1 * torch.tensor(c) for c in itertools.product((-1.0, 1.0), repeat=3)]
    best = torch.stack([divergence(policy(X), policy(c), std) for c in corners]).max(0).values
    bound = largest(policy, std=std, bound="relaxation")
    assert (bound >= best - 1e-6).all()
    assert (bound <= 1.1 * best).all()
    assert (largest(policy, std=std, steps=20) <= best + 1e-6).all()


def test_interval_bounds_contain_the_outputs_of_a_deep_network():
    generator = torch.Generator().manual_seed(0)
    network = torch_mlp(torch, [3, 16, 16, 2], generator, "tanh")
    low, high = interval(torch, network, X, 0.2)
    for _ in range(500):
        inside = network(X + 0.2 * (2 * torch.rand(X.shape, generator=generator) - 1))
        assert (inside >= low - 1e-6).all()
        assert (inside <= high + 1e-6).all()
    tight_low, tight_high = interval(torch, network, X, 0.0)
    torch.testing.assert_close(tight_low, network(X))
    torch.testing.assert_close(tight_high, network(X))


@pytest.mark.parametrize("bound", ["sgld", "relaxation"])
def test_the_gradient_flattens_the_mean_and_does_not_change_the_standard_deviation(bound):
    policy, log_std = linear([[1.0, -2.0, 0.5]]), torch.zeros(1, requires_grad=True)
    before = largest(policy, bound="relaxation").mean()
    step = torch.optim.SGD(policy.parameters(), lr=0.1)
    for seed in range(50):
        step.zero_grad()
        largest(policy, std=log_std.exp(), bound=bound, steps=5, seed=seed).mean().backward()
        step.step()
    assert largest(policy, bound="relaxation").mean() < 0.9 * before
    assert log_std.grad is None


def test_the_worst_observation_stays_in_the_box():
    found = worst_observation(torch, X, 0.1, lambda p: p.sum(1), steps=3, generator=torch.Generator().manual_seed(1))
    assert (found - X).abs().max() <= 0.1 + 1e-6
    assert (found > X).float().mean() > 0.9


def test_networks_without_interval_bounds_are_refused():
    with pytest.raises(ConfigurationError, match="bound must be one of"):
        largest(linear(np.eye(3)), bound="crown")
    with pytest.raises(ConfigurationError, match="no interval bounds for a Sigmoid"):
        interval(torch, torch.nn.Sequential(torch.nn.Sigmoid()), X, 0.1)
