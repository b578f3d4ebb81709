import json

import pytest
from toy_envs import make_sum

import quintain
from quintain.envs.code_reason.symbench.letters import Letters
from quintain.errors import RecordError
from quintain.evaluation.report import Report
from quintain.evaluation.requests import requests_of


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    agent = {"name": "oracle", "through_code": True}
    quintain.evaluate("CodeReason-v0", agent, episodes=6, out=path, env_kwargs={"tasks": "letters"})
    return path


def test_rescoring_with_the_same_verifier_changes_no_score(run):
    result = quintain.rescore(run)
    assert (result.changed, result.drifted) == ([], [])
    assert result.after.success == result.before.success
    assert [e.steps for e in result.after.episodes] == [e.steps for e in result.before.episodes]


def test_rescoring_with_another_verifier_lists_changed_scores(run, monkeypatch):
    monkeypatch.setattr(Letters, "check", lambda self, problem, value: "no longer right")
    result = quintain.rescore(run)
    assert result.changed == list(range(6))
    assert (result.before.success.estimate, result.after.success.estimate) == (1.0, 0.0)


def test_a_retried_episode_is_scored_by_its_last_attempt(run):
    """A failed attempt is recorded with its steps; the line of the retry follows it."""
    lines = [json.loads(line) for line in (run / "episodes.jsonl").read_text().splitlines()]
    failed = [line | {"outcome": "error", "steps": line["steps"][:1], "info": {}} for line in lines]
    (run / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*failed, *lines]))
    result = quintain.rescore(run)
    assert (result.changed, result.after.success.estimate) == ([], 1.0)


def test_changed_questions_are_reported_as_drift(run):
    lines = [json.loads(line) for line in (run / "episodes.jsonl").read_text().splitlines()]
    lines[2]["info"]["task_hash"] = "0" * 16
    (run / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert quintain.rescore(run).drifted == [lines[2]["index"]]


def test_runs_that_cannot_be_rescored_raise_an_error_with_the_reason(tmp_path):
    quintain.evaluate(make_sum, "random", episodes=2, out=tmp_path / "run")
    with pytest.raises(RecordError, match="does not name a registered environment"):
        quintain.rescore(tmp_path / "run")


def test_a_judge_scores_a_stored_run_into_a_new_folder(tmp_path):
    """The page of the new run has the judge's agreement with labels, and the model's requests of the old one."""
    (tmp_path / "labels.csv").write_text("question,answer,reply,label\nq,a,a,true\nq,a,b,false\n")
    rows = [{"question": "Capital of France?", "answer": "Paris"}, {"question": "Legs of a spider?", "answer": "8"}]
    agent = {"name": "chat", "engine": "scripted:It is Paris."}
    quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": rows}, out=tmp_path / "run")
    judge = {"name": "judge", "engine": "scripted:GRADE: C", "labels": str(tmp_path / "labels.csv")}
    found = quintain.rescore(tmp_path / "run", env_kwargs={"scorer": judge}, out=tmp_path / "judged")
    assert (found.before.success.estimate, found.after.success.estimate) == (0, 1)
    stored = Report.load(tmp_path / "judged")
    assert stored.success == found.after.success
    assert stored.manifest["config"]["env_kwargs"]["scorer"]["name"] == "judge"
    assert stored.manifest["config"]["agent"] == found.before.manifest["config"]["agent"]
    assert stored.manifest["facts"]["agent"] == found.before.manifest["facts"]["agent"]
    assert stored.to_dict()["agreement"]["accuracy"]["estimate"] == 0.5
    texts = [run.manifest.get("texts") for run in (found.before, stored)]
    asked = [
        [requests_of(episode, kept) for episode in run.episodes]
        for run, kept in zip((found.before, stored), texts, strict=True)
    ]
    assert asked[0] == asked[1]
    assert quintain.rescore(tmp_path / "judged").changed == []
    with pytest.raises(RecordError, match="already holds a run"):
        quintain.rescore(tmp_path / "run", out=tmp_path / "judged")
