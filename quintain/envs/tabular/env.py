"""A finite MDP as a Gymnasium environment."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.mdp import MDP, optimal_actions, value_iteration

__all__ = ["INVALID_PENALTY", "TabularEnv"]

#: Reward term of an action that is no member of the action space; the state then stays.
INVALID_PENALTY = -1.0


class TabularEnv(gym.Env[Any, Any]):
    """A finite MDP with one rewarded goal.

    Args:
        mdp: The MDP.
        goal: State and action that pay the goal's reward.
        name: Name of the task in ``info["task_id"]``.
        settings: Constructor arguments, from which ``info["task_hash"]`` is computed.

    Attributes:
        mdp: The MDP.
        P: The MDP in the form of Gymnasium's ``toy_text``: ``P[s][a]`` lists probability, next state, reward and
            whether the episode ends, for every possible transition.
    """

    metadata: dict[str, Any] = {"render_modes": [], "render_fps": 4}
    render_mode: str | None = None

    def __init__(self, mdp: MDP, goal: tuple[int, int], name: str, settings: dict[str, Any]) -> None:
        states, actions = mdp.shape
        self.mdp = mdp
        self.goal = goal
        self.observation_space = spaces.Discrete(states)
        self.action_space = spaces.Discrete(actions)
        self.P = {
            s: {
                a: [
                    (
                        float(mdp.transitions[s, a, after]),
                        int(after),
                        float(mdp.rewards[s, a]),
                        bool(mdp.terminal[after]),
                    )
                    for after in np.flatnonzero(mdp.transitions[s, a])
                ]
                for a in range(actions)
            }
            for s in range(states)
        }
        self.initial_state_distrib = mdp.initial
        self._cumulative = mdp.transitions.cumsum(axis=-1)
        self._name, self._state, self._reached = name, 0, False
        text = json.dumps({**settings, "name": name, "version": 0}, sort_keys=True)
        self._hash = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        self._best: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Draw the first state."""
        super().reset(seed=seed)
        self._state = self._draw(self.mdp.initial.cumsum())
        self._reached = False
        return self._state, self._info({}, invalid=False)

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Draw the next state."""
        if not self._is_action(action):
            return (
                self._state,
                INVALID_PENALTY,
                False,
                False,
                self._info({"invalid_action": INVALID_PENALTY}, invalid=True),
            )
        state, action = self._state, int(action)
        reward = float(self.mdp.rewards[state, action])
        self._reached = self._reached or (state, action) == self.goal
        self._state = self._draw(self._cumulative[state, action])
        name = "goal" if (state, action) == self.goal else "distractor"
        terminated = bool(self.mdp.terminal[self._state])
        return self._state, reward, terminated, False, self._info({name: reward} if reward else {}, invalid=False)

    def solution(self) -> int:
        """Return an optimal action of the present state, the first of several."""
        if self._best is None:
            self._best = optimal_actions(value_iteration(self.mdp).action_values).argmax(axis=1)
        return int(self._best[self._state])

    def _draw(self, cumulative: Any) -> int:
        return int(np.searchsorted(cumulative, self.np_random.random() * cumulative[-1], side="right"))

    def _is_action(self, action: Any) -> bool:
        if isinstance(action, (bool, np.bool_)) or not isinstance(action, (int, np.integer, np.ndarray)):
            return False
        array = np.asarray(action)
        return array.shape == () and np.issubdtype(array.dtype, np.integer) and 0 <= int(array) < self.mdp.shape[1]

    def _info(self, terms: dict[str, float], *, invalid: bool) -> dict[str, Any]:
        return {
            "task_id": self._name,
            "task_hash": self._hash,
            "success": self._reached,
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {"goal_reached": float(self._reached)},
        }
