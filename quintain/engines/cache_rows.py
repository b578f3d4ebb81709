"""Which rows of the key-value cache hold what: running sequences first, then prefixes of finished ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quintain.engines.batching import PASS_TOKENS
from quintain.engines.kv_cache import Append, CachedDecoder
from quintain.engines.pending import LiveSequence, Statistics
from quintain.engines.prefixes import MIN_SHARED, PrefixStore, Tokens, common_prefix

__all__ = ["CacheRows"]

_LENGTH_STEP = 256  # rows grow in steps of this many tokens, so that the cache is seldom reallocated


class CacheRows:
    """Assigns cache rows to sequences, and starts each sequence from the longest prefix that a row holds.

    Args:
        decoder: The model and its cache.
        max_batch: Maximum number of running sequences, >= 1.
        prefix_rows: Maximum number of finished sequences kept for their prefixes, >= 0.
        cache_tokens: Capacity of the cache in tokens, over all rows, >= 1.
        statistics: Counters of tokens and requests, updated in place.

    Attributes:
        running: Running sequences; the position in the list is the row.
        weights_version: Version of the weights that computed the prefixes. Keys and values of older weights are not
            shared.
    """

    def __init__(
        self, decoder: CachedDecoder, *, max_batch: int, prefix_rows: int, cache_tokens: int, statistics: Statistics
    ) -> None:
        self.running: list[LiveSequence] = []
        self.weights_version = 0
        self._decoder = decoder
        self._max_batch = max_batch
        self._prefix_rows = prefix_rows
        self._cache_tokens = cache_tokens
        self._statistics = statistics
        self._prefixes = PrefixStore(())
        self._rows = 0  # for running sequences
        self._length = 0  # tokens per row

    def clear(self) -> None:
        """Drop every sequence and release the cache's memory."""
        self.running.clear()
        self._decoder.release()
        self._rows = self._length = 0
        self._prefixes = PrefixStore(())

    def set_weights_version(self, version: int) -> None:
        """Drop the prefixes if they were computed with other weights."""
        if self.weights_version != version:
            self.weights_version = version
            self._prefixes = PrefixStore(self._prefixes.rows)

    def make_room(self, admitted: Sequence[LiveSequence], sequence: LiveSequence) -> bool:
        """Return whether one more sequence fits, after reallocating the cache where that helps.

        Args:
            admitted: Sequences that were admitted before it and are not running yet.
            sequence: The sequence that needs a row next.
        """
        rows = len(self.running) + len(admitted) + 1
        if rows > self._max_batch:
            return False
        longest = max(self._row_length(s) for s in (*self.running, *admitted, sequence))
        if rows <= self._rows and longest <= self._length:
            return True
        length = max(longest, self._length)
        if (self._max_batch + self._prefix_rows) * length > self._cache_tokens:
            length = longest
        fits = self._cache_tokens // length
        capacity = max(1, min(self._max_batch, fits))  # long sequences: fewer prefix rows first, then a smaller batch
        prefix_rows = max(0, min(self._prefix_rows, fits - capacity))
        if rows > capacity:
            return False
        self._rows, self._length = capacity, length
        self._prefixes = PrefixStore(range(capacity, capacity + prefix_rows))
        self._decoder.resize(capacity + prefix_rows, length, keep=len(self.running))
        return True

    def _row_length(self, sequence: LiveSequence) -> int:
        """Return the maximum number of tokens that the sequence's row will hold, rounded up to ``_LENGTH_STEP``."""
        if sequence.prompt.branches:
            widths = [len(branch) for branch in sequence.prompt.branches]
            need = len(sequence.tokens) + min(sum(widths), PASS_TOKENS + max(widths))
        else:
            need = min(len(sequence.tokens) + sequence.pending.request.max_tokens, self._decoder.context)
        return -(-need // _LENGTH_STEP) * _LENGTH_STEP

    def longest_prefix(self, tokens: Tokens) -> tuple[int | None, int]:
        """Find the row that shares the longest prefix with ``tokens``.

        Returns:
            The row and the number of shared tokens; ``(None, 0)`` where fewer than ``MIN_SHARED`` are shared. The last
            token never counts: it is always computed, for its logits.
        """
        best, most = None, 0
        for row, held in self._held():
            shared = min(common_prefix(tokens, held), len(tokens) - 1)
            if shared >= max(MIN_SHARED, most + 1):
                best, most = row, shared
        return best, most

    def _held(self) -> Iterable[tuple[int, Tokens]]:
        version = self.weights_version
        running = [(row, s.tokens) for row, s in enumerate(self.running) if s.weights_version == version]
        return (*running, *self._prefixes)

    def begin(self, row: int, sequence: LiveSequence) -> Append:
        """Fill ``row`` with all of the prompt but what fits one forward pass; return the append that computes the rest.

        The longest shared prefix is copied; the rest is prefilled in chunks of ``PASS_TOKENS``.
        """
        sequence.weights_version = self.weights_version
        tokens = sequence.tokens
        source, shared = self.longest_prefix(tokens)
        if source is not None:
            self._decoder.copy(source, row, shared)
            self._prefixes.touch(source)
            self._statistics.reused_tokens += shared
        while len(tokens) - shared > PASS_TOKENS:
            self._decoder.append(row, [Append(shared, tokens[shared : shared + PASS_TOKENS].tolist())])
            shared += PASS_TOKENS
        return Append(shared, tokens[shared:].tolist())

    def remove(self, row: int) -> None:
        """Take a sequence out of the batch and keep its prefix; the last running sequence moves into its row."""
        sequence = self.running[row]
        self.keep_prefix(row, sequence.cached, sequence.weights_version)
        moved = self.running.pop()
        if moved is not sequence:
            self._decoder.copy(len(self.running), row, len(moved.cached))
            self.running[row] = moved

    def keep_prefix(self, row: int, tokens: Tokens, weights_version: int, spare: int = 0) -> None:
        """Copy a finished sequence from ``row`` to a prefix row.

        Args:
            row: The row that holds it.
            tokens: Its tokens; fewer than ``MIN_SHARED`` are not kept.
            weights_version: Version of the weights that computed it; an older one is not kept.
            spare: Also replace a stored sequence that differs in at most this many last tokens.
        """
        if len(tokens) < MIN_SHARED or weights_version != self.weights_version:
            return
        place = self._prefixes.place(tokens, spare)
        if place is not None:
            target, present = place
            self._decoder.copy(row, target, len(tokens), start=present)
