"""The contract of language-model engines: requests in, replies out, in batches.

Every engine, from a scripted one to a remote server, is an :class:`Engine`. Subclasses implement ``_generate``; the
base class validates requests against the declared capabilities and adds every exchange to the active
:class:`ExchangeLog`, from which runs count tokens and record replies.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from quintain.engines.head_masks import HeadMask
from quintain.engines.lock_step import current_lock_step
from quintain.engines.request import EngineCapability, FinishReason, Reply, Request
from quintain.engines.text_scores import TextScore
from quintain.errors import CapabilityError, EngineError
from quintain.messages import Message

__all__ = [
    "Engine",
    "EngineCapability",
    "Exchange",
    "ExchangeLog",
    "FinishReason",
    "Forward",
    "HeadMask",
    "Reply",
    "Request",
    "TextScore",
    "acting_seat",
    "record_decision",
    "record_exchanges",
]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its ``n`` replies.

    Attributes:
        request: The request as it was sent.
        replies: The ``n`` replies, in the order in which they were sampled.
        step: Number of actions of the episode before the request, from 0; ``None`` outside episodes.
        seat: The seat that asked; empty where there is only one.
    """

    request: Request
    replies: Sequence[Reply]
    step: int | None = None
    seat: str = ""


@dataclass(slots=True)
class ExchangeLog:
    """The exchanges with any engine while this log was active.

    Attributes:
        tokens: Whether every request asks for ``tokens``. Default: false.
        step: Number of actions of the episode so far, which new exchanges are marked with; ``None`` outside episodes.
        exchanges: In order of completion; :meth:`add` appends.
        decisions: How actions were chosen among several replies; see :func:`record_decision`.
        prompt_tokens: Number of prompt tokens, summed over replies.
        completion_tokens: Number of generated tokens, summed over replies.
        reasoning_tokens: Number of generated tokens that are reasoning, summed over replies.
    """

    tokens: bool = False
    step: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, exchange: Exchange) -> None:
        """Append an exchange, and count the tokens of its replies."""
        self.exchanges.append(exchange)
        for reply in exchange.replies:
            self.prompt_tokens += reply.prompt_tokens
            self.completion_tokens += reply.completion_tokens
            self.reasoning_tokens += reply.thinking_tokens


_log: ContextVar[ExchangeLog | None] = ContextVar("quintain_exchanges", default=None)
#: The seat that acts in this context; of games with several.
acting_seat: ContextVar[str] = ContextVar("quintain_seat", default="")


class record_exchanges:  # reads as a statement: with record_exchanges() as log
    """Log every exchange with any engine in this context (asyncio task or thread); yields a new log.

    Args:
        tokens: Whether every request asks for ``tokens`` too, so that a model can be trained on what it wrote.
    """

    __slots__ = ("_token", "_tokens")

    def __init__(self, tokens: bool = False) -> None:
        self._tokens = tokens

    def __enter__(self) -> ExchangeLog:
        log = ExchangeLog(self._tokens)
        self._token = _log.set(log)
        return log

    def __exit__(self, *_: object) -> None:
        _log.reset(self._token)


def record_decision(decision: Mapping[str, Any]) -> None:
    """Add to the active log how an action was chosen among several replies; without a log nothing happens.

    Args:
        decision: JSON-able data: ``candidates`` (each with ``text``), ``chosen``, ``votes`` and what else there is. The
            log adds ``step`` and ``seat``.
    """
    log = _log.get()
    if log is not None:
        log.decisions.append({"step": log.step or 0, "seat": acting_seat.get() or "agent", **decision})


