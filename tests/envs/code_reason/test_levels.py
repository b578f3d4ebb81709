"""Easy, medium and hard mean the same for every family: what makes its questions hard grows from level to level."""

import json

import numpy as np
import pytest

from quintain.envs.code_reason.registry import load_task, task_names
from quintain.errors import MissingDependencyError

LEVELS = ("easy", "medium", "hard")


def answer_length(problem):
    return len(problem.answer)


def blanks(problem):
    return sum(cell in (0, "_") for row in problem.data["puzzle"] for cell in row)


#: What grows where it is not the length of the question.
GROWS = {
    "aiw": lambda problem: int(problem.answer),
    "blocksworld": lambda problem: sum(map(len, problem.data["start"])),
    "coin_flip": answer_length,
    "cryptanalysis": lambda problem: -len(problem.data["guesses"]),
    "letter_logic_diagram": blanks,
    "mini_sudoku": blanks,
    "rubiks_cube": answer_length,
    "standard_sudoku": blanks,
    "time_intervals": answer_length,
}
#: Families of one level only: the library has no setting that makes their questions harder.
ONE_LEVEL = {"acre", "arc_agi", "gsm_symbolic"}
#: Families whose setting does not show in the question: the rule that has to be found, or how near numbers are.
UNSEEN = {"number_sequence", "self_reference"}


def mean(name, level, count=15):
    """Average what grows over some items."""
    try:
        task = load_task(name, level)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    grows = GROWS.get(name, lambda problem: len(problem.prompt))
    return np.mean([grows(task.generate(np.random.default_rng([seed, 53]))) for seed in range(count)])


@pytest.mark.parametrize("name", sorted(set(task_names()) - ONE_LEVEL - UNSEEN))
def test_what_makes_a_question_difficult_grows_with_the_level(name):
    easy, medium, hard = (mean(name, level) for level in LEVELS)
    assert easy < medium < hard


@pytest.mark.parametrize("name", task_names())
def test_levels_are_named_alike_and_are_json(name):
    levels = load_task(name).LEVELS
    assert set(levels) == {"easy", "hard"}
    assert json.loads(json.dumps(levels)).keys() == levels.keys()
    assert (levels["easy"] == levels["hard"]) == (name in ONE_LEVEL)
