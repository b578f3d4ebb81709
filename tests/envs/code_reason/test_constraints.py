"""Mutation tests of tasks with many correct answers, on generated items.

Every family has a function in ``symbench_mutations`` or ``puzzle_mutations`` that mutates a correct answer into wrong
ones, each of which violates one constraint, and into other correct ones. Where all answers can be enumerated, their
correctness is computed there by a second implementation of the rules.
"""

import random

import numpy as np
import pytest

from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
from quintain.envs.code_reason.registry import load_task, task_names
from quintain.envs.text.task import ExactTask
from tests.envs.code_reason import puzzle_mutations, symbench_mutations

FEW, MANY = 6, 200
MUTATIONS = {**vars(symbench_mutations), **vars(puzzle_mutations)}
MANY_ANSWERS = [name for name in task_names("symbench") if not isinstance(load_task(name), ExactTask)]
MANY_ANSWERS += [
    *("countdown", "cryptarithm", "graph_color", "jugs", "kakurasu", "mini_sudoku", "palindrome_generation"),
    *("propositional_logic", "quantum_lock", "rubiks_cube", "shortest_path", "sokoban", "survo", "tower_of_hanoi"),
    *("tsumego", "word_ladder"),
]


def examine(name, count):
    task, rewrite = load_task(name), MUTATIONS[name]
    for seed in range(count):
        problem = task.generate(np.random.default_rng([seed, 41]))
        wrong, right = rewrite(problem.data, problem.answer, random.Random(seed))
        assert wrong
        assert right
        for answer in wrong:
            verdict = task.score(problem, answer)
            assert not verdict.correct, (problem, answer)
            assert verdict.detail
        for answer in right:
            verdict = task.score(problem, answer)
            assert verdict.correct, (problem, answer, verdict)


def test_every_task_with_many_answers_has_a_mutation_test():
    ours = set(task_names()) - set(FAMILIES)  # families of the library have one answer each
    many = [name for name in ours if not isinstance(load_task(name), ExactTask)]
    assert sorted(many) == sorted(MANY_ANSWERS)


@pytest.mark.parametrize("name", MANY_ANSWERS)
def test_a_violated_constraint_is_wrong_and_other_solutions_are_right(name):
    examine(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY_ANSWERS)
def test_a_violated_constraint_is_wrong_and_other_solutions_are_right_on_many_items(name):
    examine(name, MANY)
