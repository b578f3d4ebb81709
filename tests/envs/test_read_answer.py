"""Environments read the answer of a reply as they score it, equal for equal answers, without the right answer."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from quintain.envs.protocols import ReadsAnswers


def answers_of(rows: list[dict[str, Any]], scorer: Any, *replies: str) -> list[str | None]:
    env = gym.make("QuestionAnswering-v0", tasks=rows, scorer=scorer).unwrapped
    env.reset(seed=0)
    assert isinstance(env, ReadsAnswers)
    return [env.read_answer(reply) for reply in replies]


NUMBER = [{"question": "How many?", "answer": "7"}]
CHOICE = [{"question": "Which?", "answer": "B", "choices": ["ox", "cow"]}]


@pytest.mark.parametrize(
    ("rows", "scorer", "replies", "expected"),
    [
        (NUMBER, "number", ["<<<7>>>", r"\boxed{7.0}", "7 * 2 = 14", "none"], ["7", "7", "14", None]),
        (NUMBER, "exact", ["<<< **Seven**. >>>", "answer: seven", ""], ["seven", "seven", None]),
        (CHOICE, "choice", ["<<<B>>>", "the answer is (B)", "cow", "neither"], ["B", "B", "B", None]),
        (NUMBER, {"name": "regex", "pattern": r"n=(\d+)"}, ["n=1, n=2", "n"], ["2", None]),
        (NUMBER, "contains", ["<<<A b>>>"], ["a b"]),
    ],
)
def test_scorers_read_what_they_score(rows: Any, scorer: Any, replies: list[str], expected: list[str | None]) -> None:
    assert answers_of(rows, scorer, *replies) == expected
    wrong = [{**rows[0], "answer": "A" if "choices" in rows[0] else "99"}]
    assert answers_of(wrong, scorer, *replies) == expected


def test_code_reason_reads_equal_answers_alike() -> None:
    env: Any = gym.make("CodeReason-v0", tasks="leg_counting", code=False).unwrapped
    env.reset(seed=0)
    readings = [
        env.read_answer(reply) for reply in ("<<<12>>>", "so <<<12.0>>>", "<<<**12**>>>", "<<<a dozen  legs>>>")
    ]
    assert readings == ["12", "12", "12", "a dozen legs"]
    assert env.read_answer("twelve") is None
    assert env.read_answer("<think><<<1>>></think> <<<2>>>") == "2"
