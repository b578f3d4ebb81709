"""A key-value cache of preallocated rows, and a forward pass over any contiguous run of them.

``DynamicCache`` of ``transformers`` copies the whole cache at every token, which takes half of the time of a batch-32
step on a CPU, and makes every row wait for the longest. Here each sequence has a row of a preallocated cache. A
forward pass appends new tokens to a contiguous run of rows, each at its own length, and computes the vocabulary's
logits only at the positions where they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from quintain.engines.layer_contrast import candidate_layers
from quintain.engines.request import ContrastLayers
from quintain.errors import ConfigurationError

__all__ = ["Append", "CachedDecoder"]


@dataclass(frozen=True, slots=True)
class Append:
    """New tokens for one row: a trunk, then alternative branches that all continue the trunk.

    Attributes:
        start: Number of cached tokens that stay valid; the new ones come after them.
        trunk: Token ids that follow; at least one.
        branches: Alternatives after the trunk. They do not attend to each other, and are not kept.
    """

    start: int
    trunk: Sequence[int]
    branches: Sequence[Sequence[int]] = ()

    @property
    def width(self) -> int:
        """Cache positions that the pass writes."""
        return len(self.trunk) + sum(map(len, self.branches))


class _Placement:
    """Where the current forward pass writes; shared by all layers of the cache."""

    first: int = 0
    last: int = 0
    span: int = 0  # cache positions that any of the rows can see
    width: int = 0  # new positions among them, padding included
    single: torch.Tensor | None = None  # (rows,) position of the only new token of each row, if there is one each
    writes: Sequence[tuple[int, int]] = ()  # (start, width) of each row otherwise


class _CacheLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers is not typed
    """Keys and values of one layer, shape ``(rows, heads, length, head_dim)``."""

    def __init__(self, placement: _Placement) -> None:
        super().__init__()
        self.placement = placement
        self.rows = self.length = 0

    def resize(self, rows: int, length: int, keep: int) -> None:
        """Reallocate, keeping the contents of the first ``keep`` rows."""
        self.rows, self.length = rows, length
        for name in ("keys", "values") if self.is_initialized else ():
            old = getattr(self, name)
            new = _zeros(old, rows, length)
            seen = min(length, old.shape[2])
            new[:keep, :, :seen] = old[:keep, :, :seen]
            setattr(self, name, new)

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        for name, states in (("keys", key_states), ("values", value_states)):
            setattr(self, name, _zeros(states, self.rows, self.length))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new states into their rows and return the states that the rows of this pass attend to."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        at = self.placement
        seen = []
        for store, states in ((self.keys, key_states), (self.values, value_states)):
            rows = store[at.first : at.last]
            if at.single is not None:
                rows[torch.arange(len(rows), device=rows.device), :, at.single] = states[:, :, 0]
            else:
                for row, (start, width) in enumerate(at.writes):
                    rows[row, :, start : start + width] = states[row, :, :width]
            seen.append(rows[:, :, : at.span])
        return seen[0], seen[1]

    def copy(self, source: int, target: int, start: int, stop: int) -> None:
        for store in (self.keys, self.values):
            store[target, :, start:stop] = store[source, :, start:stop]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.placement.span, 0

    def get_seq_length(self) -> int:
        return self.placement.span - self.placement.width

    def get_max_length(self) -> int:
        return -1


def _zeros(like: torch.Tensor, rows: int, length: int) -> torch.Tensor:
    """Return zeros ``(rows, heads, length, head_dim)``: never uninitialised, as hidden NaNs would poison attention."""
    shape = (rows, like.shape[1], length, like.shape[3])
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    # NumPy asks the system for zero pages, which take memory only once they are written to; torch writes them all.
    return (
        torch.from_numpy(np.zeros(math.prod(shape) * like.element_size(), dtype=np.uint8)).view(like.dtype).view(shape)
    )


class CachedDecoder:
    """Runs a causal language model of ``transformers`` over a cache of rows.

    Args:
        model: The model, in evaluation mode.

    Attributes:
        context: Context window, in tokens (prompt + completion).
        bytes_per_token: Memory of one token's keys and values over all layers, in bytes.
        exit_layers: Layers after which the next passes also compute logits, in order; 0 for the embeddings.
        exit_logits: What the last pass computed so, float32, shape ``(exit layers, positions, vocab)``, positions as in
            the logits that it returned; ``None`` without exit layers.

    Raises:
        ConfigurationError: If the model has layers that are not attention (state-space models, for instance).
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        config = model.config.get_text_config()
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        if not kinds <= {"full_attention", "sliding_attention"}:
            raise ConfigurationError(
                f"the transformers engine batches attention models only; this one has layers {sorted(kinds)}; "
                "serve it with vLLM"
            )
        self.exit_layers: tuple[int, ...] = ()
        self.exit_logits: torch.Tensor | None = None
        self.context = int(getattr(config, "max_position_embeddings", 2048))
        window = getattr(config, "sliding_window", None)
        if window and (kinds != {"full_attention"} or not getattr(config, "layer_types", None)):
            # Inside its window, sliding attention is full attention; past it, this cache would be wrong.
            self.context = min(self.context, int(window))
        self._placement = _Placement()
        self._layers = [_CacheLayer(self._placement) for _ in range(config.num_hidden_layers)]
        self._cache = Cache(layers=self._layers)
        self._head = model.get_output_embeddings()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.bytes_per_token = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize

    def candidate_layers(self, choice: ContrastLayers | None) -> tuple[int, ...]:
        """Return the early layers of a contrast; none without a choice."""
        if choice is None:
            return ()
        tied = bool(getattr(self.model.config.get_text_config(), "tie_word_embeddings", False))
        return candidate_layers(choice, len(self._layers), tied)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def resize(self, rows: int, length: int, keep: int = 0) -> None:
        """Reallocate the cache as ``rows`` rows of ``length`` tokens; the first ``keep`` rows stay valid."""
        for layer in self._layers:
            layer.resize(rows, length, keep)

    def release(self) -> None:
        """Free the cache's memory. Call ``resize`` before the next pass."""
        for layer in self._layers:
            layer.keys = layer.values = None
            layer.is_initialized = False

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def copy(self, source: int, target: int, stop: int, *, start: int = 0) -> None:
        """Copy tokens ``start`` to ``stop`` of row ``source`` to the same positions of row ``target``."""
        for layer in self._layers:
            layer.copy(source, target, start, stop)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def step(self, tokens: Sequence[int], lengths: Sequence[int]) -> torch.Tensor:
        """Append one token to each of the rows 0, 1, ...; return next-token logits, shape ``(rows, vocab)``."""
        device = self.model.device
        positions = torch.tensor(lengths, device=device)
        at = self._placement
        at.first, at.last, at.span, at.width, at.single = 0, len(tokens), max(lengths) + 1, 1, positions
        mask = None  # the model's own fast path
        if min(lengths) < max(lengths):
            mask = torch.arange(at.span, device=device) <= positions[:, None]
            mask = mask[:, None, None, :]
        ids = torch.tensor(tokens, device=device)[:, None]
        return self._forward(ids, positions[:, None], mask, None)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def append(self, first: int, appends: Sequence[Append]) -> list[torch.Tensor]:
        """Append to the rows ``first``, ``first + 1``, ... in one pass.

        Args:
            first: The first of the contiguous rows.
            appends: What to append to each.

        Returns:
            For each row, float32 logits of shape ``(1 + branch tokens, vocab)``: those that follow the trunk, then
            those that follow each token of each branch, in order.
        """
        device = self.model.device
        width = max(a.width for a in appends)
        at = self._placement
        at.first, at.last, at.width, at.single = first, first + len(appends), width, None
        at.writes = [(a.start, a.width) for a in appends]
        at.span = max(a.start + a.width for a in appends)
        ids = torch.zeros(len(appends), width, dtype=torch.long)
        positions = torch.zeros(len(appends), width, dtype=torch.long)
        # Padding to the right attends like a longer trunk; nothing attends to it.
        starts = torch.tensor([a.start for a in appends])
        mask = torch.arange(at.span) <= (starts[:, None] + torch.arange(width))[:, :, None]
        wanted: list[tuple[int, int]] = []
        for row, item in enumerate(appends):
            stem = len(item.trunk)
            ids[row, :stem] = torch.tensor(item.trunk)
            positions[row, : item.width] = torch.arange(item.start, item.start + item.width)
            wanted.append((row, stem - 1))
            offset = stem
            for branch in item.branches:
                end = offset + len(branch)
                ids[row, offset:end] = torch.tensor(branch)
                positions[row, offset:end] = torch.arange(item.start + stem, item.start + stem + len(branch))
                mask[row, offset:end, item.start + stem : item.start + offset] = False  # earlier branches
                wanted.extend((row, t) for t in range(offset, end))
                offset = end
        plain = not any(a.start or a.branches for a in appends)
        logits = self._forward(
            ids.to(device),
            positions.to(device),
            None if plain else mask[:, None].to(device),  # plainly causal: the model's own fast path
            torch.tensor(wanted, device=device),
        )
        return list(logits.split([1 + a.width - len(a.trunk) for a in appends]))

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None, wanted: torch.Tensor | None
    ) -> torch.Tensor:
        """Return float32 logits at the ``wanted`` (row, column) pairs, or at the last column of each row."""

        def chosen(hidden: torch.Tensor) -> torch.Tensor:
            return hidden[:, -1] if wanted is None else hidden[wanted[:, 0], wanted[:, 1]]

        def select(module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            return (chosen(inputs[0]),)

        # Selecting before the output layer saves its cost at every other position, whatever the model does after it.
        hook = self._head.register_forward_pre_hook(select)
        try:
            output = self.model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=self._cache,
                use_cache=True,
                output_hidden_states=bool(self.exit_layers),
            )
        finally:
            hook.remove()
        self.exit_logits = None
        if self.exit_layers:
            states = [chosen(output.hidden_states[layer]) for layer in self.exit_layers]
            self.exit_logits = self._head(torch.stack(states)).float()
        return output.logits.float()
