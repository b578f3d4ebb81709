"""Agents that answer whether a step of a procedure is right, without a language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quintain.agents.agent import Actor, Seat
from quintain.agents.anticipation.methods import METHODS, Anticipate
from quintain.arguments import check_arguments, check_number
from quintain.errors import AgentError, ConfigurationError, UnknownNameError

__all__ = ["MistakeDetector", "answer"]

#: Methods that anticipate nothing, for comparison.
_CONTROLS = ("always-flag", "random")


class MistakeDetector:
    """Flags a step of a procedure that it did not expect; it plays ``Procedure-v0``.

    Args:
        method: ``"always-flag"``; ``"random"``; or what anticipates the next steps from correct executions:
            ``"bigram"``, ``"n-gram"`` or ``"task-graph"``.
        scope: Executions to learn from: those of the same ``"procedure"``, or those of ``"all"``, as the one-step
            memory of PREGO does.
        probability: Probability of ``"random"`` that a step is flagged, in [0, 1].
        options: Arguments of the method, such as ``{"order": 4}``. Default: none.

    Raises:
        UnknownNameError: If there is no such method.
        ConfigurationError: If an argument is out of range.
    """

    def __init__(
        self,
        method: str = "task-graph",
        *,
        scope: str = "procedure",
        probability: float = 0.5,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if method not in METHODS and method not in _CONTROLS:
            raise UnknownNameError("method of anticipation", method, (*_CONTROLS, *METHODS))
        if scope not in ("procedure", "all"):
            raise ConfigurationError(f"scope must be 'procedure' or 'all', got {scope!r}")
        check_number("probability", probability, low=0, high=1)
        self.method, self.scope, self.probability = method, scope, probability
        self.options = dict(options or {})
        if method in METHODS:
            check_arguments("method of anticipation", method, METHODS[method], ([],), self.options)
            METHODS[method]([], **self.options)
        elif self.options:
            raise ConfigurationError(f"{method!r} takes no options, got {sorted(self.options)}")

    def describe(self) -> dict[str, Any]:
        """Return the arguments, for the run's manifest."""
        kept = {"method": self.method, "scope": self.scope, "probability": self.probability, "options": self.options}
        return {"agent": "mistake-detector", **kept}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that learns from the correct executions of its episode."""
        return _Detecting(self, seat)


class _Detecting:
    def __init__(self, agent: MistakeDetector, seat: Seat) -> None:
        self._agent = agent
        self._draws = seat.generator()
        self._method: Anticipate | None = None

    def act(self, observation: Any, info: dict[str, Any]) -> str:
        """Answer whether the last step is right.

        Raises:
            AgentError: If the environment shows no steps.
        """
        if "steps" not in info:
            raise AgentError("a detector of mistakes needs info['steps'], as Procedure-v0 has it")
        agent = self._agent
        if agent.method == "always-flag":
            return "mistake"
        if agent.method == "random":
            return "mistake" if self._draws.random() < agent.probability else "ok"
        if self._method is None:
            known = info["context"]
            chosen = known if agent.scope == "all" else {info["procedure"]: known[info["procedure"]]}
            executions = [execution for found in chosen.values() for execution in found]
            self._method = METHODS[agent.method](executions, **agent.options)
        *before, step = info["steps"]
        return answer(step, self._method.expected(before))


def answer(step: str, expected: set[str]) -> str:
    """Return the answer about a step, with the steps that were expected."""
    return f"{'ok' if step in expected else 'mistake'}\nexpected: {', '.join(sorted(expected))}"
