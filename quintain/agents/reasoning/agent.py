"""The agent that samples candidates, evaluates them and updates its response, within a declared budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.few_shot import FewShot
from quintain.agents.language.prompts import ALL_TEXT
from quintain.agents.reasoning.agreement import distinct_ratio, minus_entropy
from quintain.agents.reasoning.budget import Budget, Ledger
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Evaluate, Outcome, Update
from quintain.agents.reasoning.sampler import sample
from quintain.agents.reasoning.turn import Turn
from quintain.arguments import check_bool, check_number, nearest
from quintain.engines.engine import Engine, record_decision
from quintain.engines.request import ContrastLayers
from quintain.errors import AgentError, ConfigurationError
from quintain.messages import Message, assistant, system, user
from quintain.replies import ReplyReader

__all__ = ["OPTIONS", "ReasoningOptions", "SelfFeedbackAgent"]


class ReasoningOptions(TypedDict, total=False):
    """Settings that all methods share.

    Attributes:
        prompt: System prompt; ``None`` takes that of the agent ``all-text``.
        temperature: Sampling temperature, >= 0. Default: 0.6 (Kang et al. 2025).
        top_p: Nucleus mass in (0, 1]. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 512.
        few_shot: Worked examples; see :class:`~quintain.agents.language.chat.ChatAgent`. Default: none.
        extract: Whether an unmarked answer is extracted; see :class:`~quintain.agents.language.chat.ChatAgent`.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1. Default: 64.
        budget_calls: Maximum number of replies that a decision samples, >= 1; see
            :class:`~quintain.agents.reasoning.budget.Budget`. Default: no limit.
        budget_tokens: Maximum number of tokens that a decision generates, >= 1. Default: no limit.
        reread: Whether the prompt states the question twice (RE2, Xu et al. 2023, arXiv 2309.06275). Default: false.
    """

    prompt: str | None
    temperature: float
    top_p: float
    max_tokens: int
    few_shot: FewShot
    extract: bool | None
    answer_tokens: int
    budget_calls: int | None
    budget_tokens: int | None
    reread: bool


#: Names of the settings that all methods share.
OPTIONS = tuple(ReasoningOptions.__annotations__)


class SelfFeedbackAgent(ChatAgent):
    """Samples candidates, evaluates them into a signal, and updates its response, once or several times.

    It answers in words, in any text environment. Candidates are samples of one reply of the chat agent, read and
    completed alike. Where the environment reads answers (:class:`~quintain.envs.protocols.ReadsAnswers`), answers are
    what it reads; elsewhere they are the marked answer of a reply, or the whole of it. The record of an episode holds
    for every decision its candidates, scores, votes and cost.

    Args:
        engine: The language model, or its name; takes messages.
        evaluate: How candidates are evaluated.
        update: How the response is updated.
        n: Number of candidates of the first round, >= 1. Default: 1.
        rounds: Maximum number of evaluations, >= 1. Default: 1.
        options: Settings that all methods share: :class:`ReasoningOptions`.

    Raises:
        ConfigurationError: If a setting is out of range, or the budget allows no reply.
        CapabilityError: If the engine cannot return what the evaluation needs.
    """

    env_settings: Mapping[str, Any] = {"code": False}
    _default_prompt = ALL_TEXT
    _contrast_layers: ContrastLayers | None = None

    def __init__(
        self,
        engine: Engine | str,
        *,
        evaluate: Evaluate,
        update: Update,
        n: int = 1,
        rounds: int = 1,
        **options: Unpack[ReasoningOptions],
    ) -> None:
        check_number("n", n, low=1, integer=True)
        check_number("rounds", rounds, low=1, integer=True)
        for name in options:
            if name not in OPTIONS:
                raise ConfigurationError(f"{type(self).__name__} has no option {name!r}{nearest(name, OPTIONS)}")
        self.reread = options.pop("reread", False)
        check_bool("reread", self.reread)
        self.budget = Budget(options.pop("budget_calls", None), options.pop("budget_tokens", None))
        super().__init__(engine, **cast(dict[str, Any], options))
        self.engine.require(evaluate.needs)
        self.evaluate, self.update = evaluate, update
        self.n, self.rounds = n, rounds

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _SelfFeedbackActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            **super().describe(),
            "n": self.n,
            "rounds": self.rounds,
            "budget": dataclasses.asdict(self.budget),
            "reread": self.reread,
            "evaluate": _settings(self.evaluate),
            "update": _settings(self.update),
        }

    async def decide(self, turn: Turn) -> tuple[Candidate, dict[str, Any]]:
        """Choose an action.

        Args:
            turn: The decision.

        Returns:
            The chosen candidate, and the record of the decision.

        Raises:
            AgentError: If the budget allowed no candidate at all.
        """
        needs = self.evaluate.needs
        (candidates,) = await sample(turn, self.n, logprobs="logprobs" in needs, statistics="token_statistics" in needs)
        if not candidates:
            raise AgentError("the budget of the decision allows no reply")
        outcome, history, last = Outcome(candidates), [], {}
        for _ in range(self.rounds):
            signal = await self.evaluate(turn, outcome.candidates)
            if signal.values:
                marked = zip(outcome.candidates, signal.values, strict=True)
                outcome = dataclasses.replace(outcome, candidates=[c.scored(signal.name, v) for c, v in marked])
            evaluated = outcome.candidates
            outcome = await self.update(turn, evaluated, signal)
            last = _described(signal.texts, signal.facts)
            if outcome.candidates is not evaluated:
                history.append({"candidates": [candidate.to_dict() for candidate in evaluated]} | last)
                last = {}
            if outcome.finished:
                break
        chosen = outcome.candidates[outcome.chosen]
        answers = [candidate.answer for candidate in outcome.candidates if candidate.answer is not None]
        agreement = {"distinct": distinct_ratio(answers), "minus_entropy": minus_entropy(answers)} if answers else {}
        return chosen, {
            "method": type(self).__name__,
            **({"history": history} if history else {}),
            "candidates": [candidate.to_dict() for candidate in outcome.candidates],
            **last,
            **({"votes": dict(outcome.votes)} if outcome.votes else {}),
            "chosen": outcome.chosen,
            "answer": chosen.answer,
            "agreement": agreement,
            "spent": {"calls": turn.ledger.calls, "tokens": turn.ledger.tokens},
            **turn.facts,
        }


class _SelfFeedbackActor:
    def __init__(self, agent: SelfFeedbackAgent, seat: Seat) -> None:
        self._agent, self._seat, self._rng = agent, seat, seat.generator()
        opening: list[Message] = [system(agent.prompt)] if agent.prompt else []
        self._messages = [*opening, *agent.few_shot]

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Choose a reply to the observation."""
        again = f"\n\nRead the question again:\n{observation}" if self._agent.reread else ""
        self._messages.append(user(observation + again))
        reader = ReplyReader.of(observation, code=False)
        turn = Turn(
            self._agent.engine,
            tuple(self._messages),
            observation,
            info,
            self._seat.read_answer or _plain_reader(reader),
            reader,
            self._agent.settings,
            Ledger(self._agent.budget),
            self._rng,
            self._seat.solution,
            self._agent._contrast_layers,
        )
        chosen, decision = await self._agent.decide(turn)
        record_decision(decision)
        self._messages.append(assistant(chosen.text))
        return chosen.text


def _plain_reader(reader: ReplyReader) -> Callable[[str], str | None]:
    """Read the marked answer of a reply, or else the whole of it, in an environment that does not read answers."""

    def read(reply: str) -> str | None:
        move = reader.read(reply)
        return " ".join((move.text if move.kind == "answer" else reply).split()) or None

    return read


def _described(texts: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a signal for the record; its numbers are the candidates' scores."""
    return {**({"feedback": list(texts)} if texts else {}), **({"facts": dict(facts)} if facts else {})}


def _settings(part: Any) -> dict[str, Any]:
    """Describe an evaluation or an update: its class, and its settings if it is a dataclass."""
    values = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else {}
    plain = {name: value for name, value in values.items() if isinstance(value, (str, int, float, bool, type(None)))}
    return {"name": type(part).__name__, **plain}
