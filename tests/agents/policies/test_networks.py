import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quintain.agents.policies.networks import MLP, Autograd, as_network  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def perceptron(activation, dtype=torch.float64):
    parts = torch.nn.Sequential(torch.nn.Linear(4, 8), activation(), torch.nn.Linear(8, 3, bias=False))
    return parts.to(dtype)


@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU])
def test_the_analytic_vjp_equals_autograd(activation):
    module = perceptron(activation)
    x, gradient = np.random.default_rng(0).normal(size=(2, 5, 4)), np.random.default_rng(1).normal(size=(5, 3))
    fast, slow = as_network(module), Autograd(module, torch.float64)
    assert isinstance(fast, MLP)
    for network in (fast, slow):
        outputs, back = network.vjp(x[0])
        np.testing.assert_allclose(outputs, module(torch.tensor(x[0])).detach().numpy(), rtol=1e-12)
        np.testing.assert_array_equal(outputs, network(x[0]))
        inputs = torch.tensor(x[0], requires_grad=True)
        (module(inputs) * torch.tensor(gradient)).sum().backward()
        np.testing.assert_allclose(back(gradient), inputs.grad.numpy(), rtol=1e-10)


def test_other_modules_use_autograd_without_accumulating_gradients():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softplus())
    network = as_network(module)
    assert isinstance(network, Autograd)
    _, back = network.vjp(np.ones((2, 4)))
    assert back(np.ones((2, 3))).shape == (2, 4)
    assert all(p.grad is None for p in module.parameters())


@pytest.mark.parametrize(
    "parts", [(torch.nn.Tanh(), torch.nn.Linear(4, 3)), (torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))]
)
def test_other_modules_are_not_converted_to_an_mlp(parts):
    assert isinstance(as_network(*parts), Autograd)


def test_an_mlp_copies_the_weights_of_its_module():
    module = perceptron(torch.nn.Tanh)
    network = as_network(module)
    before = network(np.ones((1, 4)))
    with torch.no_grad():
        module[0].weight.zero_()
    np.testing.assert_array_equal(network(np.ones((1, 4))), before)


@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU, torch.nn.ELU, torch.nn.Softplus])
def test_every_network_keeps_the_weights_it_was_made_with(activation):
    module = perceptron(activation)
    network, x = as_network(module), np.ones((1, 4))
    before, slope = network(x), network.vjp(x)[1](np.ones((1, 3)))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(-2)  # training goes on
    np.testing.assert_array_equal(network(x), before)
    np.testing.assert_array_equal(network.vjp(x)[1](np.ones((1, 3))), slope)
    assert not np.allclose(as_network(module)(x), before)
