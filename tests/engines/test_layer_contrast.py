"""Contrast of layers: hand-computed values, and the engine against whole forward passes."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from quintain.engines import Request
from quintain.errors import ConfigurationError

torch = pytest.importorskip("torch")
layer_contrast = pytest.importorskip("quintain.engines.layer_contrast")
candidate_layers, contrast = layer_contrast.candidate_layers, layer_contrast.contrast


def test_the_layer_that_differs_most_is_contrasted_and_implausible_tokens_are_left_out() -> None:
    final = torch.tensor([[0.6, 0.35, 0.05]]).log()
    early = torch.tensor([[[0.6, 0.3, 0.1]], [[0.9, 0.05, 0.05]]]).log()
    found = contrast(final + 2, early - 1)  # shifts of logits change nothing
    assert found[0].tolist() == pytest.approx([math.log(0.6 / 0.9), math.log(0.35 / 0.05), -math.inf], abs=1e-5)
    single = contrast(final, early[:1])
    assert single[0].tolist() == pytest.approx([0.0, math.log(0.35 / 0.3), -math.inf], abs=1e-5)


def test_each_row_has_a_layer_of_its_own() -> None:
    final = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    early = torch.tensor([[[0.5, 0.5], [0.9, 0.1]], [[0.2, 0.8], [0.5, 0.5]]]).log()
    found = contrast(final, early)
    assert found[0].tolist() == pytest.approx([math.log(0.5 / 0.2), math.log(0.5 / 0.8)], abs=1e-5)
    assert found[1].tolist() == pytest.approx([math.log(0.5 / 0.9), math.log(0.5 / 0.1)], abs=1e-5)


@pytest.mark.parametrize(
    ("choice", "layers", "tied", "expected"),
    [
        ("low", 12, True, (2, 4)),
        ("low", 12, False, (0, 2, 4)),
        ("high", 12, True, (6, 8, 10)),
        ("low", 48, False, tuple(range(0, 20, 2))),
        ("high", 48, False, tuple(range(28, 48, 2))),
        ((3, 1, 3), 12, True, (1, 3)),
    ],
)
def test_candidate_layers(choice: Any, layers: int, tied: bool, expected: tuple[int, ...]) -> None:
    assert candidate_layers(choice, layers, tied) == expected


def greedy_by_hand(engine: Any, prompt: str, tokens: int, layers: list[int]) -> list[int]:
    """Decode token by token with whole forward passes."""
    ids, model = list(engine.tokenizer(prompt)["input_ids"]), engine.model
    start = len(ids)
    with torch.inference_mode():
        for _ in range(tokens):
            output = model(torch.tensor([ids]), output_hidden_states=True)
            early = torch.stack([model.lm_head(output.hidden_states[layer][:, -1]) for layer in layers])
            ids.append(int(contrast(output.logits[:, -1].float(), early.float()).argmax()))
    return ids[start:]


@pytest.mark.parametrize("layers", [(0,), (0, 1)])
def test_the_engine_draws_from_the_contrast(engine: Any, layers: tuple[int, ...]) -> None:
    request = Request(prompt="the quick brown", max_tokens=8, temperature=0, contrast_layers=layers)
    [[reply]] = asyncio.run(engine.generate([request]))
    expected = greedy_by_hand(engine, "the quick brown", 8, list(layers))
    assert list(reply.token_ids) == expected[: len(reply.token_ids)]
    [[plain]] = asyncio.run(engine.generate([Request(prompt="the quick brown", max_tokens=8, temperature=0)]))
    assert plain.token_ids != reply.token_ids


def test_requests_with_and_without_a_contrast_share_a_batch(engine: Any) -> None:
    requests = [
        Request(prompt=prompt, max_tokens=6, temperature=0, contrast_layers=layers, logprobs=True)
        for prompt in ("the quick", "count 1 2 3")
        for layers in (None, (0,), (1,))
    ]
    together = asyncio.run(engine.generate(requests))
    for request, [reply] in zip(requests, together, strict=True):
        [[alone]] = asyncio.run(engine.generate([request]))
        assert reply.token_ids == alone.token_ids
        assert reply.logprobs == pytest.approx(alone.logprobs, abs=1e-4)


def test_layers_are_checked(engine: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"\[0, 1\] for this model, got 2"):
        asyncio.run(engine.generate([Request(prompt="the", contrast_layers=(2,))]))
    for wrong in ("middle", (), (1.5,), [1]):
        with pytest.raises(ValueError, match="contrast_layers must be"):
            Request(prompt="the", contrast_layers=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choices"):
        Request(prompt="the", contrast_layers="low", choices=("a", "b"))
