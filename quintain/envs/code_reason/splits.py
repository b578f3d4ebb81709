"""The task split: which of the 144 task families are for training, and which for testing on unseen families.

R1-Code-Interpreter (Chen et al. 2025) trains on 107 and tests on 37 of its 144 families, chosen at random. We found no
list of them that we could confirm, so this split is our own. It was drawn once, with the seed below, from each suite in
proportion to its size, and is stored here, so that it does not change when families are added.

There is a second split, of the *items* within every family into train and test (``split`` of ``CodeReason-v0``). The
two are independent.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from quintain.envs.code_reason import bbh, reasoning_gym, symbench
from quintain.envs.code_reason.bbh import original
from quintain.errors import UnknownNameError

__all__ = ["ALL_FAMILIES", "GROUPS", "SPLIT_SEED", "TEST_FAMILIES", "draw_test_families", "task_group"]

Group = Literal["train-tasks", "test-tasks"]
GROUPS: tuple[Group, ...] = ("train-tasks", "test-tasks")

SPLIT_SEED = 144
_TEST_COUNT = 37  # families, as in R1-Code-Interpreter


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: The 144 families by suite: 33 of symbench, 27 of Big-Bench-Hard, 84 of reasoning-gym. Families that end in
#: ``_original`` need files from the user, see :mod:`quintain.envs.code_reason.bbh.original`.
ALL_FAMILIES: dict[str, tuple[str, ...]] = {
    "symbench": symbench.NAMES,
    "bbh": tuple(name if name in bbh.NAMES else f"{name}_original" for name in original.FAMILIES),
    "reasoning_gym": reasoning_gym.NAMES,
}

#: The families of the test side of the split of tasks.
TEST_FAMILIES: frozenset[str] = frozenset(
    _names(
        "acre advanced_geometry binary_alternation bitwise_arithmetic boxlift boxnet1 calendar_arithmetic "
        "combinatorial_calculation course_schedule date_understanding disambiguation_qa_original eight_queens "
        "formal_fallacies game_of_life_halting gcd letter_counting logic_puzzle manipulate_matrix "
        "number_filtering number_format path_star pattern_recognition polynomial_multiplication "
        "power_function reasoning_about_colored_objects rotten_oranges rubiks_cube "
        "salient_translation_error_detection_original shortest_path simple_equations snarks_original "
        "spiral_matrix standard_sudoku string_synthesis survo tower_of_hanoi word_sorting "
    )
)


def draw_test_families(families: dict[str, tuple[str, ...]], seed: int = SPLIT_SEED) -> frozenset[str]:
    """Draw the test families, in every suite in proportion to its size; ``TEST_FAMILIES`` was drawn with this function.

    Args:
        families: Names of the families, by suite.
        seed: Seed of the draw, >= 0. Default: the one with which ``TEST_FAMILIES`` was drawn.

    Returns:
        Names of 37 families.
    """
    total = sum(map(len, families.values()))
    shares = {suite: len(names) * _TEST_COUNT / total for suite, names in families.items()}
    counts = {suite: int(share) for suite, share in shares.items()}
    for suite in sorted(shares, key=lambda s: counts[s] - shares[s])[: _TEST_COUNT - sum(counts.values())]:
        counts[suite] += 1
    drawn: set[str] = set()
    for i, suite in enumerate(sorted(families)):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i,))))
        names = sorted(families[suite])
        drawn.update(names[k] for k in rng.permutation(len(names))[: counts[suite]])
    return frozenset(drawn)


def task_group(group: str) -> tuple[str, ...]:
    """List the names of the families for training or of those for testing.

    Families that need files from the user are left out, so that every listed family can be used at once.

    Args:
        group: ``"train-tasks"`` for families to train on, ``"test-tasks"`` for those kept for tests.

    Raises:
        UnknownNameError: If the group is neither ``"train-tasks"`` nor ``"test-tasks"``.
    """
    if group not in GROUPS:
        raise UnknownNameError("group of tasks", group, GROUPS)
    return tuple(
        name
        for names in ALL_FAMILIES.values()
        for name in names
        if (name in TEST_FAMILIES) == (group == "test-tasks") and not name.endswith("_original")
    )
