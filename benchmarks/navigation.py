"""Measure navigation: env steps per CPU second of single and batched mazes, and the CPU time of Hebbian search.

Rounds are interleaved in one process on one thread. The bar is one million env steps per CPU second with 1,024 worlds,
and mazes of 5 x 5 cells searched in a twentieth of the second that the reconstruction's first program took (a figure of
its notes, not measured here).

    python benchmarks/navigation.py
    python benchmarks/navigation.py --rounds 9 --mazes 40
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import numpy as np

import quintain  # noqa: F401  # registers the environments
from quintain.agents.agent import Seat
from quintain.agents.online.hebbian import HebbianSearchAgent
from quintain.envs.navigation.batch import MazeBatch
from quintain.envs.navigation.layouts import generate


def batched(worlds: int, steps: int) -> Callable[[], float]:
    """Return a function that steps a batch and returns its steps per CPU second."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    layouts = [generate(rng, (5, 5), openings=0.3) for _ in range(worlds)]
    batch = MazeBatch(layouts)
    velocities = torch.rand((16, worlds, 2)) * 2 - 1

    def run() -> float:
        start = time.process_time()
        for step in range(steps):
            batch.step(velocities[step % 16])
        return worlds * steps / (time.process_time() - start)

    return run


def single(steps: int) -> Callable[[], float]:
    """Return a function that steps one environment and returns its steps per CPU second."""
    env = gym.make("Maze-v0", visits=10**6, max_episode_steps=10**9, disable_env_checker=True).unwrapped
    env.reset(seed=0)
    velocities = np.random.default_rng(0).uniform(-1, 1, (16, 2))

    def run() -> float:
        start = time.process_time()
        for step in range(steps):
            env.step(velocities[step % 16])
        return steps / (time.process_time() - start)

    return run


def searched(mazes: int) -> Callable[[], float]:
    """Return a function that searches mazes, four visits each, and returns the agent's CPU seconds a maze."""

    def run() -> float:
        spent = 0.0
        for seed in range(mazes):
            env = gym.make("Maze-v0", visits=4, disable_env_checker=True)
            observation, info = env.reset(seed=seed)
            seat = Seat("Maze-v0", "agent", env.observation_space, env.action_space, seed)
            start = time.process_time()
            actor = HebbianSearchAgent().begin(seat)
            spent += time.process_time() - start
            over = False
            while not over:
                start = time.process_time()
                action = actor.act(observation, info)
                spent += time.process_time() - start
                observation, _, terminated, truncated, info = env.step(action)
                over = terminated or truncated
        return spent / mazes

    return run


def main() -> None:
    """Print the medians over the rounds, with their ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worlds", type=int, default=1024)
    parser.add_argument("--mazes", type=int, default=20)
    options = parser.parse_args()
    measured = {
        f"steps per CPU second, batch of {options.worlds}": batched(options.worlds, 1000),
        "steps per CPU second, one environment": single(3000),
        "CPU seconds per 5 x 5 maze of hebbian-search": searched(options.mazes),
    }
    found: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(options.rounds + 1):  # the first round warms up
        for name, run in measured.items():
            value = run()
            if number:
                found[name].append(value)
    print("| measure | median | range |\n| --- | ---: | --- |")
    for name, values in found.items():
        print(f"| {name} | {statistics.median(values):,.3g} | {min(values):,.3g} to {max(values):,.3g} |")


if __name__ == "__main__":
    main()
