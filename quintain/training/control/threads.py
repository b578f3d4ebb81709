"""Limiting the threads of torch while small networks are trained or played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quintain.errors import require

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's CPU kernels on one thread inside the block, and restore the number of threads on exit.

    The networks of control tasks are so small that a second thread costs more time than it saves. The setting is global
    to the process, so a library function that changes it has to restore it. Also works as a decorator.

    Raises:
        MissingDependencyError: If torch is not installed.

    Example:
        >>> import torch
        >>> before = torch.get_num_threads()
        >>> with one_thread():
        ...     torch.get_num_threads()
        1
        >>> torch.get_num_threads() == before
        True
    """
    torch = require("torch", "rl", "training networks")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
