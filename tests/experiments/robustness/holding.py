"""Small environments and policies whose behaviour under attack can be computed by hand."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Normaliser, Policy


class Hold(gym.Env):
    """Reward: minus the squared distance between action and state, in four steps. Success: a small distance.

    The attacker's goal is an action of 2.
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
    """Never terminates; a time limit truncates it."""

    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, False, info


class Silent(Hold):
    """Reports no ``success``."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {}


def linear(weights, bias=(0.0,), *, world=Hold, **options):
    """Return a policy whose action is ``weights @ observation + bias``."""
    matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    network = MLP([Layer(matrix, np.asarray(bias, dtype=np.float64), "identity")])
    return Policy(network, world.observation_space, world.action_space, **options)


def reacher():
    """Return a policy for Tabletop/Reach-v0 that moves straight to the goal, with an observation normaliser."""
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
