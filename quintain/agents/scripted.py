"""Baseline agents without parameters: scripted, random and oracle agents, and agents made of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.masks import mask_for_space, mask_of
from quintain.errors import AgentError, CapabilityError
from quintain.provenance import describe_function

__all__ = ["FunctionAgent", "OracleAgent", "RandomAgent", "ScriptedAgent"]


class ScriptedAgent:
    """Plays the same list of actions in every episode.

    Args:
        actions: The actions, in order; each a member of the action space.
        cycle: Whether to repeat the list. Default: false; an episode longer than the list ends with an agent error.
    """

    def __init__(self, actions: Sequence[Action], *, cycle: bool = False) -> None:
        self.actions = tuple(actions)
        self.cycle = cycle

    def describe(self) -> dict[str, Any]:
        """Return the script, for the run's manifest."""
        return {"agent": "scripted", "actions": self.actions, "cycle": self.cycle}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that starts at the first action."""
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
    """Samples from the action space with ``action_space.sample``, among the actions that an action mask allows.

    Seeded per episode and player. The mask is ``info["action_mask"]``, ``observation["action_mask"]`` or the result of
    the environment's method ``action_masks``, whichever is found first.
    """

    def describe(self) -> dict[str, Any]:
        """Return the agent's name, for the run's record."""
        return {"agent": f"{type(self).__module__}.{type(self).__qualname__}"}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with its own seeded copy of the action space."""
        return _RandomActor(seat)


class _RandomActor:
    def __init__(self, seat: Seat) -> None:
        from copy import deepcopy

        self._space = deepcopy(seat.action_space)
        self._space.seed(int(seat.generator().integers(2**31)))
        self._action_masks = seat.action_masks

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        mask = mask_of(observation, info, self._action_masks)
        return self._space.sample(mask=mask_for_space(mask, self._space))


class OracleAgent:
    """Plays the reference solution that the environment offers: an upper bound, and a test of the environment.

    Args:
        through_code: Whether the first action is a Python program that prints the answer; it tests the code interpreter
            of environments that execute code. Default: false.
    """

    uses_solution = True  # declares that seats must be made with the solution, which other agents do not get

    def __init__(self, *, through_code: bool = False) -> None:
        self.through_code = through_code

    def describe(self) -> dict[str, Any]:
        """Return the arguments, for the run's manifest."""
        return {"agent": "oracle", "through_code": self.through_code}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that plays the solution.

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
    """Acts by calling a function, once per step.

    Args:
        function: ``f(observation)`` or ``f(observation, info)``, which returns an action and may be ``async``.
    """

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
        """Return name and source hash of the function, for the run's manifest."""
        return {"agent": "function", **describe_function(self.function)}

    def begin(self, seat: Seat) -> Actor:
        """Return this agent, which is its own actor, since a function has no episode state."""
        return self

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        """Call the function."""
        return self.function(observation, info) if self._takes_info else self.function(observation)
