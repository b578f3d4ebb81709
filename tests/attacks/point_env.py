"""A point that moves in the plane, and RAT's training on it: small enough to compute by hand."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Normaliser, Policy
from quintain.attacks.budget import Ball
from quintain.attacks.rat import RATSettings
from quintain.attacks.rat.training import _Training
from quintain.seeding import SeedStream

LOW, HIGH = np.array([-1.0, -2.0], np.float32), np.array([1.0, 2.0], np.float32)
HALF = np.array([1.0, 2.0])
SETTINGS = RATSettings(
    steps=400, n_envs=4, exploration_steps=80, hidden_size=8, batch_size=16, segment_length=5, feedback_every=100,
    queries_per_round=6, max_labels=15, max_reward_epochs=1, gradient_steps=0,
)  # fmt: skip


class Point(gym.Env):
    """s' = s + 0.1 a from a random start; the task ends where the first entry exceeds 1.

    The reward of the attacker is minus the second entry after the step.
    """

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Box(LOW, HIGH)
    metadata = {"render_modes": []}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = self.np_random.uniform(-1, 1, 2)
        return self.state.copy(), {}

    def step(self, action):
        assert (action >= LOW).all()
        assert (action <= HIGH).all()
        self.state = self.state + 0.1 * np.asarray(action, np.float64)
        ended = bool(self.state[0] > 1)
        return self.state.copy(), float(self.state[0]), ended, False, {"attacker_reward": float(-self.state[1])}


gym.register("RATPoint-v0", Point, max_episode_steps=20)


def make():
    return gym.make("RATPoint-v0", disable_env_checker=True)


class Watched(MLP):
    """A network that records its inputs."""

    def __call__(self, x):
        self.read = [*getattr(self, "read", []), x.copy()]
        return super().__call__(x)


def victim(normaliser=None):
    """Return a policy whose action is (1 - s_0, s_1 / 2), in the units of the environment."""
    network = Watched([Layer(np.array([[-1.0, 0.0], [0.0, 0.5]]), np.array([1.0, 0.0]), "identity")])
    box = Point.observation_space
    return Policy(network, box, Point.action_space, head="gaussian", std=np.full(2, 0.3), normaliser=normaliser)


def training(settings=SETTINGS, policy=None, epsilon=0.2, space="raw", seed=0):
    return _Training(make, policy or victim(), Ball(epsilon), space, settings, SeedStream(seed, "rat"))


NORMALISER = Normaliser(np.array([0.2, -0.1]), np.array([0.5, 2.0]), 1.5)
