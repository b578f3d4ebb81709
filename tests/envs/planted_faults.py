"""Toy environments with one fault each, if possible only after the first step."""

import random

import gymnasium as gym
import numpy as np
from gymnasium import spaces

import quintain


class Walk(gym.Env):
    """A random walk of eight steps without a fault; the faults below change one thing each."""

    metadata = {"render_modes": []}
    observation_space, action_space = spaces.Box(-50, 50, (2,), np.float32), spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        self.x = self.np_random.random(2).astype(np.float32)
        return self.x.copy(), {"t": 0}

    def step(self, action):
        self.t += 1
        noise = self.np_random.random(2).astype(np.float32)
        self.x = self.x + noise + np.asarray(action, dtype=np.float32)
        return self.x.copy(), float(self.x[0]), self.t >= 8, False, {"t": self.t}


class Late(Walk):
    """Changes the results of step 4."""

    def change(self, observation, reward, terminated, truncated, info):
        return observation, reward, terminated, truncated, info

    def step(self, action):
        result = super().step(action)
        return self.change(*result) if self.t == 4 else result


class LeavesTheBounds(Late):
    def change(self, observation, *rest):
        return observation + 1000, *rest


class ChangesTheShape(Late):
    def change(self, observation, *rest):
        return observation[:1], *rest


class ChangesTheType(Late):
    def change(self, observation, *rest):
        return observation.astype(np.float64), *rest


class ReturnsAList(Late):
    def change(self, observation, *rest):
        return observation.tolist(), *rest


class ObservesNaN(Late):
    def change(self, observation, *rest):
        return observation * np.nan, *rest


class RewardsWithNaN(Late):
    def change(self, observation, reward, *rest):
        return observation, float("nan"), *rest


class RewardsWithInfinity(Late):
    def change(self, observation, reward, *rest):
        return observation, np.inf, *rest


class RewardsWithText(Late):
    def change(self, observation, reward, *rest):
        return observation, "0.5", *rest


class RewardsWithAnArray(Late):
    def change(self, observation, reward, *rest):
        return observation, np.ones(2), *rest


class EndsWithAWord(Late):
    def change(self, observation, reward, terminated, *rest):
        return observation, reward, "no", *rest


class TruncatesWithNone(Late):
    def change(self, observation, reward, terminated, truncated, info):
        return observation, reward, terminated, None, info


class HasNoInfo(Late):
    def change(self, *result):
        return *result[:4], None


class ReturnsFourValues(Late):
    def change(self, observation, reward, terminated, truncated, info):
        return observation, reward, terminated, info


class LosesAKey(Walk):
    observation_space = spaces.Dict(x=Walk.observation_space, t=spaces.Discrete(9))

    def reset(self, **kwargs):
        observation, info = super().reset(**kwargs)
        return {"x": observation, "t": 0}, info

    def step(self, action):
        observation, *rest = super().step(action)
        return {"x": observation} | ({} if self.t == 4 else {"t": self.t}), *rest


class ReusesItsBuffer(Walk):
    def step(self, action):
        _, *rest = super().step(action)
        if self.t < 4:
            return self.x.copy(), *rest
        self.buffer = self.x.copy() if self.t == 4 else self.buffer
        self.buffer[:] = self.x
        return self.buffer, *rest


class ReusesItsInfo(Walk):
    def step(self, action):
        *rest, info = super().step(action)
        if self.t >= 4:
            self.info = info if self.t == 4 else self.info
            self.info["t"] = self.t
            info = self.info
        return *rest, info


class ClearsItsLastObservation(Walk):
    def reset(self, **kwargs):
        if hasattr(self, "last"):
            self.last[:] = 0
        return super().reset(**kwargs)

    def step(self, action):
        self.last, *rest = super().step(action)
        return self.last, *rest


class ChangesTheAction(Walk):
    def step(self, action):
        if self.t >= 3:
            action *= 0.5
        return super().step(action)


class SolvesOutsideTheSpace(Walk):
    def solution(self):
        return np.full(2, 3.0 if self.t == 3 else 0.5, np.float32)


class IgnoresTheSeedLater(Late):
    def change(self, observation, *rest):
        self.x = self.x + np.random.default_rng().random(2).astype(np.float32)
        return self.x.copy(), *rest


