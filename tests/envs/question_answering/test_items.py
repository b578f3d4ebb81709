"""Items of data sets: columns, options, splits, ids, and errors that name file and line."""

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.envs.question_answering.items import Columns, read_items
from quintain.envs.text.rows import table_of
from quintain.errors import ConfigurationError


def items(rows, split=None, needs_answer=True, **columns):
    table = table_of(rows)
    return read_items(table, Columns(**columns), split=split, needs_answer=needs_answer, check=lambda item: None)


def test_other_columns_are_metadata():
    (item,) = items([{"question": "1 + 1?", "answer": 2, "level": "easy", "n": 3}])
    assert (item.id, item.question, item.answers, item.metadata) == ("1", "1 + 1?", ("2",), {"level": "easy", "n": 3})


def test_columns_may_have_other_names():
    (item,) = items([{"q": "1?", "a": {"text": ["x", "y", "x"]}, "key": "k"}], question="q", answer="a.text", id="key")
    assert (item.id, item.question, item.answers) == ("k", "1?", ("x", "y"))


@pytest.mark.parametrize("answer", ["B", "b", "blue", 1])
@pytest.mark.parametrize("choices", [["red", "blue", "grey"], '["red", "blue", "grey"]', "red|blue | grey"])
def test_the_right_option_is_a_letter_a_text_or_a_number(answer, choices):
    (item,) = items([{"question": "?", "answer": answer, "choices": choices}])
    assert (item.choices, item.answer, item.letter) == (("red", "blue", "grey"), "blue", "B")


def test_options_may_be_columns_and_differ_in_number():
    rows = [{"question": "?", "answer": "B", "A": "x", "B": "y", "C": ""},
            {"question": "?", "answer": "C", "A": "x", "B": "y", "C": "z"}]  # fmt: skip
    assert [item.choices for item in items(rows, choices=("A", "B", "C"))] == [("x", "y"), ("x", "y", "z")]


@pytest.mark.parametrize(
    ("answer", "choices", "message"),
    [
        ("D", ["x", "y"], r"row 1: the answer 'D' is none of the options \['x', 'y'\]: give its letter, A to B"),
        ("A", ["x", "A"], r"row 1: the answer 'A' may mean several options: \['A', 'x'\]"),
        (1, ["1", "2"], r"row 1: the answer '1' may mean several options"),
        ("x", ["x", "x"], "row 1: two options are the same"),
        ("x", ["x"], "row 1: expected 2 to 26 options"),
        ("x", '["x", ', "row 1: the options in the column 'choices' are not a JSON list"),
        ("x", 3, "row 1: the options in the column 'choices' are not a list"),
    ],
)
def test_options_that_cannot_be_used_are_refused(answer, choices, message):
    with pytest.raises(ConfigurationError, match=message):
        items([{"question": "?", "answer": answer, "choices": choices}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"question": " ", "answer": "1"}], "rows, row 1: no question: the column 'question' is empty"),
        ([{"question": "?", "answer": "1"}, {"question": "?", "answer": None}], "rows, row 2: no answer"),
        ([{"question": "?", "answer": float("nan")}], "rows, row 1: no answer"),
        ([{"question": "?", "answer": "1", "id": "a"}] * 2, "rows, row 2: the id 'a' is that of row 1, too"),
        ([{"question": "?" * 90_001, "answer": "1"}], "row 1: the question is longer than 90,000 characters"),
        ([{"prompt": "?", "target": "1"}], "has no column 'question'; its columns: prompt, target. .*question="),
        ([{"question": "?", "target": "1"}], "has no column 'answer'; its columns: question, target. .*answer="),
    ],
)
def test_rows_that_cannot_be_used_are_refused(rows, message):
    with pytest.raises(ConfigurationError, match=message):
        items(rows)


def test_many_faults_are_one_message():
    rows = [{"question": "" if number % 2 else "?", "answer": "1"} for number in range(20)]
    with pytest.raises(ConfigurationError) as raised:
        items(rows)
    lines = str(raised.value).splitlines()
    assert [line.partition(":")[0] for line in lines[:5]] == [f"rows, row {n}" for n in (2, 4, 6, 8, 10)]
    assert lines[5:] == ["... and 5 more"]


def test_a_split_is_the_value_of_a_column():
    rows = [{"question": f"{n}?", "answer": "1", "split": "dev" if n < 2 else "test"} for n in range(5)]
    assert [item.question for item in items(rows, split="test")] == ["2?", "3?", "4?"]
    assert len(items(rows)) == 5
    with pytest.raises(ConfigurationError, match="no row has 'train' in the column 'split'; there are dev, test"):
        items(rows, split="train")
    with pytest.raises(ConfigurationError, match=r"has no column 'fold'.*split="):
        read_items(table_of(rows), Columns(split="fold"), split="test", needs_answer=True, check=lambda item: None)


def test_without_a_need_for_answers_there_need_be_no_column():
    assert items([{"question": "?"}], needs_answer=False)[0].answers == ()


def test_errors_reach_the_maker_of_the_environment(tmp_path):
    path = tmp_path / "qa.csv"
    path.write_text("question,answer\n1 + 1?,two\n")
    with pytest.raises(ConfigurationError, match=r"qa\.csv, line 2: the answer 'two' is not a number"):
        gym.make("QuestionAnswering-v0", tasks=str(path), scorer="number")
    with pytest.raises(ConfigurationError, match="no questions: give a data set"):
        gym.make("QuestionAnswering-v0")
