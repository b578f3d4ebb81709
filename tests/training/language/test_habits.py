"""Traces of the four habits, and the counters beside labels by hand."""

import numpy as np
import pytest

from quintain.envs.code_reason import load_task
from quintain.envs.code_reason.miniature._expressions import expression_of, expressions
from quintain.training.language.habits import BEHAVIOURS, KINDS, count_behaviours, write_trace

#: Replies as teachers and models write them, and the counts of verification, backtracking, subgoals and backward
#: chaining that a reader finds in them.
LABELLED = [
    ("<<<3+4>>>", 0, 0, 0, 0),
    ("", 0, 0, 0, 0),
    ("(3+4)*2=7*2=14\n<<<(3+4)*2>>>", 0, 0, 0, 0),
    ("(3+4)*2=7*2=14 vs 25 no\n<<<(3+4)*2>>>", 1, 0, 0, 0),
    ("(3+4)*2=7*2=14 vs 25 no\n(3*4)+2=12+2=14 vs 25 no\n<<<(3*4)+2>>>", 2, 1, 0, 0),
    ("(3+4)*2=7*2=14\n(3*4)+2=12+2=14\n(4-3)*2=1*2=2\n<<<(4-3)*2>>>", 0, 2, 0, 0),
    ("aim 18: (3*6)+7=18+7=25\n<<<(3*6)+7>>>", 0, 0, 1, 0),
    ("25-7=18: (3*6)+7=18+7=25\n<<<(3*6)+7>>>", 0, 0, 0, 1),
    ("25-7=18: (3+6)+7=9+7=16\naim 18: (3*6)+7=18+7=25 vs 25 yes\n<<<(3*6)+7>>>", 1, 1, 1, 1),
    ("aim 18: (3*6)+7=18+7=25 vs 25 yes\n25-7=18: (3+6)+7=9+7=16 vs 25 no\n<<<(3+6)+7>>>", 2, 1, 1, 1),
    # As models write: equations that are wrong, lines cut off, plans without an attempt, repeated attempts, noise.
    ("(3+4)*2=9*2=11 vs 25 yes\n<<<(3+4)*2>>>", 1, 0, 0, 0),
    ("(3+4)*2=7*2=14 vs", 0, 0, 0, 0),
    ("aim 18:\n<<<3*6>>>", 0, 0, 1, 0),
    ("25-7=18:\n<<<3*6>>>", 0, 0, 0, 1),
    ("(3+4)*2=7*2=14 vs 25 no\n(3+4)*2=7*2=14 vs 25 no\n<<<(3+4)*2>>>", 2, 1, 0, 0),
    ("no no vs vs aim aim\n...\n<<<>>>", 0, 0, 0, 0),
    (". . . . . . . .\n<<<(3+4)*2>>>", 0, 0, 0, 0),
    ("(3+4)*2=7*2=14 vs 25 no 14 vs 25 no\n<<<(3+4)*2>>>", 2, 0, 0, 0),
    ("3+4=7\n7*2=14\n<<<(3+4)*2>>>", 0, 1, 0, 0),  # a line is an attempt
    ("<<<3+4=7>>>", 0, 0, 0, 0),
    ("25-7=18:\n25-7=18:\n<<<3*6>>>", 0, 0, 0, 2),
]


@pytest.mark.parametrize(("reply", "verification", "backtracking", "subgoal", "backward"), LABELLED)
def test_counters_agree_with_labels_by_hand(reply, verification, backtracking, subgoal, backward):
    counted = count_behaviours(reply)
    assert tuple(counted) == BEHAVIOURS
    assert tuple(counted.values()) == (verification, backtracking, subgoal, backward)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_shows_the_behaviours_of_its_kind_and_no_other(kind):
    style, rng = KINDS[kind], np.random.default_rng(1)
    total = dict.fromkeys(BEHAVIOURS, 0)
    for _ in range(60):
        for name, count in count_behaviours(write_trace(rng, [3, 4, 7], 25, style)).items():
            total[name] += count
    shown = {name for name, count in total.items() if count}
    assert shown == {name for name in BEHAVIOURS if getattr(style, name)}


def test_traces_are_right_about_themselves_and_end_with_their_last_attempt():
    task = load_task("mini_countdown")
    for seed in range(40):
        problem = task.generate(np.random.default_rng(seed))
        numbers, target = problem.data["numbers"], problem.data["target"]
        reply = write_trace(np.random.default_rng(seed), numbers, target, KINDS["all_strategies"])
        *lines, answer = reply.split("\n")
        last = expression_of(answer.strip("<>"))
        assert last.worked in lines[-1]
        assert lines[-1].endswith("yes") == (last.value == target)
        assert task.score(problem, answer.strip("<>")).correct == (last.value == target)


@pytest.mark.parametrize(
    ("numbers", "text", "worked"),
    [
        ([3, 4], "3+4", "3+4=7"),
        ([3, 4, 2], "(3+4)*2", "(3+4)*2=7*2=14"),
        ([3, 4, 2, 5], "((3+4)*2)-5", "((3+4)*2)-5=(7*2)-5=14-5=9"),
    ],
)
def test_an_expression_is_worked_out_operator_by_operator(numbers, text, worked):
    assert next(e for e in expressions(numbers) if e.text == text).worked == worked


def test_expressions_are_whole_numbers_from_left_to_right():
    found = {e.text: e.value for e in expressions([2, 3, 4])}
    assert found["(2+3)*4"] == 20
    assert found["(4/2)+3"] == 5
    assert "(3/2)+4" not in found  # not whole
    assert "(2-3)+4" not in found  # below 0
    assert "(3*4)*2" not in {e.text for e in expressions([2, 3, 4], max_value=20)}
    with pytest.raises(ValueError, match="such as"):
        expression_of("3+4")
    with pytest.raises(ValueError, match="no whole number"):
        expression_of("(3-4)+2")
