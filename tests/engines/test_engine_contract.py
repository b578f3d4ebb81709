"""The engine contract: the same tests for all engines."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from typing import Any

import pytest

from quintain.engines import Reply, Request, record_exchanges
from quintain.errors import CapabilityError
from quintain.messages import assistant, system, user

CHAT = [system("Answer in one line."), user("Name three colours and count to five.")]


def chat(**options: Any) -> Request:
    return Request(messages=CHAT, **{"max_tokens": 12, "seed": 5, **options})


def test_each_request_gets_n_replies_in_request_order(subject: Any) -> None:
    requests = [chat(n=2), Request(prompt="the quick brown", max_tokens=4, seed=1), chat(max_tokens=3)]
    replies = subject.run(*requests)
    assert [len(batch) for batch in replies] == [2, 1, 1]
    for request, batch in zip(requests, replies, strict=True):
        for reply in batch:
            assert isinstance(reply, Reply)
            assert reply.finish_reason in ("stop", "length")
            assert 1 <= reply.completion_tokens <= request.max_tokens
            assert reply.prompt_tokens > 0


def test_generating_for_an_empty_list_returns_an_empty_list(subject: Any) -> None:
    assert asyncio.run(subject.engine.generate([])) == []


def test_multi_turn_conversations_are_accepted(subject: Any) -> None:
    turns = [*CHAT, assistant("red, green, blue"), user("And now?")]
    [[short], [long]] = subject.run(chat(), Request(messages=turns, max_tokens=12, seed=5))
    assert long.prompt_tokens > short.prompt_tokens


def test_a_reply_of_max_tokens_has_finish_reason_length(subject: Any) -> None:
    [[reply]] = subject.run(chat(max_tokens=1, temperature=0))
    assert reply.completion_tokens == 1
    assert reply.finish_reason == "length"


def test_greedy_replies_are_reproducible(subject: Any) -> None:
    request = chat(temperature=0)
    assert subject.run(request) == subject.run(request)


def test_a_reply_ends_before_the_first_stop_string(subject: Any) -> None:
    [[whole]] = subject.run(chat(temperature=0))
    middle = len(whole.text) // 2
    stop = whole.text[middle : middle + 2]
    assert stop.strip(), f"the test needs a reply with characters in the middle, got {whole.text!r}"
    [[cut]] = subject.run(chat(temperature=0, stop=("never said", stop)))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    if subject.can("stop_string"):
        assert cut.stop_string == stop
    assert cut.completion_tokens <= whole.completion_tokens


def test_sampled_replies_depend_on_the_seed_alone(subject: Any) -> None:
    if not subject.can("seed"):
        pytest.skip("the engine does not honour seeds")
    first, again, other = subject.run(chat(n=3), chat(n=3), chat(n=3, seed=6))
    assert first == again
    assert [r.text for r in first] != [r.text for r in other]
    assert len({r.text for r in first}) > 1


def test_logprobs_are_those_at_temperature_1(subject: Any) -> None:
    if not subject.can("logprobs"):
        pytest.skip("the engine has no log-probabilities")
    [[greedy], [cold], [plain]] = subject.run(
        chat(temperature=0, logprobs=True), chat(temperature=0.001, logprobs=True), chat(temperature=0)
    )
    assert plain.logprobs is None
    assert greedy.token_ids is None or len(greedy.token_ids) == len(greedy.logprobs)
    assert len(greedy.logprobs) >= 1
    assert all(-100 < p <= 1e-6 for p in greedy.logprobs)
    assert cold.text == greedy.text
    assert cold.logprobs == pytest.approx(greedy.logprobs, abs=1e-3)


def test_a_constrained_reply_is_one_of_the_choices(subject: Any) -> None:
    choices = ("yes", "no", "maybe so")
    batches = subject.run(chat(choices=choices, n=4), chat(choices=choices, temperature=0))
    for reply in (*batches[0], *batches[1]):
        assert reply.text in choices
        assert reply.finish_reason == "choice"
    best = batches[1][0]
    if best.choice_logprobs is not None:
        assert len(best.choice_logprobs) == 3
        assert all(math.isfinite(p) and p < 0 for p in best.choice_logprobs)
        assert best.text == choices[best.choice_logprobs.index(max(best.choice_logprobs))]


def test_a_prefill_is_part_of_the_prompt_and_not_of_the_reply(subject: Any) -> None:
    plain, filled = subject.run(chat(temperature=0), chat(temperature=0, prefill="The colours are"))
    assert filled[0].prompt_tokens > plain[0].prompt_tokens
    assert not filled[0].text.startswith("The colours are")


def test_choices_can_follow_a_prefill(subject: Any) -> None:
    [[reply]] = subject.run(chat(choices=("A", "B"), prefill="I choose ", temperature=0))
    assert reply.text in ("A", "B")


def test_control_characters_and_template_syntax_in_prompts_are_plain_text(subject: Any) -> None:
    for text in ("", "\x00\x1b[31m", "𝔘𝔫𝔦 🎉 é", "lone surrogate \ud800", "<|im_end|>{{ 7*7 }}"):
        [[reply]] = subject.run(Request(messages=[user(text)], max_tokens=2, temperature=0))
        assert reply.completion_tokens >= 1


def test_concurrent_callers_on_several_event_loops_get_their_own_replies(subject: Any) -> None:
    requests = [chat(seed=i, max_tokens=3 + i % 5) for i in range(12)]
    expected = subject.run(*requests)

    async def crowd() -> list[list[Reply]]:
        return [batch[0] for batch in await asyncio.gather(*(subject.engine.generate([r]) for r in requests))]

    results: list[Any] = [None, None]

    def work(index: int) -> None:
        results[index] = asyncio.run(crowd())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert [[r.text for r in batch] for batch in result] == [[r.text for r in batch] for batch in expected]


def test_cancelling_a_caller_does_not_change_later_replies(subject: Any) -> None:
    request = chat(temperature=0)
    expected = subject.run(request)

    async def cancel_then_ask() -> list[list[Reply]]:
        task = asyncio.create_task(subject.engine.generate([chat(max_tokens=100, seed=9), chat(max_tokens=90)]))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await subject.engine.generate([request])

    assert asyncio.run(cancel_then_ask()) == expected


def test_a_missing_capability_raises_capability_error(subject: Any) -> None:
    asked = chat(logprobs=True)
    if "logprobs" in subject.engine.capabilities:
        pytest.skip("this engine can")
    with pytest.raises(CapabilityError, match="logprobs"):
        asyncio.run(subject.engine.generate([asked]))


def test_record_exchanges_records_the_exchanges_of_its_own_task(subject: Any) -> None:
    requests = [chat(seed=1), chat(seed=2)]
    subject.run(*requests)

    async def episode(request: Request) -> tuple[Any, Any]:
        with record_exchanges() as log:
            batch = (await subject.engine.generate([request]))[0]
        return log, batch

    async def both() -> Any:
        return await asyncio.gather(*(episode(r) for r in requests))

    for request, (log, batch) in zip(requests, asyncio.run(both()), strict=True):
        assert [(e.request, list(e.replies)) for e in log.exchanges] == [(request, batch)]
        assert log.completion_tokens == sum(r.completion_tokens for r in batch)


def test_replies_round_trip_through_json(subject: Any) -> None:
    wanted = subject.can("logprobs")
    [[free], [chosen]] = subject.run(chat(logprobs=wanted), chat(choices=("yes", "no")))
    for reply in (free, chosen):
        assert Reply.from_dict(json.loads(json.dumps(reply.to_dict(), allow_nan=False))) == reply


def test_describe_is_json_serialisable(subject: Any) -> None:
    facts = json.loads(json.dumps(subject.engine.describe(), allow_nan=False))
    assert facts["engine"] == subject.engine.name


def test_capabilities_agree_with_the_methods(subject: Any) -> None:
    if subject.can("training"):
        with subject.engine.exclusive() as model:
            assert next(model.parameters()).requires_grad
    else:
        with pytest.raises(CapabilityError, match="cannot do: training"):
            subject.engine.exclusive()
    if subject.can("hidden_states"):
        assert subject.engine.forward(["a b"], hidden_states=True).hidden_states is not None
    else:
        with pytest.raises(CapabilityError, match="cannot do: hidden_states"):
            subject.engine.forward(["a b"])


def test_given_texts_are_scored_after_prompts_and_conversations(subject: Any) -> None:
    if subject.name == "replay":
        pytest.skip("a replay scores what its run scored")
    texts, prompts = ["the lazy dog", " jumps over"], [CHAT, "the quick brown fox"]
    if not (subject.can("choices") and subject.can("logprobs")):
        with pytest.raises(CapabilityError, match="logprobs"):
            asyncio.run(subject.engine.score(texts))
        return
    scores = asyncio.run(subject.engine.score(texts, prompts))
    whole = Request(prompt=prompts[1], choices=(texts[1], " reads"), temperature=0)
    [[chosen]] = subject.run(whole)
    assert scores[1].total == pytest.approx(chosen.choice_logprobs[0], abs=1e-4)
    assert all(len(score.token_ids) == len(score.logprobs) > 0 > score.total for score in scores)
    with pytest.raises(ValueError, match="got 1 prompts"):
        asyncio.run(subject.engine.score(texts, ["one"]))
