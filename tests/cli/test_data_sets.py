"""``quintain eval QuestionAnswering-v0``: questions of a file against a server, and messages about faulty files."""

import json
from pathlib import Path

from quintain.engines import ScriptedEngine

QUESTIONS = """\
question,answer,subject
What is the capital of France?,Paris,geography
How many legs does a spider have?,8,biology
Who wrote Hamlet?,Shakespeare,literature
"""
KEY = {"France": "It is Paris.", "spider": "<think>Six?</think>A spider has 8.", "Hamlet": "Marlowe did."}


def reply(request):
    question = request.messages[-1]["content"]
    return next(text for word, text in KEY.items() if word in question)


def test_a_file_of_questions_against_a_local_server_is_one_command(quintain, fake_server):
    Path("qa.csv").write_text(QUESTIONS)
    fake_server.engine = ScriptedEngine(reply)
    result = quintain(
        "eval", "QuestionAnswering-v0", "-a", "chat", "--tasks", "qa.csv", "-e", "scorer=contains",
        "--engine", "openai", "--model", f"m@{fake_server.url}", "-o", "run",
    )  # fmt: skip
    assert result.code == 0, result.text
    assert "QuestionAnswering-v0: 3 episodes" in result.text
    assert "success 66.7%" in result.text
    assert "warning" not in result.text
    asked = [body["messages"][-1]["content"] for body in fake_server.seen if "messages" in body]
    assert sorted(asked) == ["How many legs does a spider have?", "What is the capital of France?", "Who wrote Hamlet?"]
    records = [json.loads(line) for line in Path("run/episodes.jsonl").read_text().splitlines()]
    assert {r["info"]["metadata"]["subject"]: r["outcome"] for r in records} == {
        "geography": "success", "biology": "success", "literature": "failure",
    }  # fmt: skip


def test_more_episodes_than_questions_are_warned_of(quintain):
    Path("qa.csv").write_text(QUESTIONS)
    result = quintain("eval", "QuestionAnswering-v0", "-a", "oracle", "-e", "tasks=qa.csv", "-n", 6, "--no-report")
    assert result.code == 0, result.text
    assert "warning: the run posed 6 items, of which only 3 are different" in result.text
    assert "3 different items (6 values)" in result.text


def test_a_faulty_row_is_named_before_anything_is_asked(quintain):
    Path("qa.csv").write_text(QUESTIONS.replace("8,biology", ",biology"))
    result = quintain("eval", "QuestionAnswering-v0", "-a", "oracle", "--tasks", "qa.csv")
    assert (result.code, Path("runs").exists()) == (1, False)
    assert "qa.csv, line 3: no answer: the column 'answer' is empty" in result.text


def test_the_agreement_of_a_judge_is_printed(quintain):
    Path("qa.csv").write_text(QUESTIONS)
    Path("labels.csv").write_text("question,answer,reply,label\n1?,1,one,true\n2?,2,two,true\n3?,3,four,false\n")
    scorer = {"name": "judge", "engine": "scripted:GRADE: C", "labels": "labels.csv"}
    result = quintain(
        "eval", "QuestionAnswering-v0", "-a", "oracle", "--tasks", "qa.csv", "-e", f"scorer={json.dumps(scorer)}",
        "-o", "run",
    )  # fmt: skip
    assert result.code == 0, result.text
    assert "agreement with labels 66.7%" in result.text
    assert "Cohen's kappa 0" in result.text
    page = Path("run/report.html").read_text()
    assert "agreement with labels" in page
    assert "Cohen&#39;s kappa" in page
