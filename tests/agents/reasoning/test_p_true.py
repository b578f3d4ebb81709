"""The agent ``p-true``: what it asks, what it records, and its worked examples."""

from __future__ import annotations

import math
from typing import Any

import pytest

from quintain.agents.reasoning import Judged, judged_examples
from quintain.engines import Reply, Request
from quintain.errors import ConfigurationError
from quintain.evaluation.calibration import confidence_of
from quintain.evaluation.requests import decisions_of


def verdict(request: Request) -> Any:
    """Answer differently each time, and judge with probabilities 0.3 of A and 0.1 of B."""
    if request.choices is None:
        return [f"<<<{7 + k}>>>" for k in range(request.n)]
    return Reply("A", "choice", choice_logprobs=(math.log(0.3), math.log(0.1)))


def test_the_confidence_is_the_share_of_the_letter_a(game: Any) -> None:
    played = game(verdict)
    record = played.play("p-true", n=3)
    assert record.steps[0]["action"] == "<<<7>>>"
    assert confidence_of(record) == pytest.approx(0.75)
    (decision,) = decisions_of(record)
    assert decision["facts"] == {"p_true": pytest.approx(0.75), "proposed": 0}
    assert decision["spent"]["calls"] == 4
    asked = played.asked[-1]
    assert asked.choices == ("A", "B")
    assert asked.prefill == "The proposed answer is ("
    text = asked.messages[-1]["content"]
    assert "brainstormed ideas:\n<<<7>>>\n<<<8>>>\n<<<9>>>\n\nProposed answer:\n<<<7>>>\n\nIs the proposed" in text
    assert text.endswith("(A) True\n(B) False")


def test_a_single_sample_is_judged_without_ideas(game: Any) -> None:
    played = game(verdict)
    played.play("p-true", n=1)
    assert "ideas" not in played.asked[-1].messages[-1]["content"]


def test_without_budget_for_the_question_there_is_no_confidence(game: Any) -> None:
    assert confidence_of(game(verdict).play("p-true", n=2, budget_calls=2)) is None


def test_an_engine_without_probabilities_gives_its_verdict(game: Any) -> None:
    record = game(lambda request: request.choices[1] if request.choices else "<<<7>>>").play("p-true", n=1)
    assert confidence_of(record) == 0.0


def test_worked_examples_are_balanced_of_different_questions_and_stand_before_the_question(game: Any) -> None:
    rows = [Judged(f"{k} + 1 = ?", str(k + 1 + wrong), not wrong) for k in range(6) for wrong in (0, 1)]
    examples = judged_examples(rows, 4, seed=1)
    verdicts = [message["content"] for message in examples if message["role"] == "assistant"]
    assert sorted(verdicts) == ["The proposed answer is (A)"] * 2 + ["The proposed answer is (B)"] * 2
    asked = [message["content"].splitlines()[1] for message in examples if message["role"] == "user"]
    assert len(set(asked)) == 4
    played = game(verdict)
    played.play("p-true", n=1, examples=examples)
    assert played.asked[-1].messages[:-1] == examples
    with pytest.raises(ConfigurationError, match="even"):
        judged_examples(rows, 3)
    with pytest.raises(ConfigurationError, match="examples that are"):
        judged_examples(rows, 14)
