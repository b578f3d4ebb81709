"""Reasoning-Gym: families of procedural questions (Stojanovski et al. 2025, arXiv 2505.24760).

Some families are our own (one module each, here); the others are drawn by the library ``reasoning-gym``, which the
extra ``reason`` brings. No verdict depends on the library's scorers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from quintain.envs.code_reason._suite import load_class, module_names
from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
from quintain.envs.code_reason.task import Task

__all__ = ["NAMES", "load"]

_OWN = module_names(__path__)

#: Every task of the suite. Listing them needs no library.
NAMES: tuple[str, ...] = tuple(sorted({*_OWN, *FAMILIES}))


@cache
def load(name: str) -> type[Task[Any]]:
    """Import or make the class of one task."""
    if name in _OWN:
        return load_class(__name__, name)
    from quintain.envs.code_reason.reasoning_gym._library import library_task

    return library_task(name, FAMILIES[name])
