"""The agents ``swe-search`` and ``repair-agent``: the same prompts with and without tree search.

Source: Antoniades et al. 2024, arXiv 2410.20285 (SWE-Search); the baseline is its base agent, which follows one
trajectory.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal

from quintain.agents.agent import Actor, Seat
from quintain.agents.search.swe.debate import Debater, ModelDebater
from quintain.agents.search.swe.nodes import Attempt
from quintain.agents.search.swe.policies import ModelPolicy, Policy
from quintain.agents.search.swe.search import SWESearchResult, swe_search
from quintain.agents.search.swe.settings import ORIGINAL, REFACTORED, SWESearchSettings
from quintain.agents.search.swe.values import ModelValue, RuleValue, ValueModel
from quintain.arguments import check_bool
from quintain.engines import make_engine
from quintain.engines.engine import Engine, record_decision
from quintain.errors import CapabilityError, ConfigurationError

__all__ = ["RepairAgent", "SWESearchAgent"]

_FINISH = json.dumps({"tool": "finish"})


class RepairAgent:
    """Follows one trajectory: a conversation in which each reply is one command.

    It has the prompts of ``swe-search`` and no search: its baseline.

    Args:
        engine: The language model, or its name.
        temperature: Sampling temperature, >= 0. Default: 0.2 (paper).
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 1000.
        policy: What proposes actions in place of the model. Default: the model.
    """

    def __init__(
        self,
        engine: Engine | str,
        temperature: float = 0.2,
        max_tokens: int = 1000,
        *,
        policy: Policy | None = None,
    ) -> None:
        self.engine = make_engine(engine)
        if policy is None:
            self.engine.require({"chat"})
        self.policy: Policy = policy or ModelPolicy(self.engine, temperature, max_tokens)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty trajectory."""
        return _RepairActor(self.policy, seat)

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {"agent": type(self).__name__, "engine": self.engine.describe(), "policy": _described(self.policy)}


class _RepairActor:
    def __init__(self, policy: Policy, seat: Seat) -> None:
        self._policy, self._rng = policy, seat.generator()
        self._issue = ""
        self._attempts: list[Attempt] = []

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Propose the next command."""
        if not self._issue:
            self._issue = observation
        else:
            result = info.get("tool_result", {})
            before = self._attempts[-1]
            patch, tests = result.get("patch", before.patch), result.get("tests", before.tests)
            self._attempts[-1] = dataclasses.replace(
                before,
                observation=observation,
                facts=result,
                error=result.get("error"),
                malformed=info.get("parse_error") is not None,
                patch=patch,
                tests=tests,
            )
        seed = int(self._rng.integers(2**53))
        proposal = await self._policy(self._issue, self._attempts, "", (), seed)
        last = self._attempts[-1] if self._attempts else Attempt()
        self._attempts.append(Attempt(proposal.action, patch=last.patch, tests=last.tests))
        return proposal.action


class SWESearchAgent:
    """Searches a tree of actions in a simulator, then plays the trajectory that leads to the chosen patch.

    The first action of an episode waits for the whole search; the others follow its path. Where the search made a patch
    without submitting it, the agent submits it. The record holds the tree, the candidates and the debate.

    Args:
        engine: The language model, or its name.
        preset: ``"refactored"`` or ``"original"``: terms of the selection score as in either of the public codes.
            Default: ``"refactored"``.
        search: Settings of the search; they replace ``preset``. Default: those of the paper.
        max_iterations: Maximum number of nodes, >= 1. Default: that of ``search``.
        max_finished: Number of finished patches at which the search ends, >= 1. Default: that of ``search``.
        value: ``"model"``, ``"rules"``, or a value agent of your own. Default: ``"model"``.
        choice: ``"debate"``, ``"value"`` (the highest reward), or an agent of a debate of your own.
            Default: ``"debate"``.
        feedback: Whether hindsight feedback is given. Default: true.
        specific_value: Whether the value prompts are specific to the action. Default: true.
        temperature: Sampling temperature of actions, >= 0. Default: 0.2 (paper).
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 1000.
        policy: What proposes actions in place of the model. Default: the model.

    Attributes:
        uses_simulator: True.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the engine takes no messages.
    """

    uses_simulator = True

    def __init__(
        self,
        engine: Engine | str,
        preset: Literal["refactored", "original"] = "refactored",
        *,
        search: SWESearchSettings | None = None,
        max_iterations: int | None = None,
        max_finished: int | None = None,
        value: str | ValueModel = "model",
        choice: str | Debater = "debate",
        feedback: bool = True,
        specific_value: bool = True,
        temperature: float = 0.2,
        max_tokens: int = 1000,
        policy: Policy | None = None,
    ) -> None:
        if preset not in ("refactored", "original"):
            raise ConfigurationError(f"preset must be 'refactored' or 'original', got {preset!r}")
        check_bool("feedback", feedback)
        check_bool("specific_value", specific_value)
        self.engine = make_engine(engine)
        if policy is None or value == "model" or choice == "debate":
            self.engine.require({"chat"})
        bonuses = REFACTORED if preset == "refactored" else ORIGINAL
        settings = search or SWESearchSettings(bonuses, feedback=feedback)
        self.settings = dataclasses.replace(
            settings,
            max_iterations=settings.max_iterations if max_iterations is None else max_iterations,
            max_finished=settings.max_finished if max_finished is None else max_finished,
        )
        self.policy: Policy = policy or ModelPolicy(self.engine, temperature, max_tokens)
        self.value = _value_model(value, self.engine, specific_value)
        self.debater = _debater(choice, self.engine)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor, which searches at its first action."""
        return _SearchActor(self, seat)

    def check_seat(self, seat: Seat) -> None:
        """Check that the environment offers simulators.

        Raises:
            CapabilityError: If not.
        """
        if seat.simulator is None:
            raise CapabilityError(f"swe-search tries actions in a simulator, and {seat.env_id} offers none")

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            "agent": type(self).__name__,
            "engine": self.engine.describe(),
            "search": dataclasses.asdict(self.settings),
            "policy": _described(self.policy),
            "value": _described(self.value),
            "debate": _described(self.debater),
        }


