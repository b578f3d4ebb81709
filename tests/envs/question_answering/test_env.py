"""QuestionAnswering-v0: what is shown, how replies are scored, and that a run poses every item once."""

import gymnasium as gym
import pytest

import quintain
from quintain.envs.question_answering import data_set
from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.report import Report

ROWS = [
    {"question": "Capital of France?", "answer": "Paris", "subject": "geography"},
    {"question": "Legs of a spider?", "answer": "8", "subject": "biology"},
    {"question": "Author of Hamlet?", "answer": "Shakespeare", "subject": "letters"},
]
CHOICES = [{"question": f"{n}?", "answer": "b", "choices": ["a", "b", "c", "d"]} for n in range(12)]


def made(tasks=ROWS, **kwargs):
    return gym.make("QuestionAnswering-v0", tasks=tasks, **kwargs)


def reply_with(env, reply, item=0):
    env.reset(seed=0, options={"item": item})
    return env.step(reply)


def test_an_episode():
    env = made()
    observation, info = env.reset(seed=0, options={"item": 1})
    assert observation == "Legs of a spider?"
    assert (info["task_id"], info["metadata"], info["success"]) == ("rows/2", {"subject": "biology"}, False)
    observation, reward, terminated, truncated, info = env.step("8")
    assert (observation, reward, terminated, truncated) == ("", 1, True, False)
    assert (info["success"], info["answer"], info["expected"], info["detail"]) == (True, "8", "8", "")
    with pytest.raises(gym.error.ResetNeeded):
        env.step("8")


def test_a_wrong_and_an_empty_reply():
    _, reward, _, _, info = reply_with(made(), "6", item=1)
    assert (reward, info["success"], info["parse_error"]) == (0, False, None)
    assert info["detail"] == "the answer is 8"
    _, reward, _, _, info = reply_with(made(), "", item=1)
    assert (reward, info["success"], info["parse_error"]) == (0, False, "the reply is empty")


@pytest.mark.parametrize(
    "kwargs", [{"tasks": ROWS}, {"tasks": CHOICES, "shuffle_choices": True}], ids=["open", "choice"]
)
def test_the_environment_passes_the_checks(kwargs):
    quintain.check("QuestionAnswering-v0", kwargs)


def test_a_prompt_that_cannot_be_filled_is_refused():
    with pytest.raises(ConfigurationError, match="no such column; there are question, choices, subject"):
        made(prompt="{question} {level}")
    with pytest.raises(ConfigurationError, match=r"must show the question: write \{question\}"):
        made(prompt="Answer!")


def test_a_prompt_shows_columns_and_keeps_other_braces():
    observation, _ = made(prompt='{subject}: {question} Write {"a": 1} or {}.').reset(options={"item": 0})
    assert observation == 'geography: Capital of France? Write {"a": 1} or {}.'


def test_options_are_shown_with_letters():
    observation, info = made(CHOICES).reset(options={"item": 3})
    assert observation == "3?\n\nA) a\nB) b\nC) c\nD) d\n\nAnswer with the letter of the right option."
    assert info["choices"] == ["a", "b", "c", "d"]
    _, reward, _, _, info = reply_with(made(CHOICES), "B")
    assert (reward, info["answer"], info["expected"]) == (1, "B) b", "B) b")


def test_options_are_shuffled_by_the_seed():
    env = made(CHOICES, shuffle_choices=True)
    orders = []
    for seed in range(20):
        observation, info = env.reset(seed=seed, options={"item": 0})
        assert env.reset(seed=seed, options={"item": 0})[0] == observation
        assert sorted(info["choices"]) == ["a", "b", "c", "d"]
        orders.append("".join(info["choices"]))
        letter = "ABCD"[info["choices"].index("b")]
        _, reward, _, _, last = env.step(letter)
        assert (reward, last["expected"], last["task_hash"]) == (1, f"{letter}) b", info["task_hash"])
    assert len(set(orders)) > 5


def test_items_are_chosen_by_number_and_id():
    env = made([{**row, "id": name} for row, name in zip(ROWS, ("x", "y", "z"), strict=True)])
    assert env.reset(options={"item": 2})[1]["task_id"] == "rows/z"
    assert env.reset(options={"task_id": "rows/y"})[0] == "Legs of a spider?"
    for options in ({"item": 3}, {"item": -1}, {"item": "x"}):
        with pytest.raises(ConfigurationError, match=r"item must be an integer in \[0, 3\)"):
            env.reset(options=options)
    with pytest.raises(ConfigurationError, match="there is no item 'rows/w'; an id is such as rows/x"):
        env.reset(options={"task_id": "rows/w"})


def test_a_run_poses_every_item_once_in_the_order_of_the_rows():
    report = quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": ROWS})
    assert [e.info["task_id"] for e in report.episodes] == ["rows/1", "rows/2", "rows/3"]
    assert [e.info["metadata"]["subject"] for e in report.episodes] == ["geography", "biology", "letters"]
    assert (report.success.estimate, report.success.n) == (1, 3)


def test_a_run_poses_every_item_once_in_several_processes():
    report = quintain.evaluate(
        "QuestionAnswering-v0", "oracle", env_kwargs={"tasks": CHOICES}, executor="process", workers=2
    )
    assert [e.info["item"] for e in report.episodes] == list(range(12))


