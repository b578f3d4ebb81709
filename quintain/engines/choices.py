"""Constrained choice: score whole strings, then draw one.

The probability of a choice is that of the model writing exactly this string after the prompt, whatever follows. Tokens
may merge across the boundary between prompt and choice (``"1"`` and ``"2"`` may become one token), so each choice is
tokenised together with the prompt, as the finished text reads, and all are scored from the last token that they
and the prompt have in common. Where a merge does happen, the scores of all choices hold the log-probability of the
same last characters of the prompt too, which leaves their proportions as they should be.
"""

from __future__ import annotations

from collections.abc import Sequence

from quintain.engines.engine import Reply, Request
from quintain.engines.sampler import Sampler

__all__ = ["draw_choices", "split_choices"]


def split_choices(prompt: Sequence[int], whole: Sequence[Sequence[int]]) -> tuple[int, list[list[int]]]:
    """Split texts into the leading tokens that the prompt and all texts share, and a branch for each text.

    Args:
        prompt: Token ids of the prompt.
        whole: For each choice, token ids of the prompt with the choice.

    Returns:
        The number of shared tokens, and for each choice the token ids that follow them.

    Example:
        >>> split_choices([5, 6, 7], [[5, 6, 7, 1], [5, 6, 71, 2]])
        (2, [[7, 1], [71, 2]])
    """
    shared = _shared_tokens(prompt, whole)
    return shared, [list(tokens[shared:]) for tokens in whole]


def _shared_tokens(prompt: Sequence[int], whole: Sequence[Sequence[int]]) -> int:
    at = 0
    for at, token in enumerate(prompt):
        if any(at >= len(other) or other[at] != token for other in whole):
            return at
    return len(prompt) if prompt else at


def draw_choices(
    request: Request, prompt_tokens: int, branches: Sequence[Sequence[int]], scores: Sequence[Sequence[float]]
) -> list[Reply]:
    """Draw a request's ``n`` replies in proportion to ``probability ** (1 / temperature)``; the nucleus does not apply.

    Args:
        request: A request with ``choices``.
        prompt_tokens: Number of tokens of the prompt.
        branches: For each choice, its token ids after the shared ones.
        scores: For each choice, the log-probability of each of these tokens.
    """
    assert request.choices is not None
    totals = tuple(float(sum(tokens)) for tokens in scores)
    replies = []
    for index in range(request.n):
        chosen = Sampler(request.temperature, 1.0, request.seed, index).choose(totals)
        replies.append(
            Reply(
                text=request.choices[chosen],
                finish_reason="choice",
                prompt_tokens=prompt_tokens,
                completion_tokens=len(branches[chosen]),
                token_ids=tuple(branches[chosen]),
                logprobs=tuple(scores[chosen]) if request.wants_logprobs else None,
                choice_logprobs=totals,
            )
        )
    return replies
