"""Commands: one JSON object in a reply, checked; everything else is refused with a reason."""

import pytest

from quintain.envs.repair.actions import TOOLS, Command, manual, parse


def test_the_first_object_with_a_tool_counts():
    reply = (
        'I look {"at": 1} first.\n```json\n{"tool": "view_code", "path": "a.py", "start": 3}\n```\n{"tool": "finish"}'
    )
    assert parse(reply) == Command("view_code", {"path": "a.py", "start": 3})
    assert parse('{"tool": "finish"}').kind == "end"


def test_line_breaks_inside_strings_are_taken():
    command = parse('{"tool": "append_string", "path": "a.py", "text": "x = 1\ny = {}\n"}')
    assert command.arguments["text"] == "x = 1\ny = {}\n"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no command"),
        ("finish", "no command"),
        ('["tool", "finish"]', "no command"),
        ('{"tool": "finish"', "no command"),
        ('{"tool": "shell", "command": "ls"}', "there is no tool 'shell'"),
        ('{"tool": 3}', "there is no tool '3'"),
        ('{"tool": "view_code"}', 'view_code needs the argument "path"'),
        ('{"tool": "view_code", "path": "a", "start": "1"}', '"start" of view_code must be a whole number'),
        ('{"tool": "view_code", "path": "a", "start": true}', '"start" of view_code must be a whole number'),
        ('{"tool": "finish", "force": 1}', 'finish has no argument "force"'),
        ("{" * 50_000, "no command"),
        ('{"tool": ' + "[" * 50_000, "no command"),
        ('{"a": "' * 10_000, "no command"),
    ],
)
def test_malformed_replies_have_a_reason(reply, why):
    found = parse(reply)
    assert isinstance(found, str)
    assert why in found


def test_the_manual_shows_every_tool_in_its_own_syntax():
    lines = manual().splitlines()
    assert len(lines) == len(TOOLS)
    assert lines[4].startswith(
        '{"tool": "view_code", "path": text, ["start": a whole number], ["end": a whole number]}'
    )
