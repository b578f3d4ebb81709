"""Tool calls in requests, replies, messages, templates, servers and records."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from quintain.engines import Reply, Request, ScriptedEngine, make_engine
from quintain.engines.engine import Exchange
from quintain.engines.tool_calls import find_tool_calls, read_tool_calls, template_message
from quintain.errors import CapabilityError
from quintain.evaluation.requests import pack, requests_of
from quintain.messages import assistant, tool, user
from quintain.records import EpisodeRecord

TOOLS = json.dumps([{"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}}])
CALL = json.dumps([{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}])
CONVERSATION = (user("1 + 1?"), assistant("", tool_calls=CALL), tool("2", "c1"))


def test_calls_are_read_in_the_form_of_chat_apis() -> None:
    assert Reply("", tool_calls=CALL).calls == (("add", '{"a": 1}', "c1"),)
    assert read_tool_calls('{"name": "add", "arguments": "not json"}') == (("add", "not json", ""),)
    assert read_tool_calls('[{"function": {"name": "add", "arguments": {"a": 1}}}, 3, {"id": "x"}]') == (
        ("add", '{"a": 1}', ""),
    )
    assert Reply("text").calls == ()


@pytest.mark.parametrize(
    ("text", "before", "names"),
    [
        ('I add.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>', "I add.", ["add"]),
        ('{"name": "add", "parameters": {"a": 1}}', "", ["add"]),
        ('<tool_call>{"name": "a", "arguments": {}}</tool_call><tool_call>{"name": "b"}</tool_call>', "", ["a", "b"]),
        ("<tool_call>{broken</tool_call>", "<tool_call>{broken</tool_call>", []),
        ('{"x": 1}', '{"x": 1}', []),
    ],
)
def test_calls_are_found_in_generated_text(text: str, before: str, names: list[str]) -> None:
    found = find_tool_calls(text)
    assert found[0] == before
    assert [call.name for call in read_tool_calls(found[1])] == names


def test_templates_get_objects() -> None:
    shown = template_message(CONVERSATION[1])
    assert shown["tool_calls"] == [{"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}]
    broken = assistant("", tool_calls='[{"function": {"name": "add", "arguments": "{"}}]')
    assert template_message(broken)["tool_calls"][0]["function"]["arguments"] == {"malformed": "{"}


def test_a_request_with_tools_needs_the_capability_and_has_a_key_of_its_own() -> None:
    plain, with_tools = Request(messages=(user("hi"),)), Request(messages=(user("hi"),), tools=TOOLS)
    assert "tools" not in plain.needs
    assert "tools" in with_tools.needs
    assert "tools" in Request(messages=CONVERSATION).needs
    assert plain.key != with_tools.key
    with pytest.raises(ValueError, match="tools go with messages"):
        Request(prompt="hi", tools=TOOLS)
    with pytest.raises(CapabilityError, match="tools"):
        asyncio.run(ScriptedEngine("x").complete(with_tools))


def test_records_keep_tools_calls_and_results() -> None:
    requests = [Request(messages=CONVERSATION[:1], tools=TOOLS), Request(messages=CONVERSATION, tools=TOOLS)]
    replies = [Reply("", "tool_calls", tool_calls=CALL), Reply("It is 2.")]
    packed = pack([Exchange(r, [a]) for r, a in zip(requests, replies, strict=True)], [])
    record = EpisodeRecord(0, 0, "success", {}, messages=packed.messages, calls=packed.calls)
    assert requests_of(record) == requests
    assert Reply.from_dict(packed.calls[0]["replies"][0]).calls == replies[0].calls


def test_servers_get_tools_and_their_calls_come_back(fake_server: Any) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": json.loads(CALL)}

    def calls(answer: dict[str, Any]) -> dict[str, Any]:
        answer["choices"][0] |= {"message": message, "finish_reason": "tool_calls"}
        return answer

    engine = make_engine(f"openai:m@{fake_server.url}", dialect="openai")
    fake_server.engine, fake_server.edit = ScriptedEngine("x", capabilities=("tools",)), calls
    reply = asyncio.run(engine.complete(Request(messages=CONVERSATION, tools=TOOLS)))
    engine.close()
    [sent] = fake_server.seen
    assert sent["tools"] == [{"type": "function", "function": json.loads(TOOLS)[0]}]
    assert sent["messages"][1]["tool_calls"] == json.loads(CALL)
    assert sent["messages"][2] == {"role": "tool", "content": "2", "tool_call_id": "c1"}
    assert (reply.text, reply.finish_reason, reply.calls) == ("", "tool_calls", (("add", '{"a": 1}', "c1"),))


def test_templates_with_tools_are_rendered(tiny_folder: str) -> None:
    engine = make_engine("transformers", model=tiny_folder)
    assert "tools" not in engine.capabilities
    engine.close()
    from transformers import AutoTokenizer

    from quintain.engines.codec import Codec

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    tokenizer.chat_template = (
        "{% for t in tools %}[{{ t.function.name }}]{% endfor %}{% for m in messages %}<{{ m.role }}>{{ m.content }}"
        "{% for c in m.tool_calls %}({{ c.function.name }} {{ c.function.arguments.a }}){% endfor %}{% endfor %}"
    )
    text = Codec(tokenizer)._render(Request(messages=CONVERSATION, tools=TOOLS))
    assert text == "[add]<user>1 + 1?<assistant>(add 1)<tool>2"