def test_fewer_episodes_pose_the_first_items_or_a_random_sample():
    def items(**kwargs):
        report = quintain.evaluate(
            "QuestionAnswering-v0", "oracle", episodes=4, env_kwargs={"tasks": CHOICES, **kwargs}
        )
        return [e.info["task_id"] for e in report.episodes]

    assert items() == ["rows/1", "rows/2", "rows/3", "rows/4"]
    assert items(shuffle_items=0) == items(shuffle_items=0) != items(shuffle_items=1)
    assert len(set(items(shuffle_items=0))) == 4
    with pytest.raises(ConfigurationError, match="shuffle_items must be a seed"):
        made(shuffle_items=-1)


def test_environments_without_items_have_100_episodes():
    assert len(quintain.evaluate("CodeReason-v0", "oracle", env_kwargs={"tasks": "letters"}).episodes) == 100


def test_results_are_listed_by_a_column():
    report = quintain.evaluate(
        "QuestionAnswering-v0", lambda question: "8", env_kwargs={"tasks": ROWS, "group_by": "subject"}
    )
    assert {task: part.success.estimate for task, part in report.by_task.items()} == {
        "biology": 1, "geography": 0, "letters": 0,
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="group_by: there is no other column 'level'"):
        made(group_by="level")


def test_partial_values_are_rewards_and_no_success(tmp_path, monkeypatch):
    (tmp_path / "half_right.py").write_text("def score(reply, item):\n    return 0.5, 'half of it'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _, reward, _, _, info = reply_with(made(scorer="half_right:score"), "x")
    assert (reward, info["reward_terms"], info["success"], info["detail"]) == (
        0.5, {"correctness": 0.5}, False, "half of it",
    )  # fmt: skip


def test_a_fault_of_an_own_scorer_is_an_error_record_and_no_score():
    report = quintain.evaluate(
        "QuestionAnswering-v0",
        "oracle",
        env_kwargs={"tasks": ROWS, "scorer": lambda reply, item: "maybe"},
        errors="record",
    )
    assert (report.errors, report.success.n) == (3, 0)
    assert "must return a bool" in report.episodes[0].error["message"]


def test_a_run_is_not_continued_with_another_file(tmp_path):
    path, run = tmp_path / "qa.csv", tmp_path / "run"
    path.write_text("question,answer\n1?,1\n2?,2\n")
    quintain.evaluate("QuestionAnswering-v0", "oracle", episodes=1, env_kwargs={"tasks": str(path)}, out=run)
    again = quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": str(path)}, out=run, resume=True)
    assert again.success.n == 2
    path.write_text("question,answer\n1?,1\n2?,3\n4?,4\n")
    with pytest.raises(RecordError, match=r"was played with env\.data = "):
        quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": str(path)}, out=run, resume=True)


def test_replies_are_scored_again_with_another_key(tmp_path):
    path, run = tmp_path / "qa.csv", tmp_path / "run"
    path.write_text("question,answer\n1?,1\n2?,22\n")
    quintain.evaluate("QuestionAnswering-v0", lambda question: question[0], env_kwargs={"tasks": str(path)}, out=run)
    path.write_text("question,answer\n1?,1\n2?,2\n")
    found = quintain.rescore(run)
    assert (found.before.success.estimate, found.after.success.estimate) == (0.5, 1)
    assert (found.changed, found.drifted) == ([1], [])


def test_two_prompts_can_be_compared():
    runs = [
        quintain.evaluate(
            "QuestionAnswering-v0", lambda shown: shown[:1], env_kwargs={"tasks": CHOICES, "prompt": prompt}
        )
        for prompt in ("B {question} {choices}", "A {question} {choices}")
    ]
    found = quintain.compare(*runs)
    assert (found.success.estimate, found.wins, found.losses) == (1, 12, 0)


def test_the_record_names_file_and_scorer(tmp_path):
    path = tmp_path / "qa.csv"
    path.write_text("question,answer\n1?,1\n")
    quintain.evaluate(
        "QuestionAnswering-v0", "oracle", env_kwargs={"tasks": str(path), "scorer": "number"}, out=tmp_path / "run"
    )
    facts = Report.load(tmp_path / "run").manifest["facts"]["env"]
    assert (facts["data_set"], facts["items"], facts["scorer"]) == (str(path), 1, "number")
    assert len(facts["data"]) == 64


def test_a_file_is_read_once_for_all_environments_and_again_after_a_change(tmp_path, monkeypatch):
    read = []
    table = data_set.read_table
    monkeypatch.setattr(data_set, "read_table", lambda *args, **kwargs: read.append(args) or table(*args, **kwargs))
    path = tmp_path / "qa.csv"
    path.write_text("question,answer\n" + "".join(f"{n}?,{n}\n" for n in range(20)))
    quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": str(path)}, concurrency=8)
    assert len(read) == 1
    path.write_text("question,answer\n1?,1\n")
    assert len(quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": str(path)}).episodes) == 1
    assert len(read) == 2


@pytest.mark.parametrize("scorer", ["exact", "contains", "number", "choice", {"name": "regex", "pattern": r"\w+\W*$"}])
def test_a_repetition_of_the_question_is_no_answer(scorer):
    rows = [
        {"question": "Is 5 or 7 right? 5", "answer": "5", **({"choices": ["7", "5"]} if scorer == "choice" else {})}
    ]
    env = made(rows, scorer=scorer)
    observation, _ = env.reset(seed=0)
    _, reward, _, _, info = env.step(f"<think>hm</think>{observation}\n")
    assert (reward, info["success"], info["parse_error"]) == (0, False, "the reply repeats the question")
    assert reply_with(env, "B" if scorer == "choice" else "5")[1] == 1
