"""The options that name an agent and its model are the same in every command, and do the same."""

import json
from pathlib import Path
from typing import get_type_hints

import pytest

from quintain.cli import agent_options
from quintain.cli.evaluate import evaluate
from quintain.cli.games import play, sweep
from quintain.cli.potential import potential
from quintain.cli.robustness import robustness
from quintain.cli.tournament import tournament
from quintain.engines import ScriptedEngine
from quintain.engines.registry import ENGINES

SHARED = {
    "engine": agent_options.Engine,
    "model": agent_options.Model,
    "agent_arg": agent_options.AgentArguments,
    "engine_arg": agent_options.EngineArguments,
}


@pytest.mark.parametrize("command", [evaluate, tournament, sweep, play, potential], ids=lambda c: c.__name__)
def test_commands_share_one_group_of_options(command):
    hints = get_type_hints(command, include_extras=True)
    assert {name: hints[name] for name in SHARED} == SHARED


def test_robustness_shares_the_arguments_of_agents():
    assert get_type_hints(robustness, include_extras=True)["agent_arg"] == agent_options.AgentArguments


MODEL = ["--engine", "first", "--model", "J"]


@pytest.fixture(autouse=True)
def first_choice(monkeypatch):
    """Register an engine that takes the first choice, and else says its model's name."""

    def make(model=""):
        return ScriptedEngine(lambda request: request.choices[0] if request.choices else model)

    monkeypatch.setattr(ENGINES, "_entries", dict(ENGINES._entries))
    ENGINES.add("first", make, argument="model")
    monkeypatch.setattr("quintain.experiments.games.write_run_page", lambda run: run)  # its plots take seconds


def requests_to_models(run="run"):
    lines = Path(run, "episodes.jsonl").read_text().splitlines()
    return sum(len(json.loads(line)["calls"]) for line in lines)


@pytest.mark.parametrize("command", [["tournament", "--repetitions", 1], ["games", "sweep", "--games", 1]])
@pytest.mark.parametrize(
    "words",
    [
        MODEL,
        ["--agent", "llm-player", *MODEL],
        ["--players", "grim,llm-player", "--engine", "first:J", "--agent-arg", "predict_first=true"],
        ["--engine", "first", "--engine-arg", "model=J"],
    ],
    ids=["model", "agent", "player", "engine argument"],
)
def test_a_model_plays_games(quintain, command, words):
    result = quintain(*command, *["--players", "grim"], *words, "--rounds", 2, "-o", "run")
    assert result.code == 0, result.text
    assert "llm-player" in result.out
    assert requests_to_models() > 0


def test_settings_of_the_player_reach_it(quintain):
    """Without log-probabilities of choices a server needs constrained=false, which is an argument of the agent."""
    words = ["--players", "grim", *MODEL, "--agent-arg", "constrained=false", "--rounds", 2, "--repetitions", 1]
    assert quintain("tournament", *words, "-o", "run").code == 0
    agent = json.loads(Path("run/run.json").read_text())["config"]["agent"]["llm-player"]
    assert agent["constrained"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tournament", "--agent-arg", "constrained=false"], "no agent here has an argument 'constrained'"),
        (["tournament", *MODEL, "--agent-arg", "constraind=1"], "did you mean 'constrained'"),
        (["tournament", "-a", "grim", *MODEL], "none of grim asks a language model"),
        (["tournament", *MODEL, "--agent-arg", "temperature=hot"], "temperature must be a finite number >= 0"),
        (["tournament", *MODEL, "--agent-arg", "constrained=no"], "constrained must be true or false, got 'no'"),
        (["tournament", *MODEL, "--agent-arg", "goal=yes"], "goal must be true or false, got 'yes'"),
        (["potential", "--agents", "random", *MODEL], "none of random asks a language model"),
        (["potential", *MODEL, "--agent-arg", "tempreature=1"], "did you mean 'temperature'"),
        (["games", "play", "--opponent", "grim", *MODEL], "asks no language model"),
        (["eval", "CodeReason-v0", "-a", "chat", *MODEL, "--agent-arg", "max_tokens=0"], "an integer >= 1, got 0"),
        (["robustness", "mine.zip", "--env", "X", "--agent-arg", "normalizer=f"], "did you mean 'normaliser'"),
        (["robustness", "slide-handle", "--agent-arg", "algorithm=SAC"], "reference policies have their own"),
    ],
)
def test_settings_that_fit_nothing_are_refused_before_anything_runs(quintain, words, message):
    result = quintain(*words)
    assert result.code in (1, 2)
    assert message in result.text
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


def test_arguments_reach_the_agents_that_have_them(quintain):
    words = ["--agents", "random,all-text,codesteer", "--engine", "first", "--model", "<<<1>>>", "-n", 1]
    words = [*words, "--answers", 1, "--tasks", "letters", "--temperatures", "", "-o", "run"]
    result = quintain("potential", *words, "--agent-arg", "prompt=Count well.", "--agent-arg", "max_tokens=7")
    assert result.code == 0, result.text
    config = json.loads(Path("run/runs/all-text-0/run.json").read_text())["config"]["agent"]["agent"]
    assert (config["prompt"], config["sampling"]["max_tokens"]) == ("Count well.", 7)
    assert (
        "each answer has a temperature of its own; give them by --temperatures"
        in quintain("potential", *words, "--agent-arg", "temperature=1").text
    )


def test_a_model_plays_against_a_person(quintain, monkeypatch):
    served = []
    monkeypatch.setattr("quintain.experiments.games.GameServer.serve", lambda self: served.append(self))
    assert quintain("games", "play", *MODEL, "--agent-arg", "predict_first=true").code == 0
    assert quintain("games", "play").code == 0
    players = [server._study.agent for server in served]
    assert players[0].settings.predict_first
    assert type(players[1]).__name__ != "LLMPlayer"
    for server in served:
        server._server.server_close()


def test_texts_and_files_are_arguments_of_the_chat_agent(quintain):
    Path("system.txt").write_text("Count the letters.")
    Path("shots.jsonl").write_text('{"question": "How many?", "answer": "<<<2>>>"}\n')
    words = ["eval", "CodeReason-v0", "-a", "chat", "--engine", "scripted", "--model", "<<<1>>>", "--tasks", "letters"]
    result = quintain(*words, "--agent-arg", "prompt=@system.txt", "--agent-arg", "few_shot=@shots.jsonl", "-n", 1,
                      "-o", "run", "--no-report")  # fmt: skip
    assert result.code == 0, result.text
    agent = json.loads(Path("run/run.json").read_text())["config"]["agent"]
    assert agent["prompt"] == "Count the letters."
    assert agent["few_shot"] == [{"question": "How many?", "answer": "<<<2>>>"}]
    plain = quintain(*words, "--agent-arg", "prompt=You are an expert guesser.", "-n", 1, "-o", "other", "--no-report")
    assert plain.code == 0, plain.text
    assert json.loads(Path("other/run.json").read_text())["config"]["agent"]["prompt"] == "You are an expert guesser."
