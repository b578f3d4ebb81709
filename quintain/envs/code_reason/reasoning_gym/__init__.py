"""Reasoning-Gym: families of procedural questions (Stojanovski et al. 2025, arXiv 2505.24760).

Some families are our own (one module each, here); the others are drawn by the library ``reasoning-gym``, which the
extra ``reason`` brings. No verdict depends on the library's scorers.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from quintain.envs.code_reason._suite import load_class
from quintain.envs.code_reason.splits import ALL_FAMILIES
from quintain.envs.text.task import Task

__all__ = ["NAMES", "load", "needs_library"]

#: Every task of the suite. Listing them imports neither the library nor any family.
NAMES: tuple[str, ...] = ALL_FAMILIES["reasoning_gym"]


def needs_library(name: str) -> bool:
    """Say whether a family's items are drawn by the library rather than by a module of our own."""
    return find_spec(f"{__name__}.{name}") is None


@cache
def load(name: str) -> type[Task[Any]]:
    """Import or make the class of one task."""
    if not needs_library(name):
        return load_class(__name__, name)
    from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
    from quintain.envs.code_reason.reasoning_gym._library import library_task

    return library_task(name, FAMILIES[name])
