"""Agents without a mind of their own: fixed scripts, random play, plain functions, and the oracle."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from quintain.agents.agent import Action, Actor, Seat
from quintain.errors import AgentError, CapabilityError
from quintain.provenance import describe_function

__all__ = ["FunctionAgent", "OracleAgent", "RandomAgent", "ScriptedAgent"]


class ScriptedAgent:
    """Plays the same list of actions in every episode.

    Args:
        actions: What to play, in order.
        cycle: Start again at the end of the list; otherwise running out is an agent error.
    """

    def __init__(self, actions: Sequence[Action], *, cycle: bool = False) -> None:
        self.actions = tuple(actions)
        self.cycle = cycle

    def describe(self) -> dict[str, Any]:
        """Return the script, for the run's record."""
        return {"agent": "scripted", "actions": self.actions, "cycle": self.cycle}

    def begin(self, seat: Seat) -> Actor:
        """Start at the beginning of the script."""
        return _ScriptedActor(self)


class _ScriptedActor:
    def __init__(self, agent: ScriptedAgent) -> None:
        self._agent = agent
        self._next = 0

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        actions = self._agent.actions
        if not actions or (self._next >= len(actions) and not self._agent.cycle):
            raise AgentError(f"the script has {len(actions)} actions, and the episode asks for one more")
        action = actions[self._next % len(actions)]
        self._next += 1
        return action


class RandomAgent:
    """Draws actions from the action space, with the seat's own generator. Honours an ``action_mask`` in ``info``."""

    def describe(self) -> dict[str, Any]:
        """Return the agent's name, for the run's record."""
        return {"agent": f"{type(self).__module__}.{type(self).__qualname__}"}

    def begin(self, seat: Seat) -> Actor:
        """Seed a private copy of the action space."""
        return _RandomActor(seat)


class _RandomActor:
    def __init__(self, seat: Seat) -> None:
        from copy import deepcopy

        self._space = deepcopy(seat.action_space)
        self._space.seed(int(seat.generator().integers(2**31)))

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        mask = info.get("action_mask")
        return self._space.sample() if mask is None else self._space.sample(mask=mask)


class OracleAgent:
    """Plays what the environment says is right: the upper bound of a comparison, and the self-test of a task.

    Args:
        through_code: In text environments with an interpreter, first print the answer from a program and read it back,
            so that the whole protocol is exercised.
    """

    uses_solution = True

    def __init__(self, *, through_code: bool = False) -> None:
        self.through_code = through_code

    def describe(self) -> dict[str, Any]:
        """Return the arguments, for the run's record."""
        return {"agent": "oracle", "through_code": self.through_code}

    def begin(self, seat: Seat) -> Actor:
        """Sit down.

        Raises:
            CapabilityError: If the environment offers no solution.
        """
        if seat.solution is None:
            raise CapabilityError(f"{seat.env_id} offers no solution, so an oracle cannot play it")
        return _OracleActor(seat.solution, self.through_code)


class _OracleActor:
    def __init__(self, solution: Callable[[], Action], through_code: bool) -> None:
        self._solution = solution
        self._print_first = through_code

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        if self._print_first:
            self._print_first = False
            return f"```python\nprint({self._solution()!r})\n```"
        return self._solution()


class FunctionAgent:
    """Makes an agent of a plain function ``f(observation)`` or ``f(observation, info)``, which may be ``async``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # some builtins have no signature
            self._takes_info = False
        else:
            positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
            starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
            self._takes_info = starred or len(positional) >= 2

    def describe(self) -> dict[str, Any]:
        """Return which function it is, for the run's record."""
        return {"agent": "function", **describe_function(self.function)}

    def begin(self, seat: Seat) -> Actor:
        """Functions have no state: every seat gets the same actor."""
        return self

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        """Call the function."""
        return self.function(observation, info) if self._takes_info else self.function(observation)
