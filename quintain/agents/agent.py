"""The contract of agents.

An :class:`Agent` holds weights or an engine and no episode state; it plays many episodes at once. ``begin`` returns an
:class:`Actor`, which plays one seat of one episode and holds that episode's state: history and random generator.
Scripted, replayed, human, RL and language-model agents are interchangeable.
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
    "ChecksAvailable",
    "ChecksSeat",
    "Closing",
    "Described",
    "Interactive",
    "RequiresSettings",
    "Seat",
    "Simulated",
    "Simulator",
    "UsesEngine",
    "UsesSimulator",
    "UsesSolution",
    "is_interactive",
    "is_oracle",
    "is_stateful",
    "simulates",
]

#: Observations and actions are members of the spaces that the environment declares, of which there is no common type.
Action = Any


class Simulated(Protocol):
    """What an action gave in a simulator.

    Attributes:
        observation: The observation that the environment would give.
        ended: Why the action ended the simulated episode; empty if it goes on.
        error: Why the environment could not do what the action asks for; ``None`` if it could.
        malformed: Whether the action could not be read at all.
        facts: JSON-able facts that the environment would report in ``info``, without reward and verdict.
    """

    @property
    def observation(self) -> Any:
        """The observation."""
        ...

    @property
    def ended(self) -> str:
        """Why the episode ended; empty if it goes on."""
        ...

    @property
    def error(self) -> str | None:
        """Why the action failed; ``None`` if it did not."""
        ...

    @property
    def malformed(self) -> bool:
        """Whether the action could not be read at all."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts about the action and its result."""
        ...


class Simulator(Protocol):
    """A copy of an episode on which an agent tries actions before it acts; it gives no reward and no verdict.

    Equal actions from an equal state give what the environment itself will give.
    """

    def snapshot(self) -> Any:
        """Return the present state; later steps do not change it."""
        ...

    def restore(self, state: Any) -> None:
        """Return to a state, any number of times."""
        ...

    def step(self, action: Any) -> Simulated:
        """Try an action. It may wait for something outside this thread, such as a sandbox."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One player's place in one episode: everything an agent may know before the first observation.

    Attributes:
        env_id: Registered id of the environment, such as ``"CodeReason-v0"``.
        name: Name of the seat: ``"player_0"`` and so on; ``"agent"`` where there is only one.
        observation_space: Space of the observations that ``act`` is given.
        action_space: Space of the actions that ``act`` must return.
        seed: Seed of the episode, in [0, 2**53). Equal seeds mean equal episodes.
        solution: Function that returns a right next action. ``None`` where the environment offers none, and for every
            agent that does not declare ``uses_solution = True``; see :class:`UsesSolution`.
        action_masks: The environment's method ``action_masks``, which returns the mask of the next action. ``None``
            where there is none; observations and infos may hold masks too.
        runs_code: Whether the environment runs the Python blocks of a reply; ``None`` where it does not say.
        read_answer: Function that returns the answer that the environment reads from a reply, equal for equal answers;
            it returns ``None`` for a reply without one. ``None`` where the environment reads no answers.
        simulator: Function that returns a copy of the episode in its present state. ``None`` where the environment
            offers none, and for every agent that does not declare ``uses_simulator = True``; see
            :class:`UsesSimulator`.
        reads_reasoning: Whether the environment reads the reasoning of a reply, too. Default: false.
    """

    env_id: str
    name: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    seed: int
    solution: Callable[[], Action] | None = None
    action_masks: Callable[[], Any] | None = None
    runs_code: bool | None = None
    read_answer: Callable[[str], str | None] | None = None
    simulator: Callable[[], Simulator] | None = None
    reads_reasoning: bool = False

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
            info: The ``info`` that the environment returned with the observation.

        Returns:
            A member of the seat's action space, or an awaitable of one: an actor that asks a language model is written
            as ``async def act`` and awaits its engine, which batches the requests of all live episodes.
        """
        ...


@runtime_checkable
class Agent(Protocol):
    """Holds weights or an engine, and no episode state.

    Optional abilities are declared by further protocols, which are checked with ``isinstance``:
    :class:`Described`, :class:`Batched`, :class:`ChecksSeat`, :class:`ChecksAvailable`, :class:`RequiresSettings`,
    :class:`UsesEngine`, :class:`UsesSolution`, :class:`UsesSimulator`, :class:`Closing`.
    """

    def begin(self, seat: Seat) -> Actor:
        """Return a new actor for this seat."""
        ...


@runtime_checkable
class Described(Protocol):
    """An agent that describes itself, so that a run is resumed only with an equal one."""

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-able data on which the agent's behaviour depends: names, settings, hashes of weights."""
        ...


