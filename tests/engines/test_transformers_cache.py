"""The cache of the transformers engine: which prefixes are reused, and when its memory is given up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from quintain.engines import Request, make_engine
from tests.engines.tiny_model import PROMPTS, ask, generate


def test_a_growing_conversation_reuses_the_prefix_cache(engine: Any, tiny_folder: str) -> None:
    fresh = make_engine("transformers", model=tiny_folder, prefix_rows=0)
    text = "a model reads tokens, writes tokens and stops. " * 3
    before = engine.statistics.reused_tokens
    for turn in range(4):
        request = Request(prompt=text, max_tokens=9, seed=turn, logprobs=True)
        [[reply]] = ask(engine, request)
        [[expected]] = ask(fresh, request)
        assert reply.text == expected.text
        assert reply.logprobs == pytest.approx(expected.logprobs, abs=1e-4)
        text += reply.text + " the dog answers: "
    assert engine.statistics.reused_tokens - before > 100
    fresh.close()


def test_replies_of_one_request_share_the_prompts_prefix_cache(engine: Any) -> None:
    prompt = "the quick brown fox jumps over the lazy dog and " * 4
    n_prompt = len(engine.tokenizer(prompt)["input_ids"])
    before = engine.statistics.reused_tokens
    replies = ask(engine, Request(prompt=prompt, n=4, max_tokens=6, seed=0))[0]
    assert engine.statistics.reused_tokens - before == 3 * (n_prompt - 1)
    assert len({r.text for r in replies}) > 1


def test_exclusive_access_to_the_model_clears_the_prefix_cache(engine: Any) -> None:
    request = Request(prompt="the quick brown fox jumps over the lazy dog " * 2, max_tokens=8, temperature=0)
    [[before]] = ask(engine, request)
    with engine.exclusive():
        for parameter in engine.model.parameters():
            parameter.data.mul_(-0.7)
    [[after]] = ask(engine, request)
    assert list(after.token_ids) == generate(engine, request.prompt, 8)
    assert after.text != before.text


def test_long_requests_run_in_smaller_batches(tiny_folder: str) -> None:
    small = make_engine("transformers", model=tiny_folder, max_batch=8, cache_gb=600 * 256 / 1e9)
    requests = [Request(prompt=p, max_tokens=n, temperature=0) for p in PROMPTS for n in (5, 300)]
    for request, [reply] in zip(requests, ask(small, *requests), strict=True):
        assert list(reply.token_ids) == generate(small, request.prompt, request.max_tokens)
    small.close()


def test_a_small_cache_keeps_fewer_prefixes(tiny_folder: str) -> None:
    small = make_engine("transformers", model=tiny_folder, max_batch=2, prefix_rows=8, cache_gb=4 * 256 * 256 / 1e9)
    text = "a model reads tokens, writes tokens and stops. " * 3
    ask(small, Request(prompt=text, max_tokens=4, temperature=0))
    ask(small, Request(prompt=text + " yes", max_tokens=4, temperature=0))
    assert small.statistics.reused_tokens > 20
    small.close()


def test_close_releases_the_cache_of_an_idle_engine(tiny_folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.engines.scheduler._IDLE_S", 0.05)
    engine = make_engine("transformers", model=tiny_folder)
    ask(engine, Request(prompt="count", max_tokens=2))
    scheduler = engine._scheduler
    while scheduler._thread is not None:
        time.sleep(0.01)
    layers = scheduler._decoder._layers
    assert any(layer.is_initialized for layer in layers)
    engine.close()
    assert not any(layer.is_initialized for layer in layers)
