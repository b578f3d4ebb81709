"""Verdicts of the scorers on replies as models write them."""

import pytest

from quintain.envs.question_answering import SCORERS, Item, Verdict
from quintain.envs.question_answering.scorers import make_scorer
from quintain.errors import ConfigurationError, TaskError, UnknownNameError


def judged(scorer, reply, answers=("Paris",), choices=()):
    scorer, _ = make_scorer(scorer)
    item = Item("1", "Which city?", tuple(answers), tuple(choices))
    scorer.check(item)
    return scorer(reply, item)


def outcome(verdict):
    return "malformed" if verdict.malformed else verdict.value


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Paris", 1), ("  paris. ", 1), ("**Paris**", 1), ("Let me think.\nAnswer: Paris", 1), ("<<<Paris>>>", 1),
        (r"It is \boxed{Paris}.", 1), ("<think>London?</think>Paris", 1), ("**Final answer:** Paris.", 1),
        ("It is Paris.", 0), ("London", 0), ("Answer: Paris\nAnswer: London", 0), ("", "malformed"),
        ("<think>Paris", "malformed"), (" \n", "malformed"),
    ],
)  # fmt: skip
def test_exact(reply, expected):
    assert outcome(judged("exact", reply)) == expected


def test_exact_minds_case_on_request():
    assert judged({"name": "exact", "ignore_case": False}, "paris").value == 0
    assert judged({"name": "exact", "ignore_case": False}, "Paris").value == 1


def test_any_right_answer_will_do():
    assert judged("exact", "Lutetia", ["Paris", "Lutetia"]).value == 1
    assert judged("contains", "the old Lutetia", ["Paris", "Lutetia"]).value == 1


@pytest.mark.parametrize(
    ("reply", "right", "expected"),
    [
        ("It is Paris, of course.", "Paris", 1), ("A parisian", "Paris", 0), ("14", "4", 0), ("4, not 14", "4", 1),
        ("the CITY of\n light", "city of light", 1), ("答案是東京。", "東京", 1),
        ("<think>Paris</think>London", "Paris", 0),
        ("", "Paris", "malformed"), ("C++ it is", "C++", 1),
    ],
)  # fmt: skip
def test_contains(reply, right, expected):
    assert outcome(judged("contains", reply, [right])) == expected


@pytest.mark.parametrize(
    ("reply", "right", "expected"),
    [
        ("42", "42", 1), ("The answer is 42.", "42.0", 1), ("6 * 7 = 42", "42", 1), ("$1,234.50", "1234.5", 1),
        ("3/4", "0.75", 1), ("-3", "3", 0), ("It costs $18 in all.", "18", 1), ("7 of 10, so 70%", "70", 1),
        ("Answer: 5\nThat took 3 steps.", "5", 1), ("<<<5>>> of 6", "5", 1), ("five", "5", "malformed"),
        ("", "5", "malformed"), ("1e3", "1000", 1), ("5 or 6", "5", 0), ("x5y", "5", "malformed"), ("−7", "-7", 1),
    ],
)  # fmt: skip
def test_number(reply, right, expected):
    assert outcome(judged("number", reply, [right])) == expected


def test_number_takes_tolerances():
    assert judged({"name": "number", "rel_tol": 0.01}, "3.13", ["3.14159"]).value == 1
    assert judged({"name": "number", "rel_tol": 0.001}, "3.13", ["3.14159"]).value == 0
    assert judged({"name": "number", "abs_tol": 0.5}, "3", ["3.4"]).value == 1
    with pytest.raises(ConfigurationError, match="rel_tol must be a number >= 0, got -1"):
        make_scorer({"name": "number", "rel_tol": -1})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("B", 1), ("b", 1), ("(B)", 1), ("B) blue", 1), ("B. blue", 1), ("B: It is the sky.", 1), ("blue", 1),
        ("**B**", 1), ("Blue.", 1), ("Answer: B", 1), ("I think the answer is (B).", 1),
        ("The correct option is **B**", 1),
        ("The answer is A. No, wait: the answer is B.", 1), ("<<<B>>>", 1), ("<think>A</think> B", 1),
        ("Answer: (B) blue", 1), ("Answer: B, because of the sky", 1), ("A) is too warm. Answer: B", 1),
        ("A", 0), ("red", 0), ("Answer: C", 0), ("B) red", "malformed"), ("D", "malformed"), ("no idea", "malformed"),
        ("The answer is a matter of taste.", "malformed"), ("", "malformed"), ("A blue sky", "malformed"),
    ],
)  # fmt: skip
def test_choice(reply, expected):
    assert outcome(judged("choice", reply, ["blue"], ["red", "blue", "grey"])) == expected


