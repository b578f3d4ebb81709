"""Continuous batching: one worker thread that owns the model and serves every caller.

Requests from any thread or event loop meet in one queue. At each turn the worker admits what fits, appends one token to
every live sequence, and hands back the replies that are finished. Finished sequences leave at once and waiting
ones take their place; none waits for the longest.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from quintain.engines.batching import PASS_TOKENS, branch_logprobs, by_width, packed
from quintain.engines.choices import draw_choices
from quintain.engines.codec import Codec
from quintain.engines.engine import FinishReason, Reply, Request
from quintain.engines.kv_cache import Append, CachedDecoder
from quintain.engines.pending import LiveSequence, PendingRequest, Statistics
from quintain.engines.prefixes import PrefixStore, Tokens, common_prefix
from quintain.engines.sampler import Sampler
from quintain.engines.sampling import sample
from quintain.engines.stops import cut_at_stop
from quintain.errors import ContextOverflowError, EngineError, QuintainError

__all__ = ["BatchScheduler"]

_LENGTH_STEP = 256  # slots grow in steps of this many tokens, so that the cache is seldom reshaped
_MIN_SHARED = 16  # shared beginnings shorter than this are computed again
_QUESTION = 40  # after a choice the story goes on, and the question that ended the prompt is not read again
_IDLE_S = 5.0  # an idle worker thread ends after this time; the next request starts another


class BatchScheduler:
    """Queue, worker thread and decoding loop.

    Args:
        decoder: The model over its slots.
        codec: The tokenizer's side.
        end_tokens: Tokens that end a reply.
        max_batch: Most sequences that decode together.
        prefix_rows: Finished sequences to remember for requests that begin like them.
        cache_tokens: Most tokens the cache may hold, over all slots; longer requests get smaller batches.

    Attributes:
        statistics: Counters, for measuring.
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
        self._decoder = decoder
        self._codec = codec
        self._end_tokens = end_tokens
        self._max_batch = max_batch
        self._prefix_slots = prefix_rows
        self._cache_tokens = cache_tokens
        self._prefixes = PrefixStore(())
        self._slots = 0  # for live sequences
        self._length = 0
        self._live: list[LiveSequence] = []  # the position is the slot
        self._waiting: deque[LiveSequence] = deque()
        self._inbox: deque[PendingRequest] = deque()
        self._wake = threading.Condition()
        self._model_lock = threading.RLock()
        self._holders = 0  # callers that hold the model, or wait for it
        self._generation = 0  # of the weights; keys and values of older ones are not shared
        self._remembered = 0  # the generation that the prefix store belongs to
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closed = False
        self.statistics = Statistics()

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its reply together."""
        return self._decoder.context

    def submit(self, request: Request) -> Future[list[Reply]]:
        """Queue a request. Cancelling the future frees its place in the batch.

        Raises:
            EngineError: If the engine is closed.
        """
        pending = PendingRequest(request)
        with self._wake:
            if self._closed:
                raise EngineError("the engine is closed; make a new one")
            if self._pid != os.getpid():
                raise EngineError("the engine was made before this process was forked; make one in each process")
            self._inbox.append(pending)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="quintain-llm", daemon=True)
                self._thread.start()
            self._wake.notify()
        return pending.future

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the model between two steps. Weights may change meanwhile: what the cache remembers is forgotten.

        Live sequences go on afterwards with the keys and values that they have.
        """
        with self._wake:
            self._holders += 1
        try:
            with self._model_lock:
                yield
        finally:
            with self._wake:
                self._holders -= 1
                self._generation += 1
                self._wake.notify_all()

    def close(self) -> None:
        """Fail what is live or waiting and end the worker."""
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
                while self._holders and not self._closed:  # a lock alone would let the worker in again first
                    self._wake.wait()
                busy = self._live or self._waiting
                if not busy and not self._inbox and not self._closed:
                    self._wake.wait(_IDLE_S)
                if self._closed or not (busy or self._inbox):
                    self._thread = None
                    break
                requests = list(self._inbox)
                self._inbox.clear()
            try:
                with self._model_lock, torch.inference_mode():
                    self._turn(requests)
            except BaseException as error:  # the callers must hear of it, whatever it was; the worker goes on
                self._fail_all(requests, error)
        if self._closed:
            self._fail_all(list(self._inbox), EngineError("the engine was closed"))
            self._decoder.release()

    def _turn(self, requests: Sequence[PendingRequest]) -> None:
        if self._remembered != self._generation:
            self._remembered = self._generation
            self._prefixes = PrefixStore(self._prefixes.slots)
        for pending in requests:
            self._prepare(pending)
        for slot in reversed(range(len(self._live))):
            if self._live[slot].cancelled:
                self._leave(slot)
        self._admit()
        if self._live:
            self._step()

    def _prepare(self, pending: PendingRequest) -> None:
        """Tokenise a request and queue its replies, or refuse it."""
        request = pending.request
        if pending.future.done():
            return
        try:
            prompt = self._codec.encode(request)
            width = max((len(b) for b in prompt.branches), default=1)
            if len(prompt.tokens) + width > self._decoder.context:
                raise ContextOverflowError(prompt.length, self._decoder.context - width)
        except QuintainError as error:
            pending.settle(error)
            return
        except Exception as error:  # one caller's strange request must not fail the others
            pending.settle(EngineError(f"the request could not be tokenised: {error!r}"))
            return
        once = request.choices is not None or request.temperature == 0
        for index in range(1 if once else request.n):
            sampler = Sampler(request.temperature, request.top_p, request.seed, index)
            tokens = np.asarray(prompt.tokens, dtype=np.int64)
            copies = request.n if once else 1
            self._waiting.append(LiveSequence(pending, index, copies, prompt, tokens, sampler))

    def _fail_all(self, requests: Sequence[PendingRequest], error: BaseException) -> None:
        """Fail everything in hand with an engine error and start from an empty cache."""
        failure = error if isinstance(error, EngineError) else EngineError(f"the engine's worker failed: {error!r}")
        failure.__cause__ = error if failure is not error else error.__cause__
        for pending in {*requests, *(s.pending for s in self._live), *(s.pending for s in self._waiting)}:
            pending.settle(failure)
        self._live.clear()
        self._waiting.clear()
        self._decoder.release()
        self._slots = self._length = 0
        self._prefixes = PrefixStore(())

    # Admission -------------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Let waiting sequences in, first come first served, while there is room."""
        while self._waiting:
            chosen: list[LiveSequence] = []
            while self._waiting and (self._waiting[0].cancelled or self._has_room(chosen, self._waiting[0])):
                sequence = self._waiting.popleft()
                if not sequence.cancelled:
                    chosen.append(sequence)
            if not chosen:
                return
            self.statistics.prompt_tokens += sum(len(s.tokens) for s in chosen)
            self._score([s for s in chosen if s.prompt.branches])
            self._prefill([s for s in chosen if not s.prompt.branches])

    def _has_room(self, chosen: Sequence[LiveSequence], sequence: LiveSequence) -> bool:
        """Whether one more sequence fits; reshapes the cache where that helps."""
        rows = len(self._live) + len(chosen) + 1
        if rows > self._max_batch:
            return False
        longest = max(self._limit(s) for s in (*self._live, *chosen, sequence))
        if rows <= self._slots and longest <= self._length:
            return True
        everything = self._max_batch + self._prefix_slots
        length = max(longest, self._length)
        if everything * length > self._cache_tokens:
            length = longest
        fits = self._cache_tokens // length
        slots = max(1, min(self._max_batch, fits))  # long sequences: less memory of finished ones, then fewer live
        kept = max(0, min(self._prefix_slots, fits - slots))
        if rows > slots:
            return False
        self._slots, self._length = slots, length
        self._prefixes = PrefixStore(range(slots, slots + kept))
        self._decoder.resize(slots + kept, length, keep=len(self._live))
        return True

    def _limit(self, sequence: LiveSequence) -> int:
        """Return the most tokens that the sequence's slot will hold, rounded up to a coarse step."""
        if sequence.prompt.branches:
            widths = [len(branch) for branch in sequence.prompt.branches]
            need = len(sequence.tokens) + min(sum(widths), PASS_TOKENS + max(widths))
        else:
            need = min(len(sequence.tokens) + sequence.pending.request.max_tokens, self._decoder.context)
        return -(-need // _LENGTH_STEP) * _LENGTH_STEP

    def _prefill(self, sequences: list[LiveSequence]) -> None:
        """Read the prompts, sharing beginnings with what is cached and with each other, and draw first tokens."""
        while sequences:
            wave, sequences = self._wave(sequences)
            for group in by_width(wave):
                self._prefill_group(group)

    def _wave(self, sequences: Sequence[LiveSequence]) -> tuple[list[tuple[LiveSequence, int]], list[LiveSequence]]:
        """Choose whom to compute now, with the width of each, and who gains by waiting for one of them."""
        wave: list[tuple[LiveSequence, int]] = []
        deferred: list[LiveSequence] = []
        for sequence in sequences:
            shared = self._resident(sequence.tokens)[1]
            soon = max((common_prefix(sequence.tokens, s.tokens) for s, _ in wave), default=0)
            if min(soon, len(sequence.tokens) - 1) >= shared + _MIN_SHARED:
                deferred.append(sequence)
            else:
                branches = sum(map(len, sequence.prompt.branches))
                wave.append((sequence, min(len(sequence.tokens) - shared, PASS_TOKENS) + branches))
        return wave, deferred

    def _prefill_group(self, group: Sequence[LiveSequence]) -> None:
        first = len(self._live)
        appends = [self._begin(slot, sequence) for slot, sequence in enumerate(group, start=first)]
        rows = self._decoder.append(first, appends)
        self._live.extend(group)
        self._draw(torch.cat([row[:1] for row in rows]), range(first, len(self._live)))

    def _begin(self, slot: int, sequence: LiveSequence) -> Append:
        """Copy the shared beginning into ``slot`` and compute all but the last passful of the rest; return that."""
        sequence.generation = self._remembered
        tokens = sequence.tokens
        source, shared = self._resident(tokens)
        if source is not None:
            self._decoder.copy(source, slot, shared)
            self._prefixes.touch(source)
            self.statistics.reused_tokens += shared
        while len(tokens) - shared > PASS_TOKENS:
            self._decoder.append(slot, [Append(shared, tokens[shared : shared + PASS_TOKENS].tolist())])
            shared += PASS_TOKENS
        return Append(shared, tokens[shared:].tolist())

    def _resident(self, tokens: Tokens) -> tuple[int | None, int]:
        """Find the slot that shares most with ``tokens``; the last token is always computed, for its logits."""
        best, most = None, 0
        live = [(slot, s.tokens) for slot, s in enumerate(self._live) if s.generation == self._remembered]
        for slot, held in (*live, *self._prefixes):
            shared = min(common_prefix(tokens, held), len(tokens) - 1)
            if shared >= max(_MIN_SHARED, most + 1):
                best, most = slot, shared
        return best, most

    # Constrained choices ---------------------------------------------------------------------------------------------

    def _score(self, sequences: Sequence[LiveSequence]) -> None:
        """Score every choice of each sequence, as branches after its prompt, and settle it."""
        alone = [s for s in sequences if sum(map(len, s.prompt.branches)) > PASS_TOKENS // 4]
        for sequence in alone:
            self._score_group([sequence])
        rest = [s for s in sequences if s not in alone]
        while rest:  # as in prefill: who shares a beginning with another one waits for it
            wave, rest = self._wave(rest)
            for group in by_width(wave):
                self._score_group(group)

    def _score_group(self, group: Sequence[LiveSequence]) -> None:
        first = len(self._live)
        openings = [self._begin(slot, sequence) for slot, sequence in enumerate(group, start=first)]
        scores: list[list[list[float]]] = [[] for _ in group]
        passes = [list(packed(sequence.prompt.branches)) for sequence in group]
        for turn in range(max(map(len, passes))):  # more than one only where a sequence is alone
            appends = [
                replace(opening, branches=[branch[:-1] for branch in packs[turn]])  # nothing follows the last token
                for opening, packs in zip(openings, passes, strict=True)
            ]
            for found, packs, logits in zip(scores, passes, self._decoder.append(first, appends), strict=True):
                found.extend(branch_logprobs(logits, packs[turn]))
            openings = [Append(o.start + len(o.trunk) - 1, o.trunk[-1:]) for o in openings]
        for slot, (sequence, found) in enumerate(zip(group, scores, strict=True), start=first):
            self._remember(slot, sequence.tokens, sequence.generation, spare=_QUESTION)
            replies = draw_choices(sequence.pending.request, sequence.prompt.length, sequence.prompt.branches, found)
            self.statistics.generated_tokens += sum(reply.completion_tokens for reply in replies)
            self.statistics.requests += 1
            sequence.pending.settle(replies)

    # Decoding --------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        tokens = [s.generated[-1] for s in self._live]
        lengths = [len(s.tokens) + len(s.generated) - 1 for s in self._live]
        self._draw(self._decoder.step(tokens, lengths), range(len(self._live)))
        self.statistics.steps += 1

    def _draw(self, logits: torch.Tensor, slots: range) -> None:
        """Draw the next token of each slot; finished sequences leave."""
        sequences = [self._live[slot] for slot in slots]
        if not bool(torch.isfinite(logits.amax(-1)).all()):
            raise EngineError("the model computed logits that are not finite; try dtype='float32'")
        tokens = sample(logits, [s.sampler for s in sequences])
        asked = [row for row, s in enumerate(sequences) if s.pending.request.logprobs]
        logprobs: dict[int, float] = {}
        if asked:
            rows = logits[asked]
            picked = rows[torch.arange(len(asked)), [tokens[row] for row in asked]] - rows.logsumexp(-1)
            logprobs = dict(zip(asked, picked.tolist(), strict=True))
        self.statistics.generated_tokens += len(tokens)
        for row, (sequence, token) in enumerate(zip(sequences, tokens, strict=True)):
            sequence.generated.append(token)
            if row in logprobs:
                sequence.logprobs.append(logprobs[row])
        for slot in reversed(slots):
            reply = self._reply(self._live[slot])
            if reply is not None:
                sequence = self._live[slot]
                self.statistics.requests += sequence.pending.finish(sequence.index, reply, sequence.copies)
                self._leave(slot)

    def _reply(self, sequence: LiveSequence) -> Reply | None:
        """Return the reply if the newest token ends it."""
        request, generated = sequence.pending.request, sequence.generated
        ended = generated[-1] in self._end_tokens
        stopped = not ended and self._codec.ends_with_stop(generated, request.stop)
        full = len(sequence.tokens) + len(generated) >= self._decoder.context
        if not (ended or stopped or full or len(generated) >= request.max_tokens):
            return None
        body = generated[:-1] if ended else generated
        text, stop_string = cut_at_stop(self._codec.text(sequence.prompt.tokens[-1], body), request.stop)
        finish: FinishReason = "stop" if ended or stop_string is not None else "length"
        if finish == "length" and not full and len(generated) < request.max_tokens:
            return None  # the tail looked like a stop string and the whole text has none
        return Reply(
            text=text,
            finish_reason=finish,
            prompt_tokens=sequence.prompt.length,
            completion_tokens=len(generated),
            stop_string=stop_string,
            token_ids=tuple(generated),
            logprobs=tuple(sequence.logprobs) if request.logprobs else None,
        )

    def _leave(self, slot: int) -> None:
        """Take a sequence out of the batch; the last one moves into its slot."""
        sequence = self._live[slot]
        self._remember(slot, sequence.cached, sequence.generation)
        moved = self._live.pop()
        if moved is not sequence:
            self._decoder.copy(len(self._live), slot, len(moved.cached))
            self._live[slot] = moved

    def _remember(self, slot: int, tokens: Tokens, generation: int, spare: int = 0) -> None:
        if len(tokens) < _MIN_SHARED or generation != self._remembered:
            return
        place = self._prefixes.place(tokens, spare)
        if place is not None:
            target, there = place
            self._decoder.copy(slot, target, len(tokens), start=there)
