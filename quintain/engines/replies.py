"""Assemble the reply of a sequence that its newest token ends."""

from __future__ import annotations

from quintain.engines.codec import Codec
from quintain.engines.engine import FinishReason, Reply
from quintain.engines.pending import LiveSequence
from quintain.engines.stops import cut_at_stop
from quintain.engines.token_statistics import TokenStatistics
from quintain.engines.tool_calls import find_tool_calls

__all__ = ["finished_reply"]


def finished_reply(sequence: LiveSequence, codec: Codec, end_tokens: frozenset[int], context: int) -> Reply | None:
    """Return the reply if the newest token ends it, else ``None``.

    A reply ends at an end token, at a stop string, after the request's ``max_tokens``, and where prompt and reply fill
    the context window.

    Args:
        sequence: With at least one generated token.
        codec: To decode the generated tokens.
        end_tokens: Token ids that end a reply; the reply's text does not contain them.
        context: Context window, in tokens (prompt + completion).
    """
    request, generated = sequence.pending.request, sequence.generated
    ended = generated[-1] in end_tokens
    stopped = not ended and codec.ends_with_stop(generated, request.stop)
    full = len(sequence.tokens) + len(generated) >= context
    if not (ended or stopped or full or len(generated) >= request.max_tokens):
        return None
    body = generated[:-1] if ended else generated
    text, stop_string = cut_at_stop(codec.text(sequence.prompt.tokens[-1], body), request.stop)
    finish: FinishReason = "stop" if ended or stop_string is not None else "length"
    if finish == "length" and not full and len(generated) < request.max_tokens:
        return None  # the tail looked like a stop string and the whole text has none
    calls = None
    if request.tools:
        text, calls = find_tool_calls(text)
        finish = "tool_calls" if calls else finish
    return Reply(
        text=text,
        finish_reason=finish,
        prompt_tokens=sequence.prompt.length,
        completion_tokens=len(generated),
        stop_string=stop_string,
        token_ids=tuple(generated),
        logprobs=tuple(sequence.logprobs) if request.wants_logprobs else None,
        prompt_token_ids=tuple(sequence.prompt.tokens) if request.tokens else None,
        token_statistics=TokenStatistics.of(sequence.statistics) if request.token_statistics else None,
        seconds=sequence.seconds / sequence.copies,
        tool_calls=calls,
    )
