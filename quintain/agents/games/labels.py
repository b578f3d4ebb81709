"""Read a choice among labels from the likeliest first tokens, for engines without constrained choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from quintain.engines.engine import Reply
from quintain.engines.sampler import Sampler

__all__ = ["TOP_LOGPROBS", "choose_label"]

#: Number of the likeliest first tokens to ask for: the maximum of OpenAI's protocol.
TOP_LOGPROBS = 20


def choose_label(reply: Reply, labels: Sequence[str], temperature: float = 0.0, seed: int | None = None) -> Reply:
    """Turn a reply of one token into a choice among labels.

    The weight of a label is the summed probability of the reported tokens that spell it, with or without blanks around
    it. A label that is not among them is less likely than the last of them; it gets half of that one's probability.

    Args:
        reply: A reply with ``top_logprobs`` of its first token.
        labels: The allowed answers, one token each.
        temperature: Temperature of the draw, >= 0; 0 takes the likeliest label. Default: 0.
        seed: Seed of the draw; unused at temperature 0.

    Returns:
        The reply with the chosen label as its text, ``"choice"`` as its finish reason, and ``choice_logprobs`` in the
        order of ``labels``. ``reply`` itself if no label is among its tokens.

    Example:
        >>> reply = Reply("The", top_logprobs=((("The", -0.5), (" F", -1.5), ("J", -2.0), ("F", -4.0)),))
        >>> choice = choose_label(reply, ["J", "F"])
        >>> choice.text, [round(p, 2) for p in choice.choice_logprobs]
        ('F', [-2.0, -1.42])
    """
    top = reply.top_logprobs[0] if reply.top_logprobs else ()
    weights = [math.fsum(math.exp(p) for text, p in top if text.strip() == label) for label in labels]
    if not any(weights):
        return reply
    absent = min(p for _, p in top) - math.log(2)
    logprobs = tuple(math.log(weight) if weight else absent for weight in weights)
    chosen = labels[Sampler(temperature, 1.0, seed, 0).choose(logprobs)]
    return replace(reply, text=chosen, finish_reason="choice", choice_logprobs=logprobs)
