"""A progress bar that shows the running result: success so far, errors, tokens per second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from quintain.records import EpisodeRecord

__all__ = ["ProgressBar", "progress_bar"]

_REFRESH_S = 0.1


class ProgressBar(Protocol):
    """Takes finished episodes."""

    def update(self, record: EpisodeRecord) -> None:
        """Count one finished episode."""


class _Silent:
    def update(self, record: EpisodeRecord) -> None:
        pass


class _Rich:
    def __init__(self, total: int, kept: Iterable[EpisodeRecord]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[result]}"), console=Console(stderr=True), refresh_per_second=1 / _REFRESH_S,
        )  # fmt: skip
        self._judged = self._succeeded = self._errors = self._tokens = self._done = 0
        self._returns = 0.0
        self._start = time.perf_counter()
        self._next = 0.0
        self._task = self._bar.add_task("episodes", total=total, result="")
        for record in kept:
            self._count(record)
        self._show()
        self._tokens = 0

    def _count(self, record: EpisodeRecord) -> None:
        self._done += 1
        self._errors += record.outcome == "error"
        self._judged += record.outcome not in ("error", "finished")
        self._succeeded += record.outcome == "success"
        self._tokens += record.completion_tokens
        self._returns += record.reward if record.outcome != "error" else 0.0

    def update(self, record: EpisodeRecord) -> None:
        self._count(record)
        if time.perf_counter() >= self._next:
            self._show()

    def _show(self) -> None:
        now = time.perf_counter()
        self._next = now + _REFRESH_S
        scored = self._done - self._errors
        parts = []
        if self._judged:
            parts.append(f"success {self._succeeded / self._judged:.0%}")
        elif scored:
            parts.append(f"return {self._returns / scored:.3g}")
        if self._errors:
            parts.append(f"[red]errors {self._errors}[/red]")
        if self._tokens:
            parts.append(f"{self._tokens / (now - self._start):.0f} tok/s")
        self._bar.update(self._task, completed=self._done, result="  ".join(parts))

    def __enter__(self) -> _Rich:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._show()
        self._bar.stop()


@contextmanager
def progress_bar(total: int, kept: Iterable[EpisodeRecord], show: bool | None = None) -> Iterator[ProgressBar]:
    """Show progress on the standard error stream while the block runs.

    Args:
        total: Episodes of the whole run.
        kept: Records that are there already.
        show: Whether to; by default where the stream is a terminal.
    """
    if sys.stderr.isatty() if show is None else show:
        with _Rich(total, kept) as bar:
            yield bar
    else:
        yield _Silent()
