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


class TreeExpert:
    """Turns towards the nearest tree of the world, seen or not, and walks; one that is held up makes a detour.

    Args:
        vector: The worlds.
    """

    def __init__(self, vector: Any) -> None:
        self.vector = vector
        self._places = np.full((vector.num_envs, 2), np.nan)
        self._walked = np.zeros(vector.num_envs, bool)
        self._detour: list[list[int]] = [[] for _ in range(vector.num_envs)]

    def __call__(self) -> np.ndarray:
        """Return the action of each world."""
        body = self.vector.simulator.world.body
        places = body[:, [w.X, w.Z]].copy()
        held_up = self._walked & (np.abs(places - self._places).sum(1) < 0.1)
        actions = np.full(self.vector.num_envs, FORWARD)
        for e, detour in enumerate(self._detour):
            if held_up[e]:
                side = (LEFT, RIGHT)[int(places[e].sum()) % 2]
                detour[:] = [FORWARD, FORWARD, FORWARD, side, side]
            actions[e] = detour.pop() if detour else self._towards(e)
        self._places, self._walked = places, actions == FORWARD
        return actions

    def _towards(self, e: int) -> int:
        simulator = self.vector.simulator
        world, low, high = simulator.world, simulator.setup[1], simulator.setup[2]
        body, side = world.body[e], world.blocks.shape[1]
        xs, zs = np.nonzero(((world.blocks[e] >= low) & (world.blocks[e] <= high)).any(axis=2))
        if not len(xs):
            return FORWARD
        dx, dz = ((place + 0.5 - body[axis] + side / 2) % side - side / 2 for place, axis in ((xs, w.X), (zs, w.Z)))
        k = int(np.argmin(dx**2 + dz**2))
        turn = (np.degrees(np.arctan2(-dx[k], dz[k])) - body[w.YAW] + 180) % 360 - 180
        if abs(turn) > 15:  # half a turn of the controls
            return RIGHT if turn > 0 else LEFT
        if abs(body[w.PITCH]) > 8:
            return UP if body[w.PITCH] > 0 else DOWN
        return FORWARD


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
    expert = TreeExpert(vector)
    seen, done = [], []
    with RewardWorlds(vector, stream.child("episodes"), "sparse") as worlds:
        observations = worlds.reset()
        for _ in range(-(-steps // worlds.n)):
            actions = expert()
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
