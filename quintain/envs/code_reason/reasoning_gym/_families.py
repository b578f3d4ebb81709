"""The families whose questions and right answers come from the library as they are, with the form of their answers."""

from __future__ import annotations

from collections.abc import Mapping

from quintain.envs.code_reason.reasoning_gym import _forms as forms
from quintain.envs.code_reason.reasoning_gym._library import Source

__all__ = ["FAMILIES"]

_TRUE_FALSE = forms.choice("True", "False")


def _not_empty(question: str, answer: str) -> bool:
    """An empty answer cannot be told from none."""
    return answer.strip() not in ("", "[]")


def _short(question: str, answer: str) -> bool:
    return 0 < len(answer) <= 4000


FAMILIES: Mapping[str, Source] = {
    "ab": Source(forms.TOKENS, keep=_not_empty),
    "acre": Source(forms.choice("on", "off", "undetermined")),
    "advanced_geometry": Source(forms.POINT_OR_NUMBER),
    "aiw": Source(forms.INTEGER),
    "arc_1d": Source(forms.TOKENS),
    "arc_agi": Source(forms.ROWS, reuse=True),
    "base_conversion": Source(forms.TEXT_ANY_CASE, keep=_not_empty),
    "basic_arithmetic": Source(forms.NUMBER),
    "binary_alternation": Source(forms.INTEGER),
    "binary_matrix": Source(forms.ROWS),
    "bitwise_arithmetic": Source(forms.HEXADECIMAL),
    "caesar_cipher": Source(forms.TEXT_ANY_CASE, reuse=True),
    "calendar_arithmetic": Source(forms.TEXT_ANY_CASE),
    "chain_sum": Source(forms.INTEGER),
    "circuit_logic": Source(forms.choice("0", "1")),
    "color_cube_rotation": Source(forms.TEXT_ANY_CASE),
    "count_bits": Source(forms.INTEGER),
    "count_primes": Source(forms.INTEGER),
    "course_schedule": Source(_TRUE_FALSE),
    "decimal_arithmetic": Source(forms.NUMBER),
    "decimal_chain_sum": Source(forms.NUMBER),
    "dice": Source(forms.LOWEST_TERMS, keep=lambda question, answer: "/" in answer),
    "emoji_mystery": Source(forms.TEXT, reuse=True),
    "family_relationships": Source(forms.TEXT_ANY_CASE),
    "figlet_font": Source(forms.TEXT_ANY_CASE, reuse=True),
    "fraction_simplification": Source(forms.LOWEST_TERMS),
    "gcd": Source(forms.INTEGER),
    "group_anagrams": Source(forms.GROUPS, reuse=True),
    "gsm_symbolic": Source(forms.NUMBER),
    "largest_island": Source(forms.INTEGER),
    "lcm": Source(forms.INTEGER),
    "leg_counting": Source(forms.INTEGER),
    "letter_counting": Source(forms.INTEGER, reuse=True),
    "manipulate_matrix": Source(forms.ROWS, keep=_not_empty),
    "maze": Source(forms.INTEGER),
    "modulo_grid": Source(forms.LINES, hard=2),
    "needle_haystack": Source(forms.TEXT_ANY_CASE),
    "number_filtering": Source(forms.NUMBER_LIST, keep=_not_empty),
    "number_sequence": Source(forms.INTEGER, hard=-1),
    "number_sorting": Source(forms.NUMBER_LIST),
    "palindrome_partitioning": Source(forms.PARTITIONS, keep=_short),
    "path_star": Source(forms.TOKENS),
    "prime_factorization": Source(forms.FACTORS),
    "products": Source(forms.INTEGER),
    "rotten_oranges": Source(forms.INTEGER),
    "self_reference": Source(forms.INTEGER),
    "simple_equations": Source(forms.NUMBER),
    "simple_geometry": Source(forms.NUMBER),
    "spell_backward": Source(forms.TEXT, reuse=True),
    "spiral_matrix": Source(forms.TOKENS),
    "string_manipulation": Source(forms.TEXT, keep=_not_empty),
    "word_sequence_reversal": Source(forms.WORDS, reuse=True),
}
