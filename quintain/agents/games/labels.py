"""Read a choice among labels out of the likeliest first tokens, for engines that cannot be held to a choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from quintain.engines.engine import Reply
from quintain.engines.sampler import Sampler

__all__ = ["TOP", "choose_label"]

TOP = 20  # of the likeliest tokens that a server is asked for: the most that OpenAI's protocol gives


def choose_label(reply: Reply, labels: Sequence[str], temperature: float = 0.0, seed: int | None = None) -> Reply:
    """Turn a reply of one token into a choice among labels.

    A token counts for the label that it spells, with or without blanks around it. A label that is not among the tokens
    told is less likely than the last of these; it is given half of that one's probability.

    Args:
        reply: With ``top_logprobs``.
        labels: What may be said, one token each.
        temperature: 0 takes the likeliest label.
        seed: Of the draw at other temperatures.

    Returns:
        The choice; the reply as it is if no label is among its tokens.

    Example:
        >>> told = Reply("The", top_logprobs=((("The", -0.5), (" F", -1.5), ("J", -2.0), ("F", -4.0)),))
        >>> choice = choose_label(told, ["J", "F"])
        >>> choice.text, [round(p, 2) for p in choice.choice_logprobs]
        ('F', [-2.0, -1.42])
    """
    told = reply.top_logprobs[0] if reply.top_logprobs else ()
    weights = [math.fsum(math.exp(p) for text, p in told if text.strip() == label) for label in labels]
    if not any(weights):
        return reply
    unseen = min(p for _, p in told) - math.log(2)
    logprobs = tuple(math.log(weight) if weight else unseen for weight in weights)
    chosen = labels[Sampler(temperature, 1.0, seed, 0).choose(logprobs)]
    return replace(reply, text=chosen, finish_reason="choice", choice_logprobs=logprobs)
