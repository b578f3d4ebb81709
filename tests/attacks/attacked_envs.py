"""Environments and policies with returns and gradients that can be computed by hand."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.policies import MLP, ActionValue, Layer, Policy
from quintain.attacks.observation import Method

STATES = spaces.Box(-np.inf, np.inf, (3,), np.float64)
ACTIONS = spaces.Box(-10.0, 10.0, (2,), np.float64)


class Walk(gym.Env):
    """The state (3 entries) is a linear map of the sum of actions (2 entries); episodes have ``length`` steps."""

    observation_space = STATES
    action_space = ACTIONS
    metadata = {"render_modes": []}

    def __init__(self, length=5, dtype=np.float64):
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), dtype)
        self.length = length
        self.state = np.zeros(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.state = self.np_random.normal(size=3)
        return self.state.astype(self.observation_space.dtype), {}

    def step(self, action):
        self.time += 1
        self.state = self.state + np.array([action[0], action[1], action[0] - action[1]])
        observation = self.state.astype(self.observation_space.dtype)
        info = {"reward_terms": {"first": float(self.state[0])}}
        return observation, float(self.state[0]), False, self.time >= self.length, info


def linear(weight, bias=None):
    weight = np.asarray(weight, dtype=np.float64)
    return MLP([Layer(weight, np.zeros(len(weight)) if bias is None else np.asarray(bias, np.float64), "identity")])


#: mu(s) = W s
WEIGHT = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0]])
#: V(s) = v . s
VALUE = np.array([[3.0, -1.0, 0.5]])
#: Q(s, a) = p . s + q . a
Q = np.array([[0.1, 0.2, 0.3, 2.0, -1.0]])
STD = np.array([0.5, 1.5])


def linear_gaussian(**options):
    made = {"head": "gaussian", "std": STD, "value": linear(VALUE), "action_value": ActionValue([linear(Q)])}
    return Policy(linear(WEIGHT), STATES, ACTIONS, **(made | options))


class Shift(Method):
    """Increases every entry by twice the budget, which the wrapper reduces to the budget."""

    name, sees = "shift", "nothing"

    def draw(self, rng, ball, dimension):
        return np.zeros((0, dimension))

    def propose(self, z, noise, ball):
        return np.full_like(z, 2 * ball.epsilon)
