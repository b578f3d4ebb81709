"""Reasoning-Gym: families of procedural questions (Stojanovski et al. 2025, arXiv 2505.24760).

Some families are our own (one module each, here); the others are drawn by the library ``reasoning-gym``, which the
extra ``reason`` brings. No verdict depends on the library's scorers.
"""

from __future__ import annotations

from quintain.envs.code_reason._suite import module_names, module_target

__all__ = ["LIBRARY_FAMILIES", "NAMES", "target"]

_LIBRARY = """
ab acre aiw arc_1d arc_agi base_conversion basic_arithmetic binary_alternation binary_matrix bitwise_arithmetic
caesar_cipher calendar_arithmetic chain_sum circuit_logic color_cube_rotation count_bits count_primes course_schedule
decimal_arithmetic decimal_chain_sum dice emoji_mystery family_relationships figlet_font fraction_simplification gcd
group_anagrams gsm_symbolic largest_island lcm leg_counting letter_counting manipulate_matrix maze modulo_grid
needle_haystack number_filtering number_sequence number_sorting palindrome_partitioning path_star prime_factorization
products rotten_oranges self_reference simple_equations simple_geometry spell_backward spiral_matrix
string_manipulation word_sequence_reversal
"""

#: Families whose items the library draws; ``_families`` has their solvers, forms of answer and levels. They are named
#: here, so that listing them imports neither the library nor the solvers.
LIBRARY_FAMILIES: frozenset[str] = frozenset(_LIBRARY.split())

#: Every task of the suite: the modules beside this file, and the library's families.
NAMES: tuple[str, ...] = tuple(sorted((*module_names(__path__), *LIBRARY_FAMILIES)))


def target(name: str) -> str:
    """Return where a family's class is, as ``"module:attribute"``."""
    return f"{__name__}._families:{name}" if name in LIBRARY_FAMILIES else module_target(__name__, name)
