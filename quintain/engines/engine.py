"""The contract of language-model engines: requests in, replies out, in batches.

Every engine, from a scripted one to a remote server, is an :class:`Engine`. Subclasses implement ``_generate``; the
base class validates requests against the declared capabilities and shows every exchange to the active
:class:`ExchangeLog`, which is how runs count tokens and record replies without the agent's help.
"""

from __future__ import annotations

import abc
import asyncio
import hashlib
import json
from collections.abc import Sequence, Set
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from quintain.errors import CapabilityError
from quintain.messages import Message

__all__ = [
    "Engine",
    "EngineCapability",
    "Exchange",
    "ExchangeLog",
    "FinishReason",
    "Reply",
    "Request",
    "record_exchanges",
]

EngineCapability = Literal[
    "chat",
    "prompt",
    "logprobs",
    "top_logprobs",
    "choices",
    "prefill",
    "stop",
    "stop_string",
    "seed",
    "hidden_states",
    "training",
]
FinishReason = Literal["stop", "length", "choice"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request for text. Give exactly one of ``messages`` and ``prompt``.

    Attributes:
        messages: The conversation so far, rendered with the model's chat template.
        prompt: Raw text to continue, with no template.
        n: Number of independent replies, >= 1.
        max_tokens: Most tokens per reply, >= 1.
        temperature: 0 is greedy decoding; otherwise logits are divided by it, > 0.
        top_p: Nucleus mass in (0, 1].
        stop: Strings that end a reply; the reply's text ends before the first of them.
        seed: Seed of the sampling, in [0, 2**53), or ``None``. Part of the key under which a reply is recorded.
        logprobs: Ask for the log-probability of each generated token.
        top_logprobs: Ask for this many of the likeliest tokens at each place of the reply, >= 0. Servers have limits.
        choices: Constrained choice: the reply's text is exactly one of these strings, drawn in proportion to the
            model's probability of each whole string (temperature 0 takes the likeliest). ``choice_logprobs`` holds
            them all.
        prefill: Beginning of the reply, put into the model's mouth; not repeated in the reply's text.
    """

    messages: Sequence[Message] | None = None
    prompt: str | None = None
    n: int = 1
    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    choices: tuple[str, ...] | None = None
    prefill: str = ""

    def __post_init__(self) -> None:
        """Refuse requests that no engine could serve.

        Raises:
            ValueError: If a field is out of range, or messages and prompt are both given or both missing.
        """
        if (self.messages is None) == (self.prompt is None):
            raise ValueError("a request needs either messages or a prompt, and not both")
        if self.n < 1 or self.max_tokens < 1:
            raise ValueError(f"n and max_tokens must be >= 1, got n={self.n!r}, max_tokens={self.max_tokens!r}")
        if self.top_logprobs < 0:
            raise ValueError(f"top_logprobs must be >= 0, got {self.top_logprobs!r}")
        if not self.temperature >= 0:
            raise ValueError(f"temperature must be >= 0, got {self.temperature!r}; use 0 for greedy decoding")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p!r}")
        if any(not isinstance(s, str) or not s for s in self.stop):
            raise ValueError(f"stop must hold non-empty strings, got {self.stop!r}")
        choices = self.choices
        if choices is not None and (not choices or not all(choices) or len(set(choices)) < len(choices)):
            raise ValueError(f"choices must be distinct, non-empty strings, at least one, got {choices!r}")

    @property
    def key(self) -> str:
        """Stable content hash of the request: equal requests have equal keys on every machine."""
        fields = asdict(self)
        if not self.top_logprobs:
            del fields["top_logprobs"]  # younger than the first recordings, whose keys must stay
        canonical = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=12).hexdigest()

    @property
    def needs(self) -> frozenset[EngineCapability]:
        """The capabilities an engine must have to serve this request."""
        asked: dict[EngineCapability, bool] = {
            "chat": self.messages is not None,
            "prompt": self.prompt is not None,
            "logprobs": self.logprobs,
            "top_logprobs": self.top_logprobs > 0,
            "choices": self.choices is not None,
            "prefill": bool(self.prefill),
            "stop": bool(self.stop),
        }
        return frozenset(name for name, wanted in asked.items() if wanted)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        text: What the model wrote, without the prefill and without the stop string.
        finish_reason: ``"stop"`` (end of turn or a stop string), ``"length"`` (``max_tokens``) or ``"choice"``.
        prompt_tokens: Tokens the model read for this reply, prefill included.
        completion_tokens: Tokens it generated, including those dropped with the stop string.
        stop_string: The stop string that ended the reply, or ``None``. Engines without the capability ``"stop_string"``
            may not know of one that did.
        token_ids: The generated tokens, or ``None`` where the engine does not tell.
        logprobs: Log-probability of each generated token under the model (natural log, before temperature and top-p),
            same length as ``token_ids``; ``None`` unless asked for.
        top_logprobs: For each generated token the likeliest ones in its place, as (text, log-probability), likeliest
            first; ``None`` unless asked for, and where the engine does not tell.
        choice_logprobs: For a constrained choice: log-probability of each choice, in the request's order; ``None``
            where the engine does not tell.
    """

    text: str
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    stop_string: str | None = None
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...] | None = None
    choice_logprobs: tuple[float, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data, without the fields that are ``None``."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a reply from :meth:`to_dict` or from JSON."""
        return cls(**{name: _frozen(value) for name, value in data.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its ``n`` replies."""

    request: Request
    replies: Sequence[Reply]


@dataclass(slots=True)
class ExchangeLog:
    """The exchanges that happened while this log was the active one."""

    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """Tokens read, summed over replies."""
        return sum(reply.prompt_tokens for exchange in self.exchanges for reply in exchange.replies)

    @property
    def completion_tokens(self) -> int:
        """Tokens generated, summed over replies."""
        return sum(reply.completion_tokens for exchange in self.exchanges for reply in exchange.replies)


_log: ContextVar[ExchangeLog | None] = ContextVar("quintain_exchanges", default=None)


class record_exchanges:  # reads as a statement: with record_exchanges() as log
    """Collect every exchange with any engine made in this context (asyncio task or thread) on a fresh log."""

    __slots__ = ("_token",)

    def __enter__(self) -> ExchangeLog:
        log = ExchangeLog()
        self._token = _log.set(log)
        return log

    def __exit__(self, *_: object) -> None:
        _log.reset(self._token)


class Engine(abc.ABC):
    """A language model behind one method.

    Attributes:
        name: Short name, such as ``"transformers"``.
        capabilities: What requests may ask for. Asking for more raises before anything is generated.
    """

    name: str = "engine"
    capabilities: frozenset[EngineCapability] = frozenset()

    async def generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        """Serve a batch of requests.

        Concurrent calls are welcome: an engine merges the requests of all live episodes into its own batches.

        Args:
            requests: Any number of requests, in any mixture.

        Returns:
            For each request, in order, its ``n`` replies.

        Raises:
            CapabilityError: If a request needs what this engine cannot do.
            EngineError: If the provider failed after bounded retries.
        """
        for request in requests:
            self.require(request.needs)
        batches = await self._generate(requests)
        log = _log.get()
        if log is not None:
            log.exchanges.extend(Exchange(*pair) for pair in zip(requests, batches, strict=True))
        return batches

    async def complete(self, request: Request) -> Reply:
        """Serve one request and return its first reply."""
        return (await self.generate([request]))[0][0]

    def require(self, capabilities: Set[str]) -> None:
        """Raise unless the engine has all of ``capabilities``.

        Raises:
            CapabilityError: Naming what is missing. Agents call this when they are built, so that a run that cannot
                work fails before it starts.
        """
        missing = sorted(capabilities - self.capabilities)
        if missing:
            has = ", ".join(sorted(self.capabilities)) or "nothing"
            raise CapabilityError(f"engine {self.name!r} cannot do: {', '.join(missing)} (it can do: {has})")

    @abc.abstractmethod
    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        """Serve a batch of valid requests; raise :class:`~quintain.errors.EngineError` if the provider fails."""

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for the run's record: engine, model, versions, settings."""
        return {"engine": self.name}

    def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Release what the engine holds: threads, connections, memory. Calling twice is harmless."""

    async def aclose(self) -> None:
        """Do the same as :meth:`close` without blocking the event loop."""
        await asyncio.to_thread(self.close)
