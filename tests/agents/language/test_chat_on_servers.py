"""The baseline agents with OpenAI-compatible servers that handle stop strings differently."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import quintain
from quintain.engines import Request, ScriptedEngine
from quintain.errors import CapabilityError, RecordError

ENV = {"tasks": "letters"}
PROGRAM = 'Let me see >>> compute.\n```python\nresult = 6 * 7\nprint(f"<<<{result}>>>")\n```'
ANSWER = "So the answer is <<<Count: 1, Positions: [3]>>>"


def drop_stop_string(answer: dict[str, Any]) -> dict[str, Any]:
    """Remove the stop string that ended a reply, which the OpenAI protocol does not report."""
    for choice in answer["choices"]:
        choice.pop("stop_reason", None)
    return answer


def plain(server: Any) -> None:
    server.edit = drop_stop_string


def server_without_stop(server: Any) -> None:
    server.edit, server.ignores = drop_stop_string, {"stop"}


def vllm(server: Any) -> None:
    server.owner = "vllm"


@pytest.fixture(params=[plain, server_without_stop, vllm])
def url(request: Any, fake_server: Any) -> str:
    """A server whose model continues after its program and after its answer."""

    def say(asked: Request) -> str:
        turn = sum(m["role"] == "assistant" for m in asked.messages or ())
        writes = "program" in str(asked.messages[0]["content"]) and turn == 0 if asked.messages else False
        text = f"{PROGRAM}\nIt prints <<<7>>>." if writes else f"{ANSWER}, I think, or <<<8>>>."
        assert text.startswith(asked.prefill)
        return text.removeprefix(asked.prefill)

    fake_server.engine = ScriptedEngine(say)
    request.param(fake_server)
    return f"openai:m@{fake_server.url}"


def actions(agent: Any, **options: Any) -> list[str]:
    report = quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs=ENV, **options)
    assert report.errors == 0, report.episodes[0].error
    return [step["action"] for step in report.episodes[0].steps]


def test_all_text_submits_the_first_answer_of_a_reply(url: str) -> None:
    assert actions({"name": "all-text", "engine": url}) == [ANSWER]


def test_all_code_submits_the_output_of_its_program(url: str) -> None:
    program, answer = actions({"name": "all-code", "engine": url})
    assert (program.rstrip("\n"), answer) == (PROGRAM, "<<<42>>>")


def test_code_interpreter_runs_the_program_then_answers(url: str) -> None:
    program, answer = actions({"name": "code-interpreter", "engine": url})
    assert (program.rstrip("\n"), answer) == (PROGRAM, ANSWER)


def test_the_task_model_follows_the_guide_models_decision(url: str) -> None:
    agent = {"name": "codesteer", "engine": url, "guide": ScriptedEngine(["code", "submit"])}
    program, answer = actions(agent)
    assert (program.rstrip("\n"), answer) == (PROGRAM, "<<<42>>>")


def test_a_reply_that_ends_with_a_closing_fence_is_a_program(fake_server: Any) -> None:
    fake_server.engine, fake_server.edit = ScriptedEngine(PROGRAM), drop_stop_string
    assert actions({"name": "all-code", "engine": f"openai:m@{fake_server.url}"}) == [PROGRAM, "<<<42>>>"]


@pytest.mark.parametrize("name", ["all-text", "code-interpreter", "codesteer"])
def test_a_server_without_prefill_is_refused_before_the_run(fake_server: Any, name: str) -> None:
    guide = {"guide": ScriptedEngine("submit")} if name == "codesteer" else {}
    with pytest.raises(CapabilityError, match="leave extract out"):
        quintain.make_agent(name, engine=f"openai:m@{fake_server.url}", extract=True, **guide)
    assert fake_server.seen == []


@pytest.mark.parametrize("kind", [plain, vllm])
def test_a_replayed_run_makes_the_same_requests(fake_server: Any, kind: Callable[[Any], None], tmp_path: Any) -> None:
    fake_server.engine = ScriptedEngine(lambda request: PROGRAM.removeprefix(request.prefill))
    kind(fake_server)
    live = actions({"name": "all-code", "engine": f"openai:m@{fake_server.url}"}, out=tmp_path)
    assert actions({"name": "all-code", "engine": f"replay:{tmp_path}"}) == live


def test_truncated_replies_are_recognised_without_token_counts(fake_server: Any) -> None:
    def edit(answer: dict[str, Any]) -> dict[str, Any]:
        for choice in answer["choices"]:
            choice["message"]["content"], choice["stop_reason"] = "x", ">>>"
        return {name: value for name, value in answer.items() if name != "usage"}

    fake_server.owner, fake_server.edit = "vllm", edit
    agent = {"name": "all-text", "engine": f"openai:tiny@{fake_server.url}", "max_tokens": 8, "extract": False}
    quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs=ENV, progress=False)
    assert len(fake_server.seen) == 8


def refuse(handler: Any, data: bytes) -> None:
    """Answer with status 400."""
    handler.send_response(400)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@pytest.mark.parametrize("turn", [1, 2])
def test_exceeding_the_context_window_truncates_the_episode(fake_server: Any, turn: int) -> None:
    def too_long(handler: Any) -> None:
        refuse(handler, b"This model's maximum context length is 200 tokens. However, you requested 203 tokens.")

    def first(handler: Any) -> None:
        fake_server.faults = [too_long]
        choice = {"index": 0, "message": {"content": PROGRAM}, "finish_reason": "stop"}
        data = json.dumps({"choices": [choice]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    fake_server.faults = [first] if turn == 2 else [too_long]
    agent = {"name": "code-interpreter", "engine": f"openai:m@{fake_server.url}"}
    report = quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs=ENV, progress=False)
    [episode] = report.episodes
    assert (episode.outcome, episode.truncated, report.success.n, report.errors) == ("failure", True, 1, 0)
    assert "context window" in episode.info["detail"]
    assert len(episode.steps) == turn - 1


def test_a_replay_resolves_defaults_as_the_recorded_engine_did(fake_server: Any, tmp_path: Any) -> None:
    fake_server.engine = ScriptedEngine("The total is forty-two.")  # no marked answer
    run = {"episodes": 2, "env_kwargs": ENV, "progress": False}
    agent = {"name": "all-text", "engine": f"openai:m@{fake_server.url}"}
    first = quintain.evaluate("CodeReason-v0", agent, out=tmp_path, **run)
    again = quintain.evaluate("CodeReason-v0", {"name": "all-text", "engine": f"replay:{tmp_path}"}, **run)
    assert again.to_dict() == first.to_dict()
    assert again.errors == 0


def test_a_run_resumes_with_another_url_but_not_another_model_or_dialect(fake_server: Any, tmp_path: Any) -> None:
    def play(episodes: int, **engine: Any) -> int:
        agent = {"name": "all-text", "engine": {"name": "openai:m", "base_url": fake_server.url, **engine}}
        run = {"env_kwargs": ENV, "progress": False, "out": tmp_path, "resume": True}
        return len(quintain.evaluate("CodeReason-v0", agent, episodes=episodes, **run).episodes)

    assert play(1) == 1
    moved = fake_server.url.replace("127.0.0.1", "localhost")
    assert play(2, base_url=moved, attempts=3, timeout_s=5.0, deadline_s=9.0, max_connections=2, api_key="k") == 2
    for other in ({"name": "openai:other"}, {"extra_body": {"min_p": 0.1}}):
        with pytest.raises(RecordError, match="another configuration"):
            play(3, **other)
    fake_server.owner = "vllm"  # behind the same address there is another server now
    with pytest.raises(RecordError, match="dialect"):
        play(3)


@pytest.mark.parametrize("field", ["", "reasoning_content", "thoughts"])
def test_reasoning_is_sent_back_where_the_server_wants_it(field: str, fake_server: Any, tmp_path: Any) -> None:
    def think(answer: dict[str, Any]) -> dict[str, Any]:
        turn = len(fake_server.seen)
        for choice in answer["choices"]:
            choice["message"]["reasoning_content"] = f"thought {turn}"
        return answer

    fake_server.engine = ScriptedEngine(lambda r: PROGRAM if len(r.messages) == 2 else ANSWER)
    fake_server.edit = think
    agent = {"name": "code-interpreter", "engine": {"name": f"openai:m@{fake_server.url}", "reasoning_field": field}}
    live = quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs=ENV, out=tmp_path, progress=False)
    first, second = (request["messages"] for request in fake_server.seen)
    assert [message.keys() for message in first] == [{"role", "content"}] * 2
    assert second[2].keys() == {"role", "content"} | ({field} if field else set())
    assert second[2].get(field) == ("thought 1" if field else None)
    assert live.manifest["facts"]["agent"]["engine"].get("reasoning_field", "") == field
    replayed = {"name": "code-interpreter", "engine": f"replay:{tmp_path}"}
    again = quintain.evaluate("CodeReason-v0", replayed, episodes=1, env_kwargs=ENV, progress=False)
    assert again.to_dict() == live.to_dict()
    assert again.errors == 0


def refuse_seed(handler: Any) -> None:
    refuse(handler, b'{"error": {"message": "Unsupported parameter: seed is not supported"}}')


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_the_run_says_which_fields_requests_left_out(executor: str, fake_server: Any, tmp_path: Any) -> None:
    fake_server.engine = ScriptedEngine(ANSWER)
    fake_server.faults = [refuse_seed]
    engine = {"name": f"openai:m@{fake_server.url}", "extra_body": {"top_p": None, "api_key": "sk-secret-of-the-body"}}
    run = {"env_kwargs": ENV, "out": tmp_path, "progress": False, "executor": executor, "workers": 1}
    quintain.evaluate("CodeReason-v0", {"name": "all-text", "engine": engine}, episodes=1, **run)
    written = (tmp_path / "run.json").read_text()
    manifest = json.loads(written)
    assert manifest["facts"]["left_out"] == ["seed", "top_p"]
    assert manifest["config"]["agent"]["engine"]["extra_body"] == {"top_p": None, "api_key": "***"}
    assert "sk-secret" not in written
    assert {"seed", "top_p"}.isdisjoint(fake_server.seen[-1])
    resumed = {"episodes": 2, "resume": True} | run
    assert quintain.evaluate("CodeReason-v0", {"name": "all-text", "engine": engine}, **resumed).errors == 0
