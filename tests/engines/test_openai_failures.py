"""The OpenAI-compatible engine when requests fail: attempts, time limits and errors."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from typing import Any

import pytest

import quintain
from quintain.engines import Request, make_engine
from quintain.errors import (
    ConfigurationError,
    ContextOverflowError,
    EngineError,
)
from quintain.messages import user
from tests.engines.openai_client import ANSWER, KEY, REQUEST, respond


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


def test_a_closed_engine_raises_engine_error(fake_server: Any) -> None:
    engine = make_engine(f"openai:m@{fake_server.url}")
    asyncio.run(engine.complete(REQUEST))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        asyncio.run(engine.complete(REQUEST))
