"""A person at the terminal as an agent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.errors import AgentError, CapabilityError
from quintain.terminal import stop_display

__all__ = ["HumanAgent"]


class HumanAgent:
    """Shows observations on the terminal and reads actions from it.

    Text is entered line by line and ends with an empty line; discrete actions are entered as numbers. A run plays one
    episode at a time.

    Args:
        read: Function that shows a prompt and returns one line; raises ``EOFError`` at the end of the input. Default:
            the terminal.
        write: Function that shows text. Default: on standard error, which leaves standard output to results.

    Attributes:
        is_interactive: True: episodes are played one after another; see :class:`~quintain.agents.agent.Interactive`.
    """

    is_interactive = True

    def __init__(self, read: Callable[[str], str] | None = None, write: Callable[[str], Any] | None = None) -> None:
        self.read = read or _read_line
        self.write = write or (lambda text: print(text, file=sys.stderr))

    def describe(self) -> dict[str, Any]:
        """Return the agent's name, for the run's record."""
        return {"agent": f"{type(self).__module__}.{type(self).__qualname__}"}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor.

        Raises:
            CapabilityError: If the action space is neither text nor discrete.
        """
        if not isinstance(seat.action_space, (spaces.Text, spaces.Discrete)):
            raise CapabilityError(f"a person can play text and discrete action spaces, not {seat.action_space}")
        return _HumanActor(self, seat)


class _HumanActor:
    def __init__(self, agent: HumanAgent, seat: Seat) -> None:
        self._agent = agent
        self._seat = seat

    async def act(self, observation: Any, info: dict[str, Any]) -> Action:
        return await asyncio.to_thread(self._ask, observation, info)

    def _ask(self, observation: Any, info: dict[str, Any]) -> Action:
        stop_display()
        self._agent.write(f"\n{_shown(observation, info)}\n")
        try:
            if isinstance(self._seat.action_space, spaces.Discrete):
                return self._ask_number(self._seat.action_space)
            return self._ask_text()
        except EOFError:
            raise AgentError("the input ended before the episode did") from None

    def _ask_number(self, space: spaces.Discrete) -> int:
        low, high = int(space.start), int(space.start + space.n - 1)
        while True:
            line = self._agent.read(f"{self._seat.name} [{low}-{high}]> ").strip()
            if line.lstrip("-").isdecimal() and low <= int(line) <= high:
                return int(line)
            self._agent.write(f"enter a number from {low} to {high}, not {line!r}")

    def _ask_text(self) -> str:
        lines: list[str] = []
        self._agent.write("Enter your reply; an empty line ends it.")
        while True:
            line = self._agent.read(f"{self._seat.name}> " if not lines else "... ")
            if not line and lines:
                return "\n".join(lines)
            lines.append(line)


def _read_line(prompt: str) -> str:
    """Read a line from the terminal; where standard output is not a terminal, prompt on standard error."""
    if sys.stdout.isatty():
        return input(prompt)
    print(prompt, end="", file=sys.stderr, flush=True)
    return input()


def _shown(observation: Any, info: dict[str, Any]) -> Any:
    """Return what a person reads: the text of the info or the observation where there is one."""
    if "text" in info:
        return info["text"]
    if isinstance(observation, dict):
        return observation.get("text") or "\n".join(f"{name}: {value}" for name, value in observation.items())
    return observation
