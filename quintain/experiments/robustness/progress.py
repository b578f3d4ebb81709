"""What a long robustness run tells while it works: a bar of episodes, and one for the training that goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SILENT", "Progress", "show_progress"]


class Progress:
    """Is told what goes on."""

    def stage(self, title: str) -> None:
        """Something that has no count begins."""

    def playing(self, title: str) -> None:
        """Episodes begin."""

    def played(self, episodes: int) -> None:
        """Episodes are over, or were played before."""

    def training(self, title: str, done: int, total: int) -> None:
        """Training has come so far."""


#: Tells nobody.
SILENT = Progress()


class _Bars(Progress):
    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.bars = Bars(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[what]}"), console=Console(stderr=True), refresh_per_second=5,
        )  # fmt: skip
        self._episodes = self.bars.add_task("episodes", total=total, what="", visible=total > 0)
        self._training: Any = None

    def stage(self, title: str) -> None:
        self._say(title)

    def playing(self, title: str) -> None:
        self._end_training()
        self._say(title)

    def played(self, episodes: int) -> None:
        self.bars.advance(self._episodes, episodes)

    def training(self, title: str, done: int, total: int) -> None:
        if self._training is None:
            self._training = self.bars.add_task("training", total=total, what="")
        self.bars.update(self._training, completed=min(done, total), total=total, what=_literal(title))
        if done >= total:
            self._end_training()

    def _say(self, title: str) -> None:
        self.bars.update(self._episodes, what=_literal(title))

    def _end_training(self) -> None:
        if self._training is not None:
            self.bars.remove_task(self._training)
            self._training = None


def _literal(title: str) -> str:
    from rich.markup import escape

    return escape(title)


@contextmanager
def show_progress(total: int, show: bool | None = None) -> Iterator[Progress]:
    """Show bars on the standard error stream while the block runs.

    Args:
        total: Episodes in all.
        show: Whether to; by default where the stream is a terminal.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield SILENT
        return
    bars = _Bars(total)
    with bars.bars:
        yield bars
