"""Small environments and hand-made victims, whose behaviour under attack can be worked out on paper."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Normaliser, Policy


class Hold(gym.Env):
    """Pays minus the square of the distance between action and state, for four steps; success is a small one.

    The attacker would like to see actions of 2.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = spaces.Box(-5, 5, (1,), np.float64)
    action_space = spaces.Box(-9, 9, (1,), np.float64)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.state = 0, self.np_random.uniform(-1, 1, 1)
        return self.state.copy(), {}

    def step(self, action):
        self.time += 1
        error, miss = float(abs(action[0] - self.state[0])), float(abs(action[0] - 2))
        info = {"success": error < 0.15, "attacker_success": miss < 1.6, "attacker_reward": -miss}
        return self.state.copy(), -(error**2), False, self.time == 4, info

    def render(self):
        shade = int(255 * (self.state[0] + 1) / 2)
        return np.full((24, 32, 3), (shade, 40 * self.time, 90), np.uint8)


class Long(Hold):
    """Goes on until a time limit ends it."""

    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, False, info


class Silent(Hold):
    """Says nothing of success."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {}


def linear(weights, bias=(0.0,), *, world=Hold, **options):
    """A victim whose action is ``weights @ observation + bias``."""
    matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    network = MLP([Layer(matrix, np.asarray(bias, dtype=np.float64), "identity")])
    return Policy(network, world.observation_space, world.action_space, **options)


def reacher():
    """A victim of Tabletop/Reach-v0 that goes straight for the goal, and normalises what it sees."""
    matrix = np.zeros((2, 6))
    matrix[[0, 1], [0, 1]], matrix[[0, 1], [4, 5]] = -6.0, 6.0
    normaliser = Normaliser(np.full(6, 0.1), np.full(6, 0.2))
    return Policy(
        MLP([Layer(matrix * normaliser.scale, matrix @ normaliser.mean, "identity")]),
        spaces.Box(-np.inf, np.inf, (6,), np.float64),
        spaces.Box(-1.0, 1.0, (2,), np.float32),
        head="gaussian",
        std=np.full(2, 0.5),
        normaliser=normaliser,
        name="reacher",
    )
