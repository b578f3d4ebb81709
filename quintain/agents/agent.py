"""The contract between agents and whatever makes them play.

An :class:`Agent` holds weights or an engine and no episode state; it plays many episodes at once. ``begin`` hands out
an :class:`Actor`, which plays one seat of one episode and owns everything that belongs to that episode: its memory of
the conversation and its random generator. Scripted, replayed, human, RL and language-model agents are interchangeable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces

from quintain.seeding import SeedStream

__all__ = ["Action", "Actor", "Agent", "Seat"]

# Observations and actions are members of whatever spaces the environment declares.
Action = Any


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One place at one episode: everything an agent may know before the first observation.

    Attributes:
        env_id: Registered id of the environment, such as ``"CodeReason-v0"``.
        name: Name of the seat: ``"player_0"`` and so on; ``"agent"`` where there is only one.
        observation_space: What ``act`` will be given.
        action_space: What ``act`` must return.
        seed: Seed of the episode, in [0, 2**53). Equal seeds mean equal episodes.
        solution: Ask the environment for a correct next action, or ``None`` where it knows none. Only oracle agents,
            the upper bound of a comparison, call it.
    """

    env_id: str
    name: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    seed: int
    solution: Callable[[], Action] | None = None

    def generator(self) -> np.random.Generator:
        """Return a fresh generator for this seat of this episode. Calling twice gives two equal generators."""
        return SeedStream(self.seed, "seat", self.name).generator()


@runtime_checkable
class Actor(Protocol):
    """Plays one seat of one episode."""

    def act(self, observation: Any, info: dict[str, Any]) -> Action | Awaitable[Action]:
        """Choose an action.

        Args:
            observation: A member of the seat's observation space.
            info: The environment's ``info`` of the same moment.

        Returns:
            A member of the seat's action space, or an awaitable of one: an actor that asks a language model is written
            as ``async def act`` and awaits its engine, which batches the requests of all live episodes.
        """
        ...


@runtime_checkable
class Agent(Protocol):
    """Weights or an engine, and no episode state.

    An agent that can act on arrays may also offer ``act_batch(observations) -> actions`` with a leading batch axis; on
    vectorised numeric environments it is used instead, unless the agent says that it ``remembers``. An agent with an
    ``engine`` attribute has its requests counted and recorded. ``close()``, where it exists, is called when a run that
    made the agent itself is over.
    """

    def begin(self, seat: Seat) -> Actor:
        """Sit down: return a fresh actor for ``seat``."""
        ...
