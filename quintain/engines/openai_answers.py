"""Parse the responses of OpenAI-compatible servers into replies."""

from __future__ import annotations

from typing import Any

from quintain.engines.engine import FinishReason, Reply, Request
from quintain.engines.stops import cut_at_stop

__all__ = ["read_replies"]

_FINISH: dict[str, FinishReason] = {"stop": "stop", "eos": "stop", "length": "length", "max_tokens": "length"}


def read_replies(answer: dict[str, Any], request: Request) -> list[Reply]:
    """Parse a response of ``/chat/completions`` or ``/completions``.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: If the response does not follow the protocol.
    """
    entries = sorted(answer["choices"], key=lambda entry: int(entry.get("index", 0)))
    if not entries:
        raise ValueError("no choices")
    usage = answer.get("usage") or {}
    prompt_tokens = int(usage.get("prompt_tokens") or 0)
    share, rest = divmod(int(usage.get("completion_tokens") or 0), len(entries))
    return [_read_reply(entry, request, prompt_tokens, share + (index < rest)) for index, entry in enumerate(entries)]


def _read_reply(entry: dict[str, Any], request: Request, prompt_tokens: int, completion_tokens: int) -> Reply:
    text = entry["message"]["content"] if request.messages is not None else entry["text"]
    text = "" if text is None else text
    if not isinstance(text, str):
        raise TypeError(f"the text is {type(text).__name__}")
    reason = entry["finish_reason"]
    if reason not in _FINISH:
        raise ValueError(f"finish reason {reason!r}")
    finish, stop_reason = _FINISH[reason], entry.get("stop_reason")
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
    )


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
