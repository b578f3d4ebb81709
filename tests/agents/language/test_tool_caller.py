"""The tool caller: native calls, choices among valid calls, replay, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import quintain
from quintain.agents.language import ToolCallerAgent
from quintain.agents.language.tool_caller import candidates
from quintain.engines import Reply, Request, ScriptedEngine
from quintain.errors import CapabilityError, ConfigurationError, UnknownNameError

SAME: dict[str, Any] = {"env_kwargs": {"tasks": "mail-count"}, "episodes": 2, "seed": 0, "progress": False}


def native(arguments: str = '{"folder": "inbox"}') -> tuple[ScriptedEngine, list[Request]]:
    """Return an engine that lists the inbox, and then answers with the number of e-mails."""
    seen: list[Request] = []

    def script(request: Request) -> Reply:
        seen.append(request)
        messages = request.messages or ()
        if messages[-1]["role"] == "tool":
            result = messages[-1]["content"]
            return Reply(str(len(json.loads(result))) if result.startswith("[") else f"FAILED, {result}")
        call = {"id": "c7", "type": "function", "function": {"name": "mail_folder", "arguments": arguments}}
        return Reply("", "tool_calls", tool_calls=json.dumps([call, call]))

    return ScriptedEngine(script, capabilities=("tools",)), seen


def test_native_calls_are_made_one_at_a_time_and_survive_replay(tmp_path: Path) -> None:
    engine, seen = native()
    agent = quintain.make_agent("tool-caller", engine=engine)
    report = quintain.evaluate("ToolUse-v0", agent, out=tmp_path / "run", **SAME)
    assert report.success.estimate == 1.0
    assert [m["role"] for m in seen[1].messages or ()] == ["system", "user", "assistant", "tool"]
    assert (seen[1].messages or ())[3]["tool_call_id"] == "c7"
    assert len(json.loads((seen[1].messages or ())[2]["tool_calls"])) == 1
    assert "mail_folder" in seen[0].tools
    again = quintain.make_agent("tool-caller", engine=f"replay:{tmp_path / 'run'}")
    replayed = quintain.evaluate("ToolUse-v0", again, **SAME)
    assert [e.steps for e in replayed.episodes] == [e.steps for e in report.episodes]


MALFORMED = ('{"folder": ', '{"folder": 3}', "[]", '{"folder": "a", "folder": "b"}', "[" * 5000)


@pytest.mark.parametrize("arguments", MALFORMED)
def test_malformed_arguments_are_outcomes(arguments: str) -> None:
    agent = quintain.make_agent("tool-caller", engine=native(arguments)[0])
    [record, _] = list(quintain.evaluate("ToolUse-v0", agent, **SAME).episodes)
    assert record.outcome == "failure"
    assert record.info["metrics"]["malformed_calls"] == 1
    assert record.info["answer"].startswith("FAILED, Error: ")


def test_small_models_choose_among_valid_calls() -> None:
    asked: list[Request] = []

    def script(request: Request) -> str:
        asked.append(request)
        options = request.choices or ()
        if request.prefill == '{"name": "':
            return 'mail_search"' if len(request.messages or ()) == 2 else 'final_answer"'
        return next((o for o in options if "@" in o), options[0])

    agent = quintain.make_agent("tool-caller", engine=ScriptedEngine(script))
    assert isinstance(agent, ToolCallerAgent)
    assert agent.mode == "choice"
    same = SAME | {"env_kwargs": {"tasks": "mail-who-wrote"}}
    report = quintain.evaluate("ToolUse-v0", agent, **same)
    assert report.success.estimate == 1.0  # the sender's address is among the candidates for the answer
    assert not any(e.info["metrics"]["malformed_calls"] for e in report.episodes)
    assert all(request.choices for request in asked)


def test_candidates_fit_their_schema() -> None:
    text = "Send 'Hello you' to ada@post.example on 2026-03-04, 12.50 or 7; see sales.csv"
    found = candidates({"type": "string"}, [text])
    assert found == ["Hello you", "ada@post.example", "2026-03-04", "sales.csv"]
    assert candidates({"type": "integer"}, [text]) == [7]
    assert candidates({"type": "number"}, [text]) == [12.5, 7]
    assert candidates({"type": "boolean"}, []) == [True, False]
    assert candidates({"type": "string", "enum": ["a", "b"]}, [text]) == ["a", "b"]
    assert candidates({"type": "array"}, ["'x'"]) == [["x"]]
    assert candidates({"type": "string"}, [""]) == ["test"]


def test_the_cap_ends_the_episode() -> None:
    engine = ScriptedEngine(
        lambda request: Reply("", "tool_calls", tool_calls='{"name": "mail_folder", "arguments": "{}"}'),
        capabilities=("tools",),
    )
    agent = quintain.make_agent("tool-caller", engine=engine, max_calls=2)
    [record, _] = list(quintain.evaluate("ToolUse-v0", agent, **SAME).episodes)
    assert record.info["answer"].startswith("FAILED, the limit of 2")
    assert record.info["metrics"]["calls"] == 2


def test_settings_and_capabilities_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="mode"):
        ToolCallerAgent("scripted:x", mode="auto2")  # type: ignore[arg-type]
    with pytest.raises(CapabilityError, match="tools"):
        ToolCallerAgent("scripted:x", mode="native")
    with pytest.raises(ConfigurationError, match="max_calls"):
        ToolCallerAgent("scripted:x", max_calls=0)
    agent = ToolCallerAgent("scripted:x")
    with pytest.raises(CapabilityError, match="writes text"):
        quintain.evaluate("CartPole-v1", agent, episodes=1, progress=False)
