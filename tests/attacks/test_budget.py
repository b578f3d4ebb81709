import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quintain.attacks.budget import Ball, distance, enforce
from quintain.errors import ConfigurationError

RADII = st.one_of(st.just(0.0), st.floats(1e-12, 1e6), st.sampled_from([5e-324, 1e-300, 0.075, 0.1]))
NORMS = st.sampled_from(["linf", "l2"])


@given(
    hnp.arrays(np.float64, (2, 3), elements=st.floats(-1e8, 1e8)),
    hnp.arrays(np.float64, (2, 3), elements=st.floats(-1e8, 1e8)),
    RADII,
    NORMS,
    st.sampled_from([np.float32, np.float64, np.float16]),
    st.sampled_from([1.0, np.array([1e-4, 0.3, 70.0])]),
)
def test_the_result_is_never_beyond_the_budget(true, delta, epsilon, norm, dtype, scale):
    true = np.clip(true, -6e4, 6e4).astype(dtype)  # what float16 can hold
    perturbed, reported = enforce(true, delta, Ball(epsilon, norm), scale)
    assert perturbed.dtype == dtype
    offsets = np.abs((perturbed.astype(np.float64) - true.astype(np.float64)) / scale)
    measured = offsets.max(axis=1) if norm == "linf" else np.sqrt((offsets**2).sum(axis=1))
    assert (measured <= epsilon * (1 + (norm == "l2") * 1e-15)).all()
    assert (reported <= epsilon).all()
    np.testing.assert_allclose(reported, measured, rtol=1e-12)


@given(hnp.arrays(np.float64, (4, 3), elements=st.floats(-5, 5)), st.floats(0.01, 3), NORMS)
@example(np.array([[1.02665277, 3.21255405, 0.0]] * 4), 0.84375, "l2")
def test_proposals_beyond_the_budget_are_projected_onto_its_boundary(delta, epsilon, norm):
    _, reported = enforce(np.zeros((4, 3)), delta, Ball(epsilon, norm))
    wanted = np.minimum(distance(np.zeros((4, 3)), delta, norm), epsilon)
    np.testing.assert_allclose(reported, wanted, rtol=1e-9)


@given(hnp.arrays(np.float64, (4, 3), elements=st.floats(-5, 5)), st.floats(0.01, 3), NORMS)
def test_projection_is_idempotent_and_the_identity_inside(delta, epsilon, norm):
    ball = Ball(epsilon, norm)
    once = ball.project(delta)
    np.testing.assert_allclose(ball.project(once), once, rtol=1e-12, atol=1e-300)
    inside = distance(np.zeros((4, 3)), delta, norm) <= epsilon
    np.testing.assert_array_equal(once[inside], delta[inside])


def test_bounds_are_kept_and_never_increase_the_distance():
    true = np.array([[0.95, 0.0, 1.5]])
    perturbed, _ = enforce(true, np.array([[0.3, 0.3, -0.1]]), Ball(0.3), 1.0, low=-1.0, high=1.0)
    # The third entry starts outside, and may stay there or come closer.
    np.testing.assert_allclose(perturbed, [[1.0, 0.3, 1.4]])


def test_a_budget_can_be_in_units_of_a_scale():
    perturbed, reported = enforce(np.zeros((1, 2)), np.array([[9.0, -9.0]]), Ball(0.5), np.array([2.0, 10.0]))
    np.testing.assert_allclose(perturbed, [[1.0, -5.0]])
    assert reported == [0.5]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_samples_fill_the_ball(norm):
    ball, rng = Ball(2.0, norm), np.random.default_rng(0)
    lengths = distance(np.zeros((4000, 3)), np.stack([ball.sample(rng, 3) for _ in range(4000)]), norm)
    assert lengths.max() <= 2.0
    # Half the volume lies within 2 * 0.5^(1/3) for both norms; four standard errors of a rate are 0.032.
    assert abs(np.mean(lengths < 2 * 0.5 ** (1 / 3)) - 0.5) < 0.032


def test_steepest_ascent_steps_of_each_norm():
    gradient = np.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(Ball(1, "linf").steepest(gradient), [[1, -1], [0, 0]])
    np.testing.assert_allclose(Ball(1, "l2").steepest(gradient), [[0.6, -0.8], [0, 0]])


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf"), True, "0.1", None])
def test_an_invalid_radius_is_refused(epsilon):
    with pytest.raises(ConfigurationError, match="epsilon must be a finite number >= 0"):
        Ball(epsilon)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ConfigurationError, match="'linf' or 'l2'"):
        Ball(1.0, "l1")
