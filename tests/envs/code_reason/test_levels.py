"""Levels easy, medium and hard: a measure of difficulty increases from level to level in every family."""

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


#: Measures of difficulty; of other families it is the length of the question.
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
#: Families with a single level, since the library has no parameter that makes their questions harder.
ONE_LEVEL = {"acre", "arc_agi", "gsm_symbolic"}
#: Families whose parameter is not visible in the question: a hidden rule, or the distance between numbers.
UNSEEN = {"number_sequence", "self_reference"}


def mean(name, level, count=15):
    """Return the mean measure of difficulty over some items."""
    try:
        task = load_task(name, level)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    grows = GROWS.get(name, lambda problem: len(problem.prompt))
    return np.mean([grows(task.generate(np.random.default_rng([seed, 53]))) for seed in range(count)])


@pytest.mark.parametrize("name", sorted(set(task_names()) - ONE_LEVEL - UNSEEN))
def test_difficulty_measures_increase_with_the_level(name):
    easy, medium, hard = (mean(name, level) for level in LEVELS)
    assert easy < medium < hard


@pytest.mark.parametrize("name", task_names())
def test_all_tasks_have_the_same_level_names_and_json_parameters(name):
    levels = load_task(name).LEVELS
    assert set(levels) == {"easy", "hard"}
    assert json.loads(json.dumps(levels)).keys() == levels.keys()
    assert (levels["easy"] == levels["hard"]) == (name in ONE_LEVEL)
