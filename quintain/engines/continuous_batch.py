"""One turn of continuous batching: admit what fits, score constrained choices, append a token to every sequence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from quintain.engines.batching import PASS_TOKENS, branch_logprobs, pack_branches, prefill_groups
from quintain.engines.cache_rows import CacheRows
from quintain.engines.choices import draw_choices
from quintain.engines.codec import Codec
from quintain.engines.kv_cache import Append, CachedDecoder
from quintain.engines.layer_contrast import contrast_rows
from quintain.engines.pending import LiveSequence, PendingRequest, Statistics
from quintain.engines.replies import finished_reply
from quintain.engines.sampling import sample
from quintain.engines.token_statistics import reduce_logits
from quintain.errors import EngineError

__all__ = ["ContinuousBatch"]

_QUESTION_TOKENS = 40  # prompts that differ in their last question share a prefix row, see PrefixStore.place


class ContinuousBatch:
    """Waiting and running sequences. Not thread-safe: the scheduler's worker thread owns it.

    Args:
        decoder: The model and its cache.
        codec: To decode generated tokens.
        rows: Assignment of cache rows.
        end_tokens: Token ids that end a reply.
        statistics: Counters of tokens and requests, updated in place.
    """

    def __init__(
        self,
        decoder: CachedDecoder,
        codec: Codec,
        rows: CacheRows,
        *,
        end_tokens: frozenset[int],
        statistics: Statistics,
    ) -> None:
        self._decoder = decoder
        self._codec = codec
        self._rows = rows
        self._end_tokens = end_tokens
        self._statistics = statistics
        self._waiting: deque[LiveSequence] = deque()

    @property
    def busy(self) -> bool:
        """Whether a sequence is running or waiting."""
        return bool(self._rows.running or self._waiting)

    def requests(self) -> set[PendingRequest]:
        """Return the requests of all running and waiting sequences."""
        return {sequence.pending for sequence in (*self._rows.running, *self._waiting)}

    def add(self, sequences: Iterable[LiveSequence]) -> None:
        """Queue sequences for admission."""
        self._waiting.extend(sequences)

    def clear(self) -> None:
        """Drop every sequence and release the cache's memory."""
        self._waiting.clear()
        self._rows.clear()
        self._decoder.exit_layers = ()

    def turn(self, weights_version: int) -> None:
        """Drop cancelled sequences, admit waiting ones, and append one token to each running one.

        Args:
            weights_version: Version of the model's weights; prefixes of another version are dropped.
        """
        self._rows.set_weights_version(weights_version)
        for row in reversed(range(len(self._rows.running))):
            if self._rows.running[row].cancelled:
                self._rows.remove(row)
        self._admit()
        if self._rows.running:
            self._decode()

    # Admission -------------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Admit waiting sequences, first come first served, while there is room."""
        while self._waiting:
            admitted: list[LiveSequence] = []
            while self._waiting and (self._waiting[0].cancelled or self._rows.make_room(admitted, self._waiting[0])):
                sequence = self._waiting.popleft()
                if not sequence.cancelled:
                    admitted.append(sequence)
            if not admitted:
                return
            self._statistics.prompt_tokens += sum(len(s.tokens) for s in admitted)
            self._score([s for s in admitted if s.prompt.branches])
            for group in prefill_groups([s for s in admitted if not s.prompt.branches], self._rows.longest_prefix):
                self._prefill(group)

    def _prefill(self, group: Sequence[LiveSequence]) -> None:
        """Compute the prompts of a group in one pass, and draw the first token of each."""
        running = self._rows.running
        start, first = time.perf_counter(), len(running)
        appends = [self._rows.begin(row, sequence) for row, sequence in enumerate(group, start=first)]
        self._decoder.exit_layers = _exits(group)
        logits = self._decoder.append(first, appends)
        self._decoder.exit_layers = ()
        running.extend(group)
        self._draw(torch.cat([rows[:1] for rows in logits]), range(first, len(running)), start)

    # Constrained choices ---------------------------------------------------------------------------------------------

    def _score(self, sequences: Sequence[LiveSequence]) -> None:
        """Score every choice of each sequence, as branches after its prompt, and settle its request."""
        alone = [s for s in sequences if sum(map(len, s.prompt.branches)) > PASS_TOKENS // 4]
        for sequence in alone:
            self._score_group([sequence])
        for group in prefill_groups([s for s in sequences if s not in alone], self._rows.longest_prefix):
            self._score_group(group)

    def _score_group(self, group: Sequence[LiveSequence]) -> None:
        start, first = time.perf_counter(), len(self._rows.running)
        trunks = [self._rows.begin(row, sequence) for row, sequence in enumerate(group, start=first)]
        scores: list[list[list[float]]] = [[] for _ in group]
        passes = [list(pack_branches(sequence.prompt.branches)) for sequence in group]
        for turn in range(max(map(len, passes))):  # more than one only where a sequence is alone
            appends = [
                replace(trunk, branches=[branch[:-1] for branch in packs[turn]])  # nothing follows the last token
                for trunk, packs in zip(trunks, passes, strict=True)
            ]
            for found, packs, logits in zip(scores, passes, self._decoder.append(first, appends), strict=True):
                found.extend(branch_logprobs(logits, packs[turn]))
            trunks = [Append(t.start + len(t.trunk) - 1, t.trunk[-1:]) for t in trunks]
        share = (time.perf_counter() - start) / len(group)
        for row, (sequence, found) in enumerate(zip(group, scores, strict=True), start=first):
            self._rows.keep_prefix(row, sequence.tokens, sequence.weights_version, spare=_QUESTION_TOKENS)
            replies = draw_choices(sequence.pending.request, sequence.prompt.length, sequence.prompt.branches, found)
            replies = [replace(reply, seconds=share / len(replies)) for reply in replies]
            self._statistics.generated_tokens += sum(reply.completion_tokens for reply in replies)
            self._statistics.requests += 1
            sequence.pending.settle(replies)

    # Decoding --------------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        """Append one token to every running sequence."""
        start, running = time.perf_counter(), self._rows.running
        tokens = [s.generated[-1] for s in running]
        lengths = [len(s.tokens) + len(s.generated) - 1 for s in running]
        self._decoder.exit_layers = _exits(running)
        self._draw(self._decoder.step(tokens, lengths), range(len(running)), start)
        self._decoder.exit_layers = ()
        self._statistics.steps += 1

    def _draw(self, logits: torch.Tensor, rows: range, start: float) -> None:
        """Draw the next token of each of these rows; finished sequences leave the batch.

        Args:
            logits: Logits of the next token, shape ``(len(rows), vocab)``.
            rows: Contiguous cache rows of running sequences.
            start: Time at which the step began; they share its duration.
        """
        running = self._rows.running
        sequences = [running[row] for row in rows]
        if not bool(torch.isfinite(logits.amax(-1)).all()):
            raise EngineError("the model computed logits that are not finite; try dtype='float32'")
        drawn, early = logits, self._decoder.exit_logits
        if early is not None:
            drawn = contrast_rows(logits, early, _exits(sequences), [s.exits for s in sequences])
        tokens = sample(drawn, [s.sampler for s in sequences])
        self._statistics.generated_tokens += len(tokens)
        for sequence, token in zip(sequences, tokens, strict=True):
            sequence.generated.append(token)
        requests = [sequence.pending.request for sequence in sequences]
        wanted = [at for at, request in enumerate(requests) if request.wants_logprobs]
        if wanted:
            chosen = logits[wanted]
            logprobs = chosen[torch.arange(len(wanted)), [tokens[at] for at in wanted]] - chosen.logsumexp(-1)
            for at, logprob in zip(wanted, logprobs.tolist(), strict=True):
                sequences[at].logprobs.append(logprob)
        described = [at for at, request in enumerate(requests) if request.token_statistics]
        if described:
            part = logits if len(described) == len(requests) else logits[described]
            for at, statistics in zip(described, reduce_logits(part), strict=True):
                sequences[at].statistics.append(statistics)
        share = (time.perf_counter() - start) / len(sequences)
        for row in reversed(rows):
            sequence = running[row]
            sequence.seconds += share
            reply = finished_reply(sequence, self._codec, self._end_tokens, self._decoder.context)
            if reply is not None:
                self._statistics.requests += sequence.pending.finish(sequence.index, reply, sequence.copies)
                self._rows.remove(row)


def _exits(sequences: Iterable[LiveSequence]) -> tuple[int, ...]:
    """Return the layers after which logits are computed for any of the sequences."""
    return tuple(sorted({layer for sequence in sequences for layer in sequence.exits}))
