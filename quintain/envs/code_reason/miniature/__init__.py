"""Miniature tasks: questions of a line, for models of under a million parameters. One task a file.

They are the skills on which effects of training are measured in minutes: arithmetic step by step, search, what only a
program can do, and the checking of a step. ``CodeReason-v0`` poses them without its rules (``rules=False``), which such
models learn from examples instead. ``"all"`` does not select them.
"""

from __future__ import annotations

from quintain.envs.code_reason._suite import module_names

__all__ = ["NAMES"]

#: Every task of the suite: the names of the modules beside this file.
NAMES: tuple[str, ...] = module_names(__path__)