def test_choice_names_both_options():
    verdict = judged("choice", "C", ["blue"], ["red", "blue", "grey"])
    assert (verdict.answer, verdict.detail) == ("C) grey", "the answer is B) blue")
    with pytest.raises(ValueError, match="no options"):
        judged("choice", "B")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("#### Paris", 1), ("#### London\n#### paris", 1), ("#### London", 0), ("Paris", "malformed"), ("", "malformed")],
)
def test_regex(reply, expected):
    assert outcome(judged({"name": "regex", "pattern": r"#### (\w+)"}, reply)) == expected


def test_a_pattern_without_a_group_is_the_answer():
    assert judged({"name": "regex", "pattern": r"[A-Z]\w+"}, "in Paris").answer == "Paris"


def test_a_bad_pattern_is_refused():
    with pytest.raises(ConfigurationError, match=r"'\(' is not a regular expression"):
        make_scorer({"name": "regex", "pattern": "("})
    with pytest.raises(ConfigurationError, match=r"scorer 'regex'.*pattern"):
        make_scorer("regex")


@pytest.mark.parametrize(
    ("result", "expected"),
    [(True, (1, "")), (0.5, (0.5, "")), ((False, "too long"), (0, "too long")), (Verdict(0.25), (0.25, ""))],
)
def test_a_function_scores(result, expected):
    seen = []
    verdict = judged(lambda reply, item: seen.append((reply, item.answer)) or result, "<think>x</think>hello")
    assert (verdict.value, verdict.detail) == expected
    assert seen == [("hello", "Paris")]


@pytest.mark.parametrize("result", [None, 2, "right", (1, 2)])
def test_a_function_that_returns_something_else_is_at_fault(result):
    with pytest.raises(TaskError, match=r"must return a bool, a number in \[0, 1\]"):
        judged(lambda reply, item: result, "hello")


def test_a_function_is_found_by_module_and_name(tmp_path, monkeypatch):
    (tmp_path / "own_scorers.py").write_text("def short(reply, item):\n    return len(reply) < 5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert judged("own_scorers:short", "abc").value == 1
    assert judged("own_scorers:short", "abcdef").value == 0
    with pytest.raises(ConfigurationError, match="takes no settings"):
        make_scorer({"name": "own_scorers:short", "n": 3})


def test_unknown_scorers_and_settings_are_refused():
    with pytest.raises(UnknownNameError, match="unknown scorer 'exat'; did you mean 'exact'"):
        make_scorer("exat")
    with pytest.raises(ConfigurationError, match=r"scorer 'exact'.*its arguments: ignore_case"):
        make_scorer({"name": "exact", "case": True})
    with pytest.raises(ConfigurationError, match="need its 'name'"):
        make_scorer({"ignore_case": True})


@pytest.mark.parametrize("name", [name for name in SCORERS if name not in ("regex", "judge")])
def test_a_right_answer_passes_and_an_empty_one_does_not(name):
    """Contract of all scorers: the right answer has the value 1, and an empty reply is malformed."""
    answers, choices = (["2"], ["1", "2"]) if name == "choice" else (["2"], [])
    right = "B" if name == "choice" else "2"
    assert judged(name, right, answers, choices).value == 1
    for empty in ("", " \n"):
        assert judged(name, empty, answers, choices).malformed
