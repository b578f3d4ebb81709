"""Big-Bench-Hard by rule: generators for the families that mechanical rules decide (Suzgun et al. 2022).

The paper is arXiv 2210.09261. Items, names and word lists here are our own. The original items of all 27 families come
from the public files, through ``bbh.original``.
"""

from __future__ import annotations

from typing import Any

from quintain.envs.code_reason._suite import load_class, module_names
from quintain.envs.text.task import Task

__all__ = ["NAMES", "load"]

#: Every task of the suite: the names of the modules beside this file, without the loader of the original items.
NAMES: tuple[str, ...] = tuple(name for name in module_names(__path__) if name != "original")


def load(name: str) -> type[Task[Any]]:
    """Import the class of one task."""
    return load_class(__name__, name)
