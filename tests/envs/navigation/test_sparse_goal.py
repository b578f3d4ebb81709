"""SparseGoal-v0: dynamics, goal regions, NumPy and torch alike."""

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.navigation.systems import OBSTACLES, SYSTEMS, clearance
from quintain.errors import ConfigurationError, UnknownNameError


@pytest.mark.filterwarnings("ignore")
def test_every_environment_check_passes():
    assert quintain.check("SparseGoal-v0", {"system": "reacher"}).ok


def test_the_car_moves_as_gymnasiums_does():
    ours, theirs = gym.make("SparseGoal-v0").unwrapped, gym.make("MountainCarContinuous-v0").unwrapped
    ours.reset(seed=0)
    theirs.reset(seed=0)
    ours.state = np.array([-0.5, 0.0])
    theirs.state = ours.state.copy()
    rng = np.random.default_rng(0)
    for _ in range(100):
        action = rng.uniform(-1, 1, 1)
        ours.step(action)
        theirs.step(action)
        assert ours.state == pytest.approx(theirs.state, abs=1e-5)


def test_rocking_brings_the_car_to_the_goal_and_the_next_step_back():
    env = gym.make("SparseGoal-v0", visits=2)
    env.reset(seed=0)
    for _ in range(300):
        action = np.sign(env.unwrapped.state[1:]) + (env.unwrapped.state[1] == 0)
        _, reward, terminated, _, info = env.step(action)
        if info["at_goal"]:
            break
    assert reward == 1.0
    assert not terminated
    assert info["metrics"]["steps_1"] > 60
    env.step(np.zeros(1))
    assert -0.6 <= env.unwrapped.state[0] <= -0.4


@pytest.mark.parametrize("name", SYSTEMS)
def test_states_stay_in_their_bounds_and_torch_agrees(name):
    torch = pytest.importorskip("torch")
    system, rng = SYSTEMS[name], np.random.default_rng(0)
    states = np.array(system.start) + rng.uniform(-1, 1, (6, len(system.low))) * system.spread
    mirrored = torch.tensor(states)
    for _ in range(60):
        actions = rng.uniform(-1, 1, (6, system.actions))
        states = system.step(states, actions, np)
        mirrored = system.step(mirrored, torch.tensor(actions), torch)
        assert (states >= system.low).all()
        assert (states <= system.high).all()
    assert mirrored.numpy() == pytest.approx(states)
    assert not system.reached(np.array([system.start]), np).any()
    assert system.reached(np.array([system.goal]), np).all()
    assert system.reached(torch.tensor([system.goal]), torch).all()


def test_the_arm_stops_at_obstacles():
    x, y, _ = OBSTACLES[0]
    towards = np.array([[np.arctan2(y, x), 0.0]])
    assert clearance(towards, np)[0] < 0
    state = np.array([[0.0, 0.0]])
    for _ in range(60):
        state = SYSTEMS["reacher"].step(state, np.array([[1.0, 0.0]]), np)
    assert state[0, 0] < np.arctan2(y, x)
    assert clearance(state, np)[0] > 0


def test_what_cannot_work_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'pendulum'"):
        gym.make("SparseGoal-v0", system="pendulums")
    for visits in (0, 1.5):
        with pytest.raises(ConfigurationError, match="visits"):
            gym.make("SparseGoal-v0", visits=visits)


def test_the_hash_tells_the_task_and_a_step_beyond_the_end_is_refused():
    env = gym.make("SparseGoal-v0", visits=1).unwrapped
    hashes = [env.reset(seed=seed)[1]["task_hash"] for seed in (0, 1, 0)]
    assert hashes[0] == hashes[2] != hashes[1]
    env.state = np.array([0.449, 0.07])
    assert env.step(np.ones(1))[2]
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(1))
