"""The agent registry: built-in names, users' modules, third-party packages."""

import importlib.metadata
import sys

import pytest
from gymnasium import spaces

from quintain.agents import agent_names, as_agent, make_agent, register_agent
from quintain.agents.agent import Agent, Seat, is_oracle
from quintain.agents.reasoning.methods import METHODS
from quintain.agents.registry import AGENTS, AgentFacts, arguments_of, needs_engine
from quintain.arguments import argument_names
from quintain.engines import ScriptedEngine
from quintain.errors import ConfigurationError, UnknownNameError

SEAT = Seat("X-v0", "agent", spaces.Discrete(3), spaces.Discrete(3), 7)


def test_make_agent_resolves_names_with_arguments():
    for name in ("oracle", "random", "human"):
        assert isinstance(make_agent(name), Agent)
    assert {"all-text", "all-code", "code-interpreter", "oracle", "random", "human", "replay"} <= set(agent_names())
    with pytest.raises(UnknownNameError, match="did you mean 'code-interpreter'"):
        make_agent("code-interpeter")


def test_a_user_can_register_an_agent():
    register_agent("always-no", "quintain.agents.scripted:ScriptedAgent")
    agent = make_agent("always-no", actions=["no"])
    assert agent.begin(SEAT).act("?", {}) == "no"


MINE = """
import gymnasium as gym
from quintain.agents import register_agent

class Moves:
    def __init__(self, move=0):
        self.move = move
    def begin(self, seat):
        return self
    def act(self, observation, info):
        return self.move

class Asks(Moves):
    def __init__(self, engine, move=0):
        self.engine, self.move = engine, move

def always_two(observation):
    return 2

register_agent("mine-by-name", "mine:Moves")
"""


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    """Put a user's module on the path, which registers one agent."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(AGENTS, "_entries", dict(AGENTS._entries))
    yield
    for name in ("mine", "broken"):
        sys.modules.pop(name, None)


def test_agents_of_a_users_module_are_named_module_colon_name(user_module):
    moves = {name: make_agent(name).begin(SEAT).act(0, {}) for name in ("mine:Moves", "mine:always_two")}
    assert moves == {"mine:Moves": 0, "mine:always_two": 2}
    assert make_agent("mine:mine-by-name", move=1).begin(SEAT).act(0, {}) == 1
    assert make_agent("mine:Asks", engine="scripted:yes", move=1).engine.name == "scripted"
    with pytest.raises(ConfigurationError, match="asks no language model"):
        make_agent("mine:Moves", engine="scripted:yes")
    with pytest.raises(ConfigurationError, match=r"did you mean 'move'\?; its arguments: move"):
        make_agent("mine:Moves", moves=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:X", "there is no module 'nowhere'"),
        ("mine:Nothing", "module 'mine' neither registers nor defines 'Nothing'"),
        ("broken:X", "cannot import the module of agent 'broken:X': ZeroDivisionError"),
        ("nobody", "Agents: chat, all-text.*Strategies of games: .*tit-for-tat.*module:Class.*zip"),
    ],
)
def test_an_unknown_agent_raises_an_error_with_the_known_names(user_module, name, message):
    with pytest.raises(ConfigurationError, match=message):
        make_agent(name)


def test_agent_facts_are_known_without_importing_the_agents(user_module):
    assert AGENTS.facts("oracle") == AgentFacts(uses_solution=True)
    assert set(AGENTS.names(uses_solution=True)) == {"oracle", "oracle-of-n", "susceptible"}
    assert AGENTS.names(needs_engine=True) == (
        "chat",
        "all-text",
        "all-code",
        "code-interpreter",
        "codesteer",
        "react",
        "tool-caller",
        *METHODS,
        "respondent",
        "llm-player",
        "repair-agent",
        "swe-search",
        "critic-search",
        "step-anticipator",
    )
    names = ("all-code", "mine:Asks", "mine:Moves", "mine:always_two", "grim", "model.zip", "mine:mine-by-name")
    assert [needs_engine(name) for name in names] == [True, True, False, False, False, False, False]
    assert [arguments_of(name) for name in names[:5]] == [
        ("prompt", "temperature", "top_p", "max_tokens", "stop", "few_shot", "history_turns", "history_tokens",
         "extract", "answer_tokens"), ("move",), ("move",), (), ()
    ]  # fmt: skip
    assert arguments_of("mine:mine-by-name") == ("move",)
    assert arguments_of("model.zip") == ("deterministic", "normaliser", "n_stack", "algorithm")


def test_declared_facts_agree_with_the_agents():
    for name in AGENTS:
        target = AGENTS.load(name)
        assert AGENTS.facts(name).uses_solution == is_oracle(target), name
        assert AGENTS.facts(name).needs_engine == ("engine" in argument_names(target)), name


def test_every_registered_agent_describes_itself():
    for name in AGENTS:
        target = AGENTS.load(name)
        engine = ScriptedEngine("yes", capabilities=["logprobs", "token_statistics", "contrast_layers"])
        kind = type(make_agent(name, engine=engine)) if AGENTS.facts(name).needs_engine else target
        assert callable(getattr(kind, "describe", None)), name


def test_third_party_agents_are_found_by_entry_point(user_module, monkeypatch):
    point = importlib.metadata.EntryPoint("elsewhere", "mine:Asks", "quintain.agents")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(AGENTS, "_pending", True)
    assert make_agent("elsewhere", engine="scripted:yes", move=1).move == 1


def test_make_agent_accepts_the_description_of_an_agent(user_module):
    assert as_agent({"name": "mine:Moves", "move": 2}).begin(SEAT).act(0, {}) == 2
    with pytest.raises(ConfigurationError, match="an agent's description needs a 'name'"):
        as_agent({"move": 2})
