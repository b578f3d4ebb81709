"""The OpenAI-compatible engine against a local HTTP server with fault injection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from quintain.agents import make_agent
from quintain.engines import Reply, Request, ScriptedEngine, make_engine
from quintain.engines.openai_engine import OpenAIEngine
from quintain.engines.registry import without_transport
from quintain.errors import (
    CapabilityError,
    ConfigurationError,
    EngineError,
)
from quintain.messages import user
from tests.engines.openai_client import ANSWER, KEY, REQUEST, respond


def answered(content: Any = "x", **choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **choice.pop("message", {})}
    return {"choices": [{"index": 0, "message": message, **choice}]}


ENDS = {
    **dict.fromkeys(["stop", None, "", "eos", "eos_token", "stop_sequence", "end_turn", "STOP", "anything"], "stop"),
    **dict.fromkeys(["length", "max_tokens", "MAX_TOKENS", "model_length"], "length"),
    **dict.fromkeys(["content_filter", "SAFETY", "refusal"], "content_filter"),
    **dict.fromkeys(["tool_calls", "tool_use", "function_call"], "tool_calls"),
}


@pytest.mark.parametrize("word", ENDS, ids=repr)
def test_finish_reasons_of_other_servers_are_mapped(word: Any, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, json.dumps(answered("text", finish_reason=word)))]
    reply = ask()[0]
    assert (reply.text, reply.finish_reason) == ("text", ENDS[word])


def test_a_missing_finish_reason_is_read_as_stop(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, json.dumps(answered("text")))]
    assert (ask()[0].text, len(fake_server.seen)) == ("text", 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answered("a", message={"reasoning_content": "hm"}), {"text": "a", "reasoning": "hm"}),
        (answered("a", message={"reasoning": "hm"}), {"text": "a", "reasoning": "hm"}),
        (answered(None, message={"refusal": "no"}), {"text": "", "refusal": "no"}),
        (answered(None, message={"tool_calls": [{"id": "1"}]}), {"text": "", "tool_calls": '[{"id": "1"}]'}),
        (
            answered(
                [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
            ),
            {"text": "a", "reasoning": "hm"},
        ),
    ],
)
def test_reasoning_refusals_and_tool_calls_are_kept(answer: Any, expected: Any, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, json.dumps(answer))]
    reply = ask()[0]
    assert expected.items() <= {"text": reply.text, **reply.to_dict()}.items()
    assert Reply.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply


@pytest.mark.parametrize("field", ["seed", "temperature", "top_p"])
def test_a_field_that_the_server_rejects_is_omitted_with_a_warning(field: str, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(422, json.dumps({"detail": [{"type": "extra_forbidden", "loc": ["body", field]}]}))]
    with pytest.warns(UserWarning, match=field):
        assert ask()[0].text.startswith("one two three")
    assert [field in body for body in fake_server.seen] == [True, False]


def test_a_rejected_value_raises_engine_error_and_omits_no_field(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(400, "temperature must be at most 1")]
    with pytest.raises(EngineError, match="at most 1"):
        ask()
    assert len(fake_server.seen) == 1


def test_null_in_extra_body_omits_the_field(fake_server: Any, ask: Any) -> None:
    ask(extra_body={"seed": None, "top_p": None, "min_p": 0.1})
    assert {"seed", "top_p"}.isdisjoint(fake_server.seen[0])
    assert fake_server.seen[0]["min_p"] == 0.1


def test_variables_of_the_chat_template_are_sent_with_messages(fake_server: Any, ask: Any) -> None:
    variables = {"enable_thinking": False}
    ask(chat_template_kwargs=variables)
    ask(Request(prompt="raw"), chat_template_kwargs=variables)
    assert [body.get("chat_template_kwargs") for body in fake_server.seen] == [variables, None]
    engine = make_engine(f"openai:m@{fake_server.url}", dialect="openai", chat_template_kwargs=variables)
    assert engine.describe()["chat_template_kwargs"] == variables


def test_max_completion_tokens_is_used_when_max_tokens_is_rejected(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")]
    ask()
    assert "max_completion_tokens" in fake_server.seen[1]
    assert "max_tokens" not in fake_server.seen[1]


def test_if_n_is_rejected_one_request_is_sent_per_reply(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(400, "Only one completion choice is allowed")]
    replies = ask(Request(messages=[user("hello")], seed=3, n=3))
    assert len({reply.text for reply in replies}) == 3
    assert [body.get("n", 1) for body in fake_server.seen] == [3, 1, 1, 1]


def test_missing_usage_gives_zero_token_counts(fake_server: Any, ask: Any) -> None:
    fake_server.edit = lambda answer: {k: v for k, v in answer.items() if k != "usage"}
    reply = ask()[0]
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == (ANSWER, 0, 0)


def test_completion_tokens_of_several_replies_are_split_evenly(fake_server: Any, ask: Any) -> None:
    def edit(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "usage": {"prompt_tokens": 4, "completion_tokens": 20}}

    fake_server.edit = edit
    replies = ask(Request(messages=[user("hello")], seed=3, n=3))
    assert [r.completion_tokens for r in replies] == [7, 7, 6]


def test_if_n_is_ignored_the_missing_replies_are_requested(fake_server: Any, ask: Any) -> None:
    fake_server.ignores = {"n"}
    replies = ask(Request(messages=[user("hello")], seed=3, n=3))
    assert len({reply.text for reply in replies}) == 3
    assert len({body["seed"] for body in fake_server.seen}) == 3


def test_if_stop_is_ignored_the_client_truncates_the_reply(fake_server: Any, ask: Any) -> None:
    fake_server.ignores = {"stop"}
    reply = ask(Request(messages=[user("hello")], seed=3, stop=(" three",)))[0]
    assert (reply.text, reply.finish_reason, reply.stop_string) == ("one two", "stop", " three")


def test_stop_strings_beyond_the_protocols_four_are_applied_by_the_client(fake_server: Any, ask: Any) -> None:
    reply = ask(Request(messages=[user("hello")], seed=3, stop=("a!", "b!", "c!", "d!", " two")))[0]
    assert (reply.text, reply.stop_string) == ("one", " two")
    assert len(fake_server.seen[0]["stop"]) == 4


def test_max_connections_bounds_concurrent_requests(fake_server: Any) -> None:
    fake_server.delay_s = 0.05
    engine = make_engine(f"openai:m@{fake_server.url}", max_connections=3)

    async def crowd() -> None:
        await asyncio.gather(*(engine.generate([REQUEST, REQUEST]) for _ in range(6)))

    asyncio.run(crowd())
    engine.close()
    assert len(fake_server.seen) == 12
    assert fake_server.peak == 3


def test_prompts_are_sent_to_the_completions_endpoint_with_all_options(fake_server: Any, ask: Any) -> None:
    ask(Request(prompt="once", max_tokens=7, temperature=0.5, top_p=0.9, seed=1), extra_body={"min_p": 0.1})
    body = fake_server.seen[0]
    assert body["path"] == "/v1/completions"
    expected = {"model": "model-x", "prompt": "once", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 1}
    assert expected.items() <= body.items()
    assert body["min_p"] == 0.1


def test_the_openai_dialect_supports_neither_prefill_nor_choices(ask: Any) -> None:
    with pytest.raises(CapabilityError, match="prefill"):
        ask(Request(messages=[user("hello")], prefill="Well,"))
    with pytest.raises(CapabilityError, match="choices"):
        ask(Request(messages=[user("hello")], choices=("a", "b")))


@pytest.mark.parametrize("ignores", [set(), {"logprob_token_ids"}], ids=["by label", "by text"])
def test_single_token_choices_are_scored_equally_by_old_and_new_vllm_servers(
    ignores: set[str], tiny_server: Any, tiny_engine: Any
) -> None:
    request = Request(messages=[user("say")], choices=("a", "t", "x"), temperature=0)
    engine = make_engine(f"openai:tiny@{tiny_server.url}", dialect="vllm")
    tiny_server.ignores, before = ignores, len(tiny_server.seen)
    [[expected], [reply]] = [asyncio.run(made.generate([request]))[0] for made in (tiny_engine, engine)]
    scored = [body for body in tiny_server.seen[before:] if "prompt" in body]
    tiny_server.ignores = set()
    engine.close()
    assert len(scored) == 1 + len(ignores)
    assert reply.text == expected.text
    assert reply.choice_logprobs == pytest.approx(expected.choice_logprobs, abs=1e-4)


TOP_LOGPROBS = ((("The", -0.5), (" F", -1.5), ("J", -2.0)), ((" answer", -0.1),))


def reply_with_top_logprobs(request: Request) -> Reply:
    """Reply with ``top_logprobs`` if the request asks for them."""
    return Reply("The answer", "length", 5, 2, top_logprobs=TOP_LOGPROBS if request.top_logprobs else None)


@pytest.fixture
def server_with_top_logprobs(fake_server: Any) -> Any:
    fake_server.engine = ScriptedEngine(reply_with_top_logprobs, capabilities=["top_logprobs"])
    return fake_server


def test_top_logprobs_of_a_chat_are_returned(server_with_top_logprobs: Any, ask: Any) -> None:
    reply = ask(Request(messages=[user("hello")], top_logprobs=50))[0]
    assert reply.top_logprobs == TOP_LOGPROBS
    assert reply.logprobs is None
    assert (server_with_top_logprobs.seen[0]["logprobs"], server_with_top_logprobs.seen[0]["top_logprobs"]) == (
        True,
        20,
    )  # the protocol's limit
    assert Reply.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply


def test_top_logprobs_of_a_completion_are_returned(fake_server: Any, ask: Any) -> None:
    choice = {"text": "x", "finish_reason": "length", "logprobs": {"top_logprobs": [{" F": -1.5, "The": -0.5}]}}
    fake_server.faults = [respond(200, json.dumps({"choices": [choice]}))]
    reply = ask(Request(prompt="hello", top_logprobs=20))[0]
    assert reply.top_logprobs == ((("The", -0.5), (" F", -1.5)),)
    assert fake_server.seen[0]["logprobs"] == 5


@pytest.mark.parametrize("field", [None, {}, {"content": None}, {"content": []}, {"content": [{"top_logprobs": []}]}])
def test_missing_top_logprobs_are_none(field: Any, fake_server: Any, ask: Any) -> None:
    entry = {"message": {"content": "x"}, "finish_reason": "stop", "logprobs": field}
    fake_server.faults = [respond(200, json.dumps({"choices": [entry]}))]
    reply = ask(Request(messages=[user("hello")], top_logprobs=20))[0]
    assert (reply.text, reply.top_logprobs) == ("x", None)


@pytest.mark.parametrize(
    ("owner", "dialect"), [("vllm", "vllm"), ("organization-owner", "openai"), (None, "openai")], ids=str
)
def test_the_vllm_dialect_is_detected(owner: Any, dialect: str, fake_server: Any) -> None:
    fake_server.owner = owner
    engine = make_engine(f"openai:m@{fake_server.url}")
    assert engine.describe()["dialect"] == dialect
    assert ("choices" in engine.capabilities) == (dialect == "vllm")
    engine.close()


def test_url_and_key_are_read_from_environment_variables(monkeypatch: pytest.MonkeyPatch, fake_server: Any) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", fake_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    engine = make_engine("openai:model-y")
    assert asyncio.run(engine.complete(REQUEST)).text == ANSWER
    engine.close()
    assert fake_server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "name", ["claude-3-5-sonnet@20240620", "@cf/meta/llama-3", "a/b:free", "m@v1@2", "user@host.example"]
)
@pytest.mark.parametrize("given", ["name", "option", "environment"])
def test_model_names_may_contain_an_at_sign(
    name: str, given: str, monkeypatch: pytest.MonkeyPatch, fake_server: Any
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", fake_server.url if given == "environment" else "http://127.0.0.1:9/v1")
    spec = f"openai:{name}@{fake_server.url}" if given == "name" else f"openai:{name}"
    engine = make_engine(spec, **({"base_url": fake_server.url} if given == "option" else {}))
    assert asyncio.run(engine.complete(REQUEST)).text == ANSWER
    engine.close()
    assert fake_server.seen[0]["model"] == name


@pytest.mark.parametrize("address", ["localhost:8000/v1", "10.0.0.1:80", "[::1]:8000/v1"])
def test_an_address_without_scheme_raises_configuration_error(address: str) -> None:
    with pytest.raises(ConfigurationError, match="http://"):
        make_engine(f"openai:m@{address}")


def test_bad_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="model"):
        make_engine("openai")
    with pytest.raises(ConfigurationError, match="dialect"):
        make_engine("openai:m", dialect="klingon")
    with pytest.raises(ConfigurationError, match="attempts"):
        make_engine("openai:m", attempts=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout_s": "soon"}, "timeout_s must be a finite number > 0, got 'soon'"),
        ({"max_connections": 1.5}, "max_connections must be an integer >= 1, got 1.5"),
        ({"backoff_s": -1}, "backoff_s must be a finite number >= 0, got -1"),
        ({"extra_body": "x"}, "extra_body must be a mapping"),
        ({"chat_template_kwargs": "x"}, "chat_template_kwargs must be a mapping"),
        ({"base_url": "http://b/v1"}, "both give an address"),
        ({"timeout": 3}, "did you mean 'timeout_s'"),
    ],
)
def test_options_are_checked_when_the_engine_is_made(options: Any, message: str) -> None:
    for given in ({"engine": "openai:m@http://a/v1"}, {"engine": "openai", "model": "m@http://a/v1"}):
        with pytest.raises(ConfigurationError, match=message):
            make_engine(**given, **options)


def test_every_way_to_name_a_server_reaches_that_server_alone(fake_server: Any, monkeypatch: Any) -> None:
    """However the address is given, the request and its key go there and not to the default of the environment."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    named = f"m@{fake_server.url}"
    ways = [
        make_engine(f"openai:{named}", api_key=KEY),
        make_engine("openai", model=named, api_key=KEY),
        make_engine("openai:m", base_url=fake_server.url, api_key=KEY),
        OpenAIEngine(named, api_key=KEY),
    ]
    for engine in ways:
        assert (engine.model, engine.base_url) == ("m", fake_server.url)
        asyncio.run(engine.complete(REQUEST))
        assert fake_server.seen[-1]["model"] == "m"
        assert fake_server.headers[-1]["Authorization"] == f"Bearer {KEY}"
    for description in ({"name": "openai", "model": named}, f"openai:{named}"):
        agent = make_agent("chat", engine=description)
        assert (agent.engine.model, agent.engine.base_url) == ("m", fake_server.url)


def test_the_address_is_no_part_of_what_a_resumed_run_compares() -> None:
    plain = {"agent": {"name": "chat", "engine": {"name": "openai", "model": "m"}}}
    named = {"agent": {"name": "chat", "engine": {"name": "openai", "model": "m@http://a/v1"}}}
    short = {"agent": {"name": "chat", "engine": "openai:m@http://b/v1"}}
    other = {"agent": {"name": "chat", "engine": {"name": "openai", "model": "n@http://a/v1"}}}
    assert without_transport(named) == without_transport(plain) == without_transport(short)
    assert without_transport(other) != without_transport(plain)


def test_an_option_of_the_engine_that_is_given_to_the_agent_is_explained() -> None:
    with pytest.raises(ConfigurationError, match=r"engine=\{'name': 'openai', 'model': \.\.\.\}"):
        make_agent("all-text", engine="openai", model="m@http://a/v1")
