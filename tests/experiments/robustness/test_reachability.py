import numpy as np
import pytest
from holding import Hold, linear

from quintain.agents.policies import Normaliser
from quintain.errors import ConfigurationError
from quintain.experiments.robustness.reachability import Reachability, reachability, visited_states

STATES = [np.array([[-1.0], [0.0]]), np.array([[1.0], [2.0]])]


def test_the_share_is_exact_for_a_victim_that_does_what_it_sees():
    """The victim can be moved by epsilon, the intention is the action 2; 0.9 counts as near (a tenth of 9)."""
    found = reachability(linear(1.0), linear(0.0, [2.0]), STATES, [1.5, 0.0, 0.5])
    assert [one.epsilon for one in found] == [0.0, 0.5, 1.5]
    assert [one.share.estimate for one in found] == [0.25, 0.5, 0.75]
    assert found[0].gap.estimate == pytest.approx((3 + 2 + 1 + 0) / 4 / 9)
    assert found[2].gap.estimate == pytest.approx((1.5 + 0.5 + 0 + 0) / 4 / 9, abs=0.01)


def test_budgets_count_in_the_space_they_are_declared_in():
    victim = linear(2.0, normaliser=Normaliser([0.0], [2.0]))  # does what it sees, in units of 2
    found = reachability(victim, linear(0.0, [2.0]), STATES, [0.3, 0.8], space="normalised")
    assert [one.share.estimate for one in found] == [0.5, 0.75]
    with pytest.raises(ConfigurationError, match="normalises nothing"):
        reachability(linear(1.0), linear(0.0), STATES, [0.1], space="normalised")


def test_more_budget_never_reaches_less():
    rng = np.random.default_rng(0)
    states = [rng.normal(0, 2, (40, 1)) for _ in range(3)]
    shares = [one.share.estimate for one in reachability(linear(3.0), linear(-2.0), states, np.linspace(0, 2, 9))]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_visited_states_are_those_of_the_episodes():
    states = visited_states(Hold, linear(1.0), [3, 4])
    assert [s.shape for s in states] == [(4, 1), (4, 1)]
    env = Hold()
    np.testing.assert_array_equal(states[1][0], env.reset(seed=4)[0])
    assert len(visited_states(Hold, linear(1.0), range(40))) == 40  # more than fit one vector


def test_it_survives_being_written():
    (one,) = reachability(linear(1.0), linear(0.0, [2.0]), STATES, [0.5])
    again = Reachability.from_dict(one.to_dict())
    assert (again.policy, again.epsilon, again.share, again.gap) == (one.policy, 0.5, one.share, one.gap)
    assert again.intended.n == 0
