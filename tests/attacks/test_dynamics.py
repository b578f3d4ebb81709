import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import Walk

from quintain.attacks import DynamicsPerturbation
from quintain.errors import ConfigurationError

pytest.importorskip("mujoco")


@pytest.fixture
def pendulum():
    env = gym.make("InvertedPendulum-v5")
    yield env
    env.close()


def test_a_shift_scales_model_parameters_until_close(pendulum):
    model = pendulum.unwrapped.model
    mass, inertia, friction = model.body_mass.copy(), model.body_inertia.copy(), model.geom_friction.copy()
    env = DynamicsPerturbation(pendulum, {"mass": 2.0, "friction": 0.5})
    _, info = env.reset(seed=0)
    np.testing.assert_allclose(model.body_mass, 2 * mass)
    np.testing.assert_allclose(model.body_inertia, 2 * inertia)
    np.testing.assert_allclose(model.geom_friction[:, 0], friction[:, 0] / 2)
    np.testing.assert_allclose(model.geom_friction[:, 1:], friction[:, 1:])
    assert info["attack"]["dynamics"] == {"surface": "dynamics", "mass factor": 2.0, "friction factor": 0.5}
    env.close()
    np.testing.assert_array_equal(model.body_mass, mass)
    np.testing.assert_array_equal(model.geom_friction, friction)


def test_a_changed_mass_keeps_the_initial_state_and_changes_the_trajectory():
    states = []
    for factor in (1.0, 3.0):
        env = DynamicsPerturbation(gym.make("InvertedPendulum-v5"), {"mass": factor})
        start, _ = env.reset(seed=0)
        states.append((start, env.step(np.array([1.0], np.float32))[0]))
        env.close()
    np.testing.assert_array_equal(states[0][0], states[1][0])
    assert not np.allclose(states[0][1], states[1][1])


def test_a_factor_of_one_changes_nothing(pendulum):
    env = DynamicsPerturbation(gym.make("InvertedPendulum-v5"), {"mass": 1.0, "gravity": 1.0})
    np.testing.assert_array_equal(env.reset(seed=0)[0], pendulum.reset(seed=0)[0])
    for _ in range(5):
        action = np.array([0.5], np.float32)
        np.testing.assert_array_equal(env.step(action)[0], pendulum.step(action)[0])
    env.close()


def test_drift_reaches_its_factor_over_the_horizon(pendulum):
    env = DynamicsPerturbation(pendulum, {"gravity": 4.0}, kind="drift", horizon=2)
    env.reset(seed=0)
    factors = [env.step(np.zeros(1, np.float32))[4]["attack"]["dynamics"]["gravity factor"] for _ in range(3)]
    assert factors == pytest.approx([2.0, 4.0, 4.0])


def test_noise_draws_a_factor_per_episode_between_the_inverse_and_itself(pendulum):
    env = DynamicsPerturbation(pendulum, {"strength": 2.0}, kind="noise")
    factors = [env.reset(seed=seed)[1]["attack"]["dynamics"]["strength factor"] for seed in (0, 1, 2, 0)]
    assert factors[0] == factors[3]
    assert len(set(factors)) == 3
    assert all(0.5 <= factor <= 2.0 for factor in factors)


def test_the_spec_rebuilds_the_wrapper():
    env = DynamicsPerturbation(gym.make("InvertedPendulum-v5"), {"mass": 2.0})
    again = gym.make(env.spec)
    assert again.get_wrapper_attr("factors") == {"mass": 2.0}
    again.close()
    env.close()


@pytest.mark.parametrize("factors", [{"mas": 1.0}, {"mass": 0.0}, {"mass": float("nan")}])
def test_invalid_factors_are_refused(pendulum, factors):
    with pytest.raises(ConfigurationError):
        DynamicsPerturbation(pendulum, factors)


def test_only_mujoco_models_can_be_scaled():
    with pytest.raises(ConfigurationError, match="no MuJoCo model"):
        DynamicsPerturbation(Walk(), {"mass": 2.0})
