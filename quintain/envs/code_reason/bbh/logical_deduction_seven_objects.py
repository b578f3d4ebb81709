"""Logical deduction with seven objects (Big-Bench-Hard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintain.envs.code_reason.bbh._deduction import LogicalDeduction

__all__ = ["LogicalDeductionSevenObjects"]


@dataclass(frozen=True)
class LogicalDeductionSevenObjects(LogicalDeduction):
    """Clues about seven objects leave exactly one order; which object has a given position?

    Attributes:
        kinds: Kinds of clues: ``"before"``, ``"at"``, ``"last"``, ``"next"``.
    """

    COUNT: ClassVar = 7
