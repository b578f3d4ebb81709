"""Functions and agents are identified by their code in manifests."""

from __future__ import annotations

import functools
import importlib
import json
import sys
import warnings

import numpy as np
import pytest

import quintain
from quintain.agents.games import strategy
from quintain.agents.registry import as_agent
from quintain.agents.scripted import ScriptedAgent
from quintain.attacks.registry import resolve_attacks
from quintain.errors import RecordError
from quintain.evaluation.manifest import describe_agent
from quintain.provenance import describe_function, versions


def test_functions_are_identified_by_code_and_not_by_location():
    def make(text: str):
        names: dict = {}
        exec(text, names)
        return names["f"]

    one = describe_function(make("def f(x):\n    return x + 1"))
    assert one == describe_function(make("\n\n# why\ndef f(x):\n    return x + 1  # because"))
    for other in ("def f(x):\n    return x + 2", "def f(x):\n    return x - 1", "def f(x):\n    return len(x)"):
        assert describe_function(make(other)) != one
    assert describe_function(make("f = lambda: (lambda: 1)")) != describe_function(make("f = lambda: (lambda: 2)"))
    given = [describe_function(functools.partial(make("def f(x): return x"), x=x)) for x in (1, 2)]
    assert given[0] != given[1]


def test_callable_objects_and_builtins_are_identified_by_name():
    class Player:
        def __call__(self, observation):
            return 0

    assert describe_function(Player())["function"].endswith("Player")
    assert describe_function(len) == {"function": "builtins.len"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ScriptedAgent([0], cycle=True), ScriptedAgent([1, 0], cycle=True)),
        (as_agent(lambda observation: 0), as_agent(lambda observation: 1)),
        (strategy("joss"), strategy("joss", cooperate=0.5)),
    ],
)
def test_agents_of_one_class_are_distinguished_by_their_arguments(one, other, tmp_path):
    assert describe_agent(one) != describe_agent(other)
    if not isinstance(one, ScriptedAgent):
        return
    quintain.evaluate("CartPole-v1", one, episodes=2, out=tmp_path / "run")
    with pytest.raises(RecordError, match="another configuration"):
        quintain.evaluate("CartPole-v1", other, episodes=4, out=tmp_path / "run", resume=True)
    assert len(quintain.evaluate("CartPole-v1", one, episodes=4, out=tmp_path / "run", resume=True).episodes) == 4


def test_an_exported_network_is_identified_by_its_content(tmp_path):
    torch = pytest.importorskip("torch")
    for name, bias in (("a", 0.0), ("b", 1.0)):
        layer = torch.nn.Linear(4, 2)
        torch.nn.init.constant_(layer.bias, bias)
        torch.jit.script(layer).save(str(tmp_path / f"{name}.pt"))
    one, other = (describe_agent(as_agent(tmp_path / f"{name}.pt")) for name in ("a", "b"))
    assert one["hash"] != other["hash"]


def test_attacks_given_as_functions_are_distinguished():
    one, other = (resolve_attacks({"mine": f})[0] for f in (lambda env, epsilon: env, lambda env, epsilon: None))
    assert one.facts.source != other.facts.source


def test_recorded_versions_are_those_of_installed_packages():
    found = versions("numpy", "not-installed", "gymnasium")
    assert list(found) == ["numpy", "gymnasium"]
    assert found["numpy"] == np.__version__


def test_an_agent_without_describe_is_identified_by_its_class_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    descriptions = []
    for action in (0, 1, 0):
        text = f"class Agent:\n    def begin(self, seat):\n        return lambda observation: {action}\n"
        (tmp_path / "own_agent.py").write_text(text + "#" * (len(descriptions)))
        monkeypatch.delitem(sys.modules, "own_agent", raising=False)
        importlib.invalidate_caches()
        descriptions.append(describe_agent(importlib.import_module("own_agent").Agent()))
    first, second, third = descriptions
    assert first["agent"] == second["agent"] == "own_agent.Agent"
    assert first["source_hash"] != second["source_hash"]
    assert first == third


def test_a_run_of_an_agent_without_describe_warns(tmp_path):
    class Guess:
        def begin(self, seat):
            return self

        def act(self, observation, info):
            return 0

    with pytest.warns(UserWarning, match=r"source of class .*Guess: give it a method describe\(\)"):
        quintain.evaluate("CartPole-v1", Guess(), episodes=1, out=tmp_path / "run", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quintain.evaluate("CartPole-v1", Guess(), episodes=1, progress=False)
        quintain.evaluate("CartPole-v1", "random", episodes=1, out=tmp_path / "other", progress=False)


def test_a_run_recorded_without_the_source_hash_can_be_resumed(tmp_path):
    class Guess:
        def begin(self, seat):
            return self

        def act(self, observation, info):
            return 0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quintain.evaluate("CartPole-v1", Guess(), episodes=1, out=tmp_path, progress=False)
        manifest = json.loads((tmp_path / "run.json").read_text())
        manifest["config"]["agent"]["source_hash"] = "another"
        (tmp_path / "run.json").write_text(json.dumps(manifest))
        with pytest.raises(RecordError, match="source_hash was 'another'"):
            quintain.evaluate("CartPole-v1", Guess(), episodes=2, out=tmp_path, resume=True, progress=False)
        del manifest["config"]["agent"]["source_hash"]
        (tmp_path / "run.json").write_text(json.dumps(manifest))
        again = quintain.evaluate("CartPole-v1", Guess(), episodes=2, out=tmp_path, resume=True, progress=False)
    assert len(again.episodes) == 2
