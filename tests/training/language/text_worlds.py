"""Small text environments for trainers: what is right can be learned by an untrained model in seconds."""

import gymnasium as gym
import numpy as np
from pettingzoo import ParallelEnv

from quintain.spaces import UnicodeText

LOWER = "abcdefghijklmnopqrstuvwxyz"


class SayLetter(gym.Env):
    """Right: a reply that begins with a small letter; with two turns, twice. A turn of its own reward each.

    Args:
        turns: Number of turns.
        fail: Share of the episodes, by seed, whose first step raises.
        nan: Whether rewards are NaN.
    """

    def __init__(self, turns=1, fail=0.0, nan=False):
        self.observation_space = self.action_space = UnicodeText(2000)
        self.turns, self.fail, self.nan = turns, fail, nan

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.turn, self.right = 0, 0
        self.digit = int(self.np_random.integers(10))
        self.broken = float(self.np_random.random()) < self.fail
        return str(self.digit), {}

    def step(self, action):
        if self.broken:
            raise RuntimeError("the world broke")
        self.turn += 1
        good = action[:1] in LOWER and action != ""
        self.right += good
        over = self.turn == self.turns
        info = {"success": self.right == self.turns} if over else {}
        return "next", float("nan") if self.nan else float(good), over, False, info


class Duel(ParallelEnv):
    """Two seats write at once, two rounds; a reply that begins with a small letter earns 1, the other's costs 0.5."""

    metadata = {"name": "duel"}

    def __init__(self):
        self.possible_agents = ["left", "right"]
        self.spaces = UnicodeText(2000)

    def observation_space(self, seat):
        return self.spaces

    def action_space(self, seat):
        return self.spaces

    def reset(self, seed=None, options=None):
        self.agents, self.round = list(self.possible_agents), 0
        self.digit = int(np.random.default_rng(seed).integers(10))
        return {seat: f"{seat[0]}{self.digit}" for seat in self.agents}, {seat: {} for seat in self.agents}

    def step(self, actions):
        self.round += 1
        good = {seat: float(action[:1] in LOWER and action != "") for seat, action in actions.items()}
        rewards = {s: good[s] - 0.5 * sum(good[o] for o in good if o != s) for s in actions}
        over = self.round == 2
        seats, self.agents = self.agents, [] if over else self.agents
        states = {seat: f"{seat[0]}next" for seat in seats}
        return states, rewards, dict.fromkeys(seats, over), dict.fromkeys(seats, False), {s: {} for s in seats}

    def close(self):
        pass


def teacher(observation, info=None):
    """Write the letter that the digit stands for, then ``z``."""
    return "z" if observation == "next" else "abcdefghij"[int(observation)]


def label(question, answer):
    """Judge an answer to ``SayLetter``, and refine it."""
    right = answer[:1] in LOWER and answer != ""
    return f"verdict: {'correct' if right else 'incorrect'}", answer if right else "a"


def weights(engine):
    """Return copies of an engine's weights by name."""
    return {name: value.clone() for name, value in engine.model.state_dict().items()}


def equal(first, second):
    """Whether two sets of weights have the same names and are equal to the bit."""
    return first.keys() == second.keys() and all(bool((first[name] == second[name]).all()) for name in first)
