"""The task split: which of the 144 families are for training and which for testing generalisation to new families.

R1-Code-Interpreter trains on 107 and tests on 37 of its 144 families, chosen at random; which ones has not been
published in a form that we could confirm. This split is our own: drawn once, per suite in proportion to its size, with
the seed below, and stored as it was drawn, so that it does not change when families are added. It is not to be confused
with the split of *items* into train and test streams, which every family has.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from quintain.errors import UnknownNameError

__all__ = ["ALL_FAMILIES", "GROUPS", "SPLIT_SEED", "TEST_FAMILIES", "draw_test_families", "task_group"]

Group = Literal["train-tasks", "test-tasks"]
GROUPS: tuple[Group, ...] = ("train-tasks", "test-tasks")

SPLIT_SEED = 144
_TEST_SHARE = 37


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: The 144 families by suite: 33 + 27 + 84. Names ending in ``_original`` need items that users bring.
ALL_FAMILIES: dict[str, tuple[str, ...]] = {
    "symbench": _names(
        "blocksworld boxlift boxnet1 combinatorial_calculation constrained_linear_arrangement cryptanalysis "
        "eight_queens game24 game_2048 gsm_hard letter_logic_diagram letters light_puzzles logic_puzzle "
        "logical_equation mahjong_pattern math_counting_and_probability math_geometry matrix_transformation "
        "new_operator number_multiply path_plan_continuous pattern_recognition permutations_and_combinations "
        "pooling reversi standard_sudoku statistical_counting string_deletion_and_modification "
        "string_insertion string_splitting string_synthesis synthesis_decomposition "
    ),
    "bbh": _names(
        "boolean_expressions causal_judgement_original date_understanding disambiguation_qa_original "
        "dyck_languages formal_fallacies geometric_shapes hyperbaton logical_deduction_five_objects "
        "logical_deduction_seven_objects logical_deduction_three_objects movie_recommendation_original "
        "multistep_arithmetic_two navigate object_counting penguins_in_a_table "
        "reasoning_about_colored_objects ruin_names_original salient_translation_error_detection_original "
        "snarks_original sports_understanding_original temporal_sequences "
        "tracking_shuffled_objects_five_objects tracking_shuffled_objects_seven_objects "
        "tracking_shuffled_objects_three_objects web_of_lies word_sorting "
    ),
    "reasoning_gym": _names(
        "ab acre advanced_geometry aiw arc_1d arc_agi base_conversion basic_arithmetic bf binary_alternation "
        "binary_matrix bitwise_arithmetic caesar_cipher calendar_arithmetic chain_sum circuit_logic coin_flip "
        "color_cube_rotation complex_arithmetic count_bits count_primes countdown course_schedule cryptarithm "
        "decimal_arithmetic decimal_chain_sum dice emoji_mystery family_relationships figlet_font "
        "fraction_simplification game_of_life game_of_life_halting gcd graph_color group_anagrams "
        "gsm_symbolic isomorphic_strings jugs kakurasu knights_knaves largest_island lcm leg_counting "
        "letter_counting list_functions manipulate_matrix maze mini_sudoku modulo_grid needle_haystack "
        "number_filtering number_format number_sequence number_sorting palindrome_generation "
        "palindrome_partitioning path_star polynomial_equations polynomial_multiplication power_function "
        "prime_factorization products propositional_logic quantum_lock ransom_note rotten_oranges rubiks_cube "
        "self_reference shortest_path simple_equations simple_geometry simple_integration sokoban "
        "spell_backward spiral_matrix string_manipulation survo syllogism time_intervals tower_of_hanoi "
        "tsumego word_ladder word_sequence_reversal "
    ),
}

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
    """Draw the test families, in every suite in proportion to its size; how ``TEST_FAMILIES`` came about.

    Args:
        families: Names by suite.
        seed: Seed of the draw.
    """
    total = sum(map(len, families.values()))
    shares = {suite: len(names) * _TEST_SHARE / total for suite, names in families.items()}
    counts = {suite: int(share) for suite, share in shares.items()}
    for suite in sorted(shares, key=lambda s: counts[s] - shares[s])[: _TEST_SHARE - sum(counts.values())]:
        counts[suite] += 1
    drawn: set[str] = set()
    for i, suite in enumerate(sorted(families)):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(i,))))
        names = sorted(families[suite])
        drawn.update(names[k] for k in rng.permutation(len(names))[: counts[suite]])
    return frozenset(drawn)


def task_group(group: str) -> tuple[str, ...]:
    """List the families of one side of the split.

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