@runtime_checkable
class Batched(Protocol):
    """An agent whose action depends on the current observation alone, and that can act on batches of observations.

    On numeric environments, runs then call ``act_batch`` in place of actors. A class of which only some instances are
    memoryless, such as one that wraps models, sets ``is_stateful = True`` on the others; their actors are used.
    """

    def act_batch(self, observations: Any) -> Any:
        """Choose one action per observation.

        Args:
            observations: Observations stacked along a leading batch axis.

        Returns:
            Actions with the same leading batch axis.
        """
        ...


@runtime_checkable
class ChecksSeat(Protocol):
    """An agent that knows which seats it can play; runs ask before the first episode, in batches as one by one."""

    def check_seat(self, seat: Seat) -> None:
        """Check that the agent can play a seat.

        Raises:
            CapabilityError: If not; the message says why.
        """
        ...


@runtime_checkable
class RequiresSettings(Protocol):
    """An agent that plays an environment only with certain arguments, such as one that writes no programs.

    A run sets those that the environment's constructor has and the caller left out, and refuses other values. What the
    registry knows of an agent before it is made repeats them; see :class:`~quintain.agents.registry.AgentFacts`.

    Attributes:
        env_settings: JSON-able arguments of an environment, by name.
    """

    env_settings: Mapping[str, Any]


@runtime_checkable
class _StatefulFlag(Protocol):
    is_stateful: bool


def is_stateful(agent: object) -> bool:
    """Whether an agent declares ``is_stateful = True``, and so acts through one actor per episode."""
    return isinstance(agent, _StatefulFlag) and bool(agent.is_stateful)


@runtime_checkable
class Interactive(Protocol):
    """An agent that asks a person at the terminal.

    A run plays its episodes one after another, in this process.

    Attributes:
        is_interactive: True for an agent that waits for a person.
    """

    is_interactive: bool


def is_interactive(agent: object) -> bool:
    """Whether an agent declares ``is_interactive = True``, and so plays one episode at a time."""
    return isinstance(agent, Interactive) and agent.is_interactive is True


@runtime_checkable
class ChecksAvailable(Protocol):
    """An agent that depends on more than its ``engine``, such as a second model, and checks it before a run."""

    def check_available(self) -> None:
        """Check that it can be used now.

        Raises:
            EngineError: If a server cannot be reached, or fails.
            ConfigurationError: If it refuses the key or the model.
        """
        ...


@runtime_checkable
class UsesEngine(Protocol):
    """An agent that asks a language model; the manifest describes its engine."""

    engine: Any


@runtime_checkable
class UsesSolution(Protocol):
    """An oracle: an agent that is given right answers, as the upper bound of a comparison.

    Only agents with ``uses_solution = True`` are given :attr:`Seat.solution`; the run's manifest and page name them.
    """

    uses_solution: bool


def is_oracle(agent: object) -> bool:
    """Whether an agent declares ``uses_solution = True``, and so is given right answers."""
    return isinstance(agent, UsesSolution) and agent.uses_solution is True


@runtime_checkable
class UsesSimulator(Protocol):
    """An agent that tries actions on copies of the episode before it acts, as tree search does.

    Only agents with ``uses_simulator = True`` are given :attr:`Seat.simulator`; the run's manifest says so. Compare
    such an agent at equal numbers of steps, those in the simulator included.
    """

    uses_simulator: bool


def simulates(agent: object) -> bool:
    """Whether an agent declares ``uses_simulator = True``, and so is given simulators."""
    return isinstance(agent, UsesSimulator) and agent.uses_simulator is True


@runtime_checkable
class Closing(Protocol):
    """An agent that holds resources. A run closes the agents that it made itself, not those that it was given."""

    def close(self) -> None:
        """Release what the agent holds."""
        ...
