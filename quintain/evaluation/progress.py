"""Progress of a run in the terminal: a bar of episodes with the running result, and a second bar for training."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from quintain.records import EpisodeRecord
from quintain.terminal import message_console, shown

__all__ = ["ProgressBar", "SilentBar", "progress_bar"]

_REFRESH_S = 0.1


class ProgressBar(Protocol):
    """Receives what happens during a run."""

    def update(self, record: EpisodeRecord) -> None:
        """Count one finished episode."""

    def describe(self, text: str) -> None:
        """Show what the run is doing now, such as the condition whose episodes are being played."""

    def subtask(self, title: str, done: int, total: int) -> None:
        """Show a second bar for work that produces no episodes, such as training.

        The bar disappears when ``done`` reaches ``total``, when :meth:`describe` is called, and at the end of the run.

        Args:
            title: What is being worked on.
            done: Units of work finished, such as environment steps; >= 0.
            total: Units of work in all, > 0.
        """


class SilentBar:
    """Shows nothing; a :class:`ProgressBar`."""

    def update(self, record: EpisodeRecord) -> None:
        """Do nothing."""

    def describe(self, text: str) -> None:
        """Do nothing."""

    def subtask(self, title: str, done: int, total: int) -> None:
        """Do nothing."""


class _Rich:
    def __init__(self, total: int, kept: Iterable[EpisodeRecord]) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = message_console()
        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[result]}"), console=self.console, refresh_per_second=1 / _REFRESH_S,
        )  # fmt: skip
        self._judged = self._succeeded = self._errors = self._tokens = self._done = 0
        self._returns = 0.0
        self._text = ""
        self._start = time.perf_counter()
        self._next = 0.0
        self._redraws = True
        self._printed = -1  # number of finished episodes in the line printed last
        self._task = self._bar.add_task("episodes", total=total, result="", visible=total > 0)
        self._subtask: Any = None  # rich's id of the second bar, while there is one
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
        if not self._redraws or time.perf_counter() >= self._next:  # a printed line per episode, however quick it was
            self._show()

    def describe(self, text: str) -> None:
        self._text = text
        self._end_subtask()
        self._show()

    def subtask(self, title: str, done: int, total: int) -> None:
        if self._subtask is None:
            self._subtask = self._bar.add_task("training", total=total, result="")
        self._bar.update(self._subtask, completed=min(done, total), total=total, result=_escaped(title))
        if done >= total:
            self._end_subtask()

    def _end_subtask(self) -> None:
        if self._subtask is not None:
            self._bar.remove_task(self._subtask)
            self._subtask = None

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
        if self._text:
            parts.append(_escaped(self._text))
        self._bar.update(self._task, completed=self._done, result="  ".join(parts))
        if not self._redraws and self._done != self._printed:
            self._printed = self._done
            self.console.print(self._bar.get_renderable())

    def stop_redrawing(self) -> None:
        if self._redraws:
            self._redraws, self._printed = False, self._done
            self._bar.stop()

    def __enter__(self) -> _Rich:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_subtask()
        self._show()
        self._bar.stop()


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress_bar(total: int, kept: Iterable[EpisodeRecord] = (), show: bool | None = None) -> Iterator[ProgressBar]:
    """Show progress on the standard error stream while the block runs.

    Args:
        total: Episodes of the whole run; with 0 the bar of episodes is left out, and only a :meth:`ProgressBar.subtask`
            shows.
        kept: Records that a resumed run has already.
        show: Whether to show anything; ``None`` shows where the stream is a terminal.
    """
    if sys.stderr.isatty() if show is None else show:
        with _Rich(total, kept) as bar, shown(bar):
            yield bar
    else:
        yield SilentBar()
