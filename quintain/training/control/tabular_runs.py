"""Independent runs of a tabular learner in a finite MDP, in lock step: one row of every array is one run.

Every run draws from a generator of its own, so that its episodes do not depend on how many others there are; runs that
share a seed, such as those of two rewards that are compared, get equal random numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.mdp import MDP
from quintain.rewards.shaping.shaper import Episodes, Shaper
from quintain.seeding import SeedStream
from quintain.training.control.tabular_learners import TabularLearner

__all__ = ["TabularRuns"]

Array = NDArray[np.float64]
#: Episodes for which random numbers are drawn at once.
_BLOCK = 16
#: Random numbers of one update of a shaper.
DRAWS = 64


class TabularRuns:
    """Runs of one learner under one reward each.

    Args:
        mdp: The MDP with the environment's reward.
        learner: The learners, one per run.
        shaper: The reward that the learners are given.
        seeds: One seed stream per run; equal streams give equal random numbers.
        horizon: Maximum number of steps of an episode.
        buffer: Number of episodes that are kept for updates. Default: 10 (ExploRS, ExpAdaRD).

    Attributes:
        episodes: Number of episodes that each run has played.
    """

    def __init__(
        self,
        mdp: MDP,
        learner: TabularLearner,
        shaper: Shaper,
        seeds: Sequence[SeedStream],
        horizon: int,
        *,
        buffer: int = 10,
    ) -> None:
        self.mdp, self.learner, self.shaper, self.horizon = mdp, learner, shaper, horizon
        unique = list(dict.fromkeys((seed.root, seed.path) for seed in seeds))
        self._row = np.array([unique.index((seed.root, seed.path)) for seed in seeds])
        self._generators = [SeedStream(root, *path).generator() for root, path in unique]
        self._shaping = [SeedStream(root, *path, "shaping").generator() for root, path in unique]
        self._draws = np.zeros((0, 0, 0, 2))
        self.episodes = 0
        self._latest: deque[Episodes] = deque(maxlen=buffer)
        self._after, self._cumulative = _successors(mdp)
        self._first = mdp.initial.cumsum()[:-1]

    def play(self, episodes: int) -> None:
        """Play further episodes in every run, and learn from them."""
        for _ in range(episodes):
            played = self._episode()
            self.episodes += 1
            learner, shaper = self.learner, self.shaper
            if played is not None:
                self._latest.append(played)
            if shaper.every and self.episodes % shaper.every == 0:
                draws = np.stack([generator.random(DRAWS) for generator in self._shaping])[self._row]
                shaper.update(list(self._latest), learner.policy(), draws)
            if learner.every and self.episodes % learner.every == 0:
                learner.update(list(self._latest))

    def _episode(self) -> Episodes | None:
        mdp, learner, shaper, runs = self.mdp, self.learner, self.shaper, len(self._row)
        draws = self._next_draws()
        recorded = bool(learner.every or shaper.every)
        states = (draws[:, 0, :1] > self._first).sum(axis=1)
        running = np.ones(runs, bool)
        shape = (runs, self.horizon)
        kept = Episodes(
            np.zeros(shape, np.intp), np.zeros(shape, np.intp), np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
        )
        for step in range(self.horizon):
            actions = learner.choose(states, draws[:, step + 1, 0])
            place = (draws[:, step + 1, 1:] > self._cumulative[states, actions]).sum(axis=1)
            after = self._after[states, actions, place]
            rewards = mdp.rewards[states, actions]
            shaped = shaper.shape(states, actions, after, rewards, running) * running
            learner.step(states, actions, shaped, after, running)
            if recorded:
                kept.states[:, step], kept.actions[:, step] = states, actions
                kept.rewards[:, step], kept.shaped[:, step] = rewards * running, shaped
                kept.steps[:, step] = running
            running = running & ~mdp.terminal[after]
            if not running.any():
                break
            states = after
        return kept if recorded else None

    def _next_draws(self) -> Array:
        """Return the random numbers of an episode: the first state, then action and next state of every step."""
        within = self.episodes % _BLOCK
        if within == 0 or self._draws.shape[1] == 0:
            shape = (_BLOCK, self.horizon + 1, 2)
            self._draws = np.stack([generator.random(shape) for generator in self._generators])
        return np.asarray(self._draws[self._row, within])


def _successors(mdp: MDP) -> tuple[NDArray[np.intp], Array]:
    """Return the possible next states, shape ``(S, A, B)``, and their cumulative probabilities without the last one."""
    states, actions = mdp.shape
    widest = int((mdp.transitions > 0).sum(axis=-1).max())
    order = np.argsort(mdp.transitions <= 0, axis=-1, kind="stable")[..., :widest]
    chances = np.take_along_axis(mdp.transitions, order, axis=-1)
    last = (chances > 0).sum(axis=-1, keepdims=True) - 1
    after = np.where(np.arange(widest) <= last, order, np.take_along_axis(order, last, axis=-1))
    return after.reshape(states, actions, widest), chances.cumsum(axis=-1)[..., :-1]
