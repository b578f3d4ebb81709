"""The fit of a surrogate, compared with hand-computed values: loss, errors, early stopping, training data."""

import numpy as np
import pytest
from attacked_envs import Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.agents.policies import Normaliser
from quintain.attacks.surrogate import _BlackBoxActor, _collect
from quintain.attacks.surrogate_fit import Pairs, SurrogateFit
from quintain.training.control.rows import EnvRows
from quintain.training.control.settings import AdamSettings

torch = pytest.importorskip("torch")

STATES = spaces.Box(-np.inf, np.inf, (1,), np.float64)
BOUNDED = spaces.Box(np.array([-1.0, 2.0]), np.array([3.0, 6.0]), dtype=np.float64)  # middles 1 and 4, halves 2 and 2
UNITS = Normaliser(np.array([1.0]), np.array([2.0]))


def fit(space, epochs=1, patience=5):
    generator = torch.Generator().manual_seed(0)
    return SurrogateFit(
        torch, STATES, space, (), AdamSettings(learning_rate=0.1, batch_size=2), epochs, patience, generator
    )


def freeze(made, weight, bias):
    """Set the weights of a single-layer network and make training leave them unchanged."""
    made._train = lambda *_: 7
    with torch.no_grad():
        made.network[0].weight[:] = torch.tensor(weight)
        made.network[0].bias[:] = torch.tensor(bias)


def test_errors_are_in_units_of_half_the_range_and_zero_beyond_bounds():
    made = fit(BOUNDED)
    freeze(made, [[1.0], [-2.0]], [0.0, 0.5])
    pairs = Pairs(
        np.array([[1.0], [3.0], [5.0]]),
        np.array([[1.0, 4.0], [2.0, 4.0], [3.0, 2.0]]),  # (0, 0), (0.5, 0) and (1, -1) in units of half the range
        np.array([False, True, True]),
    )
    found = made(pairs, UNITS)
    # Outputs at x = 1 and 2: (1, -1.5), (2, -3.5); clipped to (1, -1), (1, -1).
    assert found.error == pytest.approx(np.sqrt((0.25 + 1 + 0 + 0) / 4))
    assert found.baseline == pytest.approx(np.sqrt((0.25 + 0 + 1 + 1) / 4))  # the one training action is the middle
    # Residuals: (0.5, -1.5), and none at the bounds; the root mean squares in units of the action.
    np.testing.assert_allclose(found.std, [2 * np.sqrt(0.125), 2 * np.sqrt(1.125)], rtol=1e-6)
    np.testing.assert_allclose(found.network(np.array([[2.0]])), [[1 + 2 * 2, 4 + 2 * -3.5]])
    assert found.epochs == 7


def test_errors_of_unbounded_actions_are_in_standard_deviations():
    made = fit(spaces.Box(-np.inf, np.inf, (1,), np.float64))
    freeze(made, [[1.0]], [0.0])
    actions = np.array([[0.0], [4.0], [8.0]])
    found = made(Pairs(np.array([[1.0], [3.0], [7.0]]), actions, np.array([False, False, True])), UNITS)
    spread = actions.std()
    assert found.error == pytest.approx(abs(3 - 4 / spread))
    assert found.baseline == pytest.approx(abs(-2 / spread - 4 / spread))
    np.testing.assert_allclose(found.std, [spread * abs(3 - 4 / spread)], rtol=1e-5)
    np.testing.assert_allclose(found.network(np.array([[2.0]])), [[4 + 2 * spread]], rtol=1e-6)


def test_errors_of_discrete_actions_are_shares():
    made = fit(spaces.Discrete(2, start=3))
    freeze(made, [[1.0], [-1.0]], [0.0, 0.0])  # 3 where x > 0, else 4
    states = np.array([[1.0], [1.0], [1.0], [3.0], [3.0], [-3.0], [-3.0]])
    actions, held = np.array([3, 4, 4, 3, 4, 4, 4]), np.arange(7) > 2
    found = made(Pairs(states, actions, held), UNITS)
    assert (found.error, found.baseline) == (0.25, 0.25)
    assert len(found.std) == 0


@pytest.mark.parametrize(
    ("losses", "epochs", "kept"),
    [([5, 4, 3, 3, 3, 3, 9], 6, 3), ([5, 6, 6, 4, 6, 6, 6, 9], 7, 4), ([5, 4, 3, 2, 1, 0.5, 0.2, 0.1], 8, 8)],
)
def test_early_stopping_keeps_the_weights_with_the_lowest_held_out_loss(monkeypatch, losses, epochs, kept):
    made = fit(spaces.Box(-np.inf, np.inf, (1,), np.float64), epochs=8, patience=3)
    held, scripted, weights = torch.zeros(1, 1), iter(losses), []
    plain = made._loss

    def loss(outputs, wanted):
        if len(wanted) == 1:  # the held-out pair
            weights.append(float(made.network[0].weight.detach()[0, 0]))
            return torch.tensor(float(next(scripted)))
        return plain(outputs, wanted)

    made._loss = loss
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert made._train(x, 3 * x, held, held) == epochs
    assert float(made.network[0].weight.detach()[0, 0]) == weights[kept - 1]
    assert len(set(weights)) == epochs


class Seen(Walk):
    """Records the executed actions."""

    executed = []

    def step(self, action):
        self.executed.append(np.array(action))
        return super().step(action)


@pytest.mark.parametrize("imitating", [False, True])
def test_the_imitation_acts_the_policy_labels_and_the_first_environment_is_held_out(imitating):
    Seen.executed.clear()
    victim, imitation = linear_gaussian(), linear_gaussian()
    imitation.network = linear(np.array([[0.5, 0.0, 0.0], [0.0, 0.25, 0.0]]))
    with EnvRows(Seen, 3, range(20)) as rows:
        pairs = _collect(rows, _BlackBoxActor(victim, 3), imitation if imitating else None, 4)
    np.testing.assert_array_equal(pairs.held_out, [True, False, False] * 4)
    np.testing.assert_allclose(pairs.actions, victim.act_batch(pairs.observations))
    actor = imitation if imitating else victim
    np.testing.assert_allclose(np.stack(Seen.executed), actor.act_batch(pairs.observations))
    more = pairs.extended(pairs)
    assert len(more.actions) == len(more.observations) == len(more.held_out) == 24


def test_the_loss_is_squared_error_without_outputs_beyond_censored_bounds():
    made = fit(BOUNDED)
    outputs = torch.tensor([[1.5, -1.5], [1.5, -1.5], [0.5, 0.0]])
    wanted = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    residuals = torch.tensor([[0.0, 0.0], [2.5, -2.5], [-0.5, 1.0]])
    torch.testing.assert_close(made._residual(outputs, wanted), residuals)
    assert float(made._loss(outputs, wanted)) == pytest.approx(float((residuals**2).mean()))
