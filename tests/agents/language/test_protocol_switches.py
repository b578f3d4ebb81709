"""Agents parse replies as the environment does, and runs set the environment arguments that agents require."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import pytest

import quintain
from quintain.agents.agent import RequiresSettings
from quintain.agents.language import chat, codesteer, prompts
from quintain.agents.registry import AGENTS, make_agent, register_agent, settings_required_by
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.errors import CapabilityError, ConfigurationError, EnvironmentFault
from quintain.records import read_manifest
from quintain.replies import FORMS, ReplyReader

ENV = {"tasks": "chain_sum", "difficulty": "easy"}
PROGRAM = "```python\nprint(6 * 7)\n```\n"
STYLES = {"all-text": False, "all-code": True, "code-interpreter": True, "codesteer": True}


def play(agent: Any, **kwargs: Any) -> Any:
    options = {"episodes": 1, "env_kwargs": ENV, "progress": False} | kwargs
    return quintain.evaluate("CodeReason-v0", agent, **options)


def make(style: str, *replies: str, **options: Any) -> Any:
    guide = {"guide": ScriptedEngine("submit")} if style == "codesteer" else {}
    return make_agent(style, engine=ScriptedEngine(list(replies)), **guide, **options)


def whole_turns(reply: str) -> ScriptedEngine:
    """Return an engine that, like most servers, does not report stop strings."""
    engine = ScriptedEngine(reply)
    engine.capabilities -= {"stop_string", "prefill"}
    return engine


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_run_sets_the_environment_arguments_that_a_style_requires(style: str, by_name: bool) -> None:
    engine = ScriptedEngine(lambda request: "<<<1>>>" if request.choices is None else request.choices[0])
    agent = {"name": style, "engine": engine} if by_name else make_agent(style, engine=engine)
    report = play(agent)
    asked = report.episodes[0].steps[0]["observation"]
    assert ("program" in asked) == STYLES[style]
    # Where the environment's own default fits, nothing is added, so that earlier runs can be continued.
    assert report.manifest["config"]["env_kwargs"] == (ENV if STYLES[style] else ENV | {"code": False})


def test_the_words_only_style_runs_no_program() -> None:
    report = play({"name": "all-text", "engine": whole_turns(PROGRAM + "So it is 42: <<<42>>>.")})
    assert report.episodes[0].info["metrics"]["code_calls"] == 0
    assert report.episodes[0].steps[0]["action"].startswith(PROGRAM)
    assert report.episodes[0].info["answer"] == "42"
    assert play(make("code-interpreter", PROGRAM, "<<<42>>>")).episodes[0].info["metrics"]["code_calls"] == 1


@pytest.mark.parametrize("style", STYLES)
def test_arguments_that_contradict_the_agents_requirements_are_refused(style: str, tmp_path: Any) -> None:
    other = not STYLES[style]
    for agent in (make(style, "<<<1>>>"), {"name": style, "engine": ScriptedEngine("<<<1>>>")}):
        with pytest.raises(ConfigurationError, match=f"requires code={not other} of CodeReason-v0, got {other}"):
            play(agent, env_kwargs=ENV | {"code": other}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    engine = ScriptedEngine(lambda request: "<<<1>>>" if request.choices is None else request.choices[0])
    assert play({"name": style, "engine": engine}, env_kwargs=ENV | {"code": not other}).errors == 0


def test_environments_made_by_functions_are_checked_too() -> None:
    def runs_code() -> Any:
        return gym.make("CodeReason-v0", **ENV)

    def runs_none() -> Any:
        return gym.make("CodeReason-v0", code=False, **ENV)

    with pytest.raises(CapabilityError, match=r"answers in words.*code=False"):
        quintain.evaluate(runs_code, make("all-text", "<<<1>>>"), episodes=1, progress=False)
    with pytest.raises(CapabilityError, match=r"writes programs.*code=True"):
        quintain.evaluate(runs_none, make("all-code", "<<<1>>>"), episodes=1, progress=False)
    assert quintain.evaluate(runs_none, make("all-text", "<<<1>>>"), episodes=1, progress=False).errors == 0


def test_registered_requirements_equal_those_of_the_agents() -> None:
    for name in AGENTS:
        if AGENTS.facts(name).needs_engine:
            engine = ScriptedEngine("x", capabilities=["logprobs", "token_statistics", "contrast_layers"])
            made = make_agent(name, engine=engine)
            declared = made.env_settings if isinstance(made, RequiresSettings) else {}
            assert declared == AGENTS.facts(name).env_settings == settings_required_by(name), name
    assert {name: settings_required_by(name) for name in STYLES} == {n: {"code": c} for n, c in STYLES.items()}


class Brief:
    """Requires short episodes, in environments that have the argument."""

    env_settings = {"max_turns": 2, "colour": "red"}

    def begin(self, seat: Any) -> Any:
        return self

    def act(self, observation: str, info: dict[str, Any]) -> str:
        return "```python\nprint(1)\n```"


def test_users_agents_can_declare_required_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AGENTS, "_entries", dict(AGENTS._entries))
    register_agent("brief", f"{__name__}:Brief", env_settings=Brief.env_settings)
    for agent in (Brief(), "brief"):
        report = play(agent)
        assert report.manifest["config"]["env_kwargs"] == ENV | {"max_turns": 2}  # there is no argument "colour"
        assert len(report.episodes[0].steps) == 2
    with pytest.raises(ConfigurationError, match="requires max_turns=2"):
        play("brief", env_kwargs=ENV | {"max_turns": 3})
    with pytest.raises(EnvironmentFault, match="environment's reset or step"):  # it plays text only
        quintain.evaluate("CartPole-v1", Brief(), episodes=1, progress=False)


def test_a_replay_uses_the_recorded_environment_arguments(tmp_path: Any) -> None:
    old = quintain.evaluate("CodeReason-v0", make("code-interpreter", PROGRAM, "<<<42>>>", prompt=prompts.ALL_TEXT),
                            episodes=1, env_kwargs=ENV, out=tmp_path / "old", progress=False)  # fmt: skip
    again = play({"name": "all-text", "engine": f"replay:{tmp_path / 'old'}"})
    assert [e.steps for e in again.episodes] == [e.steps for e in old.episodes]
    new = play(make("all-text", "<<<1>>>"), out=tmp_path / "new")
    assert read_manifest(tmp_path / "new")["config"]["env_kwargs"]["code"] is False
    again = play({"name": "all-text", "engine": {"name": "replay", "path": str(tmp_path / "new" / "episodes.jsonl")}})
    assert [e.steps for e in again.episodes] == [e.steps for e in new.episodes]


REPLIES = [
    PROGRAM + "so <<<42>>>",
    "It is <<<1>>>.\n" + PROGRAM,
    "```\nprint(1)\n```\nor <<<2>>>",
    "The form is <<<answer>>>, so <<<3>>>.",
    "<think>" + PROGRAM + "</think>\n<<<4>>>",
    "```python\nprint('<<<5>>>')",
    "Nothing.",
]


@pytest.mark.parametrize("code", [True, False])
@pytest.mark.parametrize("reply", REPLIES)
def test_a_truncated_reply_is_parsed_as_the_full_one(reply: str, code: bool) -> None:
    """With stop strings, in several parts or as a whole: the action is parsed to the same move as the full reply."""

    def serve(request: Any) -> Reply:
        left = reply[len(request.prefill) :]
        found = [(left.index(stop), stop) for stop in request.stop if stop in left]
        if not found:
            return Reply(left, completion_tokens=1)
        at, stop = min(found)
        return Reply(left[:at], stop_string=stop, completion_tokens=1)

    for engine in (ScriptedEngine(serve), whole_turns(reply)):
        agent = chat.ChatAgent(engine, extract=False)
        episode = play(agent, env_kwargs=ENV | {"code": code, "max_turns": 1}).episodes[0]
        step = episode.steps[0]
        reader = ReplyReader.of(step["observation"], code=code, answer=episode.info["expected"])
        read, whole = reader.read(step["action"]), reader.read(reply)
        if reply.startswith("```python\nprint('<<<5>>>')") and code and not whole.text.startswith("print"):
            assert read.kind == "code"  # a program that the model ended without its fence
        else:
            assert (read.kind, read.text) == (whole.kind, whole.text)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_answer_formats_quoted_from_prompts_are_ignored(form: str) -> None:
    said = f"I give it as <<<{form}>>>. It is <<<7>>>."
    episode = play({"name": "all-text", "engine": whole_turns(said)}).episodes[0]
    assert episode.info["answer"] == "7"
    assert episode.steps[0]["action"].endswith("<<<7>>>")
    alone = play({"name": "all-text", "engine": whole_turns(f"<<<{form}>>>")}).episodes[0]
    assert alone.outcome == "parse_error"


def test_every_answer_format_in_agents_prompts_is_a_known_placeholder() -> None:
    texts = [prompts.ALL_TEXT, prompts.ALL_CODE, prompts.CODE_INTERPRETER, *codesteer._REVISE.values()]
    shown = {form for text in texts for form in re.findall(r"<<<(.*?)>>>", text, re.DOTALL)}
    examples = {"14"}  # the answer of the worked example may be a right answer
    forms = shown - examples - {" and "}
    assert forms <= FORMS | {"number"}
    assert "answer" in forms


def test_a_placeholder_that_is_a_correct_answer_is_accepted() -> None:
    reader = ReplyReader.of("Write it as <<<word>>>.", answer="Number")
    assert reader.read("<<<number>>>").text == "number"
    assert reader.read("<<<word>>>").kind == "malformed"
    assert ReplyReader.of("Write it as <<<word>>>.").read("<<<number>>>").kind == "malformed"
