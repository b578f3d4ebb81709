"""What the batch scheduler works on: requests, and the replies it makes of them."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field

import numpy as np

from quintain.engines.codec import EncodedPrompt
from quintain.engines.engine import Reply, Request
from quintain.engines.prefixes import Tokens
from quintain.engines.sampler import Sampler

__all__ = ["LiveSequence", "PendingRequest", "Statistics"]


@dataclass(slots=True)
class Statistics:
    """What the worker has done so far.

    Attributes:
        requests: Requests answered.
        prompt_tokens: Prompt tokens of admitted sequences.
        reused_tokens: Those of them that were in the cache already.
        generated_tokens: Tokens drawn.
        steps: Decoding steps; ``generated_tokens / steps`` is the mean batch.
    """

    requests: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    generated_tokens: int = 0
    steps: int = 0


@dataclass(slots=True, eq=False)
class PendingRequest:
    """One request and the replies it has so far."""

    request: Request
    future: Future[list[Reply]] = field(default_factory=Future)
    replies: dict[int, Reply] = field(default_factory=dict)

    def finish(self, index: int, reply: Reply, copies: int) -> bool:
        """Add a reply (for ``copies`` indices from ``index`` on); True when the request is complete."""
        self.replies.update({index + i: reply for i in range(copies)})
        if len(self.replies) < self.request.n:
            return False
        self.settle([self.replies[i] for i in range(self.request.n)])
        return True

    def settle(self, outcome: list[Reply] | BaseException) -> None:
        """Hand the outcome to the caller, unless the caller has gone."""
        try:
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)
        except InvalidStateError:
            pass


@dataclass(slots=True, eq=False)
class LiveSequence:
    """One reply in the making."""

    pending: PendingRequest
    index: int
    copies: int  # greedy replies of one request are all alike: computed once
    prompt: EncodedPrompt
    tokens: Tokens
    sampler: Sampler
    generation: int = 0  # of the weights that computed its keys and values
    generated: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def cancelled(self) -> bool:
        """Whether the caller has gone, or the request has failed already."""
        return self.pending.future.done()

    @property
    def cached(self) -> Tokens:
        """The tokens whose keys and values are in the sequence's slot: all but the newest."""
        return np.concatenate([self.tokens, np.asarray(self.generated[:-1], dtype=np.int64)])
