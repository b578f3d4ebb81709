import pytest

torch = pytest.importorskip("torch")

from quintain.agents.policies import Autograd, as_network  # noqa: E402
from quintain.attacks.torch_mlp import torch_copy, torch_mlp  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402


def test_initial_weights_depend_on_the_generator_alone():
    state = torch.random.get_rng_state()
    one, two = (torch_mlp(torch, [3, 4, 2], torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    x = torch.ones(1, 3)
    assert torch.equal(one(x), two(x))
    assert not torch.equal(one(x), torch_mlp(torch, [3, 4, 2], torch.Generator().manual_seed(6))(x))


def test_activations_are_only_between_layers():
    names = [type(layer).__name__ for layer in torch_mlp(torch, [3, 4, 4, 2], torch.Generator(), "tanh")]
    assert names == ["Linear", "Tanh", "Linear", "Tanh", "Linear"]


def test_a_network_copied_from_numpy_is_equal_and_frozen():
    module = torch_mlp(torch, [3, 4, 2], torch.Generator().manual_seed(5), "tanh")
    copied, x = torch_copy(torch, as_network(module)), torch.rand(5, 3)
    torch.testing.assert_close(copied(x), module(x))
    assert not any(p.requires_grad for p in copied.parameters())
    with pytest.raises(ConfigurationError, match="Autograd"):
        torch_copy(torch, Autograd(torch.sin, torch.float32))
