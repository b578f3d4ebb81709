import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quintain.agents.policies.transformer import DecisionNetwork, Shape  # noqa: E402

K, STATES, ACTIONS = 4, 3, 2


@pytest.fixture
def network():
    torch.set_num_threads(1)
    made = DecisionNetwork.fresh(Shape(STATES, ACTIONS, horizon=9, width=8), True, np.random.default_rng(0))
    for name, tensor in made.weights.items():  # larger than the initial weights, so that all tokens matter
        made.weights[name] = 15 * tensor if name.endswith("weight") and tensor.ndim == 2 else tensor
    return made


def windows(n=3):
    generator = torch.Generator().manual_seed(0)
    returns, states, actions = (torch.randn(n, K, *d, generator=generator) for d in ((), (STATES,), (ACTIONS,)))
    times = torch.arange(K) + torch.tensor([[0], [2], [7]])  # the last goes beyond the horizon
    valid = torch.ones(n, K, dtype=torch.bool)
    valid[0, :2] = False
    return returns, states, actions, times, valid


def newest(network, returns, states, actions, times, valid):
    given = network.given(returns, states[:, :-1], actions[:, :-1], times, valid[:, :-1])
    return given(states[:, -1])


def test_the_last_action_equals_that_of_a_full_forward_pass(network):
    parts = windows()
    torch.testing.assert_close(newest(network, *parts), network(*parts)[:, -1])


def test_the_gradient_equals_that_of_a_full_forward_pass(network):
    returns, states, actions, times, valid = windows()
    gradients = []
    for function in (newest, lambda n, *parts: n(*parts)[:, -1]):
        leaf = states.clone().requires_grad_(True)
        function(network, returns, leaf, actions, times, valid).pow(2).sum().backward()
        gradients.append(leaf.grad[:, -1])
    assert gradients[0].abs().max() > 1e-3
    torch.testing.assert_close(*gradients)


def test_attention_is_causal(network):
    returns, states, actions, times, valid = windows()
    before = network(returns, states, actions, times, valid)
    later_states, later_actions = states.clone(), actions.clone()
    later_states[:, -1] += 5
    later_actions[:, -2:] += 5  # a_t is predicted at s_t, so it is in the future too
    after = network(returns, later_states, later_actions, times, valid)
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert not torch.allclose(before[:, -1], after[:, -1])


def test_padding_is_masked(network):
    returns, states, actions, times, valid = windows()
    before = network(returns, states, actions, times, valid)[0, 2:]
    states[0, :2] = 99.0
    returns[0, :2] = -99.0
    torch.testing.assert_close(before, network(returns, states, actions, times, valid)[0, 2:])


def test_actions_depend_on_return_to_go_history_and_timestep(network):
    returns, states, actions, times, valid = windows()
    before = newest(network, returns, states, actions, times, valid)
    for changed in (
        (returns + 1, states, actions, times, valid),
        (returns, states + torch.tensor([[1.0], [1.0], [1.0], [0.0]]), actions, times, valid),
        (returns, states, actions + 1, times, valid),
        (returns, states, actions, times + 1, valid),
    ):
        assert not torch.allclose(newest(network, *changed)[1], before[1], atol=1e-4)


def test_a_context_of_one_step_depends_on_no_earlier_step(network):
    returns, states, actions, times, valid = (part[:, -1:] for part in windows())
    torch.testing.assert_close(
        newest(network, returns, states, actions, times, valid), network(returns, states, actions, times, valid)[:, -1]
    )


def test_a_network_round_trips_through_arrays(network):
    again = DecisionNetwork(network.shape, network.arrays(), network.bounded)
    torch.testing.assert_close(again(*windows()), network(*windows()))
