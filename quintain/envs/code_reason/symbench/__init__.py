"""SymBench: symbolic puzzles that code can settle (Chen et al. 2025, arXiv 2502.04350). One task a file."""

from __future__ import annotations

from quintain.envs.code_reason._suite import module_names

__all__ = ["NAMES"]

#: Every task of the suite: the names of the modules beside this file.
NAMES: tuple[str, ...] = module_names(__path__)
