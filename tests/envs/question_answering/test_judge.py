"""A language model as judge: verdicts, malformed ones, dead servers, agreement with labels."""

import asyncio
import contextlib
import threading

import gymnasium as gym
import pytest
from fake_server import FakeServer

import quintain
from quintain.engines import Reply, ScriptedEngine
from quintain.engines.registry import ENGINES
from quintain.envs.question_answering import Item
from quintain.envs.question_answering.scorers import make_scorer
from quintain.errors import CapabilityError, ConfigurationError, EngineError
from quintain.evaluation.agreement import agreement_of
from quintain.evaluation.report import Report
from quintain.evaluation.summary import agreement_rows

ROWS = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(6)]


def judge(script, **settings):
    return {"name": "judge", "engine": {"name": "scripted", "script": script}, **settings}


def env_kwargs(script, **settings):
    return {"tasks": ROWS, "scorer": judge(script, **settings)}


def verdict(script, reply="It is 3.", answers=("3",), **settings):
    scorer, _ = make_scorer(judge(script, **settings))
    try:
        return scorer(reply, Item("1", "What is 2 + 1?", answers))
    finally:
        scorer.close()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It agrees.\nGRADE: C", 1), ("GRADE: I", 0), ("**GRADE: C**", 1), ("grade : i.", 0), ("> GRADE: **C**", 1),
        ('Either "GRADE: C" or not.\nGRADE: I', 0), ("<think>GRADE: C</think>GRADE: I", 0), ("GRADE: C\nGRADE: I", 0),
        ("GRADE: Correct", None), ("It is correct.", None), ("", None), ("GRADE: A", None),
        ("The reply says GRADE: C, which is no verdict", None),
    ],
)  # fmt: skip
def test_the_last_line_with_a_grade_is_the_verdict(text, value):
    found = verdict(text)
    assert found.value == value
    assert found.info["judge"]["reply"] == text
    assert found.info["metrics"] == {"unreadable_verdicts": float(value is None)}


def asked(reply="It is 3.", answers=("3",), **settings):
    seen = []

    def script(request):
        seen.append(request)
        return "GRADE: C"

    verdict(script, reply, answers, **settings)
    (request,) = seen
    (message,) = request.messages
    return message["content"], request


def test_the_judge_sees_question_answer_and_the_reply_without_its_reasoning():
    text, request = asked("<think>perhaps 4</think>It is 3.")
    assert "<question>\nWhat is 2 + 1?\n</question>" in text
    assert "The right answer: 3" in text
    assert "<reply>\nIt is 3.\n</reply>" in text
    assert "perhaps 4" not in text
    assert (request.temperature, request.seed) == (0, None)


def test_braces_in_a_reply_are_text():
    assert "<reply>\n{answer} {0}\n</reply>" in asked("{answer} {0}")[0]


def test_prompt_and_criterion_can_be_set():
    assert "Is it polite?" in asked(criterion="Is it polite?")[0]
    assert asked(prompt="Q {question} R {reply}")[0] == "Q What is 2 + 1? R It is 3."
    assert "right answer" not in asked(answers=())[0]
    with pytest.raises(ConfigurationError, match=r"must show \{question\} and \{reply\}"):
        verdict("x", prompt="Grade it.")
    with pytest.raises(ConfigurationError, match="judge: temperature must be >= 0"):
        verdict("x", temperature=-1)
    with pytest.raises(ConfigurationError, match=r"scorer 'judge'.*engine"):
        make_scorer("judge")


def test_a_sampled_verdict_has_a_seed_of_its_text():
    seeds = {asked(reply, temperature=1.0)[1].seed for reply in ("a", "a", "b")}
    assert len(seeds) == 2
    assert None not in seeds


def test_an_empty_reply_needs_no_judge():
    found = verdict(lambda request: 1 / 0, "<think>3</think>")
    assert (found.value, found.malformed) == (0, True)


def test_a_verdict_without_a_grade_is_continued_on_request():
    def script(request):
        if request.choices is None:
            return "I think so."
        assert request.prefill == "I think so.\nGRADE:"
        return " I" if "What is 1 + 1" in request.messages[0]["content"] else " C"

    report = quintain.evaluate(
        "QuestionAnswering-v0", lambda question: "x", env_kwargs=env_kwargs(script, extract=True)
    )
    assert [e.outcome for e in report.episodes] == ["success", "failure"] + ["success"] * 4
    assert report.episodes[0].info["judge"]["reply"] == "I think so.\nGRADE: C"
    assert report.metric("unreadable_verdicts").estimate == 0
    assert verdict("GRADE: I", extract=True).value == 0  # asked once: the script knows no choices


def test_an_engine_that_cannot_continue_a_verdict_is_refused():
    class Plain(ScriptedEngine):
        def __init__(self):
            super().__init__("maybe")
            self.capabilities -= {"choices"}

    ENGINES.add("plain-for-test", Plain)
    try:
        with pytest.raises(CapabilityError, match="cannot do: choices"):
            quintain.evaluate(
                "QuestionAnswering-v0", "oracle",
                env_kwargs={"tasks": ROWS, "scorer": {"name": "judge", "engine": "plain-for-test", "extract": True}},
            )  # fmt: skip
    finally:
        del ENGINES._entries["plain-for-test"]


def only_even(request):
    """Grade replies to 0 + 1, 2 + 1 and 4 + 1 as correct."""
    text = request.messages[0]["content"]
    return "GRADE: C" if any(f"What is {n} + 1?" in text for n in (0, 2, 4)) else "GRADE: I"


