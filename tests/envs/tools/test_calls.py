"""Actions as text: both forms, and everything that is no call."""

from __future__ import annotations

import pytest

from quintain.envs.tools import Call, Final, Malformed, parse, render_action, render_result
from quintain.envs.tools.calls import MAX_RESULT_CHARS

READ = Call("mail_read", {"id": "m3"})


@pytest.mark.parametrize(
    "action",
    [
        'Thought: first the e-mail\nAction: mail_read\nAction Input: {"id": "m3"}',
        'Action: mail_read\nAction Input: {"id": "m3"}\nObservation: made up\nFinal Answer: wrong',
        '**Action:** `mail_read`\n**Action Input:** {\n  "id": "m3"\n}',
        '<think>\nAction: mail_delete\n</think>\nAction: mail_read\nAction Input: {"id": "m3"}',
        '{"name": "mail_read", "arguments": {"id": "m3"}}',
        '{"name": "mail_read", "arguments": "{\\"id\\": \\"m3\\"}"}',
        '<tool_call>\n{"name": "mail_read", "arguments": {"id": "m3"}}\n</tool_call>',
        'I read it.\n```json\n{"name": "mail_read", "arguments": {"id": "m3"}}\n```',
    ],
)
def test_both_forms_of_a_call(action: str) -> None:
    assert parse(action) == READ


def test_answers_and_calls_without_arguments() -> None:
    assert parse("Thought: ready\nFinal Answer: 42, or\nso") == Final("42, or\nso")
    assert parse('{"name": "final_answer", "arguments": {"answer": "42"}}') == Final("42")
    assert parse("Action: files_names") == parse("Action: files_names\nAction Input:") == Call("files_names", {})


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("", "neither an action nor a final answer"),
        ("I shall read the e-mail.", "neither"),
        ("Action: mail_read\nAction Input: m3", "not JSON"),
        ("Action: mail_read\nAction Input: [1]", "not a JSON object"),
        ("Action:\nAction Input:", "no name"),
        ('Action: a\nAction Input: {"id": 1, "id": 2}', "occurs twice"),
        ('Action: a\nAction Input: {"x": NaN}', "no JSON"),
        ('Action: a\nAction Input: {"x": ' + "[" * 90_000, "nested too deeply"),
        ('Action: a\nAction Input: {"x": ' + '{"y":' * 20_000 + "1" + "}" * 20_001, "nested too deeply"),
        ('Action: a\nAction Input: {"x": ' + "9" * 10_000 + "}", "not JSON"),
        ('{"name": "a", "arguments": [1]}', "a call is"),
        ('{"name": 3, "arguments": {}}', "a call is"),
        ('{"name": "a", "arguments": {}, "more": 1}', "a call is"),
        ('{"name": "final_answer", "arguments": {"answer": 3}}', "takes a text"),
    ],
)
def test_everything_else_is_malformed(action: str, why: str) -> None:
    found = parse(action)
    assert isinstance(found, Malformed)
    assert why in found.why
    assert len(found.why) < 300


@pytest.mark.parametrize("form", ["react", "json"])
@pytest.mark.parametrize("move", [READ, Call("x", {}), Final('Done.\n"quoted" \x00 ☃'), Call("y", {"a": "\ud800"})])
def test_what_is_written_is_read_back(form: str, move: Call | Final) -> None:
    assert parse(render_action(move, form)) == move  # type: ignore[arg-type]


def test_results_are_text_or_json_and_bounded() -> None:
    assert render_result("plain") == "plain"
    assert render_result([{"a": "ü"}]) == '[{"a": "ü"}]'
    assert len(render_result("x" * 10**6)) < MAX_RESULT_CHARS + 100
