"""Requests to language models, and their replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from quintain.engines.token_statistics import TokenStatistics
from quintain.engines.tool_calls import ToolCall, read_tool_calls
from quintain.messages import Message
from quintain.replies import split_reasoning

__all__ = ["ContrastLayers", "EngineCapability", "FinishReason", "Reply", "Request"]

#: What an engine can do beyond generating text.
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
    "reasoning",
    "tools",
    "tokens",
    "token_statistics",
    "contrast_layers",
    "hidden_states",
    "training",
    "weights",
]
#: The early layers of a contrast: every second one of the lower or upper half, or the layers themselves.
ContrastLayers = Literal["low", "high"] | tuple[int, ...]
#: Why a reply ended.
FinishReason = Literal["stop", "length", "choice", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request for text. Give exactly one of ``messages`` and ``prompt``.

    Attributes:
        messages: The conversation so far, rendered with the model's chat template. Those of the assistant may have
            ``"reasoning"``: see the capability of that name.
        prompt: Raw text to continue, with no template.
        n: Number of independent replies, >= 1. Default: 1.
        max_tokens: Maximum number of tokens per reply, >= 1. Default: 256.
        temperature: Logits are divided by it, >= 0; 0 is greedy decoding. Default: 1.
        top_p: Probability mass of the nucleus, in (0, 1]; 1 samples from the whole vocabulary. Default: 1.
        stop: Stop strings; the reply's text ends before the first that occurs.
        seed: Sampling seed, in [0, 2**53); ``None`` for fresh entropy. Part of :attr:`key`.
        logprobs: Return the log-probability of each generated token. Default: false.
        top_logprobs: Number of most likely tokens to return at each position of the reply, >= 0. Servers limit it.
            Default: 0.
        choices: Constrained choice: the reply's text is exactly one of these strings, drawn in proportion to the
            model's probability of each whole string (temperature 0 takes the likeliest). ``choice_logprobs`` holds
            them all.
        prefill: The assistant turn starts with this text; the reply's text does not repeat it.
        tokens: Return what training on the reply takes: the ids of the prompt's tokens, and the log-probability of each
            generated token, as ``logprobs`` does. Default: false.
        token_statistics: Return statistics of the next-token distribution of each generated token (self-certainty,
            entropy, concentration), and its log-probability, as ``logprobs`` does; not with ``choices``.
            Default: false.
        contrast_layers: Draw each token from the contrast between the last layer and an early one, as DoLa does
            (Chuang et al. 2023, arXiv 2309.03883): ``"low"`` or ``"high"``, or the candidate layers, 0 for the
            embeddings. Temperature and top-p apply to the contrast; log-probabilities and statistics stay those of the
            model. Not with ``choices``. Default: none.
        tools: Tools that the model may call, as JSON: a list of objects with ``name``, ``description`` and
            ``parameters`` (a JSON schema), as ``info["tools"]`` of ``ToolUse-v0`` has them; empty for none. Only with
            ``messages``, and not with ``choices``.
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
    tokens: bool = False
    token_statistics: bool = False
    contrast_layers: ContrastLayers | None = None
    tools: str = ""

    def __post_init__(self) -> None:
        """Check the fields.

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
        if choices is not None and self.token_statistics:
            raise ValueError("token_statistics are of sampled tokens; a request with choices samples none")
        if self.contrast_layers is not None:
            self._check_contrast(self.contrast_layers)
        if self.tools and (self.messages is None or choices is not None):
            raise ValueError("tools go with messages, and not with choices")

    def _check_contrast(self, layers: Any) -> None:
        named = layers in ("low", "high")
        if not named and not (isinstance(layers, tuple) and layers and all(type(layer) is int for layer in layers)):
            raise ValueError(f"contrast_layers must be 'low', 'high' or a tuple of layers, got {layers!r}")
        if self.choices is not None:
            raise ValueError("contrast_layers concern sampled tokens; a request with choices samples none")

    @property
    def key(self) -> str:
        """Stable content hash of the request: equal requests have equal keys on every machine."""
        content = {name: getattr(self, name) for name in _REQUEST_FIELDS}
        for name in _ADDED_LATER:  # earlier records keep their keys
            if not content[name]:
                del content[name]
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
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
            "tokens": self.tokens,
            "token_statistics": self.token_statistics,
            "contrast_layers": self.contrast_layers is not None,
            "reasoning": any("reasoning" in message for message in self.messages or ()),
            "tools": bool(self.tools) or any("tool" in m["role"] or "tool_calls" in m for m in self.messages or ()),
        }
        return frozenset(name for name, wanted in asked.items() if wanted)

    @property
    def wants_logprobs(self) -> bool:
        """Whether replies carry the log-probability of each generated token."""
        return self.logprobs or self.tokens or self.token_statistics


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        text: Generated text, without the prefill and without the stop string.
        finish_reason: ``"stop"`` (end of turn or a stop string), ``"length"`` (``max_tokens`` or the context window),
            ``"choice"``, ``"content_filter"`` (the provider withheld the rest) or ``"tool_calls"`` (the model called a
            function instead of writing). Default: ``"stop"``.
        prompt_tokens: Number of prompt tokens, prefill included. Default: 0.
        completion_tokens: Number of generated tokens, those of the stop string included. Default: 0.
        stop_string: The stop string that ended the reply, or ``None``. Engines without the capability ``"stop_string"``
            may return ``None`` although one did.
        token_ids: Ids of the generated tokens; ``None`` where the engine does not report them.
        prompt_token_ids: Ids of the prompt's tokens, as the model read them; ``None`` unless the request asks for
            ``tokens``.
        logprobs: Log-probability of each generated token under the model (natural log, before temperature and top-p),
            same length as ``token_ids``; ``None`` unless requested.
        top_logprobs: For each position the most likely tokens as (text, log-probability), in descending order; ``None``
            unless requested, and where the engine does not report them.
        token_statistics: Statistics of the distribution from which each token was drawn, same length as ``token_ids``;
            ``None`` unless requested.
        choice_logprobs: For a constrained choice: log-probability of each choice, in the request's order; ``None``
            where the engine does not report them.
        reasoning: Reasoning of the model, where the engine returns it separately from the text; else ``None``.
        reasoning_tokens: Number of generated tokens that are reasoning, where the engine reports it; else ``None``. See
            :attr:`thinking_tokens`.
        refusal: Text of a refusal, where the engine returns it separately; else ``None``.
        tool_calls: The function calls of the reply, as JSON; ``None`` without any. :attr:`calls` reads them.
        seconds: Seconds that the model spent on the reply, without the time in a queue of this process; ``None`` where
            the engine does not measure it. Replies that decode together share the time of each step, so that the sum
            over all replies is the time in which the model was at work; of a server it is the time from sending the
            request to its answer. Not part of :meth:`to_dict`, nor of a comparison.
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
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: str | None = None
    reasoning_tokens: int | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    token_statistics: TokenStatistics | None = None
    seconds: float | None = field(default=None, compare=False)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The function calls of the reply, whose arguments are as the model wrote them."""
        return read_tool_calls(self.tool_calls)

    @property
    def thinking_tokens(self) -> int:
        """Number of generated tokens that are reasoning.

        Where the engine does not report it: the share of reasoning in the reply's characters, as a share of its tokens.
        """
        if self.reasoning_tokens is not None:
            return self.reasoning_tokens
        inside, text = split_reasoning(self.text)
        characters = len(inside) + len(self.reasoning or "")
        return round(self.completion_tokens * characters / (characters + len(text))) if characters else 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data, without the fields that are ``None``."""
        data = {name: value for name in _REPLY_FIELDS if (value := getattr(self, name)) is not None}
        return data if self.token_statistics is None else data | {"token_statistics": asdict(self.token_statistics)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a reply from :meth:`to_dict` or from JSON."""
        given = {name: _frozen(value) for name, value in data.items()}
        if statistics := data.get("token_statistics"):
            given["token_statistics"] = TokenStatistics(**{name: tuple(each) for name, each in statistics.items()})
        return cls(**given)


_ADDED_LATER = ("top_logprobs", "tokens", "token_statistics", "contrast_layers", "tools")
_REQUEST_FIELDS = tuple(f.name for f in fields(Request))
_REPLY_FIELDS = tuple(f.name for f in fields(Reply) if f.name != "seconds")


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
