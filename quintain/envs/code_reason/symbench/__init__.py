"""SymBench: symbolic puzzles that code can settle (Chen et al. 2025, arXiv 2502.04350). One task a file."""

from __future__ import annotations

from typing import Any

from quintain.envs.code_reason._suite import load_class, module_names
from quintain.envs.text.task import Task

__all__ = ["NAMES", "load"]

#: Every task of the suite: the names of the modules beside this file.
NAMES: tuple[str, ...] = module_names(__path__)


def load(name: str) -> type[Task[Any]]:
    """Import the class of one task."""
    return load_class(__name__, name)
