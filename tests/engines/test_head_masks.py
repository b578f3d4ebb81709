"""Heads that are switched off: their outputs before the projection are 0, in the named layers alone."""

from __future__ import annotations

from typing import Any

import pytest

from quintain.engines import HeadMask
from quintain.errors import ConfigurationError

torch = pytest.importorskip("torch")
TEXT = ["the quick brown fox"]


def test_all_heads_change_nothing_and_one_head_does(tiny_engine: Any) -> None:
    plain = tiny_engine.forward(TEXT).logits
    assert torch.equal(tiny_engine.forward(TEXT, heads=HeadMask({0: range(4), 1: range(4)})).logits, plain)
    assert not torch.allclose(tiny_engine.forward(TEXT, heads=HeadMask({1: [2]})).logits, plain)
    assert torch.equal(tiny_engine.forward(TEXT).logits, plain)  # the hooks are gone


def test_outputs_are_switched_off_before_the_projection(tiny_engine: Any) -> None:
    attention = tiny_engine.model.model.layers[0].self_attn
    seen: list[Any] = []
    with attention.o_proj.register_forward_hook(lambda _, given, out: seen.append((given[0], out))):
        tiny_engine.forward(TEXT, heads=HeadMask({0: [1]}))
        tiny_engine.forward(TEXT, heads=HeadMask({0: []}))
    outputs = seen[0][0][0].unflatten(-1, (4, 8))
    assert outputs[:, 1].abs().sum() > 0
    assert outputs[:, [0, 2, 3]].abs().sum() == 0
    assert seen[1][1].abs().sum() == 0


def test_slices_after_the_projection_are_switched_off_for_comparison(tiny_engine: Any) -> None:
    layer = tiny_engine.model.model.layers[0]
    seen: list[Any] = []
    with layer.self_attn.register_forward_hook(lambda _, given, out: seen.append(out[0])):
        tiny_engine.forward(TEXT, heads=HeadMask({0: [3]}, after_projection=True))
    slices = seen[0][0].unflatten(-1, (4, 8))
    assert slices[:, 3].abs().sum() > 0
    assert slices[:, :3].abs().sum() == 0


@pytest.mark.parametrize(("keep", "message"), [({2: [0]}, "layers 0 to 1, got 2"), ({0: [4]}, "heads 0 to 3, got 4")])
def test_layers_and_heads_are_checked(tiny_engine: Any, keep: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tiny_engine.forward(TEXT, heads=HeadMask(keep))
