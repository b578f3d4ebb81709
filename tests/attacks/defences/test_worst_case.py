import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quintain.attacks.defences.worst_case import WorstCaseCritic, scale_actions  # noqa: E402
from quintain.attacks.torch_mlp import torch_mlp  # noqa: E402

BOX = gym.spaces.Box(np.array([-2.0, 0.0]), np.array([2.0, 1.0]), dtype=np.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def critic(bound, search_steps=5, space=BOX, gamma=0.9):
    return WorstCaseCritic(torch, 3, space, gamma=gamma, bound=bound, search_steps=search_steps, generator=generator())


STATES = torch.randn(100, 3, generator=generator(1))
POLICY = torch_mlp(torch, [3, 16, 2], generator(2), "tanh")


@pytest.mark.parametrize("bound", ["sgld", "relaxation"])
def test_the_worst_case_is_never_above_the_nominal_value_and_falls_with_the_budget(bound):
    made = critic(bound)
    nominal = made.value(STATES, scale_actions(torch, POLICY(STATES), BOX))
    little, much = (made.worst_value(STATES, POLICY, radius) for radius in (0.1, 0.5))
    assert (little <= nominal).all()
    assert (much <= nominal).all()
    assert much.mean() < little.mean() < nominal.mean()
    torch.testing.assert_close(made.worst_value(STATES, POLICY, 0.0), nominal)


def test_the_relaxation_is_a_lower_bound_of_every_attack():
    """The bounding box of actions contains every action that a perturbation can cause, so its minimum is lower."""
    made = critic("relaxation", search_steps=4)
    made.network = torch.nn.Sequential(torch.nn.Linear(5, 1))
    worst = made.worst_value(STATES, POLICY, 0.3)
    for seed in range(100):
        noise = 0.3 * (2 * torch.rand(STATES.shape, generator=generator(seed)) - 1)
        assert (worst <= made.value(STATES, scale_actions(torch, POLICY(STATES + noise), BOX)) + 1e-6).all()


def test_actions_are_scaled_to_the_bounds_and_clipped():
    outputs = torch.tensor([[0.0, 0.5], [-2.0, 1.0], [9.0, -9.0]])
    expected = torch.tensor([[0.0, 0.0], [-1.0, 1.0], [1.0, -1.0]])
    torch.testing.assert_close(scale_actions(torch, outputs, BOX), expected)
    free = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    torch.testing.assert_close(scale_actions(torch, outputs, free), outputs)


def test_the_worst_case_critic_learns_the_value_of_the_worst_action():
    """One state and reward a; an attacker can cause any action within 0.5 of the policy's 0.

    Q(s, a) = a + gamma V, with V = -0.5 + gamma V, so V = -1 for gamma = 1/2. Without attacker the value is 0.
    """
    space = gym.spaces.Box(-1.0, 1.0, (1,), np.float64)
    policy = torch.nn.Sequential(torch.nn.Linear(3, 1))
    with torch.no_grad():
        policy[0].weight.copy_(torch.tensor([[0.5, 0.0, 0.0]]))
        policy[0].bias.zero_()
    rng = np.random.default_rng(0)
    x, unit = np.zeros((512, 3)), rng.uniform(-1, 1, (512, 1))
    for radius, value in ((1.0, -1.0), (0.0, 0.0)):
        made = critic("relaxation", search_steps=3, space=space, gamma=0.5)
        made.fit(
            (x, unit, unit[:, 0], x, np.zeros(512)), policy, torch.tensor(radius), gradient_steps=400, batch_size=32
        )
        found = made.value(torch.zeros(1, 3), torch.zeros(1, 1))
        assert float(found.detach()) == pytest.approx(0.5 * value, abs=0.1)


def test_the_value_is_zero_where_the_task_ended():
    space = gym.spaces.Box(-1.0, 1.0, (1,), np.float64)
    policy = torch.nn.Sequential(torch.nn.Linear(3, 1))
    x, unit = np.ones((256, 3)), np.zeros((256, 1))
    made = critic("sgld", space=space, gamma=0.99)
    made.fit((x, unit, np.ones(256), x, np.ones(256)), policy, torch.tensor(0.1), gradient_steps=300, batch_size=64)
    assert float(made.value(torch.ones(1, 3), torch.zeros(1, 1)).detach()) == pytest.approx(1, abs=0.1)


def test_sgld_finds_the_corner_that_lowers_a_linear_value_most():
    """Q = -50 x_1 + 100 a with a = x_1 / 2: only the action is perturbed, so the worst x_1 is 0.1 lower, and Q by 5.

    Five steps of 0.02 from a random corner at 0.02: at least 0.08 of the 0.1 is reached.
    """
    space = gym.spaces.Box(-1.0, 1.0, (1,), np.float64)
    policy, made = torch.nn.Sequential(torch.nn.Linear(3, 1)), critic("sgld", space=space)
    made.network = torch.nn.Sequential(torch.nn.Linear(4, 1))
    with torch.no_grad():
        for layer, weights in ((policy[0], [0.5, 0, 0]), (made.network[0], [-50.0, 0, 0, 100.0])):
            layer.weight.copy_(torch.tensor([weights]))
            layer.bias.zero_()
    x = torch.tensor([[0.2, 0.0, 0.0]])
    assert -5.001 <= float(made.worst_value(x, policy, 0.1)) <= -3.999
