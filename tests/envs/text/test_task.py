from dataclasses import dataclass

import numpy as np
import pytest

from quintain.envs.text.forms import IntegerTask, OptionTask, StringTask
from quintain.envs.text.task import (
    MAX_ANSWER_CHARS,
    ExactTask,
    Malformed,
    Problem,
    Score,
    expect,
    sample_problem,
    split_of,
)
from quintain.errors import ConfigurationError, TaskError, UnknownNameError
from quintain.notation import unquote


@dataclass(frozen=True)
class Doubling(IntegerTask):
    """Double a number."""

    LEVELS = {"hard": {"high": 10**6}}

    high: int = 1000

    def __post_init__(self):
        expect(self.high > 0, "high > 0")

    def draw(self, rng):
        return {"n": int(rng.integers(self.high))}

    def ask(self, data):
        return f"What is 2 * {data['n']}? Write <<<number>>>."

    def find(self, data):
        return 2 * data["n"]


@dataclass(frozen=True)
class Constant(Doubling):
    """Generates the same question every time."""

    def draw(self, rng):
        return {"n": 1}


TWENTY_ONE = Problem("What is 2 * 21?", "42", {"n": 21})


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("42", Score(True, True)),
        (" 42\n", Score(True, False)),
        ("'42'", Score(True, False)),
        ("+42", Score(True, False)),
        ("43", Score(False, False, "the answer is 42")),
        ("", Score(False, False, "empty answer", malformed=True)),
        ("forty-two", Score(False, False, "expected an integer", malformed=True)),
        (42, Score(False, False, "expected a string, got int", malformed=True)),
        (" " * MAX_ANSWER_CHARS + "42", Score(False, False, "answer longer than 20000 characters", malformed=True)),
    ],
)
def test_answers_are_scored_correct_malformed_or_wrong(answer, score):
    assert Doubling().score(TWENTY_ONE, answer) == score


def test_the_score_does_not_depend_on_the_stored_answer():
    assert Doubling().score(Problem("?", "41", {"n": 21}), "42").correct


def test_the_hash_covers_question_and_data_but_not_the_answer():
    assert TWENTY_ONE.hash == Problem("What is 2 * 21?", "?", {"n": 21}).hash
    assert TWENTY_ONE.hash != Problem("What is 2 * 21?", "42", {"n": 22}).hash
    assert TWENTY_ONE.hash != Problem("what is 2 * 21?", "42", {"n": 21}).hash
    assert Problem("q", "", {"a": 1, "b": 2}).hash == Problem("q", "", {"b": 2, "a": 1}).hash
    assert TWENTY_ONE.hash == "9bc86a5458bd9dc4"  # on every machine and in every version


def test_sampling_is_a_pure_function_of_task_split_and_key():
    task = Doubling()
    assert sample_problem(task, "test", 5) == sample_problem(Doubling(), "test", 5)
    assert sample_problem(task, "test", 5) != sample_problem(task, "test", 6)
    assert sample_problem(task, "test", 5) != sample_problem(task, "train", 5)
    sample_problem(task, "train", 2**63 - 1)


def test_neighbouring_keys_give_independent_items():
    task = Doubling.configure("hard")
    streams = {split: [sample_problem(task, split, key).data["n"] for key in range(300)] for split in ("train", "test")}
    assert len({*streams["train"], *streams["test"]}) > 590
    assert not set(streams["train"]) & set(streams["test"])


def test_half_of_all_items_are_in_the_test_split():
    problems = [Doubling.configure("hard").generate(np.random.default_rng(i)) for i in range(1000)]
    # Binomial: 500 +- 16; six standard deviations around it.
    assert 400 < sum(split_of(p) == "test" for p in problems) < 600


def test_a_family_without_items_in_a_split_raises_task_error():
    other = "test" if split_of(Constant().generate(np.random.default_rng(0))) == "train" else "train"
    with pytest.raises(TaskError, match="raise its difficulty"):
        sample_problem(Constant(), other, 0)


def test_task_parameters_are_validated():
    assert Doubling.configure() == Doubling()
    assert Doubling.configure("hard") == Doubling(high=10**6)
    assert Doubling.configure({"high": 7}) == Doubling(high=7)
    with pytest.raises(UnknownNameError, match="did you mean 'hard'"):
        Doubling.configure("herd")
    with pytest.raises(UnknownNameError, match="did you mean 'high'"):
        Doubling.configure({"hihg": 7})
    with pytest.raises(ConfigurationError, match="expected high > 0"):
        Doubling.configure({"high": 0})
    with pytest.raises(ConfigurationError):
        Doubling.configure({"high": "many"})


@pytest.mark.parametrize(
    ("text", "bare"),
    [("'a'", "a"), ('"a b"', "a b"), ("`x`", "x"), ("'a', 'b'", "'a', 'b'"), ("'", "'"), ("", ""), ("'a\"", "'a\"")],
)
def test_unquoting_removes_one_enclosing_pair(text, bare):
    assert unquote(text) == bare


def test_the_error_of_a_form_of_answer_names_the_expected_form():
    class Letters(StringTask):
        ALPHABET = "[ab]"
        draw = ask = find = None

    class YesNo(OptionTask):
        OPTIONS = ("Yes", "No")
        draw = ask = find = None

    assert Letters().parse("abba") == "abba"
    assert YesNo().parse("YES") == "Yes"
    with pytest.raises(Malformed, match=r"\[ab\]"):
        Letters().parse("abc")
    with pytest.raises(Malformed, match="Yes, No"):
        YesNo().parse("maybe")


def test_incomplete_task_classes_are_refused():
    with pytest.raises(TypeError, match="abstract"):
        ExactTask()


def test_a_check_that_returns_a_bool_raises_type_error():
    task = Doubling()
    problem = task.generate(np.random.default_rng(0))
    confused = type("Confused", (type(task),), {"check": lambda self, problem, value: True})()
    with pytest.raises(TypeError, match=r"Confused\.check must return what is wrong as text.*returned True"):
        confused.score(problem, problem.answer)
