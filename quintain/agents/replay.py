"""Replay the recorded actions of a run, episode by episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.agent import Action, Actor, Seat
from quintain.errors import AgentError
from quintain.records import iter_episodes
from quintain.seeding import repeat_seed

__all__ = ["ReplayAgent", "read_action"]


class ReplayAgent:
    """Plays the actions in a run folder: equal seeds give equal episodes, without the agent that acted.

    Array actions, which are recorded as lists, become arrays of the action space's dtype. Of an episode that was run
    again, the last record counts.

    Args:
        run: A run folder, as ``evaluate(..., out=...)`` writes it.

    Raises:
        RecordError: If the folder holds no run, or its records are damaged.
    """

    def __init__(self, run: str | Path) -> None:
        self.run = Path(run)
        self._episodes: dict[int, dict[str, list[Any]]] = {}
        for record in iter_episodes(self.run):
            seats = self._episodes[repeat_seed(record.seed, record.repeat)] = {}
            for step in record.steps:
                seats.setdefault(step.get("seat", "agent"), []).append(step["action"])

    def describe(self) -> dict[str, Any]:
        """Return the path of the replayed run, for the new run's manifest."""
        return {"agent": "replay", "run": str(self.run)}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with the recorded actions of the seat's episode.

        Raises:
            AgentError: If the run has no episode with this seed and seat.
        """
        actions = self._episodes.get(seat.seed, {}).get(seat.name)
        if actions is None:
            raise AgentError(f"{str(self.run)!r} has no episode with seed {seat.seed} for seat {seat.name!r}")
        return _ReplayActor(actions, seat)


class _ReplayActor:
    def __init__(self, actions: list[Any], seat: Seat) -> None:
        self._actions = iter(actions)
        self._space = seat.action_space

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        try:
            action = next(self._actions)
        except StopIteration:
            raise AgentError(
                "the recorded episode has no more actions; the environment differs from that of the recording"
            ) from None
        return read_action(action, self._space)


def read_action(action: Any, space: gym.Space[Any]) -> Action:
    """Return a recorded action as the environment takes it: a list becomes an array of the space's dtype.

    Args:
        action: The action as a record holds it.
        space: The environment's action space; a list becomes an array of its dtype.
    """
    return np.asarray(action, dtype=space.dtype) if isinstance(action, list) else action
