"""Steps that an agent verified, as a data set of formal statements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quintain.errors import RecordError
from quintain.rewards.verification.export import FormalStep, formal_steps, read_formal_steps, write_formal_steps


def test_the_steps_of_recorded_episodes_are_written_and_read_once_each(game: Any, tmp_path: Path) -> None:
    replies = ["3 + 4 = 7.\nSo <<<7>>>", "3 + 4 = 8.\nSo <<<8>>>", "3 + 4 = 7.\nSo <<<7>>>"]
    record = game(replies).play("safe", n=3)
    steps = list(formal_steps([record]))
    assert [(s.formal_statement, s.state, s.proof) for s in steps] == [
        ("⊢ 3 + 4 = 7", "success of proof", "3 + 4 = 7: both sides are 7"),
        ("", "no verification required", ""),
        ("⊢ 3 + 4 = 8", "failure of proof", ""),
        ("", "no verification required", ""),
    ]
    assert {s.problem_unique_id for s in steps} == {str(record.info.get("task_id", 0))}
    assert write_formal_steps(tmp_path / "steps.jsonl", steps) == 4
    assert read_formal_steps(tmp_path / "steps.jsonl") == steps


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "line 1: not a step"),
        ("{}", "line 1: not a step"),
        ("no json", "line 1: not a step"),
        ('{"problem_unique_id": "a", "formal_statement": "def x := 1", "state": "proved"}', "unknown state 'proved'"),
    ],
)
def test_rows_are_validated_when_they_are_read(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "steps.jsonl").write_text(line + "\n")
    with pytest.raises(RecordError, match=message):
        read_formal_steps(tmp_path / "steps.jsonl")


def test_other_columns_are_left_out_and_missing_statements_are_empty(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_text(
        '{"problem_unique_id": 3, "formal_statement": null, "state": "failed formalisation", "level": 2, "x": 1}\n'
    )
    assert read_formal_steps(tmp_path / "steps.jsonl") == [FormalStep("3", "", "failed formalisation", "2")]
