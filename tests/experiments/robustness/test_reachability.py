import numpy as np
import pytest
from holding import Hold, linear

from quintain.agents.policies import Normaliser
from quintain.errors import ConfigurationError
from quintain.experiments.robustness.reachability import Reachability, reachability, visited_states

STATES = [np.array([[-1.0], [0.0]]), np.array([[1.0], [2.0]])]


def test_reachability_is_exact_for_the_identity_policy():
    """The action changes by at most epsilon, the intended action is 2, and the tolerance is 0.9 (a tenth of 9)."""
    found = reachability(linear(1.0), linear(0.0, [2.0]), STATES, [1.5, 0.0, 0.5])
    assert [one.epsilon for one in found] == [0.0, 0.5, 1.5]
    assert [one.share.estimate for one in found] == [0.25, 0.5, 0.75]
    assert found[0].gap.estimate == pytest.approx((3 + 2 + 1 + 0) / 4 / 9)
    assert found[2].gap.estimate == pytest.approx((1.5 + 0.5 + 0 + 0) / 4 / 9, abs=0.01)


def test_budgets_are_measured_in_their_declared_space():
    victim = linear(2.0, normaliser=Normaliser([0.0], [2.0]))  # the identity policy on observations in units of 2
    found = reachability(victim, linear(0.0, [2.0]), STATES, [0.3, 0.8], space="normalised")
    assert [one.share.estimate for one in found] == [0.5, 0.75]
    with pytest.raises(ConfigurationError, match="normalises nothing"):
        reachability(linear(1.0), linear(0.0), STATES, [0.1], space="normalised")


def test_reachability_does_not_decrease_with_the_budget():
    rng = np.random.default_rng(0)
    states = [rng.normal(0, 2, (40, 1)) for _ in range(3)]
    shares = [one.share.estimate for one in reachability(linear(3.0), linear(-2.0), states, np.linspace(0, 2, 9))]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_visited_states_equal_those_of_the_episodes():
    states = visited_states(Hold, linear(1.0), [3, 4])
    assert [s.shape for s in states] == [(4, 1), (4, 1)]
    env = Hold()
    np.testing.assert_array_equal(states[1][0], env.reset(seed=4)[0])
    assert len(visited_states(Hold, linear(1.0), range(40))) == 40  # more than fit one vector


def test_reachability_round_trips_through_a_file():
    (one,) = reachability(linear(1.0), linear(0.0, [2.0]), STATES, [0.5])
    again = Reachability.from_dict(one.to_dict())
    assert (again.policy, again.epsilon, again.share, again.gap) == (one.policy, 0.5, one.share, one.gap)
    assert again.intended.n == 0
