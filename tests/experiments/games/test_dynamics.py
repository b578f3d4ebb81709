"""Evolutionary dynamics: known fixed points and fixation probabilities."""

import numpy as np
import pytest

from quintain.errors import ConfigurationError
from quintain.experiments.games.dynamics import fixation_probability, moran_process, replicator_dynamics

PD = [[3, 0], [5, 1]]


def test_defectors_take_over_one_shot_dilemmas():
    path = replicator_dynamics(PD, [0.99, 0.01])
    assert path[-1] == pytest.approx([0, 1], abs=1e-6)
    assert path.sum(axis=1) == pytest.approx(1)


def test_hawk_dove_converges_to_the_mixed_equilibrium():
    hawk_dove = [[-1, 4], [0, 2]]  # value 4, cost 6: two thirds hawks
    for start in ([0.9, 0.1], [0.1, 0.9]):
        assert replicator_dynamics(hawk_dove, start)[-1] == pytest.approx([2 / 3, 1 / 3], abs=1e-4)


def test_rock_paper_scissors_keeps_its_constant_of_motion():
    """In the zero-sum game the product of the shares does not change."""
    path = replicator_dynamics([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], [0.5, 0.3, 0.2], step=0.01)
    assert path.prod(axis=1) == pytest.approx(np.full(len(path), 0.03), rel=1e-6)


def test_neutral_mutants_reach_fixation_with_probability_1_over_n():
    assert fixation_probability(PD, 20, intensity=0) == pytest.approx(np.full((2, 2), 1 / 20))


def test_fixation_matches_simulation():
    """2,000 runs in a population of 6; four standard errors."""
    exact = fixation_probability([[1, 2], [1.5, 1]], 6, intensity=0.7)[0, 1]
    wins = [moran_process([[1, 2], [1.5, 1]], [1, 5], intensity=0.7, seed=s)[-1][0] == 6 for s in range(2000)]
    assert abs(np.mean(wins) - exact) < 4 * np.sqrt(exact * (1 - exact) / 2000)


def test_the_population_keeps_its_size_and_ends_at_fixation():
    path = moran_process(PD, [10, 10], seed=1)
    assert (path.sum(axis=1) == 20).all()
    assert 20 in path[-1]
    assert len(path) < 10_001
    assert np.array_equal(path, moran_process(PD, [10, 10], seed=1))
    assert np.array_equal(moran_process(PD, [10, 10]), moran_process(PD, [10, 10], seed=0))


def test_mutation_keeps_the_process_going():
    assert len(moran_process(PD, [0, 10], steps=500, mutation=0.1, seed=0)) == 501


@pytest.mark.parametrize(
    "call",
    [
        lambda: replicator_dynamics([[1, 2]]),
        lambda: replicator_dynamics(PD, [0.7, 0.7]),
        lambda: moran_process(PD, [1, 0]),
        lambda: moran_process(PD, [5, 5], mutation=2),
        lambda: fixation_probability(PD, 1),
        lambda: fixation_probability([[np.nan, 1], [1, 1]], 5),
    ],
)
def test_invalid_arguments_are_refused(call):
    with pytest.raises(ConfigurationError):
        call()


def test_extinct_types_do_not_affect_selection():
    """Type 2 has payoff 1,000 but no individuals: neutral drift between the others, with the same draws."""
    rich = [[0, 0, 0], [0, 0, 0], [1000, 1000, 0]]
    path = moran_process(rich, [5, 5, 0], steps=200, seed=3)
    assert not path[:, 2].any()
    assert np.array_equal(path, moran_process(np.zeros((3, 3)), [5, 5, 0], steps=200, seed=3))


@pytest.mark.parametrize("size", [1.0, 1e3, 1e300, 1.7e308])
@pytest.mark.filterwarnings("error")
def test_moran_processes_do_not_overflow(size):
    path = moran_process([[-size, -size], [size, size]], [19, 1], seed=1)
    assert (path.sum(axis=1) == 20).all()
    if size > 1:
        assert path[-1].tolist() == [0, 20]  # only the better type has children
    rho = fixation_probability([[-size, -size], [size, size]], 30)
    assert np.isfinite(rho).all()
    assert np.diag(rho) == pytest.approx(np.full(2, 1 / 30))
    if size > 1:
        assert rho[1, 0] == pytest.approx(1)
        assert rho[0, 1] == 0


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e100])
@pytest.mark.filterwarnings("error")
def test_replicator_dynamics_do_not_overflow(size):
    path = replicator_dynamics(np.array(PD) * size, [0.9, 0.1])
    assert path.sum(axis=1) == pytest.approx(1)
    assert path[-1] == pytest.approx([0, 1], abs=1e-6)


def test_a_share_that_nearly_died_out_grows_again():
    """A heteroclinic cycle: no share goes negative, and the winner changes again and again (Hofbauer, Sigmund 1998)."""
    path = replicator_dynamics([[0, -2, 1], [1, 0, -2], [-2, 1, 0]], [0.4, 0.3, 0.3], time=400.0, step=0.5)
    assert np.isfinite(path).all()
    assert (path >= 0).all()
    leaders = path.argmax(axis=1)
    assert (np.diff(leaders) != 0).sum() >= 5
    assert path.min() < 1e-20


def test_a_trajectory_that_cannot_be_computed_is_refused(monkeypatch):
    cycle = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    monkeypatch.setattr("quintain.experiments.games.dynamics._MAX_EVALUATIONS", 5000)
    with pytest.raises(ConfigurationError, match="payoffs reach 1e\\+300"):
        replicator_dynamics(cycle * 1e300, [0.5, 0.3, 0.2])
    with pytest.raises(ConfigurationError, match="overflow"):
        replicator_dynamics(np.array(PD) * 1e300, [0.5, 0.5])
    with pytest.raises(ConfigurationError, match="overflows"):
        replicator_dynamics(cycle * 1e308, [0.5, 0.3, 0.2])


def test_absent_strategies_stay_absent():
    path = replicator_dynamics([[0, 0, 0], [0, 0, 0], [9, 9, 9]], [0.5, 0.5, 0.0])
    assert path == pytest.approx(np.tile([0.5, 0.5, 0.0], (len(path), 1)))


def test_the_bounds_of_time_and_step():
    """One step of the whole time is allowed; endless time, no step, and a step beyond the end are not."""
    payoffs = [[0.0, 3.0], [1.0, 2.0]]
    path = replicator_dynamics(payoffs, time=2.0, step=2.0)
    assert path.shape == (2, 2)
    np.testing.assert_allclose(path[1], replicator_dynamics(payoffs, time=2.0, step=0.5)[-1], atol=1e-6)
    for time, step in ((np.inf, 0.5), (1.0, 0.0), (1.0, 1.5), (0.0, 0.0), (-1.0, 0.5)):
        with pytest.raises(ConfigurationError, match="needs 0 < step <= time"):
            replicator_dynamics(payoffs, time=time, step=step)


def test_by_default_a_trajectory_has_50_units_of_time_in_steps_of_a_twentieth():
    assert len(replicator_dynamics(PD)) == 1001


def test_the_smallest_population_and_no_steps_are_allowed():
    """Of two players one replaces the other sooner or later: from then on the process stands still."""
    assert sorted(moran_process(PD, [1, 1], seed=0)[-1].tolist()) == [0, 2]
    assert moran_process(PD, [2, 3], steps=0).tolist() == [[2, 3]]
