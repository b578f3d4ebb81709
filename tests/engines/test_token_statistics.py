"""Statistics of next-token distributions: hand-computed values, and the engine against a whole forward pass."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from quintain.engines import ReplayEngine, Reply, Request, ScriptedEngine, TokenStatistics
from quintain.engines.engine import Exchange
from quintain.engines.token_statistics import reduce_logits
from quintain.errors import CapabilityError, EngineError
from quintain.evaluation.requests import pack
from quintain.records import EpisodeRecord

torch = pytest.importorskip("torch")


def test_statistics_of_a_distribution_over_four_tokens_by_hand() -> None:
    p = [0.5, 0.25, 0.125, 0.125]
    [found] = reduce_logits(torch.tensor([p]).log() + 3.0)  # a shift of all logits changes nothing
    # KL(U||p) = -log 4 - (log .5 + log .25 + 2 log .125) / 4 = -2 log 2 + (1 + 2 + 3 + 3) / 4 log 2
    assert found.self_certainty == pytest.approx(0.25 * math.log(2), abs=1e-6)
    assert found.entropy == pytest.approx(1.75 * math.log(2), abs=1e-6)
    assert found.gini == pytest.approx(0.25 + 0.0625 + 2 * 0.015625, abs=1e-6)


def test_uniform_logits_have_no_certainty_and_full_entropy() -> None:
    [found] = reduce_logits(torch.full((1, 1000), -7.0))
    assert found == pytest.approx((0.0, math.log(1000), 1 / 1000), abs=1e-5)


def test_a_token_of_probability_0_makes_self_certainty_infinite_and_nothing_else() -> None:
    [found] = reduce_logits(torch.tensor([[0.0, 0.0, -math.inf]]))
    assert found.self_certainty == math.inf
    assert (found.entropy, found.gini) == pytest.approx((math.log(2), 0.5))


def expected_of(engine: Any, prompt: str, token_ids: tuple[int, ...]) -> tuple[Any, Any]:
    """Return statistics and log-probabilities from one forward pass over prompt and reply, in double precision."""
    prompt_ids = engine.tokenizer(prompt)["input_ids"]
    with torch.inference_mode():
        logits = engine.model(torch.tensor([[*prompt_ids, *token_ids]])).logits[0].double()
    logits = logits[len(prompt_ids) - 1 : -1]  # the distribution of a token is computed at the position before it
    logp = logits.log_softmax(-1)
    vocab = logits.shape[-1]
    statistics = TokenStatistics(
        self_certainty=tuple((-logp.mean(-1) - math.log(vocab)).tolist()),
        entropy=tuple((-(logp.exp() * logp).sum(-1)).tolist()),
        gini=tuple(logp.exp().square().sum(-1).tolist()),
    )
    return statistics, logp[range(len(token_ids)), list(token_ids)].tolist()


def check(engine: Any, request: Request, reply: Reply) -> None:
    assert reply.token_ids
    assert reply.token_statistics is not None
    statistics, logprobs = expected_of(engine, str(request.prompt), reply.token_ids)
    for name in ("self_certainty", "entropy", "gini"):
        assert getattr(reply.token_statistics, name) == pytest.approx(getattr(statistics, name), abs=1e-4)
    assert reply.logprobs == pytest.approx(logprobs, abs=1e-4)


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"temperature": 0.6, "top_p": 0.5}, {"temperature": 2.0}])
def test_a_single_request_has_the_statistics_before_temperature_and_top_p(engine: Any, settings: Any) -> None:
    request = Request(prompt="the quick", max_tokens=9, seed=3, token_statistics=True, **settings)
    [[reply]] = asyncio.run(engine.generate([request]))
    check(engine, request, reply)


def test_a_batch_of_different_lengths_has_the_statistics_of_each_reply(engine: Any) -> None:
    texts = ["the quick", "a model reads tokens, writes tokens and stops. the dog", "count", "the quick brown", "say"]
    requests = [
        Request(prompt=text, max_tokens=3 + 4 * k, seed=k, n=2, token_statistics=k != 2) for k, text in enumerate(texts)
    ]
    for request, replies in zip(requests, asyncio.run(engine.generate(requests)), strict=True):
        for reply in replies:
            if request.token_statistics:
                check(engine, request, reply)
            else:
                assert reply.token_statistics is None
                assert reply.logprobs is None


def test_statistics_are_recorded_and_replayed(engine: Any, tmp_path: Any) -> None:
    request = Request(prompt="the quick", max_tokens=5, seed=1, n=2, token_statistics=True)
    replies = asyncio.run(engine.generate([request]))[0]
    packed = pack([Exchange(request, replies)], [])
    record = EpisodeRecord(0, 0, "finished", {}, calls=packed.calls, messages=packed.messages)
    (tmp_path / "episodes.jsonl").write_text(record.to_line() + "\n")
    assert asyncio.run(ReplayEngine(tmp_path).generate([request])) == [replies]
    assert [Reply.from_dict(json.loads(json.dumps(reply.to_dict()))) for reply in replies] == replies


def test_requests_without_statistics_keep_the_keys_of_earlier_versions() -> None:
    assert Request(prompt="x").key != Request(prompt="x", token_statistics=True).key
    assert Request(prompt="x").key == "453302ce6e995c5c85a53f3a"


def test_engines_without_the_capability_refuse_before_generating() -> None:
    engine = ScriptedEngine("never")
    with pytest.raises(CapabilityError, match="cannot do: token_statistics"):
        asyncio.run(engine.generate([Request(prompt="x", token_statistics=True)]))
    assert engine.served == 0


def test_a_scripted_reply_without_the_declared_statistics_is_an_engine_error() -> None:
    engine = ScriptedEngine([Reply("x", logprobs=(-1.0,))], capabilities=["logprobs", "token_statistics"])
    with pytest.raises(EngineError, match="statistics"):
        asyncio.run(engine.generate([Request(prompt="x", token_statistics=True)]))


def test_choices_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="choices"):
        Request(prompt="x", choices=("a", "b"), token_statistics=True)
