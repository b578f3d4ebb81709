"""Switch attention heads of a model off, layer by layer, to see what single heads contribute."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["HeadMask", "masked_heads"]


@dataclass(frozen=True, slots=True)
class HeadMask:
    """Which attention heads work in a pass.

    Attributes:
        keep: For each layer, from 0, the heads that work, from 0; the others of this layer contribute 0. Layers that
            are not named are left as they are.
        after_projection: Whether slices of the projected output are switched off, as the code of Liang et al. 2024
            (arXiv 2407.14507) does, in place of the heads' outputs before the projection. Such a slice is no head.
            Default: false.
    """

    keep: Mapping[int, Collection[int]]
    after_projection: bool = False


@contextlib.contextmanager
def masked_heads(model: Any, heads: HeadMask | None) -> Iterator[None]:
    """Switch heads of a ``transformers`` model off within the context.

    Raises:
        ConfigurationError: If the model's attention has no output projection ``o_proj``, or no such layer or head.
    """
    hooks = []
    try:
        for layer, kept in (heads.keep if heads is not None else {}).items():
            projection, mask = _projection(model, layer), _mask(model, kept)
            if heads is not None and heads.after_projection:
                hooks.append(projection.register_forward_hook(lambda _, __, out, m=mask: _scaled(out, m)))
            else:
                hooks.append(projection.register_forward_pre_hook(lambda _, given, m=mask: (_scaled(given[0], m),)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _projection(model: Any, layer: int) -> Any:
    layers = getattr(model.get_decoder(), "layers", ())
    if not 0 <= layer < len(layers):
        raise ConfigurationError(f"the model has layers 0 to {len(layers) - 1}, got {layer!r}")
    projection = getattr(getattr(layers[layer], "self_attn", None), "o_proj", None)
    if projection is None:
        raise ConfigurationError(f"heads of {type(model).__name__} cannot be switched off: it has no self_attn.o_proj")
    return projection


def _mask(model: Any, kept: Collection[int]) -> Any:
    import torch

    count = model.config.get_text_config().num_attention_heads
    wrong = [head for head in kept if not 0 <= head < count]
    if wrong:
        raise ConfigurationError(f"the model has heads 0 to {count - 1}, got {wrong[0]!r}")
    return torch.tensor([float(head in kept) for head in range(count)], device=model.device, dtype=model.dtype)


def _scaled(states: Any, mask: Any) -> Any:
    """Multiply each of equally wide slices of the last dimension by its factor."""
    return (states.unflatten(-1, (len(mask), -1)) * mask[:, None]).flatten(-2)
