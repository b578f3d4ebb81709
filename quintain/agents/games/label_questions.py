"""Multiple-choice questions to a language model, whose answers are labels of one token each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from quintain.agents.games.labels import TOP_LOGPROBS, choose_label
from quintain.agents.games.player_settings import RANDOM_LABELS, PlayerSettings
from quintain.engines.engine import Engine, Reply, Request
from quintain.errors import CapabilityError, ConfigurationError, EngineError
from quintain.messages import user
from quintain.replies import split_reasoning

__all__ = ["Choice", "LabelQuestions", "by_option", "shown", "softmax"]

_TRIAL_QUESTION = "Q: Which one do you choose?"
#: Length of an illegal reply that is kept, in characters.
_KEPT_CHARACTERS = 80
#: Punctuation around a label that is no part of it.
_MARKS = ".:*\"'"


@dataclass(frozen=True)
class Choice:
    """The answer to one question; the data of the position-bias audit.

    Attributes:
        round: Number of the round, from 1.
        kind: Whether the question was for the player's own option (``"action"``) or another player's
            (``"prediction"``).
        option: Index of the chosen option; -1 if the reply was illegal.
        first: Index of the option that the question named first; -1 if several orders were averaged.
        label: The label that was chosen, or of an illegal reply the first 80 characters, or where it has no text
            why it ended, as in ``"(content_filter)"``; empty where several assignments of labels were averaged.
        probabilities: Probability of each option, by option index; empty where the engine reports none.
    """

    round: int
    kind: Literal["action", "prediction"]
    option: int
    first: int
    label: str
    probabilities: tuple[float, ...] = ()


class LabelQuestions:
    """Poses questions and reads the labels in the replies.

    An engine that can continue a reply gets the beginning of the answer, so that the label is its next token; any other
    is asked to reply with a label only.

    Args:
        engine: The language model; takes messages or raw prompts.
        settings: Labels, order, temperature, debiasing and wording of the questions.

    Attributes:
        label_source: Where the label is read: in a constrained choice (``"choices"``), among the likeliest first tokens
            (``"top_logprobs"``), or in free text (``"text"``).

    Raises:
        CapabilityError: If the engine takes neither messages nor prompts, or cannot do what debiasing needs.
    """

    def __init__(self, engine: Engine, settings: PlayerSettings) -> None:
        self.engine = engine
        self.settings = settings
        if not {"chat", "prompt"} & engine.capabilities:
            raise CapabilityError(f"engine {engine.name!r} takes neither messages nor prompts")
        self.label_source: Literal["choices", "top_logprobs", "text"] = "text"
        if settings.constrained and "choices" in engine.capabilities:
            self.label_source = "choices"
        elif settings.constrained and "top_logprobs" in engine.capabilities:
            self.label_source = "top_logprobs"
        if settings.debias != "none" and self.label_source == "text":
            engine.require({"choices"})
        self._checks: dict[tuple[str, ...], asyncio.Task[None]] = {}

    def request(self, text: str, labels: Sequence[str], seed: int) -> Request:
        """Make the request of one question.

        Args:
            text: The prompt up to and including the question, without the beginning of the answer.
            labels: Allowed answers, in the order in which the question names them.
            seed: Seed of the sampling; ignored at temperature 0 and by engines without seeds.
        """
        capabilities = self.engine.capabilities
        answer_start = f"A: {self.settings.wording.story.option}"
        prefilled = ("prompt" in capabilities and "chat" not in capabilities) or "prefill" in capabilities
        if not prefilled:
            text += f"\nReply with {' or '.join(labels)} only."
        lead = " " if prefilled else ""
        arguments: dict[str, Any] = {
            "choices": tuple(lead + label for label in labels) if self.label_source == "choices" else None,
            "max_tokens": 4 if self.label_source == "text" else 1,
            "top_logprobs": TOP_LOGPROBS if self.label_source == "top_logprobs" else 0,
            "temperature": self.settings.temperature,
            "seed": seed if self.settings.temperature and "seed" in capabilities else None,
        }
        if "chat" in capabilities:
            return Request(messages=[user(text)], prefill=answer_start if prefilled else "", **arguments)
        return Request(prompt=f"{text}\n{answer_start}", **arguments)

    async def ask(self, requests: Sequence[Request], labels: Sequence[Sequence[str]]) -> list[Reply]:
        """Send requests to the engine in one batch and return one reply each.

        Args:
            requests: Requests that :meth:`request` made.
            labels: The labels of each request, as given to :meth:`request`.
        """
        replies = [batch[0] for batch in await self.engine.generate(requests)]
        if self.label_source != "top_logprobs":
            return replies
        return [
            choose_label(reply, named, self.settings.temperature, request.seed)
            for reply, named, request in zip(replies, labels, requests, strict=True)
        ]

    def read(
        self,
        kind: Literal["action", "prediction"],
        round_number: int,
        reply: Reply,
        labels: Sequence[str],
        order: Sequence[int],
    ) -> Choice:
        """Read the answer to one question.

        Args:
            kind: Whether the question was for an action or a prediction; see :class:`Choice`.
            round_number: Number of the round, from 1.
            reply: The engine's reply, as :meth:`ask` returns it.
            labels: ``labels[k]`` stands for option k.
            order: The option indices in the order in which the question named them.
        """
        text = split_reasoning(reply.text).text.strip().strip(_MARKS)
        word = text.split()[-1] if text.split() else ""
        option = labels.index(word) if word in labels else -1
        probabilities: tuple[float, ...] = ()
        if reply.choice_logprobs is not None:
            probabilities = softmax(by_option(reply.choice_logprobs, order))
        return Choice(round_number, kind, option, order[0], shown(reply), probabilities)

    async def check(self) -> None:
        """Find out whether a run can work before it starts: each label is one token, and log-probabilities arrive.

        Raises:
            ConfigurationError: If a label takes more than one token.
            CapabilityError: If the engine does not report the log-probabilities that the settings need.
            EngineError: If the engine fails.
        """
        labels = tuple(RANDOM_LABELS[:2]) if self.settings.labels == "random" else self.settings.labels
        await self.check_labels(labels)
        debiased = self.settings.debias != "none"
        if self.label_source == "text" or (self.label_source == "choices" and not debiased):
            return
        reason = "gave none"
        try:
            (reply,) = await self.ask([self.request(_TRIAL_QUESTION, labels, 0)], [labels])
        except EngineError as error:
            if error.status is None or not 400 <= error.status < 500:
                raise
            reason = f"refused ({error})"
        else:
            if reply.choice_logprobs is not None or reply.top_logprobs:
                return
        need = "debiasing" if debiased else "a choice among labels"
        remedy = (
            "leave debiasing out" if self.label_source == "choices" else "set constrained=False to read what it writes"
        )
        raise CapabilityError(
            f"{need} needs log-probabilities of the labels, and engine {self.engine.name!r} {reason}; {remedy}"
        )

    async def check_labels(self, labels: tuple[str, ...]) -> None:
        """Make sure that every label is one token; otherwise a constrained choice would favour shorter labels.

        Concurrent matches share one check per set of labels. A check that failed is repeated at the next call.

        Raises:
            ConfigurationError: Naming the label that takes more than one token.
        """
        check = self._checks.get(labels)
        if check is None or check.get_loop() is not asyncio.get_running_loop() or _failed(check):
            check = self._checks[labels] = asyncio.ensure_future(self._check_labels(labels))
        await asyncio.shield(check)  # cancelling one match must not cancel the check of the others

    async def _check_labels(self, labels: Sequence[str]) -> None:
        if self.label_source != "choices":
            return
        requests = [self.request(_TRIAL_QUESTION, (label,), 0) for label in labels]
        for label, (reply,) in zip(labels, await self.engine.generate(requests), strict=True):
            if reply.completion_tokens > 1:
                raise ConfigurationError(
                    f"label {label!r} takes {reply.completion_tokens} tokens in the vocabulary of {self.engine.name!r} "
                    f"instead of one, which would distort the choice among {tuple(labels)}; choose another label pair"
                )


def shown(reply: Reply) -> str:
    """Return what a record keeps of a reply: the beginning of its text, or why it has none.

    Example:
        >>> shown(Reply("F.")), shown(Reply("", finish_reason="tool_calls"))
        ('F', '(tool_calls)')
    """
    text = split_reasoning(reply.text).text.strip().strip(_MARKS)[:_KEPT_CHARACTERS]
    return text if text or reply.finish_reason == "stop" else f"({reply.finish_reason})"


def by_option(logprobs: Sequence[float], order: Sequence[int]) -> list[float]:
    """Sort values from the order in which the options were named into the order of option indices.

    Example:
        >>> by_option([-0.1, -2.0], order=[1, 0])
        [-2.0, -0.1]
    """
    return [logprobs[list(order).index(option)] for option in range(len(order))]


def softmax(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Normalise log-probabilities into probabilities."""
    top = max(logprobs)
    weights = [math.exp(value - top) for value in logprobs]
    return tuple(weight / sum(weights) for weight in weights)


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
