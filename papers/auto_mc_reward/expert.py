"""A scripted expert that knows where the trees are, and cloning of its actions into a policy of Stable-Baselines3."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from quintain.envs.minecraft.controls import SIMPLE
from quintain.envs.minecraft.kernels import world as w
from quintain.seeding import SeedStream
from quintain.training.control.reward_worlds import RewardWorlds, make_training_env
from quintain.training.control.train_rewarded import TrainingPlan

_NAMES = list(SIMPLE)
FORWARD, LEFT, RIGHT, UP, DOWN = (
    _NAMES.index(name) for name in ("jump forward", "turn left", "turn right", "look up", "look down")
)


def tree_actions(vector: Any) -> np.ndarray:
    """Return the expert's actions: turn towards the nearest tree of the world, seen or not, and walk."""
    simulator = vector.simulator
    world, low, high = simulator.world, simulator.setup[1], simulator.setup[2]
    actions = np.full(vector.num_envs, FORWARD)
    for e in range(vector.num_envs):
        body, side = world.body[e], world.blocks.shape[1]
        xs, zs = np.nonzero(((world.blocks[e] >= low) & (world.blocks[e] <= high)).any(axis=2))
        if not len(xs):
            continue
        dx, dz = ((place + 0.5 - body[axis] + side / 2) % side - side / 2 for place, axis in ((xs, w.X), (zs, w.Z)))
        k = int(np.argmin(dx**2 + dz**2))
        turn = (np.degrees(np.arctan2(-dx[k], dz[k])) - body[w.YAW] + 180) % 360 - 180
        if abs(turn) > 8:
            actions[e] = RIGHT if turn > 0 else LEFT
        elif abs(body[w.PITCH]) > 8:
            actions[e] = UP if body[w.PITCH] > 0 else DOWN
    return actions


def record_expert(plan: TrainingPlan, steps: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Play the expert, with some random actions in between, and return observations and the expert's actions.

    Args:
        plan: Names the environment.
        steps: Number of transitions.
        seed: Root seed.
        noise: Share of the executed actions that are random.
    """
    stream = SeedStream(seed, "designed reward", "expert")
    rng = stream.child("noise").generator()
    vector = make_training_env(plan.env, plan.env_kwargs, plan.ppo.n_envs)
    seen, done = [], []
    with RewardWorlds(vector, stream.child("episodes"), "sparse") as worlds:
        observations = worlds.reset()
        for _ in range(-(-steps // worlds.n)):
            actions = tree_actions(vector)
            seen.append(observations)
            done.append(actions.copy())
            random = rng.random(worlds.n) < noise
            actions[random] = rng.integers(len(_NAMES), size=int(random.sum()))
            observations = worlds.step(actions).observations
    return np.concatenate(seen), np.concatenate(done)


def clone(model: Any, seen: np.ndarray, done: np.ndarray, *, epochs: int = 6, seed: int = 0) -> None:
    """Fit the policy to the expert's actions by maximum likelihood."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(len(seen)), max(1, len(seen) // 512)):
            observations = torch.as_tensor(seen[part], dtype=torch.float32)
            loss = -model.policy.get_distribution(observations).log_prob(torch.as_tensor(done[part])).mean()
            model.policy.optimizer.zero_grad()
            loss.backward()
            model.policy.optimizer.step()