@dataclass(frozen=True, slots=True)
class Forward:
    """The result of one forward pass. Tensors are on the engine's device; rows are padded on the right.

    Attributes:
        token_ids: Token ids of the padded batch, shape ``(texts, tokens)``.
        mask: Same shape; ``True`` where a token is no padding.
        logits: Float32, shape ``(texts, tokens, vocab)``: scores of the *next* token; ``None`` if not requested.
        hidden_states: Shape ``(layers + 1, texts, tokens, width)``: the embeddings, then the output of each layer, that
            of the last after the model's final norm; ``None`` unless requested.
    """

    token_ids: Any  # Any: tensors of a library that is imported only where it is used
    mask: Any
    logits: Any | None
    hidden_states: Any | None


class Engine(abc.ABC):
    """A language model behind one method.

    Attributes:
        name: Short name, such as ``"transformers"``.
        capabilities: Features of requests that it supports, and the methods :meth:`forward` (``"hidden_states"``),
            :meth:`exclusive` (``"training"``) and :meth:`load_weights` (``"weights"``). A request that needs more
            raises before anything is generated.
    """

    name: str = "engine"
    capabilities: frozenset[EngineCapability] = frozenset()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the fields that requests to the model's server leave out: it refused them, or the caller said so."""
        return ()

    async def generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        """Serve a batch of requests.

        May be called concurrently: an engine batches the requests of all running episodes.

        Args:
            requests: Any number of requests; their parameters may differ.

        Returns:
            For each request, in order, its ``n`` replies.

        Raises:
            CapabilityError: If a request needs a capability that the engine lacks.
            EngineError: If the model or its server failed, after a bounded number of attempts.
        """
        log = _log.get()
        if log is not None and log.tokens:
            requests = [replace(request, tokens=True) for request in requests]
        for request in requests:
            self.require(request.needs)
        step, seat = (None, "") if log is None else (log.step, acting_seat.get())
        lock_step = current_lock_step()
        batches = await (lock_step.submit(self, requests) if lock_step is not None else self._generate(requests))
        if log is not None:
            for pair in zip(requests, batches, strict=True):
                log.add(Exchange(*pair, step, seat))
        return batches

    async def complete(self, request: Request) -> Reply:
        """Serve one request and return its first reply."""
        return (await self.generate([request]))[0][0]

    async def score(self, texts: Sequence[str], prompts: Sequence[str | Sequence[Message]] = ()) -> list[TextScore]:
        """Return the log-probabilities of given texts, teacher-forced. Needs ``"choices"`` and ``"logprobs"``.

        Each text is the only choice of a request, so texts share passes and cached prefixes with everything else, and
        runs record and replay the scores. To compare several continuations of one prompt, such as the labels of
        options, send one request with all of them as ``choices`` and read ``choice_logprobs``.

        Args:
            texts: The texts, none of them empty.
            prompts: For each text a raw prompt, or a conversation whose next reply begins with it. Default: the texts
                stand at the beginning, after the model's start token.

        Raises:
            CapabilityError: If the engine cannot score.
            ValueError: If a text is empty, or there is not one prompt for each.
            ContextOverflowError: If prompt and text do not fit the context window.
            EngineError: If the engine drew a choice without its log-probabilities.
        """
        self.require({"choices", "logprobs"})
        given: Sequence[str | Sequence[Message]] = prompts or [""] * len(texts)
        if len(given) != len(texts) or not all(texts):
            raise ValueError(f"score needs texts that are not empty, each with a prompt: got {len(given)} prompts")
        requests = [
            Request(prompt=prompt, choices=(text,), temperature=0, logprobs=True)
            if isinstance(prompt, str)
            else Request(messages=tuple(prompt), choices=(text,), temperature=0, logprobs=True)
            for text, prompt in zip(texts, given, strict=True)
        ]
        scores = []
        for (reply,) in await self.generate(requests):
            if reply.token_ids is None or reply.logprobs is None:
                raise EngineError(f"engine {self.name!r} returned no log-probabilities of the text {reply.text[:80]!r}")
            scores.append(TextScore(reply.token_ids, reply.logprobs))
        return scores

    def require(self, capabilities: Set[str]) -> None:
        """Raise unless the engine has all of ``capabilities``.

        Raises:
            CapabilityError: If one is missing. Agents call this when they are made, so that the run fails before it
                starts.
        """
        missing = sorted(capabilities - self.capabilities)
        if missing:
            has = ", ".join(sorted(self.capabilities)) or "nothing"
            raise CapabilityError(f"engine {self.name!r} cannot do: {', '.join(missing)} (it can do: {has})")

    @abc.abstractmethod
    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        """Serve a batch of valid requests; raise :class:`~quintain.errors.EngineError` if the provider fails."""

    def encode_turn(self, request: Request, reply: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a request's prompt, and those of a reply as the model would write it.

        Needs the capability ``"tokens"``. The reply's ids close with the model's end token.

        Args:
            request: A request without choices.
            reply: The text of the reply.

        Raises:
            CapabilityError: If the engine has no access to tokens.
            EngineError: If the model's chat template refuses the messages.
        """
        self.require({"tokens"})
        raise NotImplementedError(f"engine {self.name!r} declares tokens and does not implement encode_turn")

    async def _generate_each(self, batches: Sequence[Sequence[Request]]) -> Sequence[list[list[Reply]] | BaseException]:
        """Serve several callers' requests at once; return for each its replies, or what :meth:`_generate` raises."""
        return await asyncio.gather(*map(self._generate, batches), return_exceptions=True)

    def forward(
        self,
        texts: Sequence[str | Sequence[int]],
        *,
        hidden_states: bool = False,
        logits: bool = True,
        heads: HeadMask | None = None,
    ) -> Forward:
        """Run the model over whole texts, without gradients. Needs the capability ``"hidden_states"``.

        Args:
            texts: At least one, none of them empty; as text, or as token ids, such as a prompt's of
                :meth:`encode_turn`.
            hidden_states: Also return the hidden states of every layer. Default: false.
            logits: Whether to compute logits; without them the output layer is saved. Default: true.
            heads: Attention heads that are switched off in this pass. Default: none.

        Raises:
            CapabilityError: If the engine has no access to them.
        """
        self.require({"hidden_states"})
        raise NotImplementedError(f"engine {self.name!r} declares hidden_states and does not implement forward")

    def exclusive(self) -> AbstractContextManager[Any]:
        """Hold the model between two decoding steps, to train or inspect it. Needs the capability ``"training"``.

        Requests wait meanwhile. The weights may change; cached prefixes are dropped afterwards.

        Returns:
            A context manager that yields the model, a ``torch.nn.Module``.

        Raises:
            CapabilityError: If the engine has no access to the weights.
        """
        self.require({"training"})
        raise NotImplementedError(f"engine {self.name!r} declares training and does not implement exclusive")

    def load_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace the model's weights, between two decoding steps. Needs the capability ``"weights"``.

        Cached prefixes are dropped. With it, an engine plays for a model that is trained elsewhere.

        Args:
            weights: Name and tensor of every parameter, named as in the model's ``transformers`` class.

        Raises:
            CapabilityError: If the engine cannot.
            ConfigurationError: If the weights are those of another architecture.
        """
        self.require({"weights"})
        raise NotImplementedError(f"engine {self.name!r} declares weights and does not implement load_weights")

    def check_available(self) -> None:  # noqa: B027 - a model in this process is available once it is loaded
        """Check that the model can be asked; runs do so before their first episode.

        Raises:
            EngineError: If the model's server cannot be reached, or fails; the message says what to do.
            ConfigurationError: If the server refuses the key, or does not serve the model.
        """

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for the run's record: engine, model, versions, settings."""
        return {"engine": self.name}

    def close(self) -> None:  # noqa: B027 - most engines hold no resources
        """Release threads, connections and memory. Calling it twice is harmless."""

    async def aclose(self) -> None:
        """Do the same as :meth:`close` without blocking the event loop."""
        await asyncio.to_thread(self.close)
