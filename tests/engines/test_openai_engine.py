"""The OpenAI-compatible engine against a local HTTP server with fault injection."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.engines import Reply, Request, ScriptedEngine, make_engine
from quintain.engines.openai_engine import OpenAIEngine
from quintain.engines.registry import without_transport
from quintain.errors import (
    CapabilityError,
    ConfigurationError,
    ContextOverflowError,
    EngineError,
)
from quintain.messages import user

KEY = "sk-very-secret-0123456789"
REQUEST = Request(messages=[user("hello")], seed=3)
ANSWER = "one two three\nfour five six 3"


def respond(status: int, body: str = "", **headers: str) -> Callable[[Any], None]:
    def fault(handler: Any) -> None:
        data = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return fault


def reset(handler: Any) -> None:
    """Answer with a TCP reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cut_short(handler: Any) -> None:
    """Send a body shorter than its ``Content-Length``."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"index": 0, "mess')
    handler.close_connection = True


def no_response(handler: Any) -> None:
    time.sleep(0.6)
    handler.close_connection = True


@pytest.fixture
def ask(fake_server: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that sends one request; options go to the engine."""
    engines = []

    def run(request: Request = REQUEST, **options: Any) -> Any:
        options = {"backoff_s": 0.01, "timeout_s": 0.3, "api_key": KEY, **options}
        engine = make_engine(f"openai:model-x@{fake_server.url}", **options)
        engines.append(engine)
        return asyncio.run(engine.generate([request]))[0]

    yield run
    for engine in engines:
        engine.close()


@pytest.mark.parametrize(
    "fault",
    [
        respond(500, "boom"),
        respond(503),
        respond(429, "slow down", Retry_After="0"),
        respond(408),
        respond(200, '{"choices": [{"inde'),
        respond(200, '["not", "an", "object"]'),
        reset,
        cut_short,
        no_response,
    ],
    ids=["500", "503", "429", "408", "half-json", "not-an-object", "reset", "cut-short", "time-out"],
)
def test_transient_failures_are_retried(fault: Any, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [fault, fault]
    assert ask()[0].text == ANSWER
    assert len(fake_server.seen) == 3


def test_persistent_failures_raise_engine_error_after_the_attempts(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(500, "x" * 10_000 + KEY)] * 9
    with pytest.raises(EngineError, match="status 500") as caught:
        ask(attempts=4)
    assert (caught.value.attempts, caught.value.status) == (4, 500)
    assert len(fake_server.seen) == 4
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_client_errors_are_not_retried(status: int, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(status, "no such model")]
    with pytest.raises(EngineError, match="no such model") as caught:
        ask()
    assert caught.value.status == status
    assert len(fake_server.seen) == 1


def test_errors_and_descriptions_do_not_contain_the_api_key(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(401, f"bad key {KEY}")]
    with pytest.raises(EngineError) as caught:
        ask()
    assert KEY not in str(caught.value)
    assert fake_server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(make_engine("openai:m@http://x/v1", api_key=KEY, dialect="openai").describe())


def test_retry_after_is_honoured_and_bounded(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(429, Retry_After="0.4")]
    start = time.monotonic()
    ask()
    assert time.monotonic() - start >= 0.4
    fake_server.faults = [respond(429, Retry_After="3600")]
    start = time.monotonic()
    ask(backoff_max_s=0.1)
    assert time.monotonic() - start < 60


def test_the_deadline_bounds_the_time_of_all_attempts(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [no_response] * 50
    start = time.monotonic()
    with pytest.raises(EngineError, match="time is up"):
        ask(attempts=50, deadline_s=0.8)
    assert time.monotonic() - start < 30


def test_a_refused_connection_raises_engine_error() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    engine = make_engine(f"openai:m@http://127.0.0.1:{port}/v1", attempts=2, backoff_s=0)
    with pytest.raises(EngineError, match="connection failed"):
        asyncio.run(engine.complete(REQUEST))
    engine.close()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        {"choices": "none"},
        {"choices": [{"index": 0, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "message": {"content": 5}, "finish_reason": "stop"}]},
        {
            "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": "many"},
        },
    ],
)
def test_malformed_responses_raise_engine_error(answer: Any, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, json.dumps(answer))]
    with pytest.raises(EngineError, match="protocol"):
        ask()


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


OVERFLOWS = {
    "vllm": "This model's maximum context length is 200 tokens. However, you requested 203 tokens in the messages.",
    "openai": '{"error": {"code": "context_length_exceeded", "message": "This model\'s maximum context length is 200 '
    'tokens. However, your messages resulted in 203 tokens."}}',
    "llama.cpp": '{"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 203, "n_ctx": 200}}',
    "anthropic": "prompt is too long: 203 tokens > 200 maximum",
}


@pytest.mark.parametrize("server", OVERFLOWS)
def test_context_overflow_errors_of_known_servers_are_recognised(server: str, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(400, OVERFLOWS[server])]
    with pytest.raises(ContextOverflowError) as caught:
        ask()
    assert (caught.value.prompt_tokens, caught.value.limit) == (203, 200)


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


@pytest.mark.parametrize("code", [502, "502", 429, None])
def test_an_error_object_with_status_200_is_retried(code: Any, fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, json.dumps({"error": {"message": "Provider returned error", "code": code}}))]
    assert ask()[0].text == ANSWER
    fake_server.faults = [respond(200, json.dumps({"error": {"message": "Provider returned error", "code": code}}))] * 2
    with pytest.raises(EngineError, match="Provider returned error"):
        ask(attempts=2)


def test_an_undecodable_body_is_retried(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(200, "cut off by a proxy", Content_Encoding="gzip")]
    assert ask()[0].text == ANSWER


def test_a_redirect_raises_engine_error_with_the_location(fake_server: Any, ask: Any) -> None:
    fake_server.faults = [respond(307, Location="https://example.org/v1")]
    with pytest.raises(EngineError, match=r"example\.org"):
        ask()


def test_a_non_ascii_api_key_raises_engine_error(ask: Any) -> None:
    with pytest.raises(EngineError, match="characters") as caught:
        ask(api_key="sk-\u00e9\u00e8-0123456")
    assert "0123456" not in str(caught.value)


def test_a_socks_proxy_without_socksio_raises_configuration_error(monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigurationError, match="socksio"):
        ask()


def test_ten_authentication_errors_in_a_row_end_the_run(fake_server: Any) -> None:
    fake_server.faults = [respond(401, "bad key")] * 100
    agent = {"name": "all-text", "engine": {"name": f"openai:m@{fake_server.url}", "dialect": "openai"}}
    with pytest.raises(ConfigurationError, match="10 times in a row"):
        quintain.evaluate("CodeReason-v0", agent, episodes=100, concurrency=1, progress=False)
    assert len(fake_server.seen) == 10


def test_timeout_s_does_not_limit_the_length_of_a_generation(fake_server: Any, ask: Any) -> None:
    fake_server.delay_s = 0.8
    assert ask(timeout_s=0.2)[0].text == ANSWER
    assert len(fake_server.seen) == 1


def test_missing_logprobs_raise_engine_error(fake_server: Any, ask: Any) -> None:
    body = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop", "logprobs": None}]}
    fake_server.faults = [respond(200, json.dumps(body))]
    with pytest.raises(EngineError, match="protocol"):
        ask(Request(messages=[user("hello")], logprobs=True))


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


def test_a_closed_engine_raises_engine_error(fake_server: Any) -> None:
    engine = make_engine(f"openai:m@{fake_server.url}")
    asyncio.run(engine.complete(REQUEST))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        asyncio.run(engine.complete(REQUEST))
