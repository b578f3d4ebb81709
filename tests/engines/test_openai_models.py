"""Before the first episode a run finds out whether the model's server answers and serves the model."""

import json
import socket
from pathlib import Path

import pytest
from fake_server import send

import quintain
from quintain.agents import ChatAgent
from quintain.agents.language.codesteer import CodeSteerAgent
from quintain.cli.exit_codes import EXIT_USER_ERROR
from quintain.engines import CachedEngine, make_engine
from quintain.errors import ConfigurationError, EngineError

ENV = {"tasks": "letters"}


@pytest.fixture
def dead():
    """Return an address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


def play(model, out=None, **options):
    agent = {"name": "chat", "engine": {"name": "openai", "model": model, **options}}
    return quintain.evaluate("CodeReason-v0", agent, episodes=3, env_kwargs=ENV, out=out, resume=out is not None)


def no_pause(monkeypatch):
    paused = []
    monkeypatch.setattr("time.sleep", paused.append)
    return paused


@pytest.mark.parametrize("dialect", ["auto", "openai"])
def test_a_server_out_of_reach_ends_the_run_at_once_with_the_remedy(dead, monkeypatch, dialect, tmp_path):
    paused = no_pause(monkeypatch)
    with pytest.raises(
        EngineError, match=r"start the server, or correct its address.*--model NAME@http://host:port/v1"
    ):
        play(f"m@{dead}", tmp_path / "run", dialect=dialect)
    assert not paused
    assert not (tmp_path / "run" / "episodes.jsonl").read_text()


def test_the_run_folder_stays_usable(dead, fake_server, tmp_path):
    with pytest.raises(EngineError):
        play(f"m@{dead}", tmp_path / "run")
    report = play(f"m@{fake_server.url}", tmp_path / "run")
    assert (len(report.episodes), report.errors) == (3, 0)


def test_an_unknown_model_ends_the_run_at_once_with_the_nearest_name(fake_server):
    fake_server.owner = "somebody"  # the server lists the model "tiny"
    fake_server.faults = [lambda handler: send(handler, 404, json.dumps({"error": "no such model"}))]
    with pytest.raises(ConfigurationError, match=r"not serve model 'tinny'; did you mean 'tiny'\?; it lists: tiny"):
        play(f"tinny@{fake_server.url}")
    assert len(fake_server.seen) == 1
    assert fake_server.seen[0]["max_tokens"] == 1


@pytest.mark.parametrize("model", ["tiny", "Tiny"])
def test_a_listed_model_is_asked_nothing_beforehand(fake_server, model):
    fake_server.owner = "somebody"
    make_engine(f"openai:{model}@{fake_server.url}").check_available()
    assert not fake_server.seen


def test_a_server_that_takes_any_name_is_believed(fake_server):
    fake_server.owner = "somebody"
    assert play(f"whatever@{fake_server.url}").errors == 0


def test_a_server_without_a_list_is_believed(fake_server):
    make_engine(f"openai:whatever@{fake_server.url}").check_available()
    assert not fake_server.seen


def test_a_refused_key_ends_the_run_at_once(fake_server, monkeypatch):
    monkeypatch.setattr(fake_server, "list_status", 401)
    with pytest.raises(ConfigurationError, match="refuses the key; set OPENAI_API_KEY"):
        play(f"m@{fake_server.url}")
    assert not fake_server.seen


def test_an_overloaded_server_is_asked_again(fake_server, monkeypatch):
    paused = no_pause(monkeypatch)
    monkeypatch.setattr(fake_server, "list_status", 503)
    with pytest.raises(EngineError, match="status 503"):
        make_engine(f"openai:m@{fake_server.url}", attempts=3).check_available()
    assert paused == [0.5, 1.0]


def test_agents_that_are_already_made_and_cached_engines_are_checked_too(dead):
    engine = make_engine(f"openai:m@{dead}", dialect="openai")
    for agent in (ChatAgent(engine), ChatAgent(CachedEngine(engine))):
        with pytest.raises(EngineError, match="start the server"):
            quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs=ENV)


def test_the_command_says_so_in_one_message(dead, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from quintain.cli import app

    monkeypatch.chdir(tmp_path)
    words = ["eval", "CodeReason-v0", "-a", "chat", "--engine", "openai", "--model", f"m@{dead}", "-n", "100"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == EXIT_USER_ERROR
    assert result.stderr.count("start the server") == 1
    assert "Traceback" not in result.stderr
    assert not list(Path("runs").iterdir())


def test_the_guide_of_codesteer_is_checked_before_the_run(fake_server):
    """Its engine is not the agent's main one; a model that the server does not serve fails before episode 1."""
    fake_server.owner = "somebody"  # the server lists the model "tiny"
    fake_server.faults = [lambda handler: send(handler, 404, json.dumps({"error": "no such model"}))]
    guide = make_engine(f"openai:tinny@{fake_server.url}", dialect="vllm")
    settings = {"episodes": 1, "env_kwargs": {"tasks": "letters"}, "progress": False}
    with pytest.raises(ConfigurationError, match="does not serve model 'tinny'"):
        quintain.evaluate("CodeReason-v0", CodeSteerAgent("scripted:<<<1>>>", guide=guide), **settings)
    assert len(fake_server.seen) == 1
