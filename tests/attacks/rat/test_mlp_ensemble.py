import numpy as np
import pytest

from quintain.attacks.rat.mlp_ensemble import MLPEnsemble


def numeric(function, flat, h=1e-6):
    """Return the gradient of a scalar function by central differences."""
    slopes = np.empty_like(flat)
    for i in range(len(flat)):
        values = []
        for sign in (1, -1):
            flat[i] += sign * h
            values.append(function())
            flat[i] -= sign * h
        slopes[i] = (values[0] - values[1]) / (2 * h)
    return slopes


@pytest.fixture(params=["identity", "tanh"])
def nets(request):
    made = MLPEnsemble([3, 5, 4, 2], np.random.default_rng(1), members=2, last=request.param, dtype=np.float64)
    made.flat[:] = np.random.default_rng(2).normal(size=len(made.flat))  # biases of 0 would put dead units on a kink
    return made


def test_gradients_are_those_of_finite_differences(nets):
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 6, 2))

    def loss():
        return float((nets(x) * g).sum())

    ys = nets.forward(x)
    np.testing.assert_allclose(nets.backward(ys, g), numeric(loss, nets.flat), rtol=1e-5, atol=1e-8)
    inputs = nets.backward(ys, g, inputs=True)
    np.testing.assert_allclose(inputs.reshape(-1), numeric(loss, x.reshape(-1)), rtol=1e-5, atol=1e-8)


def test_tangents_are_those_of_finite_differences(nets):
    rng = np.random.default_rng(0)
    x, tangent, h = rng.normal(size=(6, 3)), rng.normal(size=len(nets.flat)), 1e-6
    ends = [nets.forward(x, nets.flat + sign * h * tangent)[-1] for sign in (1, -1)]
    np.testing.assert_allclose(nets.jvp(nets.forward(x), tangent), (ends[0] - ends[1]) / (2 * h), rtol=1e-4, atol=1e-7)


def test_ensemble_members_are_separate_networks():
    nets = MLPEnsemble([3, 8, 1], np.random.default_rng(0), members=2)
    x = np.random.default_rng(1).normal(size=(16, 3)).astype(np.float32)
    before = nets(x)
    nets.adam_step(nets.backward(nets.forward(x), np.stack([np.ones((16, 1)), np.zeros((16, 1))]).astype(np.float32)))
    after = nets(x)
    assert (after[0] < before[0]).all()
    np.testing.assert_array_equal(after[1], before[1])


def test_adam_fits_a_function():
    nets = MLPEnsemble([1, 32, 1], np.random.default_rng(0), learning_rate=1e-2)
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    for _ in range(500):
        ys = nets.forward(x)
        nets.adam_step(nets.backward(ys, (ys[-1] - np.abs(x)) / len(x)))
    assert np.abs(nets(x)[0] - np.abs(x)).max() < 0.1


def test_adam_takes_the_steps_of_torch():
    torch = pytest.importorskip("torch")
    nets = MLPEnsemble([2, 3, 1], np.random.default_rng(0), learning_rate=0.01)
    parameter = torch.tensor(nets.flat, requires_grad=True)
    adam = torch.optim.Adam([parameter], lr=0.01)
    for gradient in np.random.default_rng(1).normal(size=(5, len(nets.flat))).astype(np.float32):
        nets.adam_step(gradient)
        parameter.grad = torch.tensor(gradient)
        adam.step()
    np.testing.assert_allclose(nets.flat, parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_a_frozen_copy_has_equal_outputs_and_does_not_change():
    nets = MLPEnsemble([3, 8, 4], np.random.default_rng(0), last="tanh")
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    whole, part, outputs = nets.frozen(), nets.frozen(2), nets(x)[0]
    nets.flat[:] = 0
    np.testing.assert_allclose(whole(x), outputs, rtol=1e-5)
    np.testing.assert_allclose(part(x), outputs[:, :2], rtol=1e-5)
