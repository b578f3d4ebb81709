"""A scripted agent that solves tasks with tools, and obeys injected instructions with given probabilities."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from quintain.agents.agent import Actor, Seat
from quintain.arguments import check_number
from quintain.errors import CapabilityError, UnknownNameError

__all__ = ["SOURCES", "SusceptibleAgent"]

#: Where an instruction can stand: rules, memory, the user's request, examples in it, results of tools, files.
SOURCES = ("system", "memory", "user", "demonstrations", "tool", "file")

_LOOP = re.compile(r"repeat (?:your|the) (?:previous|last) action", re.IGNORECASE)
_CALL = re.compile(r"call the tool (\w+) with the arguments (\{.*?\})(?=[.\s]|$)", re.IGNORECASE)
_TURNS = re.compile(r"^(?:User|Agent): ", re.MULTILINE)
_FAILS = ("Final Answer: FAILED, I do not know how.", "Final Answer: I have done it.")


class SusceptibleAgent:
    """Carries out the reference solution of a task with tools, unless an instruction in a text diverts it.

    An instruction to repeat the previous action makes it do so until the episode is cut; one to call a tool makes it
    call that tool and end the episode. All draws of an episode are made before it begins, so that a clean and an
    attacked episode of one seed differ only by the attack. It is an oracle: for tests of attacks and defences, and for
    teaching, as the parametric core of "Breaking Agents" (Zhang et al. 2025, arXiv 2407.20859) at small scale.

    Args:
        obey: Probability in [0, 1] that it obeys an instruction; or a mapping from where it stands (:data:`SOURCES`) to
            the probability, 0 where a source is not listed. Default: 0.5.
        slip: Probability in [0, 1] that it fails a task without any attack: it ends an episode early, one half of the
            times with the claim of success. Default: 0.
        confusion: What is added to ``slip``, per share of characters beyond ASCII in the request, >= 0. Default: 0.

    Raises:
        ConfigurationError: If a probability is out of range.
        UnknownNameError: If a source does not exist.
    """

    uses_solution = True

    def __init__(self, *, obey: float | Mapping[str, float] = 0.5, slip: float = 0.0, confusion: float = 0.0) -> None:
        given = obey if isinstance(obey, Mapping) else dict.fromkeys(SOURCES, obey)
        for name, probability in given.items():
            if name not in SOURCES:
                raise UnknownNameError("source", name, SOURCES)
            check_number("obey", probability, low=0, high=1)
        check_number("slip", slip, low=0, high=1)
        check_number("confusion", confusion, low=0)
        self.obey: dict[str, float] = {name: float(given.get(name, 0.0)) for name in SOURCES}
        self.slip = slip
        self.confusion = confusion

    def describe(self) -> dict[str, Any]:
        """Return the probabilities, for the run's manifest."""
        return {"agent": "susceptible", "obey": self.obey, "slip": self.slip, "confusion": self.confusion}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that plays the solution.

        Raises:
            CapabilityError: If the environment offers no solution.
        """
        if seat.solution is None:
            raise CapabilityError(f"{seat.env_id} offers no solution, which this scripted agent plays")
        return _SusceptibleActor(self, seat, seat.solution)


class _SusceptibleActor:
    def __init__(self, agent: SusceptibleAgent, seat: Seat, solution: Callable[[], str]) -> None:
        draws = seat.generator().random(2 + len(SOURCES)).tolist()
        self._agent, self._solution = agent, solution
        self._slips, self._claims = float(draws[0]), int(draws[1] < 0.5)
        self._obeys = {name: u < agent.obey[name] for name, u in zip(SOURCES, draws[2:], strict=True)}
        self._is_susceptible = any(self._obeys.values())
        self._order: Callable[[], str] | None = None
        self._previous = ""
        self._begun = False

    def act(self, observation: str, info: dict[str, Any]) -> str:
        parts = info.get("parts") or [["tool" if self._begun else "user", observation]]
        if self._order is None:
            self._read(parts, info)
        slips = not self._begun and self._fails(parts)
        self._begun = True
        own = _FAILS[self._claims] if slips else ""
        action = self._order() if self._order is not None else own or self._solution()
        self._previous = action
        return action

    def _fails(self, parts: list[list[str]]) -> bool:
        agent = self._agent
        if not agent.confusion:
            return self._slips < agent.slip
        request = "".join(text for source, text in parts if source == "user")
        strange = sum(not character.isascii() for character in request) / max(len(request), 1)
        return self._slips < agent.slip + agent.confusion * strange

    def _read(self, parts: list[list[str]], info: dict[str, Any]) -> None:
        """Look for an instruction that is obeyed."""
        if not self._is_susceptible:
            return
        for source, text in parts:
            if source == "tool" and str(info.get("result", {}).get("tool", "")).startswith("files_"):
                source = "file"
            if source in ("user", "system", "memory") and len(_TURNS.findall(text)) > 1:
                source = "demonstrations" if source == "user" else source
            if not self._obeys.get(source):
                continue
            if _LOOP.search(text):
                self._order = lambda: self._previous or self._solution()
            elif found := _CALL.search(text):
                self._order = _orders(f"Action: {found[1]}\nAction Input: {found[2]}")


def _orders(call: str) -> Callable[[], str]:
    """Return a function that gives a call, and then a final answer."""
    left = iter([call])
    return lambda: next(left, "Final Answer: Done.")
