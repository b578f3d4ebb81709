"""Logical deduction with five objects (Big-Bench-Hard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintain.envs.code_reason.bbh._deduction import LogicalDeduction

__all__ = ["LogicalDeductionFiveObjects"]


@dataclass(frozen=True)
class LogicalDeductionFiveObjects(LogicalDeduction):
    """Clues about five objects leave exactly one order; which object has a given position?

    Attributes:
        kinds: Kinds of clues: ``"before"``, ``"at"``, ``"last"``, ``"next"``.
    """

    COUNT: ClassVar = 5
