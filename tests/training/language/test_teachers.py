"""What the teachers of miniature tasks write."""

import numpy as np
import pytest

import quintain
from quintain.training.language.nano_recipes import RECIPES
from quintain.training.language.teachers import (
    Teacher,
    check_expressions,
    correct_yourself,
    judge,
    search_countdown,
    sum_in_steps,
    use_tools,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_sums_are_written_step_by_step():
    assert sum_in_steps(rng(), ["12+30+5=\n<<<number>>>"]) == "12+30=42\n42+5=47\n<<<47>>>"


def test_slips_are_made_and_some_are_put_right():
    replies = [correct_yourself(rng(k), ["12+30=\n<<<number>>>"]) for k in range(40)]
    assert "12+30=42\n<<<42>>>" in replies
    assert any(r.endswith("no, 12+30=42\n<<<42>>>") for r in replies)
    assert any(not r.endswith("<<<42>>>") for r in replies)


def test_a_countdown_is_searched_until_it_is_found_or_given_up():
    replies = [search_countdown(rng(k), ["3 5 7 to 22\n<<<expression>>>"]) for k in range(200)]
    found = 0
    for reply in replies:
        *tries, answer = reply.split("\n")
        assert all(line.endswith(" vs 22 no") for line in tries[:-1])
        assert len(tries) <= 12
        assert len(set(tries)) == len(tries)
        assert answer.startswith("<<<")
        found += tries[-1].endswith("=22 vs 22 yes")
    assert 20 < found < 100


def test_expressions_are_computed_and_compared_until_one_has_the_value():
    reply = check_expressions(rng(), ["14? (3*4)-2 (3+4)*2 (5+5)/2\n<<<expression>>>"])
    assert reply == "(3*4)-2=12-2=10 vs 14 no\n(3+4)*2=7*2=14 vs 14 yes\n<<<(3+4)*2>>>"


def test_programs_are_written_and_their_output_submitted():
    replies = {use_tools(rng(k), ["reverse abc\n<<<WORD>>>"]) for k in range(20)}
    assert "```python\nprint('abc'[::-1])\n```" in replies
    assert any(reply.startswith("<<<") for reply in replies)
    assert use_tools(rng(), ["reverse abc", "Code Execution Results:\ncba\n"]) == "<<<cba>>>"
    assert "```python\nprint(12*34)\n```" in {use_tools(rng(k), ["12*34=\n<<<number>>>"]) for k in range(9)}
    sums = {use_tools(rng(k), ["12+34=\n<<<number>>>"]) for k in range(20)}
    assert sums == {"12+34=46\n<<<46>>>", "```python\nprint(12+34)\n```"}
    assert use_tools(rng(), ["12+34=\n<<<number>>>"], from_head=1.0) == "12+34=46\n<<<46>>>"


def test_steps_are_computed_and_judged():
    assert judge(rng(), ["40-12=27?\n<<<right/wrong>>>"]) == "40-12=28\n<<<wrong>>>"
    assert judge(rng(), ["40+12=52?\n<<<right/wrong>>>"]) == "40+12=52\n<<<right>>>"


@pytest.mark.filterwarnings("ignore::quintain.errors.RepeatedItemsWarning")
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("arithmetic", 1, 1),
        ("countdown", 0.05, 0.45),
        ("critique", 1, 1),
        ("self-correction", 0.5, 0.85),
        ("tools", 0.5, 0.85),
    ],
)
def test_every_recipes_teacher_solves_its_task_as_often_as_it_should(name, least, most):
    recipe = RECIPES[name]
    report = quintain.evaluate(
        recipe.tests.env, Teacher(recipe.write), env_kwargs=recipe.tests.env_kwargs, episodes=60, progress=False
    )
    assert least <= report.success.estimate <= most
    assert report.errors == 0
