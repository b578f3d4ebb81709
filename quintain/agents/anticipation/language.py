"""A language model that anticipates the next step of a procedure (PREGO 2024; TI-PREGO 2026).

The prompt holds correct executions of the same procedure as examples of sequences with their next step, then the steps
so far. The model's expected set is either ranked by likelihood over all candidate steps, or sampled, as published.
Prompts are our own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.agents.anticipation.agent import answer
from quintain.arguments import check_number
from quintain.engines import Engine, Request
from quintain.errors import AgentError, ConfigurationError

__all__ = ["StepAnticipator", "StepAnticipatorSettings"]

#: What begins every sequence: it is no step.
BEGIN = "start"

_TASK = (
    "Below are sequences of steps. Each of them is complete but for its next step, which follows. Continue the last "
    "sequence by the patterns of the others. Reply with the next step only."
)
_REASON = (
    "For each step of the sequence, say what it changes at once and what it makes possible later. Then name the "
    "patterns and causal links between steps, and reason step by step about what can come next."
)


@dataclass(frozen=True, slots=True)
class StepAnticipatorSettings:
    """How a language model anticipates.

    Attributes:
        prompting: ``"few-shot"``: with correct executions; ``"zero-shot"``: without; ``"acot"``: two calls, in the
            first of which the model reasons about actions and their effects.
        top_k: Number of candidates that are expected, the likeliest ones, >= 1; used where ``samples`` is 0.
        samples: Number of sampled replies of which the expected set is the union, >= 1 (release: 5); 0 ranks the steps
            of the correct executions (without these, the whole vocabulary) by their likelihood instead, in one request.
        temperature: Sampling temperature, >= 0 (release: 0.6).
        top_p: Probability mass of the nucleus, in (0, 1] (release: 0.9).
        max_tokens: Maximum number of tokens of a sampled step, >= 1 (release: 4 to 8).
        reasoning_tokens: Maximum number of tokens of the reasoning, >= 1.
    """

    prompting: str = "few-shot"
    top_k: int = 3
    samples: int = 0
    temperature: float = 0.6
    top_p: float = 0.9
    max_tokens: int = 8
    reasoning_tokens: int = 256

    def __post_init__(self) -> None:
        if self.prompting not in ("few-shot", "zero-shot", "acot"):
            raise ConfigurationError(f"prompting must be 'few-shot', 'zero-shot' or 'acot', got {self.prompting!r}")
        check_number("top_k", self.top_k, low=1, integer=True)
        check_number("samples", self.samples, low=0, integer=True)
        check_number("temperature", self.temperature, low=0)
        check_number("top_p", self.top_p, above=0, high=1)
        check_number("max_tokens", self.max_tokens, low=1, integer=True)
        check_number("reasoning_tokens", self.reasoning_tokens, low=1, integer=True)


class StepAnticipator:
    """Flags a step that the language model did not expect; it plays ``Procedure-v0``.

    Args:
        engine: A language model that continues prompts.
        options: Fields of :class:`StepAnticipatorSettings`.

    Raises:
        ConfigurationError: If a setting is out of range or does not exist.
    """

    keywords = tuple(StepAnticipatorSettings.__dataclass_fields__)

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.engine = engine
        try:
            self.settings = StepAnticipatorSettings(**options)
        except TypeError as error:
            raise ConfigurationError(f"step-anticipator: {error}") from None

    def describe(self) -> dict[str, Any]:
        """Return engine and settings, for the run's manifest."""
        return {"agent": "step-anticipator", "engine": self.engine.describe(), **asdict(self.settings)}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that reads the correct executions of its episode."""
        return _Anticipating(self, seat)


class _Anticipating:
    def __init__(self, agent: StepAnticipator, seat: Seat) -> None:
        self._engine, self._settings = agent.engine, agent.settings
        self._rng = seat.generator()
        self._known: list[list[str]] | None = None
        self._vocabulary: list[str] = []
        self.trace: list[str] = []  # reasoning, for the record

    async def act(self, observation: Any, info: dict[str, Any]) -> str:
        """Anticipate what can follow the steps before, and compare.

        Raises:
            AgentError: If the environment shows no steps.
        """
        if "steps" not in info:
            raise AgentError("an anticipator of steps needs info['steps'], as Procedure-v0 has it")
        if self._known is None:
            shown = self._settings.prompting != "zero-shot"
            self._known = list(info["context"][info["procedure"]]) if shown else []
            self._vocabulary = info["vocabulary"]
        *before, step = info["steps"]
        reasoning = await self._reason(info["procedure"], before) if self._settings.prompting == "acot" else ""
        prompt = prompt_of(info["procedure"], self._known, before, reasoning)
        if self._settings.samples:
            return answer(step, await self._sampled(prompt))
        return answer(step, await self._ranked(prompt))

    async def _reason(self, procedure: str, before: Sequence[str]) -> str:
        prompt = prompt_of(procedure, self._known or [], before, task=f"{_TASK}\n{_REASON}", ask="Reasoning:")
        request = Request(prompt=prompt, max_tokens=self._settings.reasoning_tokens, temperature=0, stop=("\n\n\n",))
        self.trace.append((await self._ask(request))[0])
        return self.trace[-1].strip()

    async def _sampled(self, prompt: str) -> set[str]:
        chosen = self._settings
        request = Request(
            prompt=prompt, n=chosen.samples, max_tokens=chosen.max_tokens, temperature=chosen.temperature,
            top_p=chosen.top_p, stop=("\n", ","), seed=int(self._rng.integers(2**53)),
        )  # fmt: skip
        return {text.strip().lower() for text in await self._ask(request)} - {""}

    async def _ranked(self, prompt: str) -> set[str]:
        """Return the likeliest of the examples' steps, or of the vocabulary; the step to judge has no part in it."""
        seen = dict.fromkeys(known for execution in self._known or [] for known in execution)
        candidates = list(seen or self._vocabulary)
        request = Request(prompt=prompt, choices=tuple(f" {label}" for label in candidates), temperature=0)
        (reply,) = (await self._engine.generate([request]))[0]
        if reply.choice_logprobs is None:
            raise AgentError(f"engine {self._engine.name!r} gives no log-probabilities of choices; set samples")
        likeliest = np.argsort(-np.asarray(reply.choice_logprobs), kind="stable")[: self._settings.top_k]
        return {candidates[int(k)] for k in likeliest}

    async def _ask(self, request: Request) -> list[str]:
        return [reply.text for reply in (await self._engine.generate([request]))[0]]


def prompt_of(
    procedure: str,
    known: Sequence[Sequence[str]],
    before: Sequence[str],
    reasoning: str = "",
    *,
    task: str = _TASK,
    ask: str = "Next step:",
) -> str:
    """Return a prompt: examples of sequences with their last step as the next one, then the steps so far.

    Args:
        procedure: Name of the procedure.
        known: Correct executions.
        before: Steps so far.
        reasoning: What the model wrote in the first of two calls. Default: none.
        task: What to do.
        ask: How the line begins that the model completes.
    """
    blocks = [task]
    if reasoning:
        blocks.append(f"Reasoning about the last sequence: {reasoning}")
    blocks += [
        f"Procedure: {procedure}\nSequence: {', '.join([BEGIN, *execution[:-1]])}\nNext step: {execution[-1]}"
        for execution in known
    ]
    blocks.append(f"Procedure: {procedure}\nSequence: {', '.join([BEGIN, *before])}\n{ask}")
    return "\n\n".join(blocks)
