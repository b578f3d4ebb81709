"""Continuous batching: one worker thread that owns the model and serves every caller.

Requests from any thread or event loop meet in one queue. At each turn the worker admits what fits, appends one token to
every running sequence, and settles the requests that are finished. Finished sequences leave at once and waiting ones
take their place; none waits for the longest. The turn itself is in :mod:`quintain.engines.continuous_batch`.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

import numpy as np
import torch

from quintain.engines.cache_rows import CacheRows
from quintain.engines.codec import Codec
from quintain.engines.continuous_batch import ContinuousBatch
from quintain.engines.engine import Reply, Request
from quintain.engines.kv_cache import CachedDecoder
from quintain.engines.pending import LiveSequence, PendingRequest, Statistics
from quintain.engines.sampler import Sampler
from quintain.errors import ContextOverflowError, EngineError, QuintainError

__all__ = ["BatchScheduler"]

_IDLE_S = 5.0  # an idle worker thread ends after this time; the next request starts another


class BatchScheduler:
    """The queue of requests, and the worker thread that serves them.

    Args:
        decoder: The model and its cache.
        codec: To tokenise requests and decode replies.
        end_tokens: Token ids that end a reply.
        max_batch: Maximum number of sequences that decode together, >= 1.
        prefix_rows: Maximum number of finished sequences kept for requests with the same prefix, >= 0.
        cache_tokens: Capacity of the cache in tokens, over all rows, >= 1; longer requests get smaller batches.

    Attributes:
        statistics: Counters of tokens and requests, updated in place.
    """

    def __init__(
        self,
        decoder: CachedDecoder,
        codec: Codec,
        *,
        end_tokens: frozenset[int],
        max_batch: int,
        prefix_rows: int,
        cache_tokens: int,
    ) -> None:
        self.statistics = Statistics()
        self._decoder = decoder
        self._codec = codec
        rows = CacheRows(
            decoder,
            max_batch=max_batch,
            prefix_rows=prefix_rows,
            cache_tokens=cache_tokens,
            statistics=self.statistics,
        )
        self._batch = ContinuousBatch(decoder, codec, rows, end_tokens=end_tokens, statistics=self.statistics)
        self._inbox: deque[PendingRequest] = deque()
        self._wake = threading.Condition()
        self._model_lock = threading.RLock()
        self._holders = 0  # callers that hold the model, or wait for it
        self._weights_version = 0  # counts the times the model was held, and its weights may have changed
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closed = False

    @property
    def context(self) -> int:
        """Context window, in tokens (prompt + completion)."""
        return self._decoder.context

    def submit(self, requests: Sequence[Request]) -> list[Future[list[Reply]]]:
        """Queue requests, all of them before the worker's next turn. Cancelling a future frees its place in the batch.

        Raises:
            EngineError: If the engine is closed.
        """
        pending = [PendingRequest(request) for request in requests]
        with self._wake:
            if self._closed:
                raise EngineError("the engine is closed; make a new one")
            if self._pid != os.getpid():
                raise EngineError("the engine was made before this process was forked; make one in each process")
            self._inbox.extend(pending)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="quintain-llm", daemon=True)
                self._thread.start()
            self._wake.notify()
        return [each.future for each in pending]

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the model between two decoding steps.

        The weights may change meanwhile, so cached prefixes are dropped afterwards. Running sequences continue with the
        keys and values that they have.
        """
        with self._wake:
            self._holders += 1
        try:
            with self._model_lock:
                yield
        finally:
            with self._wake:
                self._holders -= 1
                self._weights_version += 1
                self._wake.notify_all()

    def close(self) -> None:
        """Fail the requests in hand and end the worker."""
        with self._wake:
            self._closed = True
            thread = self._thread
            self._wake.notify_all()
        if self._pid == os.getpid() and thread is not threading.current_thread():
            if thread is not None:
                thread.join()
            self._decoder.release()  # an idle worker ended without doing so

    # The worker ------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._wake:
                while (
                    self._holders and not self._closed
                ):  # with the lock alone, the worker would acquire it again first
                    self._wake.wait()
                if not self._batch.busy and not self._inbox and not self._closed:
                    self._wake.wait(_IDLE_S)
                if self._closed or not (self._batch.busy or self._inbox):
                    self._thread = None
                    break
                arrived = list(self._inbox)
                self._inbox.clear()
            try:
                with self._model_lock, torch.inference_mode():
                    for pending in arrived:
                        self._batch.add(self._sequences(pending))
                    self._batch.turn(self._weights_version)
            except BaseException as error:  # passed on to the callers; the worker continues
                self._fail_all(arrived, error)
        if self._closed:
            self._fail_all(list(self._inbox), EngineError("the engine was closed"))
            self._decoder.release()

    def _sequences(self, pending: PendingRequest) -> list[LiveSequence]:
        """Tokenise a request into the sequences that serve it; settle one that cannot be served."""
        request = pending.request
        if pending.future.done():
            return []
        try:
            prompt = self._codec.encode(request)
            width = max((len(b) for b in prompt.branches), default=1)
            exits = self._decoder.candidate_layers(request.contrast_layers)
            if len(prompt.tokens) + width > self._decoder.context:
                raise ContextOverflowError(prompt.length, self._decoder.context - width)
        except QuintainError as error:
            pending.settle(error)
            return []
        except Exception as error:  # one caller's malformed request must not fail the others
            pending.settle(EngineError(f"the request could not be tokenised: {error!r}"))
            return []
        once = request.choices is not None or request.temperature == 0  # all n replies come from one sequence
        copies = request.n if once else 1
        tokens = np.asarray(prompt.tokens, dtype=np.int64)

        def sampler(index: int) -> Sampler:
            return Sampler(request.temperature, request.top_p, request.seed, index)

        return [
            LiveSequence(pending, index, copies, prompt, tokens, sampler(index), exits)
            for index in range(1 if once else request.n)
        ]

    def _fail_all(self, arrived: Sequence[PendingRequest], error: BaseException) -> None:
        """Fail every request in hand with an engine error and start from an empty cache."""
        failure = error if isinstance(error, EngineError) else EngineError(f"the engine's worker failed: {error!r}")
        failure.__cause__ = error if failure is not error else error.__cause__
        for pending in {*arrived, *self._batch.requests()}:
            pending.settle(failure)
        self._batch.clear()
