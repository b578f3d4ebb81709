"""ReST-MCTS*: value targets by hand and against exact probabilities, the value model, and the loop in small."""

import asyncio
import dataclasses
import json

import numpy as np
import pytest
import torch
from text_worlds import SayLetter, equal, weights

from quintain.agents.search import END, MCTSStarSettings, SearchBudget, Step, end_leaves, label_tree, mcts_star
from quintain.errors import ConfigurationError, RecordError
from quintain.training.language.rest_mcts import ReSTMCTSSettings, train_rest_mcts
from quintain.training.language.rest_mcts_loop import value_metrics
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.value_model import ValueExample, ValueModel, chain_examples, load_value_model
from quintain.training.language.value_settings import ValueSettings
from quintain.training.sources import Worlds

SMALL = ReSTMCTSSettings(
    iterations=1, steps=1, num_queries=6, search_iterations=2, roll_forward_steps=0, end_gate=0.4, step_tokens=2,
    temperature=1.0, value=ValueSettings(value_steps=1, value_learning_rate=1e-3), max_completion_length=3,
    batch_size=4, optimizer=OptimizerSettings(learning_rate=2e-3),
)  # fmt: skip


class NeverRight(SayLetter):
    """The same questions, of which no answer is right."""

    def step(self, action):
        observation, _, terminated, truncated, info = super().step(action)
        return observation, 0.0, terminated, truncated, {**info, "success": False}


class Slips:
    """Three steps, each right with probability 0.6: a scripted policy whose chances of success are known."""

    async def propose(self, prefix, n, seed):
        rng = np.random.default_rng(seed)
        return [Step(f"{len(prefix)}{'r' if rng.random() < 0.6 else 'w'}{rng.integers(50)}") for _ in range(n)]

    async def evaluate(self, prefixes):
        return [0.5] * len(prefixes)

    async def criticise(self, prefix):
        return END if len(prefix) == 3 else ""


def test_first_values_by_hand():
    """k/K on a right chain; a false step costs the more, the nearer the answer was."""
    found = chain_examples("q", ["a", "b", "c"], lambda step: step.upper())
    assert [(e.steps, e.value) for e in found] == [
        (("a",), pytest.approx(1 / 3)), (("A",), 0.0),
        (("a", "b"), pytest.approx(2 / 3)), (("a", "B"), 0.0),
        (("a", "b", "c"), pytest.approx(1.0)), (("a", "b", "C"), pytest.approx(1 / 3)),
    ]  # fmt: skip
    assert [e.value for e in chain_examples("q", ["a", "b"])] == [0.5, 1.0]
    assert chain_examples("q", []) == []


def test_value_metrics_by_hand():
    found = value_metrics([0.5, 0.95, 0.0, 0.2], [0.5, 1.0, 0.3, 0.6])
    assert found == {"value/within": 0.5, "value/error": pytest.approx(((0.0025 + 0.09 + 0.16) / 4) ** 0.5)}


def test_value_targets_agree_with_the_chances_of_a_policy_that_is_known():
    settings = MCTSStarSettings(full_sampling=True, end_gate=1.0, roll_forward_steps=0, seed=3)
    tree, _ = asyncio.run(mcts_star(Slips(), settings, SearchBudget(60)))
    right = {leaf: all("r" in step for step in tree.prefix(leaf)) for leaf in end_leaves(tree, 1.0)}
    labels = label_tree(tree, right)
    exact = [0.6 ** (3 - len(e.prefix)) if all("r" in step for step in e.prefix) else 0.0 for e in labels]
    assert len(labels) > 20
    assert np.corrcoef([e.value for e in labels], exact)[0, 1] > 0.9


def test_the_value_model_begins_at_a_half_learns_prefixes_and_is_read_again(fresh, tmp_path):
    engine = fresh()
    settings = ValueSettings(value_steps=20, value_batch_size=2, value_learning_rate=3e-3)
    model = ValueModel(engine, engine.model, settings)
    before = weights(engine)
    assert model("q", "a") == 0.5
    loss = model.fit([ValueExample("q", ("a",), 1.0), ValueExample("q", ("b",), 0.0)], np.random.default_rng(0))
    assert 0 < loss < 0.25
    assert 0 <= model("q", "b") < 0.4 < 0.6 < model("q", "a") <= 1
    assert model.values([("q", "a"), ("q", "bbb")])[0] == pytest.approx(model("q", "a"), abs=1e-5)
    assert equal(weights(engine), before)
    model.save(tmp_path / "value.pt")
    assert load_value_model(engine, tmp_path / "value.pt")("q", "a") == model("q", "a")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"trunk": {}, "head": {}}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_bytes(b"{}")
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("list.pt", "other.pt", "text.pt", "empty.pt", "nowhere.pt"):
        with pytest.raises(RecordError, match="holds no value model"):
            load_value_model(engine, tmp_path / name)


def test_it_learns_verified_solutions_and_keeps_trees_and_labels(fresh, tmp_path):
    engine = fresh()
    trained = train_rest_mcts(engine, Worlds(SayLetter), SMALL, out=tmp_path)
    (row,) = trained.curve
    assert row["solutions"] >= 1
    assert 0 < row["solved"] <= 1
    labels = [json.loads(line) for line in (tmp_path / "samples" / "round-1.jsonl").read_text().splitlines()]
    assert len(labels) == row["prefixes"]
    assert {0.0, 1.0} >= {label["value"] for label in labels if len(label["steps"]) == 1}
    assert load_value_model(engine, tmp_path / "value.pt")("1", "a") != 0.5
    hard = dataclasses.replace(SMALL, value_targets="reachable")
    assert train_rest_mcts(fresh(), Worlds(SayLetter), hard).curve[0]["prefixes"] == row["prefixes"]


def test_a_training_is_not_resumed_on_other_first_data_of_the_value_model(fresh, tmp_path):
    first, other = [ValueExample("1", ("a",), 1.0)], [ValueExample("1", ("b",), 1.0)]
    engine = fresh()
    train_rest_mcts(engine, Worlds(SayLetter), SMALL, out=tmp_path, value_data=first)
    with pytest.raises(RecordError, match="value_data"):
        train_rest_mcts(engine, Worlds(SayLetter), SMALL, out=tmp_path, value_data=other, resume=True)


def test_a_round_without_a_right_answer_changes_nothing_and_says_so(fresh):
    engine = fresh()
    before = weights(engine)
    with pytest.warns(UserWarning, match="no right answer in 6 trees"):
        trained = train_rest_mcts(engine, Worlds(NeverRight), SMALL)
    assert trained.curve[0]["prefixes"] == trained.curve[0]["solved"] == 0
    assert equal(weights(engine), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_queries": 0}, "num_queries must be"),
        ({"end_gate": 0.0}, "end_gate must be"),
        ({"min_value": 1.5}, "min_value must be"),
        ({"value_targets": "soft"}, "value_targets must be one of"),
        ({"temperature": 0.0}, "temperature must be"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        ReSTMCTSSettings(**changes)
