"""The contract between agents and whatever makes them play.

An :class:`Agent` holds weights or an engine and no episode state; it plays many episodes at once. ``begin`` hands out
an :class:`Actor`, which plays one seat of one episode and owns everything that belongs to that episode: its memory of
the conversation and its random generator. Scripted, replayed, human, RL and language-model agents are interchangeable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces

from quintain.seeding import SeedStream

__all__ = [
    "Action",
    "Actor",
    "Agent",
    "Batched",
    "Closing",
    "Described",
    "Seat",
    "UsesEngine",
    "UsesSolution",
    "is_oracle",
    "is_stateful",
]

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
        solution: Returns a right next action. ``None`` where the environment knows none, and for every agent that does
            not declare ``uses_solution = True``; see :class:`UsesSolution`.
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

    What an agent can do beyond this is declared by further protocols, which are checked with ``isinstance``:
    :class:`Described`, :class:`Batched`, :class:`UsesEngine`, :class:`UsesSolution`, :class:`Closing`.
    """

    def begin(self, seat: Seat) -> Actor:
        """Return a new actor for this seat."""
        ...


@runtime_checkable
class Described(Protocol):
    """An agent that says what it is, so that a run can be resumed only with an equal one."""

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-able data that decides what the agent does: names, settings, hashes of weights."""
        ...


@runtime_checkable
class Batched(Protocol):
    """An agent whose action depends on the current observation alone, and that acts on many at once.

    On numeric environments it is asked for batches. An agent of which this holds only sometimes, such as a model that
    may be recurrent, sets ``is_stateful = True`` when it does not; then its actors are used.
    """

    def act_batch(self, observations: Any) -> Any:
        """Choose one action per observation; both have a leading batch axis."""
        ...


@runtime_checkable
class _StatefulFlag(Protocol):
    is_stateful: bool


def is_stateful(agent: object) -> bool:
    """Whether an agent declares ``is_stateful = True``, and so acts through one actor per episode."""
    return isinstance(agent, _StatefulFlag) and bool(agent.is_stateful)


@runtime_checkable
class UsesEngine(Protocol):
    """An agent that asks a language model: its requests are counted and recorded."""

    engine: Any


@runtime_checkable
class UsesSolution(Protocol):
    """An oracle: an agent that may ask the environment for right answers, as the upper bound of a comparison.

    Only agents with ``uses_solution = True`` are given :attr:`Seat.solution`, and the run's manifest and page say so.
    """

    uses_solution: bool


def is_oracle(agent: object) -> bool:
    """Whether an agent declares ``uses_solution = True``, and so is given right answers."""
    return isinstance(agent, UsesSolution) and agent.uses_solution is True


@runtime_checkable
class Closing(Protocol):
    """An agent that holds something to release. A run that made the agent itself closes it at the end."""

    def close(self) -> None:
        """Release what the agent holds."""
        ...