class _SearchActor:
    def __init__(self, agent: SWESearchAgent, seat: Seat) -> None:
        self._agent, self._seat, self._rng = agent, seat, seat.generator()
        self._plan: list[str] | None = None

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Search once, then follow the plan."""
        if self._plan is None:
            assert self._seat.simulator is not None
            agent = self._agent
            settings = dataclasses.replace(agent.settings, seed=int(self._rng.integers(2**53)))
            result = await swe_search(
                observation, self._seat.simulator(), agent.policy, agent.value, settings, debater=agent.debater
            )
            record_decision(_decision(result))
            self._plan = result.actions
        return self._plan.pop(0) if self._plan else _FINISH


def _value_model(value: str | ValueModel, engine: Engine, specific: bool) -> ValueModel:
    if not isinstance(value, str):
        return value
    if value not in ("model", "rules"):
        raise ConfigurationError(f"value must be 'model', 'rules' or a value agent, got {value!r}")
    return RuleValue() if value == "rules" else ModelValue(engine, specific=specific)


def _debater(choice: str | Debater, engine: Engine) -> Debater | None:
    if not isinstance(choice, str):
        return choice
    if choice not in ("debate", "value"):
        raise ConfigurationError(f"choice must be 'debate', 'value' or an agent of a debate, got {choice!r}")
    return ModelDebater(engine) if choice == "debate" else None


def _described(part: Any) -> dict[str, Any]:
    """Describe a part by its class and its plain settings."""
    names = [field.name for field in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else []
    values = {name: getattr(part, name) for name in names}
    plain = {name: value for name, value in values.items() if isinstance(value, (str, int, float, bool))}
    return {"name": type(part).__name__, **plain}


def _decision(result: SWESearchResult) -> dict[str, Any]:
    """Describe the search for the record: finished patches as candidates, the debate, and the tree."""
    tree, found = result.tree, result.candidates
    nodes = [each.node for each in found]
    return {
        "method": "SWESearchAgent",
        "candidates": [
            {"text": each.patch, "answer": None, "tokens": 0, "scores": {"reward": each.reward, "mean": each.mean}}
            for each in found
        ],
        "chosen": nodes.index(result.chosen) if result.chosen in nodes else None,
        "answer": None,
        "debate": [[{"choice": a.choice, "reason": a.reason} for a in row] for row in result.answers],
        "spent": {"calls": tree.tree.facts["iterations"], "tokens": tree.tree.facts["tokens"]},
        "facts": dict(tree.tree.facts),
        "tree": json.loads(tree.tree.to_json()),
    }
