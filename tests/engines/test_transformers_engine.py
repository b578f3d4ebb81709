"""The transformers engine on a tiny random model: batching, prefix cache, choices and failures."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import threading
import time
from typing import Any

import pytest

from quintain.engines import Request, make_engine, perplexity
from quintain.errors import ConfigurationError, ContextOverflowError, EngineError
from quintain.messages import user
from tests.engines.tiny_model import PROMPTS, ask, generate

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def test_greedy_replies_equal_transformers_generate(engine: Any) -> None:
    lengths = [5, 20, 1, 33, 12, 8, 40, 2]
    requests = [
        Request(prompt=prompt, max_tokens=n, temperature=0)
        for prompt, n in zip(itertools.cycle(PROMPTS), lengths, strict=False)
    ]
    replies = ask(engine, *requests)
    for request, [reply] in zip(requests, replies, strict=True):
        assert list(reply.token_ids) == generate(engine, request.prompt, request.max_tokens)


def architectures() -> list[Any]:
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        "pad_token_id": 0,
    }
    return [
        transformers.Qwen2Config(**small),
        transformers.Qwen3Config(**small),
        transformers.GemmaConfig(**small),
        transformers.MistralConfig(**{**small, "sliding_window": 64}),
        transformers.Gemma3TextConfig(**{**small, "sliding_window": 64}),
        transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256, initializer_range=0.3),
    ]


@pytest.mark.parametrize("config", architectures(), ids=lambda c: c.model_type)
def test_greedy_replies_equal_generate_for_other_architectures(config: Any, tiny_engine: Any, tmp_path: Any) -> None:
    torch.manual_seed(1)
    config.vocab_size = len(tiny_engine.tokenizer)
    config.bos_token_id = config.eos_token_id = tiny_engine.tokenizer.eos_token_id
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny_engine.tokenizer.save_pretrained(tmp_path)
    other = make_engine("transformers", model=str(tmp_path))
    replies = ask(other, *(Request(prompt=p, max_tokens=12, temperature=0) for p in PROMPTS))
    for prompt, [reply] in zip(PROMPTS, replies, strict=True):
        assert list(reply.token_ids) == generate(other, prompt, 12)
    other.close()


def test_a_reply_does_not_depend_on_the_rest_of_the_batch(engine: Any) -> None:
    request = Request(prompt="the quick brown", max_tokens=20, seed=11, top_p=0.9, logprobs=True)
    [[alone]] = ask(engine, request)
    crowd = [Request(prompt=p, max_tokens=3 + 9 * i, seed=i) for i, p in enumerate(PROMPTS * 2)]
    [among] = ask(engine, *crowd, request)[-1]
    assert among.text == alone.text
    assert among.logprobs == pytest.approx(alone.logprobs, abs=1e-4)


def test_finished_rows_are_refilled_at_once(engine: Any) -> None:
    """Eight short replies beside a long one take no more decoding steps than the long one alone."""
    requests = [Request(prompt="count", max_tokens=60, seed=0)]
    requests += [Request(prompt=p, max_tokens=7, seed=i) for i, p in enumerate(PROMPTS * 2)]
    before = engine.statistics.steps
    [long], *_ = ask(engine, *requests)
    assert engine.statistics.steps - before <= long.completion_tokens + 1


def test_first_token_frequencies_match_the_models_softmax(engine: Any) -> None:
    """Chi-squared over the likeliest first tokens, 600 draws; the bound is the 0.999 quantile for 5 degrees."""
    prompt, draws = "the quick", 600
    first = engine.forward([prompt]).logits[0, -1].softmax(-1)
    likeliest = first.topk(5).indices.tolist()
    replies = ask(engine, *(Request(prompt=prompt, max_tokens=1, seed=i, n=6) for i in range(draws // 6)))
    drawn = [reply.token_ids[0] for batch in replies for reply in batch]
    expected = [draws * float(first[token]) for token in likeliest]
    counts = [drawn.count(token) for token in likeliest]
    rest = draws - sum(counts), draws - sum(expected)
    chi2 = sum((c - e) ** 2 / e for c, e in [*zip(counts, expected, strict=True), rest])
    assert chi2 < 20.5


def test_top_p_draws_only_tokens_of_the_nucleus(engine: Any) -> None:
    first = engine.forward(["the quick"]).logits[0, -1].softmax(-1).sort(descending=True)
    size = int((first.values.cumsum(0) < 0.5).sum()) + 1
    nucleus = set(first.indices[:size].tolist())
    replies = ask(engine, Request(prompt="the quick", max_tokens=1, n=40, seed=0, top_p=0.5))[0]
    assert {reply.token_ids[0] for reply in replies} <= nucleus


def test_choice_logprobs_sum_over_all_tokens_of_a_choice(engine: Any) -> None:
    choices = (" lazy dog", " dog", " 1 2 3")
    [[reply]] = ask(engine, Request(prompt="over the", choices=choices, temperature=0))
    for choice, found in zip(choices, reply.choice_logprobs, strict=True):
        whole = engine.forward(["over the" + choice])
        n_prompt = len(engine.tokenizer("over the")["input_ids"])
        logprobs = whole.logits[0].log_softmax(-1)
        ids = whole.token_ids[0]
        expected = sum(float(logprobs[i - 1, ids[i]]) for i in range(n_prompt, len(ids)))
        assert found == pytest.approx(expected, abs=1e-4)


def test_choice_frequencies_match_their_probabilities(engine: Any) -> None:
    choices = (" dog", " fox", " lazy")
    for temperature in (1.0, 2.0):
        request = Request(prompt="over the", choices=choices, temperature=temperature, seed=0, n=2000)
        replies = ask(engine, request)[0]
        weights = torch.tensor(replies[0].choice_logprobs).div(temperature).softmax(0)
        for choice, weight in zip(choices, weights.tolist(), strict=True):
            share = sum(r.text == choice for r in replies) / 2000
            assert share == pytest.approx(weight, abs=0.045)  # four standard deviations at worst


def test_choices_are_scored_with_the_tokens_of_prompt_and_choice_together(engine: Any) -> None:
    """As "dog" is one token, "do" + "g" is scored with the tokens of the concatenated text."""
    [[reply]] = ask(engine, Request(prompt="the lazy do", choices=("g", "t"), temperature=0))
    assert reply.text in ("g", "t")
    ids = [engine.tokenizer("the lazy do" + c)["input_ids"] for c in ("g", "t")]
    shared = next(i for i, (a, b) in enumerate(zip(*ids, strict=False)) if a != b)
    logprobs = [engine.forward(["the lazy do" + c]).logits[0].log_softmax(-1) for c in ("g", "t")]
    totals = [
        sum(float(lp[i - 1, row[i]]) for i in range(shared, len(row))) for lp, row in zip(logprobs, ids, strict=True)
    ]
    assert reply.choice_logprobs[0] - reply.choice_logprobs[1] == pytest.approx(totals[0] - totals[1], abs=1e-4)


def test_the_model_can_be_trained_between_requests(engine: Any) -> None:
    request = Request(prompt="the quick", choices=(" dog", " fox"), temperature=0)
    [[before]] = ask(engine, request)
    ids = engine.tokenizer("the quick dog", return_tensors="pt")["input_ids"]
    optimiser = torch.optim.SGD(engine.model.parameters(), lr=0.1)
    with engine.exclusive():
        for _ in range(5):
            optimiser.zero_grad()
            engine.model(input_ids=ids, labels=ids).loss.backward()
            optimiser.step()
    [[after]] = ask(engine, request)
    assert after.choice_logprobs[0] > before.choice_logprobs[0]


def test_forward_does_not_wait_for_queued_requests(engine: Any) -> None:
    async def main() -> float:
        running = asyncio.create_task(engine.generate([Request(prompt="count", max_tokens=400, seed=1, n=200)]))
        await asyncio.sleep(0.05)
        start = time.monotonic()
        await asyncio.to_thread(engine.forward, ["the dog"])
        waited = time.monotonic() - start
        assert not running.done()
        running.cancel()
        return waited

    assert asyncio.run(main()) < 5


def test_cancelled_requests_free_their_batch_slots(engine: Any) -> None:
    async def main() -> None:
        long = [Request(prompt=p, max_tokens=450, seed=i) for i, p in enumerate(PROMPTS)]
        tasks = [asyncio.create_task(engine.generate([r])) for r in long]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        before = engine.statistics.generated_tokens
        await engine.generate([Request(prompt="count", max_tokens=5, seed=0)])
        # All four slots were taken; the new request did not wait for 4 x 450 tokens.
        assert engine.statistics.generated_tokens - before < 100

    asyncio.run(main())


def test_a_prompt_beyond_the_context_window_does_not_fail_others(engine: Any) -> None:
    async def main() -> Any:
        return await asyncio.gather(
            engine.generate([Request(prompt="dog " * 2000)]),
            engine.generate([Request(prompt="dog", max_tokens=3, temperature=0)]),
            engine.generate([Request(prompt="dog " * 2000, choices=("a", "b"))]),
            return_exceptions=True,
        )

    first, second, third = asyncio.run(main())
    assert isinstance(first, ContextOverflowError)
    assert first.prompt_tokens > first.limit == engine.context - 1
    assert second[0][0].completion_tokens == 3
    assert isinstance(third, ContextOverflowError)


def test_a_reply_ends_at_the_context_window(engine: Any) -> None:
    prompt = "dog fox " * 55
    n_prompt = len(engine.tokenizer(prompt)["input_ids"])
    assert engine.context - 100 < n_prompt < engine.context
    [[reply]] = ask(engine, Request(prompt=prompt, max_tokens=300, temperature=0))
    assert reply.finish_reason == "length"
    assert reply.completion_tokens == engine.context - n_prompt


def test_scores_of_many_choices_do_not_depend_on_the_number_of_passes(engine: Any) -> None:
    choices = tuple(f" {a} {b} {c}" for a in PROMPTS[0].split() for b in range(12) for c in range(12))
    [[reply]] = ask(engine, Request(prompt="the " * 20, choices=choices, temperature=0))
    for index in (0, len(choices) // 2, len(choices) - 1):
        [[alone]] = ask(engine, Request(prompt="the " * 20, choices=(choices[index], " dog"), temperature=0))
        assert reply.choice_logprobs[index] == pytest.approx(alone.choice_logprobs[0], abs=1e-4)


def test_a_decoder_error_fails_the_live_requests_only(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = engine._scheduler._decoder
    original = decoder.step

    def broken(*args: Any) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(decoder, "step", broken)
    with pytest.raises(EngineError, match="out of memory"):
        ask(engine, *(Request(prompt=p, max_tokens=9) for p in PROMPTS))
    monkeypatch.setattr(decoder, "step", original)
    [[reply]] = ask(engine, Request(prompt="count", max_tokens=6, temperature=0))
    assert list(reply.token_ids) == generate(engine, "count", 6)


def test_non_finite_logits_raise_engine_error(engine: Any) -> None:
    with engine.exclusive():
        engine.model.get_output_embeddings().weight.data.fill_(float("nan"))
    with pytest.raises(EngineError, match="not finite"):
        ask(engine, Request(prompt="count", max_tokens=3))


def test_close_fails_running_and_later_requests(engine: Any) -> None:
    outcome: list[Any] = []

    def caller() -> None:
        try:
            outcome.append(ask(engine, Request(prompt="count", max_tokens=450, seed=0, n=300)))
        except EngineError as error:
            outcome.append(error)

    thread = threading.Thread(target=caller)
    thread.start()
    time.sleep(0.1)
    engine.close()
    thread.join(10)
    assert isinstance(outcome[0], EngineError)
    with pytest.raises(EngineError, match="closed"):
        ask(engine, Request(prompt="count"))


def test_stop_strings_that_span_tokens_end_the_reply(engine: Any) -> None:
    """Each two-character substring of a reply stops it at its first occurrence, also across token boundaries."""
    [[whole]] = ask(engine, Request(prompt="the quick", max_tokens=24, temperature=0))
    stops = [whole.text[i : i + 2] for i in range(len(whole.text) - 1)]
    stops = [s for s in stops if "\ufffd" not in s]  # an incomplete UTF-8 character
    assert len(stops) > 10
    replies = ask(engine, *(Request(prompt="the quick", max_tokens=24, temperature=0, stop=(s,)) for s in stops))
    for stop, [reply] in zip(stops, replies, strict=True):
        assert reply.text == whole.text[: whole.text.index(stop)]


def test_forward_returns_logits_and_hidden_states(engine: Any) -> None:
    result = engine.forward(["the quick brown fox", "dog"], hidden_states=True)
    rows, width = result.token_ids.shape
    assert rows == 2
    assert result.mask.sum(1).tolist()[1] == len(engine.tokenizer("dog")["input_ids"])
    assert result.logits.shape == (2, width, engine.model.config.vocab_size)
    assert result.hidden_states.shape == (3, 2, width, 32)
    alone = engine.forward(["dog"])
    n = alone.token_ids.shape[1]
    assert torch.allclose(result.logits[1, :n], alone.logits[0], atol=1e-4)
    with pytest.raises(ValueError, match="at least one text"):
        engine.forward([])


def test_scores_of_texts_are_those_of_a_forward_pass(engine: Any) -> None:
    texts = ["the quick brown fox jumps", "dog"]
    scores = asyncio.run(engine.score(texts))
    for text, score in zip(texts, scores, strict=True):
        start = engine.tokenizer.eos_token_id  # the model has no start token
        ids = [start, *engine.tokenizer(text)["input_ids"]]
        logprobs = engine.forward([ids]).logits[0].log_softmax(-1)
        expected = [float(logprobs[at, token]) for at, token in enumerate(ids[1:])]
        assert list(score.token_ids) == ids[1:]
        assert score.logprobs == pytest.approx(expected, abs=1e-4)
    tokens = [value for score in scores for value in score.logprobs]
    assert perplexity(scores) == pytest.approx(math.exp(-sum(tokens) / len(tokens)))


def test_forward_without_logits_has_the_same_hidden_states(engine: Any) -> None:
    texts = ["the quick brown fox", "dog"]
    whole = engine.forward(texts, hidden_states=True)
    states = engine.forward(texts, hidden_states=True, logits=False)
    assert states.logits is None
    assert torch.equal(states.hidden_states, whole.hidden_states)


def test_a_model_without_chat_template_lacks_the_chat_capability(tiny_engine: Any, tmp_path: Any) -> None:
    tiny_engine.model.save_pretrained(tmp_path)
    tiny_engine.tokenizer.save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    base = make_engine("transformers", model=str(tmp_path))
    assert "chat" not in base.capabilities
    base.close()


def test_describe_has_model_hash_dtype_and_versions(engine: Any, tiny_folder: str) -> None:
    facts = engine.describe()
    assert facts["model"] == tiny_folder
    assert len(facts["sha256"]) == 64
    assert facts["dtype"] == "float32"
    assert facts["versions"]["torch"] == torch.__version__
    json.dumps(facts)


def test_bad_options_are_refused(tiny_folder: str) -> None:
    with pytest.raises(ConfigurationError, match="max_batch"):
        make_engine("transformers", model=tiny_folder, max_batch=0)
    with pytest.raises(ConfigurationError, match="cannot load"):
        make_engine("transformers", model="/nowhere/to/be/found")
    with pytest.raises(ConfigurationError, match="dtype"):
        make_engine("transformers", model=tiny_folder, dtype="float33")


@pytest.mark.gpu
def test_replies_on_a_gpu_equal_those_on_the_cpu(tiny_folder: str, engine: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    fast = make_engine("transformers", model=tiny_folder, device="cuda", dtype="float32")
    requests = [Request(messages=[user(p)], max_tokens=12, seed=3) for p in PROMPTS]
    assert [b[0].text for b in ask(fast, *requests)] == [b[0].text for b in ask(engine, *requests)]
    fast.close()
