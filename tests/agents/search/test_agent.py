"""The agent mcts-star on a question, with a scripted model that proposes lines."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.search import Tree
from quintain.agents.search.page import tree_page
from quintain.engines import ReplayEngine, Reply, Request, ScriptedEngine
from quintain.errors import AgentError, CapabilityError, ConfigurationError
from quintain.evaluation.requests import decisions_of
from quintain.experiments.kinds import write_run_page
from quintain.records import read_episodes

ROWS = {"tasks": [{"question": "Ann has 3 apples and buys 4 more. How many?", "answer": "7"}], "scorer": "number"}


def lines(request: Request) -> Any:
    """Propose three first lines, one of them right, and end with the answer that follows from the line before."""
    if request.choices is not None:
        likely = 0.95 if "= 7" in request.messages[0]["content"] else 0.05
        return Reply("True", "choice", completion_tokens=1, choice_logprobs=(math.log(likely), math.log(1 - likely)))
    if not request.prefill:
        return [("3 + 4 = 8\n", "3 + 4 = 7\n", "Let me think.\n")[k % 3] for k in range(request.n)]
    return "So it is <<<7>>>." if "= 7" in request.prefill else "So it is <<<8>>>."


def value(question: str, text: str) -> float:
    return 1.0 if "<<<7>>>" in text else 0.5 if "= 7" in text else 0.1


def play(tmp_path: Any, script: Any = lines, engine: Any = None, **options: Any) -> Any:
    agent = make_agent("mcts-star", engine=engine or ScriptedEngine(script), **options)
    quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs=ROWS, out=tmp_path / "run")
    (record,) = read_episodes(tmp_path / "run")
    (decision,) = decisions_of(record)
    return record, decision


@pytest.mark.parametrize("options", [{"value": value}, {}])
def test_the_search_finds_the_line_that_leads_to_the_answer(tmp_path: Any, options: Any) -> None:
    record, decision = play(tmp_path, end_gate=0.99, **options)
    assert record.outcome == "success"
    assert record.steps[0]["action"] == "3 + 4 = 7\nSo it is <<<7>>>"
    assert decision["answer"] == "7"
    tree = Tree()
    for name in ("parents", "children", "steps"):
        setattr(tree, name, decision["tree"][name])
    assert set(tree.steps[1:4]) == {"3 + 4 = 8", "3 + 4 = 7", "Let me think."}


def test_the_tree_of_the_record_is_a_page(tmp_path: Any) -> None:
    _, decision = play(tmp_path, value=value)
    tree = Tree.from_json(json.dumps(decision["tree"]))
    assert "3 + 4 = 7" in tree_page(tree, decision["chosen"])
    assert "parents" in write_run_page(tmp_path / "run").read_text(encoding="utf-8")


def test_end_leaves_can_vote(tmp_path: Any) -> None:
    _, decision = play(tmp_path, value=lambda question, text: 0.3, vote=True, iterations=20)
    assert max(decision["votes"], key=decision["votes"].get) == decision["answer"]


def test_budgets_limit_the_proposed_steps(tmp_path: Any) -> None:
    _, decision = play(tmp_path, value=value, budget_calls=4, iterations=50)
    assert decision["spent"]["calls"] <= 4


def test_a_search_is_replayed(tmp_path: Any) -> None:
    record, _ = play(tmp_path / "first")
    again, _ = play(tmp_path / "second", engine=ReplayEngine(tmp_path / "first" / "run"))
    assert again.decisions == record.decisions


def test_a_solution_without_an_answer_is_completed(tmp_path: Any) -> None:
    def script(request: Request) -> Any:
        return "7" if request.prefill.endswith("<<<") else "I think it is seven."

    record, _ = play(tmp_path, script, value=lambda question, text: 0.5, iterations=2)
    assert record.steps[0]["action"] == "I think it is seven.\nThe final answer is <<<7>>>"


def test_what_it_cannot_do_is_refused() -> None:
    engine = ScriptedEngine("x")
    engine.capabilities = engine.capabilities - {"stop_string"}
    with pytest.raises(CapabilityError, match="stop_string"):
        make_agent("mcts-star", engine=engine)
    with pytest.raises(ConfigurationError, match="branch"):
        make_agent("mcts-star", engine=ScriptedEngine("x"), branch=0)
    agent = make_agent("mcts-star", engine=ScriptedEngine(lines), value=lambda question, text: "high")
    with pytest.raises(AgentError, match="finite numbers"):
        quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs=ROWS)