def test_a_run_is_graded():
    report = quintain.evaluate("QuestionAnswering-v0", lambda question: "x", env_kwargs=env_kwargs(only_even))
    assert [e.outcome for e in report.episodes] == ["success", "failure"] * 3
    assert report.episodes[1].info["judge"]["grade"] == "I"
    assert (report.success.estimate, report.success.n) == (0.5, 6)


def test_requests_of_the_judge_are_not_those_of_the_agent():
    agent = {"name": "chat", "engine": "scripted:It is so."}
    report = quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs=env_kwargs("GRADE: C"))
    assert [len(e.calls) for e in report.episodes] == [1] * 6
    assert [e.info["judge"]["completion_tokens"] for e in report.episodes] == [2] * 6
    assert {e.calls[0]["replies"][0]["text"] for e in report.episodes} == {"It is so."}


def test_an_unreadable_verdict_is_no_score():
    def script(request):
        return "well" if "What is 0" in request.messages[0]["content"] else "GRADE: C"

    report = quintain.evaluate("QuestionAnswering-v0", lambda question: "x", env_kwargs=env_kwargs(script))
    assert [e.outcome for e in report.episodes] == ["finished"] + ["success"] * 5
    assert (report.success.n, report.errors, report.reward_errors) == (5, 0, 1)
    assert report.metric("unreadable_verdicts").estimate == pytest.approx(1 / 6)
    assert report.episodes[0].info["detail"].startswith("not judged")


def test_a_verdict_that_was_cut_off_says_so():
    found = verdict(lambda request: Reply("I think", "length"))
    assert found.detail == "not judged: no GRADE in the judge's reply, which was cut off at max_tokens"


def test_a_dead_judge_is_an_error_record():
    scorer = {"name": "judge", "engine": {"name": "scripted", "script": "GRADE: C", "fail_after": 4}}
    report = quintain.evaluate(
        "QuestionAnswering-v0", lambda question: "x", env_kwargs={"tasks": ROWS, "scorer": scorer}, concurrency=1
    )
    assert [e.outcome for e in report.episodes] == ["success"] * 4 + ["error"] * 2
    assert report.episodes[4].error["boundary"] == "engine"
    assert report.episodes[4].error["message"].startswith("the judge failed: ")
    assert (report.success.n, report.errors) == (4, 2)


def test_episodes_share_a_judge_on_a_server_and_wait_for_it_together():
    together = threading.Barrier(3, timeout=30)

    def script(request):
        together.wait()
        return "GRADE: C"

    with contextlib.closing(FakeServer(ScriptedEngine(script))) as server:
        scorer = {"name": "judge", "engine": f"openai:m@{server.url}"}
        report = quintain.evaluate(
            "QuestionAnswering-v0", lambda question: "x", env_kwargs={"tasks": ROWS, "scorer": scorer}, concurrency=3
        )
    assert (report.success.estimate, report.success.n, len(server.seen)) == (1, 6, 6)


def test_the_environment_judges_on_its_own_inside_a_running_loop():
    env = gym.make("QuestionAnswering-v0", **env_kwargs("GRADE: C"))

    async def play():
        env.reset(seed=0)
        return env.step("x")

    _, reward, _, _, info = asyncio.run(play())
    env.close()
    assert (reward, info["success"]) == (1, True)


def test_questions_need_no_answers():
    report = quintain.evaluate(
        "QuestionAnswering-v0", lambda question: "x",
        env_kwargs={"tasks": [{"question": "Write a poem."}], "scorer": judge("GRADE: C")},
    )  # fmt: skip
    assert report.success.estimate == 1


LABELS = """\
question,answer,reply,label
What is 0 + 1?,1,one,true
What is 1 + 1?,2,two,true
What is 2 + 1?,3,four,false
What is 3 + 1?,4,five,false
What is 4 + 1?,5,five,yes
"""


def test_agreement_with_labels_is_measured_and_recorded(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(LABELS)
    quintain.evaluate(
        "QuestionAnswering-v0", lambda question: "x", out=tmp_path / "run",
        env_kwargs=env_kwargs(only_even, labels=str(path)),
    )  # fmt: skip
    report = Report.load(tmp_path / "run")
    found = agreement_of(report.manifest)
    # People: T T F F T; the judge: C I C I C.
    assert report.manifest["facts"]["env"]["agreement"]["counts"] == [[2, 1], [1, 1]]
    assert (found.accuracy.estimate, found.accuracy.n, found.unreadable) == (0.6, 5, 0)
    assert found.kappa.estimate == pytest.approx((0.6 - 0.52) / 0.48)
    assert report.manifest["facts"]["env"]["judge"]["engine"]["engine"] == "scripted"
    assert report.to_dict()["agreement"]["accuracy"]["estimate"] == 0.6
    assert [row.name for row in agreement_rows(report)] == ["agreement with labels", "Cohen's kappa"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a?,1,x,maybe", r"labels\.csv, line 2: the label must be true or false, got 'maybe'"),
        ("a?,1,,true", r"labels\.csv, line 2: no reply"),
        (",1,x,true", r"labels\.csv, line 2: no question"),
    ],
)
def test_a_labelled_sample_that_cannot_be_used_is_refused(tmp_path, rows, message):
    path = tmp_path / "labels.csv"
    path.write_text(f"question,answer,reply,label\n{rows}\n")
    with pytest.raises(ConfigurationError, match=message):
        gym.make("QuestionAnswering-v0", **env_kwargs("GRADE: C", labels=str(path)))


def test_a_dead_judge_is_found_before_the_run_if_there_are_labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(LABELS)
    scorer = {"name": "judge", "engine": {"name": "scripted", "fail_after": 0}, "labels": str(path)}
    with pytest.raises(EngineError, match="the judge failed"):
        quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": ROWS, "scorer": scorer})
