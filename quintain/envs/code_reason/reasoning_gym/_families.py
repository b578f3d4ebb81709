"""The families whose questions come from the library, with the form of their answers, our solutions and the levels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from quintain.envs.code_reason.reasoning_gym import _forms as forms
from quintain.envs.code_reason.reasoning_gym._library import LibraryTask, Source, library_task
from quintain.envs.code_reason.reasoning_gym._solvers import grids, logic, numbers, stories, texts

__all__ = ["FAMILIES"]

_TRUE_FALSE = forms.choice("True", "False")


def _not_empty(question: str, answer: str) -> bool:
    """Reject items with an empty answer, which equals a missing one."""
    return answer.strip() not in ("", "[]")


def _short(question: str, answer: str) -> bool:
    return 0 < len(answer) <= 4000


FAMILIES: Mapping[str, Source] = {
    "ab": Source(forms.HALF_TOKENS, texts.ab, {"length": 5}, {"length": 25}, keep=_not_empty),
    "acre": Source(forms.choice("on", "off", "undetermined"), logic.acre),
    "aiw": Source(
        forms.INTEGER,
        stories.aiw,
        {"max_entities": 3},
        {"max_entities": 20},
        always={"task_type_weights": (0.5, 0.5, 0.0)},  # the questions about colleagues can be read in two ways
    ),
    "arc_1d": Source(forms.INTEGER_TOKENS, None, {"max_size": 12}, {"min_size": 30, "max_size": 50}),
    "arc_agi": Source(forms.ROWS, reuse=True),
    "base_conversion": Source(
        forms.DIGITS_ANY_BASE,
        numbers.base_conversion,
        {"max_base": 9, "max_value": 100},
        {"min_value": 10_000, "max_value": 10_000_000, "max_base": 36},
        keep=_not_empty,
    ),
    "basic_arithmetic": Source(
        forms.NUMBER,
        numbers.arithmetic,
        {"max_terms": 3, "max_digits": 2},
        {"min_terms": 6, "max_terms": 9, "max_digits": 3},
        tolerance=forms.exact,
    ),
    "binary_alternation": Source(
        forms.INTEGER, texts.binary_alternation, {"min_n": 5, "max_n": 10}, {"min_n": 40, "max_n": 100}
    ),
    "binary_matrix": Source(forms.ROWS, grids.binary_matrix, {"max_n": 4}, {"min_n": 11, "max_n": 16}),
    "bitwise_arithmetic": Source(forms.HEXADECIMAL, numbers.bitwise_arithmetic, {"difficulty": 1}, {"difficulty": 4}),
    "caesar_cipher": Source(
        forms.TEXT_ANY_CASE, texts.caesar_cipher, {"max_words": 6}, {"min_words": 15, "max_words": 30}, reuse=True
    ),
    "calendar_arithmetic": Source(
        forms.CALENDAR,
        stories.calendar_arithmetic,
        {"tasks": ("weekday_offset", "weekday_of_date", "is_leap_year"), "offset_upper_bound": 14},
        {
            "tasks": ("weekday_of_date_from_first_date", "recurring_event_day", "count_days", "count_business_days"),
            "offset_upper_bound": 360,
        },
    ),
    "chain_sum": Source(
        forms.INTEGER,
        numbers.arithmetic,
        {"max_terms": 3, "max_digits": 2},
        {"min_terms": 7, "max_terms": 12, "min_digits": 3, "max_digits": 8},
    ),
    "circuit_logic": Source(
        forms.choice("0", "1"),
        logic.circuit_logic,
        {"max_terms": 3, "max_inputs": 2},
        {"min_terms": 6, "max_terms": 10, "max_inputs": 6},
    ),
    "color_cube_rotation": Source(
        forms.WORD_ANY_CASE,
        grids.color_cube_rotation,
        {"max_rotations": 1},
        {"min_rotations": 5, "max_rotations": 12},
    ),
    "count_bits": Source(forms.INTEGER, numbers.count_bits, {"max_n": 1000}, {"min_n": 2**40, "max_n": 2**63}),
    "count_primes": Source(forms.INTEGER, numbers.count_primes, {"max_n": 300}, {"max_n": 50_000}),
    "course_schedule": Source(
        _TRUE_FALSE,
        grids.course_schedule,
        {"max_num_courses": 5, "max_num_prerequisites": 1, "max_cycle_length": 3},
        {"min_num_courses": 15, "max_num_courses": 25, "max_num_prerequisites": 4},
    ),
    "decimal_arithmetic": Source(
        forms.NUMBER,
        numbers.decimal_arithmetic,
        {"min_num_decimal_places": 1, "max_num_decimal_places": 2, "max_terms": 3},
        {"max_num_decimal_places": 6, "min_terms": 6, "max_terms": 10},
        tolerance=forms.twelve_digits,
    ),
    "decimal_chain_sum": Source(
        forms.NUMBER,
        numbers.arithmetic,
        {"max_terms": 3, "max_digits": 2, "max_decimal_places": 2},
        {"min_terms": 7, "max_terms": 12, "max_digits": 8, "max_decimal_places": 6},
        tolerance=forms.exact,
    ),
    "dice": Source(
        forms.LOWEST_TERMS,
        numbers.dice,
        {"num_dice": 2, "max_dice_size": 10},
        {"num_dice": 6, "max_dice_size": 30},
        keep=lambda question, answer: "/" in answer,
    ),
    "emoji_mystery": Source(
        forms.TEXT,
        texts.emoji_mystery,
        {"max_words_in_sentence": 8},
        {"min_words_in_sentence": 25},
        reuse=True,
    ),
    "family_relationships": Source(
        forms.WORD_ANY_CASE,
        stories.family_relationships,
        {"max_family_size": 5},
        {"min_family_size": 9, "max_family_size": 14},
    ),
    "figlet_font": Source(
        forms.WORD_ANY_CASE, None, {"max_word_len": 3}, {"min_word_len": 8, "max_word_len": 12}, reuse=True
    ),
    "fraction_simplification": Source(
        forms.LOWEST_TERMS,
        numbers.fraction_simplification,
        {"max_value": 50, "max_factor": 10},
        {"min_value": 1000, "max_value": 100_000, "min_factor": 100, "max_factor": 10_000},
    ),
    "gcd": Source(
        forms.INTEGER,
        numbers.gcd,
        {"max_value": 100},
        {"min_numbers": 3, "max_numbers": 4, "min_value": 1000, "max_value": 1_000_000},
    ),
    "group_anagrams": Source(
        forms.GROUPS,
        texts.group_anagrams,
        {"max_anagram_groups": 3, "max_words_per_group": 2},
        {"min_anagram_groups": 12, "max_anagram_groups": 25},
        reuse=True,
    ),
    "gsm_symbolic": Source(forms.NUMBER, tolerance=forms.exact),
    "largest_island": Source(
        forms.INTEGER,
        grids.largest_island,
        {"min_rows": 3, "max_rows": 5, "min_cols": 3, "max_cols": 5, "max_island_size": 4, "max_num_islands": 3},
        {"min_rows": 12, "max_rows": 20, "min_cols": 12, "max_cols": 20, "max_island_size": 25, "max_num_islands": 12},
    ),
    "lcm": Source(
        forms.INTEGER,
        numbers.lcm,
        {"max_value": 20},
        {"min_numbers": 3, "max_numbers": 4, "min_value": 100, "max_value": 1000},
    ),
    "leg_counting": Source(
        forms.INTEGER,
        numbers.leg_counting,
        {"min_animals": 1, "max_animals": 3, "max_instances": 5},
        {"min_animals": 12, "max_animals": 20, "max_instances": 60},
    ),
    "letter_counting": Source(
        forms.INTEGER, texts.letter_counting, {"max_words": 6}, {"min_words": 20, "max_words": 40}, reuse=True
    ),
    "manipulate_matrix": Source(
        forms.ROWS,
        grids.manipulate_matrix,
        {"max_rows": 4, "max_cols": 4, "max_transforms": 2},
        {"min_rows": 9, "max_rows": 12, "min_cols": 9, "max_cols": 12, "min_transforms": 6, "max_transforms": 12},
        note=(
            "Rotations are clockwise. To mirror horizontally means to reverse the order of the rows, to mirror "
            "vertically to reverse that of the columns."
        ),
        keep=_not_empty,
    ),
    "maze": Source(
        forms.INTEGER,
        grids.maze,
        {"min_dist": 3, "max_dist": 6, "max_grid_size": 6},
        {"min_dist": 12, "max_dist": 25, "min_grid_size": 14, "max_grid_size": 20},
    ),
    "modulo_grid": Source(
        forms.MARKS,
        grids.modulo_grid,
        {"size_x": 12, "size_y": 12, "max_divisor": 8, "max_target": 7},
        {"size_x": 30, "size_y": 30, "max_holes": 10},
    ),
    "needle_haystack": Source(
        forms.NAME,
        texts.needle_haystack,
        {"min_num_statements": 5, "max_num_statements": 15},
        {"min_num_statements": 150, "max_num_statements": 300},
    ),
    "number_filtering": Source(
        forms.NUMBER_LIST,
        numbers.number_filtering,
        {"max_numbers": 5, "max_decimals": 1},
        {"min_numbers": 20, "max_numbers": 50, "max_decimals": 6, "min_value": -1000, "max_value": 1000},
        keep=_not_empty,
    ),
    "number_sequence": Source(forms.INTEGER, None, {"max_complexity": 1}, {"max_complexity": 4}),
    "number_sorting": Source(
        forms.NUMBER_LIST,
        numbers.number_sorting,
        {"max_numbers": 5, "max_decimals": 1},
        {"min_numbers": 20, "max_numbers": 50, "max_decimals": 4, "min_value": -1000, "max_value": 1000},
    ),
    "palindrome_partitioning": Source(
        forms.PARTITIONS,
        texts.palindrome_partitioning,
        {"max_string_len": 6},
        {"min_string_len": 12, "max_string_len": 16},
        keep=_short,
    ),
    "path_star": Source(
        forms.INTEGER_TOKENS,
        grids.path_star,
        {"degree": 2, "max_path_length": 3, "node_range": 100},
        {"degree": 6, "min_path_length": 7, "max_path_length": 12},
    ),
    "prime_factorization": Source(
        forms.FACTORS, numbers.prime_factorization, {"max_value": 100}, {"min_value": 1000, "max_value": 100_000}
    ),
    "products": Source(
        forms.INTEGER,
        numbers.arithmetic,
        {"max_digits": 2},
        {"min_terms": 3, "max_terms": 3, "min_digits": 4, "max_digits": 8},
    ),
    "rotten_oranges": Source(forms.INTEGER, grids.rotten_oranges, {"min_n": 4, "max_n": 8}, {"min_n": 31, "max_n": 40}),
    "self_reference": Source(forms.INTEGER, logic.self_reference, {"difficulty": 1}, {"difficulty": 10}),
    "simple_equations": Source(
        forms.NUMBER,
        numbers.simple_equations,
        {"max_terms": 2, "max_value": 20},
        {"min_terms": 5, "max_terms": 10, "min_value": 10, "max_value": 10_000},
        tolerance=forms.exact,
    ),
    "simple_geometry": Source(
        forms.NUMBER,
        numbers.simple_geometry,
        {"max_sides": 4},
        {"min_sides": 7, "max_sides": 12, "min_angle": 110, "max_angle": 175},
        tolerance=forms.exact,
    ),
    "spell_backward": Source(
        forms.WORD, texts.spell_backward, {"max_word_len": 4}, {"min_word_len": 9, "max_word_len": 10}, reuse=True
    ),
    "spiral_matrix": Source(forms.INTEGER_TOKENS, grids.spiral_matrix, {"max_n": 3}, {"min_n": 11, "max_n": 16}),
    "string_manipulation": Source(
        forms.LETTERS,
        texts.string_manipulation,
        {"max_string_length": 8, "max_num_rules": 4},
        {"min_string_length": 20, "max_string_length": 50, "min_num_rules": 8, "max_num_rules": 14},
        keep=_not_empty,
    ),
    "word_sequence_reversal": Source(
        forms.WORDS, texts.word_sequence_reversal, {"max_words": 4}, {"min_words": 12, "max_words": 30}, reuse=True
    ),
}


@cache
def __getattr__(name: str) -> type[LibraryTask]:
    """Make the task class of a family; it is looked up like any attribute of this module (PEP 562)."""
    if name not in FAMILIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return library_task(name, FAMILIES[name], __name__)
