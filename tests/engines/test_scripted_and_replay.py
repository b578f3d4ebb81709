"""The scripted and replay engines, and ``make_engine``."""

from __future__ import annotations

import asyncio
import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from quintain.engines import (
    Engine,
    EngineFacts,
    ReplayEngine,
    Reply,
    Request,
    ScriptedEngine,
    engine_names,
    make_engine,
)
from quintain.engines.stops import cut_at_stop
from quintain.errors import ConfigurationError, EngineError, RecordError, UnknownNameError
from quintain.messages import user
from quintain.records import EpisodeRecord
from quintain.registry import Registry


def ask(engine: Engine, **options: Any) -> list[Reply]:
    return asyncio.run(engine.generate([Request(prompt="say something", **options)]))[0]


def test_a_list_of_replies_is_served_in_order_and_repeats() -> None:
    engine = ScriptedEngine(["a", "b", "c"])
    assert [ask(engine)[0].text for _ in range(4)] == ["a", "b", "c", "a"]
    assert [r.text for r in ask(engine, n=3)] == ["b", "c", "a"]
    assert engine.served == 5


def test_an_exhausted_script_raises_engine_error() -> None:
    engine = ScriptedEngine(["a"], cycle=False)
    ask(engine)
    with pytest.raises(EngineError, match="used up"):
        ask(engine)


def test_a_script_function_receives_the_request() -> None:
    engine = ScriptedEngine(lambda request: f"{request.prompt}, {request.seed}")
    assert [r.text for r in ask(engine, seed=4, n=2)] == ["say something, 4"] * 2
    with pytest.raises(EngineError, match="2 replies to a request with n=3"):
        ask(ScriptedEngine(lambda request: ["a", "b"]), n=3)


def test_fail_after_raises_engine_error_after_that_many_requests() -> None:
    engine = ScriptedEngine("x", fail_after=2)
    ask(engine)
    ask(engine)
    with pytest.raises(EngineError, match="fails after 2"):
        ask(engine)


def test_scripted_strings_are_truncated_by_max_tokens_and_stop_strings() -> None:
    engine = ScriptedEngine("one two three four")
    assert ask(engine, max_tokens=2)[0] == Reply("one two", "length", 2, 2)
    assert ask(engine, stop=(" three", "never"))[0] == Reply("one two", "stop", 2, 4, " three")


def test_a_scripted_reply_object_is_returned_unchanged() -> None:
    reply = Reply("x", "length", 5, 6, token_ids=(1,), logprobs=(-0.5,))
    engine = ScriptedEngine(lambda request: reply, capabilities=["logprobs"])
    assert ask(engine, logprobs=True) == [reply]


def test_declared_logprobs_that_are_missing_raise_engine_error() -> None:
    with pytest.raises(EngineError, match="has none"):
        ask(ScriptedEngine("x", capabilities=["logprobs"]), logprobs=True)


def test_a_scripted_text_that_is_no_choice_raises_engine_error() -> None:
    assert ask(ScriptedEngine("B"), choices=("A", "B"))[0].finish_reason == "choice"
    with pytest.raises(EngineError, match="none of the choices"):
        ask(ScriptedEngine("maybe"), choices=("A", "B"))


def test_an_empty_script_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ScriptedEngine([])


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("abc", (), ("abc", None)),
        ("abc", ("x",), ("abc", None)),
        ("a.b,c", (",", "."), ("a", ".")),
        ("abab", ("ab", "aba"), ("", "aba")),
        ("", ("a",), ("", None)),
    ],
)
def test_the_earliest_then_longest_stop_string_ends_the_text(
    text: str, stop: tuple[str, ...], expected: tuple[str, str | None]
) -> None:
    assert cut_at_stop(text, stop) == expected


FIRST, SECOND = Request(prompt="first"), Request(messages=[user("second")], seed=1)


def record(folder: Path, *episodes: list[tuple[Request, list[str]]], tail: str = "") -> Path:
    lines = [episode_line(index, calls) for index, calls in enumerate(episodes)]
    (folder / "episodes.jsonl").write_text("".join(lines) + tail)
    return folder


def episode_line(index: int, calls: list[tuple[Request, list[str]]]) -> str:
    made = [{"key": r.key, "replies": [Reply(text).to_dict() for text in texts]} for r, texts in calls]
    return EpisodeRecord(index, 0, "finished", {}, calls=made).to_line() + "\n"


def test_replay_looks_up_replies_by_request(tmp_path: Path) -> None:
    engine = ReplayEngine(record(tmp_path, [(FIRST, ["a", "b"])], [(SECOND, ["c"])]))
    replies = asyncio.run(engine.generate([SECOND, FIRST]))
    assert [[r.text for r in batch] for batch in replies] == [["c"], ["a", "b"]]
    assert engine.describe()["requests"] == 2


