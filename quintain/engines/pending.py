"""The data of the batch scheduler: pending requests, the sequences that serve them, and counters."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field

import numpy as np

from quintain.engines.codec import EncodedPrompt
from quintain.engines.engine import Reply, Request
from quintain.engines.prefixes import Tokens
from quintain.engines.sampler import Sampler
from quintain.engines.token_statistics import StepStatistics

__all__ = ["LiveSequence", "PendingRequest", "Statistics"]


@dataclass(slots=True)
class Statistics:
    """Counters of the worker since the engine was made.

    Attributes:
        requests: Number of requests answered.
        prompt_tokens: Prompt tokens of admitted sequences.
        reused_tokens: Prompt tokens whose keys and values were cached already.
        generated_tokens: Number of tokens sampled.
        steps: Decoding steps; ``generated_tokens / steps`` is the mean batch size.
    """

    requests: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    generated_tokens: int = 0
    steps: int = 0


@dataclass(slots=True, eq=False)
class PendingRequest:
    """A request that is not settled yet.

    Attributes:
        request: The request as the caller sent it.
        future: Its ``n`` replies, once all are finished, or an error.
        replies: Finished replies by index, from 0 to ``n - 1``.
    """

    request: Request
    future: Future[list[Reply]] = field(default_factory=Future)
    replies: dict[int, Reply] = field(default_factory=dict)

    def finish(self, index: int, reply: Reply, copies: int) -> bool:
        """Store a reply, and settle the request if it was the last one.

        Args:
            index: First index to store it at.
            reply: One finished reply to the request.
            copies: Number of consecutive indices that get it, >= 1.

        Returns:
            Whether the request is complete.
        """
        self.replies.update({index + i: reply for i in range(copies)})
        if len(self.replies) < self.request.n:
            return False
        self.settle([self.replies[i] for i in range(self.request.n)])
        return True

    def settle(self, outcome: list[Reply] | BaseException) -> None:
        """Set the result or the exception of the future, unless the caller has cancelled it."""
        try:
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)
        except InvalidStateError:
            pass


@dataclass(slots=True, eq=False)
class LiveSequence:
    """A reply while it is generated.

    Attributes:
        pending: The request that it serves.
        index: Index of the reply among the request's ``n``.
        copies: Number of replies that it serves: greedy replies of one request are equal and are computed once.
        prompt: The tokenised prompt, as a tuple of token ids.
        tokens: Token ids of the prompt, as an array.
        sampler: Temperature, nucleus and random stream of the reply.
        exits: Early layers of a contrast, in order; empty for none.
        weights_version: Version of the weights that computed its keys and values.
        generated: Token ids generated so far.
        logprobs: Their log-probabilities, if the request asks for them.
        statistics: Statistics of their distributions, if the request asks for them.
        seconds: Its share of the time of the steps in which it took part.
    """

    pending: PendingRequest
    index: int
    copies: int
    prompt: EncodedPrompt
    tokens: Tokens
    sampler: Sampler
    exits: tuple[int, ...] = ()
    weights_version: int = 0
    generated: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    statistics: list[StepStatistics] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the caller has cancelled the request, or it has failed already."""
        return self.pending.future.done()

    @property
    def cached(self) -> Tokens:
        """The tokens whose keys and values are in the sequence's cache row: all but the newest."""
        return np.concatenate([self.tokens, np.asarray(self.generated[:-1], dtype=np.int64)])