class IgnoresSeedZero(Walk):
    """Treats seed 0 as no seed, with ``if seed:``."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed or None)


class RemembersEarlierEpisodes(Walk):
    episodes = 0

    def reset(self, **kwargs):
        self.episodes += 1
        return super().reset(**kwargs)

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + self.episodes * (self.t > 3), *rest


class GoesOnAfterAnEarlyReset(Walk):
    """Clears its score at the end of an episode only."""

    score = 0.0

    def step(self, action):
        observation, reward, over, *rest = super().step(action)
        self.score += reward
        score, self.score = self.score, 0.0 if over else self.score
        return observation, score, over, *rest


class RemembersItsFirstSeed(Walk):
    """Draws from a generator that only the first call of ``reset`` seeds."""

    own = None

    def step(self, action):
        self.own = self.own or np.random.default_rng(self.np_random_seed)
        observation, reward, *rest = super().step(action)
        return observation, reward + float(self.own.random()), *rest


class SeedsEveryResetAlike(Walk):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=77 if seed is None else seed)


class TakesShortSeedsOnly(Walk):
    def reset(self, *, seed=None, options=None):
        if seed is not None and seed >= 2**24:
            raise ValueError("the simulator takes seeds below 2**24")
        return super().reset(seed=seed)


class SharesItsState(Walk):
    total = np.zeros(1)

    def reset(self, **kwargs):
        self.total[0] = 0
        return super().reset(**kwargs)

    def step(self, action):
        observation, _, *rest = super().step(action)
        self.total[0] += self.t
        return observation, float(self.total[0]), *rest


class DrawsFromRandom(Walk):
    def step(self, action):
        random.random()
        return super().step(action)


class DrawsFromNumpy(Walk):
    def step(self, action):
        np.random.random()  # noqa: NPY002
        return super().step(action)


class DrawsFromTorch(Walk):
    def step(self, action):
        import torch

        torch.rand(1)
        return super().step(action)


class SeedsNumpy(Walk):
    def reset(self, *, seed=None, options=None):
        np.random.seed(seed)  # noqa: NPY002
        return super().reset(seed=seed)


class ClaimsToBeDeterministic(Walk):
    metadata = {"render_modes": [], "deterministic": True}


class ForgetsATerm(Late):
    def step(self, action):
        observation, reward, *rest, info = super().step(action)
        return observation, reward, *rest, info | {"reward_terms": {"all": reward + (self.t == 4)}}


class NeverEnds(Walk):
    def step(self, action):
        result = super().step(np.zeros(2))
        self.x = self.x % 1
        return *result[:2], False, *result[3:]


class ObservesNoText(Walk):
    """Gives a number instead of a text."""

    observation_space = quintain.UnicodeText(20)

    def reset(self, **kwargs):
        return str(super().reset(**kwargs)[0][0]), {"t": 0}

    def step(self, action):
        observation, *rest = super().step(action)
        return 5 if self.t == 4 else str(observation[0]), *rest


#: Each faulty environment and the check that finds it.
ENVIRONMENTS = {
    **dict.fromkeys(
        [
            LeavesTheBounds, ChangesTheShape, ChangesTheType, ReturnsAList, ObservesNaN, RewardsWithNaN,
            RewardsWithInfinity, RewardsWithText, RewardsWithAnArray, EndsWithAWord, TruncatesWithNone, HasNoInfo,
            ReturnsFourValues, LosesAKey, ReusesItsBuffer, ReusesItsInfo, ClearsItsLastObservation, ChangesTheAction,
            SolvesOutsideTheSpace, ObservesNoText,
        ],
        "every step keeps the contract",
    ),
    **dict.fromkeys(
        [
            IgnoresTheSeedLater, IgnoresSeedZero, RemembersEarlierEpisodes, RemembersItsFirstSeed,
            GoesOnAfterAnEarlyReset,
        ],
        "same seed same episode",
    ),
    SeedsEveryResetAlike: "resets without a seed differ",
    TakesShortSeedsOnly: "takes the seeds of evaluate",
    SharesItsState: "instances do not interfere",
    **dict.fromkeys([DrawsFromRandom, DrawsFromNumpy, DrawsFromTorch, SeedsNumpy], "global generators untouched"),
    ClaimsToBeDeterministic: "different seeds differ",
    ForgetsATerm: "info adds up",
}  # fmt: skip
