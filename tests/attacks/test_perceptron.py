import pytest

torch = pytest.importorskip("torch")

from quintain.attacks.perceptron import perceptron  # noqa: E402


def test_weights_come_from_the_generator_alone():
    state = torch.random.get_rng_state()
    one, two = (perceptron(torch, [3, 4, 2], torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    x = torch.ones(1, 3)
    assert torch.equal(one(x), two(x))
    assert not torch.equal(one(x), perceptron(torch, [3, 4, 2], torch.Generator().manual_seed(6))(x))


def test_the_activation_lies_between_the_layers_only():
    names = [type(layer).__name__ for layer in perceptron(torch, [3, 4, 4, 2], torch.Generator(), "tanh")]
    assert names == ["Linear", "Tanh", "Linear", "Tanh", "Linear"]
