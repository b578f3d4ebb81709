"""Big-Bench-Hard by rule: generators for the families that mechanical rules decide (Suzgun et al. 2022).

The paper is arXiv 2210.09261. Items, names and word lists here are our own. The original items of all 27 families come
from the public files, through ``bbh.original``.
"""

from __future__ import annotations

from quintain.envs.code_reason._suite import module_names

__all__ = ["NAMES"]

#: Every task of the suite: the names of the modules beside this file, without the loader of the original items.
NAMES: tuple[str, ...] = tuple(name for name in module_names(__path__) if name != "original")