def test_replay_serves_repeated_requests_in_order_and_cycles(tmp_path: Path) -> None:
    engine = ReplayEngine(record(tmp_path, [(FIRST, ["a"]), (FIRST, ["b"])]) / "episodes.jsonl")
    assert [asyncio.run(engine.complete(FIRST)).text for _ in range(3)] == ["a", "b", "a"]


def test_a_failed_attempt_is_not_replayed_before_its_retry(tmp_path: Path) -> None:
    lines = [episode_line(0, [(FIRST, [text])]) for text in ("failed", "again")]
    (tmp_path / "episodes.jsonl").write_text("".join(lines))
    engine = ReplayEngine(tmp_path)
    assert [asyncio.run(engine.complete(FIRST)).text for _ in range(2)] == ["again", "again"]


def test_replaying_an_unrecorded_request_raises_engine_error_with_its_text(tmp_path: Path) -> None:
    engine = ReplayEngine(record(tmp_path, [(FIRST, ["a"])]))
    with pytest.raises(EngineError, match=r"not recorded in.*same environment, agent, seed and version.*'second'"):
        asyncio.run(engine.complete(SECOND))
    with pytest.raises(EngineError, match="begins: 'elsewhere'"):
        asyncio.run(engine.complete(Request(prompt="elsewhere")))


def test_replay_ignores_a_truncated_last_line_but_no_other_damage(tmp_path: Path) -> None:
    record(tmp_path, [(FIRST, ["a"])], tail='{"calls": [{"key": "abc", "repl')
    assert asyncio.run(ReplayEngine(tmp_path).complete(FIRST)).text == "a"
    file = tmp_path / "episodes.jsonl"
    file.write_text("not json\n" + file.read_text())
    with pytest.raises(RecordError, match="line 1"):
        ReplayEngine(tmp_path)


def test_replay_of_a_folder_without_model_calls_raises_record_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"expected a folder with episodes\.jsonl"):
        ReplayEngine(tmp_path / "nowhere")
    (tmp_path / "episodes.jsonl").write_text(episode_line(0, []))
    with pytest.raises(RecordError, match="no model calls"):
        ReplayEngine(tmp_path)


def test_make_engine_resolves_names_with_arguments(tmp_path: Path) -> None:
    assert set(engine_names()) == {"openai", "replay", "scripted", "transformers", "vllm"}
    assert ask(make_engine("scripted:hello there"))[0].text == "hello there"
    record(tmp_path, [(FIRST, ["a"])])
    assert isinstance(make_engine(f"replay:{tmp_path}"), ReplayEngine)
    assert isinstance(make_engine("replay", path=tmp_path), ReplayEngine)
    remote = make_engine("openai:org/model:8b@http://host:1234/v1", max_connections=3, dialect="openai")
    assert remote.describe()["model"] == "org/model:8b"
    assert remote.describe()["base_url"] == "http://host:1234/v1"
    assert make_engine(remote) is remote


def test_unknown_names_and_options_raise_errors_with_suggestions() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'transformers'"):
        make_engine("transformer")
    with pytest.raises(UnknownNameError, match="did you mean 'fail_after'"):
        make_engine("scripted", fail_aftr=3)
    with pytest.raises(ConfigurationError, match="both give script"):
        make_engine("scripted:a", script="b")
    with pytest.raises(ConfigurationError, match="takes no options"):
        make_engine(ScriptedEngine("a"), fail_after=3)


class Echo(Engine):
    """A third-party engine: it repeats the prompt."""

    name = "echo"
    argument = "prefix"
    capabilities = frozenset({"prompt"})

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return [[Reply(f"{self.prefix}{request.prompt}")] for request in requests]


def test_third_party_engines_are_found_by_entry_point_and_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("echo", f"{__name__}:Echo", "quintain.engines")
    fresh: Registry[Engine, EngineFacts] = Registry("engine", EngineFacts, "quintain.engines")
    fresh.add("scripted", "quintain.engines.scripted:ScriptedEngine", argument="script")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == point.group else [])
    monkeypatch.setattr("quintain.engines.registry.ENGINES", fresh)
    assert engine_names() == ["echo", "scripted"]
    assert ask(make_engine("echo:> "))[0].text == "> say something"
    assert ask(make_engine(f"{__name__}:Echo", prefix="- "))[0].text == "- say something"
    with pytest.raises(UnknownNameError, match="did you mean 'prefix'"):
        make_engine("echo", prefx="")


def test_importing_the_engines_imports_no_heavy_library() -> None:
    code = (
        "import sys, quintain.engines as llm; llm.make_engine('scripted'); llm.make_engine('openai:m'); "
        "print([m for m in ('torch', 'transformers', 'httpx', 'vllm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
