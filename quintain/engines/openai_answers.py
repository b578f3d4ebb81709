"""Parse the responses of OpenAI-compatible servers into replies."""

from __future__ import annotations

import json
from typing import Any

from quintain.engines.engine import FinishReason, Reply, Request
from quintain.engines.stops import cut_at_stop

__all__ = ["read_replies"]

#: Words of servers for the end of a reply. Any other, or none, is an ordinary end: the text is there.
_FINISH: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "refusal": "content_filter",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
}


def read_replies(answer: dict[str, Any], request: Request) -> list[Reply]:
    """Parse a response of ``/chat/completions`` or ``/completions``.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: If the response does not follow the protocol.
    """
    entries = sorted(answer["choices"], key=lambda entry: int(entry.get("index") or 0))
    if not entries:
        raise ValueError("no choices")
    usage = answer.get("usage") or {}
    prompt_tokens = int(usage.get("prompt_tokens") or 0)
    written = _shares(int(usage.get("completion_tokens") or 0), len(entries))
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    thoughts: list[int | None] = [None] * len(entries)
    if thought is not None:
        thoughts[:] = _shares(int(thought), len(entries))
    counts = zip(entries, written, thoughts, strict=True)
    return [_read_reply(entry, request, prompt_tokens, tokens, inside) for entry, tokens, inside in counts]


def _shares(total: int, parts: int) -> list[int]:
    """Divide a count evenly."""
    share, rest = divmod(total, parts)
    return [share + (k < rest) for k in range(parts)]


def _read_reply(
    entry: dict[str, Any], request: Request, prompt_tokens: int, completion_tokens: int, reasoning_tokens: int | None
) -> Reply:
    message = entry["message"] if request.messages is not None else {}
    text, thought = _read_content(message.get("content") if request.messages is not None else entry["text"])
    reasoning = message.get("reasoning_content") or message.get("reasoning") or thought
    refusal, tools = message.get("refusal"), message.get("tool_calls") or message.get("function_call")
    if message.keys() <= {"role"} and request.messages is not None:
        raise KeyError("content")
    finish = _FINISH.get(str(entry.get("finish_reason")).lower(), "stop")
    stop_reason = entry.get("stop_reason")
    text, stop = cut_at_stop(text, request.stop)
    if stop is not None:
        finish = "stop"
    elif isinstance(stop_reason, str) and stop_reason in request.stop:
        stop = stop_reason
    logprobs = _read_logprobs(entry["logprobs"]) if request.logprobs else None
    ids = entry.get("token_ids")
    return Reply(
        text=text,
        finish_reason=finish,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens if logprobs is None else len(logprobs),
        stop_string=stop,
        token_ids=tuple(map(int, ids)) if ids is not None else None,
        logprobs=logprobs,
        top_logprobs=_read_top(entry.get("logprobs")) if request.top_logprobs else None,
        reasoning=_as_text(reasoning),
        refusal=_as_text(refusal),
        tool_calls=json.dumps(tools) if tools else None,
        reasoning_tokens=reasoning_tokens,
    )


def _read_content(content: Any) -> tuple[str, str]:
    """Return text and reasoning of a message's content: a string, nothing, or a list of parts as Mistral sends it."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        raise TypeError(f"the text is {type(content).__name__}")
    text, thought = "", ""
    for part in content:
        if isinstance(part, str):
            text += part
        elif part["type"] in ("thinking", "reasoning"):
            thought += "".join(_read_content(part.get("thinking", part.get("reasoning", part.get("text")))))
        elif part["type"] in ("text", "output_text"):
            text += part["text"]
    return text, thought


def _as_text(value: Any) -> str | None:
    if not value:
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _read_logprobs(field: dict[str, Any]) -> tuple[float, ...]:
    """Read the chat form (``content``) or the completion form (``token_logprobs``)."""
    if "content" in field:
        return tuple(float(token["logprob"]) for token in field["content"])
    return tuple(float(value) for value in field["token_logprobs"])


def _read_top(field: dict[str, Any] | None) -> tuple[tuple[tuple[str, float], ...], ...] | None:
    """Read the most likely tokens in either form; ``None`` where the server returns none."""
    if not field:
        return None
    if "content" in field:
        places = [[(t["token"], t["logprob"]) for t in token["top_logprobs"]] for token in field["content"] or ()]
    else:
        places = [list(tokens.items()) for tokens in field["top_logprobs"] or ()]
    found = [sorted(((str(text), float(p)) for text, p in place), key=lambda pair: -pair[1]) for place in places]
    return tuple(map(tuple, found)) if any(found) else None
