"""The ``inline`` executor: all parts in this process, in their order."""

from __future__ import annotations

from typing import Any

from quintain.evaluation.executors.executor import Receiver, Work

__all__ = ["run_inline"]


def run_inline(work: Work[Any], receiver: Receiver, *, workers: int) -> None:
    """Play in this process; see :class:`~quintain.evaluation.executors.Executor`. ``workers`` is ignored."""
    work.play(iter(work.parts(1)), receiver, 1)
