"""The agent ``recorded-replies``: stored replies are scored without their model."""

import pytest

import quintain
from quintain.errors import AgentError, RecordError

ROWS = [
    {"question": "Capital of France?", "answer": "Paris", "reply": "It is Paris.", "other": "Lyon"},
    {"question": "Legs of a spider?", "answer": "8", "reply": None, "other": 8},
]


def test_replies_of_a_column_are_scored():
    settings = {"tasks": ROWS, "scorer": "contains"}
    report = quintain.evaluate("QuestionAnswering-v0", "recorded-replies", env_kwargs=settings)
    assert [e.outcome for e in report.episodes] == ["success", "parse_error"]  # an empty cell is an empty reply
    other = {"name": "recorded-replies", "column": "other"}
    report = quintain.evaluate("QuestionAnswering-v0", other, env_kwargs=settings)
    assert [e.outcome for e in report.episodes] == ["failure", "success"]


def test_a_judge_grades_the_replies_of_a_file(tmp_path):
    path = tmp_path / "replies.csv"
    path.write_text("question,answer,reply\n1 + 1?,2,two\n")
    settings = {"tasks": str(path), "scorer": {"name": "judge", "engine": "scripted:GRADE: C"}}
    report = quintain.evaluate("QuestionAnswering-v0", "recorded-replies", env_kwargs=settings)
    assert report.success.estimate == 1
    assert report.episodes[0].info["judge"]["grade"] == "C"
    assert not report.episodes[0].calls
    with pytest.raises(RecordError, match=r"-a recorded-replies --tasks .*replies\.csv"):
        quintain.rescore(path)


def test_a_column_that_does_not_exist_is_named():
    agent = {"name": "recorded-replies", "column": "answr"}
    with pytest.raises(AgentError) as caught:
        quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": ROWS})
    assert "no column 'answr' with a reply; its other columns: reply, other" in str(
        caught.value.__cause__ or caught.value
    )
