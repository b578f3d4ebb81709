"""Batches of mazes move as the single environment does, on every device."""

import gymnasium as gym
import numpy as np
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.envs.navigation.batch import MazeBatch
from quintain.envs.navigation.layouts import generate
from quintain.errors import ConfigurationError

torch = pytest.importorskip("torch")
LAYOUTS = [generate(np.random.default_rng(seed), (3, 4), openings=0.3, one_way=0.2) for seed in range(5)]


def actions(steps, seed=0):
    """Return velocities that change every ten steps, one row for each of five worlds."""
    held = np.random.default_rng(seed).uniform(-1, 1, (steps // 10, 5, 2))
    return np.repeat(held, 10, 0)


def test_a_batch_moves_as_single_environments_do():
    batch = MazeBatch(LAYOUTS, noise=0.0, drift=(0.01, -0.02), dtype="float64")
    drawn = [layout.draw() for layout in LAYOUTS]
    envs = [gym.make("Maze-v0", layout=each, noise=0.0, drift=[0.01, -0.02], visits=99).unwrapped for each in drawn]
    observations = np.stack([env.reset(seed=0)[0] for env in envs])
    assert batch.reset().tolist() == pytest.approx(observations)
    for row in actions(100):
        found = batch.step(torch.tensor(row))
        single = [env.step(action) for env, action in zip(envs, row, strict=True)]
        assert found.observation.tolist() == pytest.approx(np.stack([each[0] for each in single]))
        assert found.reward.tolist() == [each[1] for each in single]
        assert found.at_goal.tolist() == [each[4]["at_goal"] for each in single]


def test_an_arrival_is_rewarded_once_and_followed_by_a_return():
    corridor = generate(np.random.default_rng(0), (2, 2))
    batch = MazeBatch([corridor] * 3, noise=0.0)
    batch.position = batch.goal - torch.tensor([0.4, 0.0])
    away = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert batch.step(away).reward.tolist() == [1, 1, 0]
    found = batch.step(away)
    assert found.reward.tolist() == [0, 0, 0]
    assert found.observation[0, :2].tolist() == [0.5, 0.5]


def test_noise_repeats_with_the_seed_and_bad_velocities_are_zero():
    batch = MazeBatch(LAYOUTS, slip=0.5)
    runs = []
    for seed in (1, 1, 2):
        batch.reset(seed=seed)
        runs.append([batch.step(torch.full((5, 2), 0.3)).observation for _ in range(20)][-1].tolist())
    assert runs[0] == runs[1] != runs[2]
    still = MazeBatch(LAYOUTS, noise=0.0)
    still.step(torch.full((5, 2), float("nan")))
    assert torch.equal(still.position, still.start)


def test_layouts_of_different_shapes_are_refused():
    with pytest.raises(ConfigurationError, match="one shape"):
        MazeBatch([*LAYOUTS, generate(np.random.default_rng(0), (4, 4))])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: CUDA and CPU agree")
def test_cuda_and_cpu_agree():
    places = []
    for device in ("cpu", "cuda"):
        batch = MazeBatch(LAYOUTS, noise=0.0, device=device, dtype="float64")
        for row in actions(200):
            batch.step(torch.tensor(row, device=device))
        places.append(batch.position.cpu().tolist())
    assert places[0] == pytest.approx(places[1])
