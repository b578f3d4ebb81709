"""The cells of an experiment as the work of an executor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from quintain.errors import QuintainError
from quintain.evaluation.executors import Receiver
from quintain.evaluation.recording import Recording
from quintain.experiments.experiment import Cell
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord

__all__ = ["CellReceiver", "CellWork"]

#: Number of a cell, and the indices of some of its episodes.
Part = tuple[int, Sequence[int]]


@dataclass(frozen=True)
class CellWork:
    """The episodes that an experiment lacks. A part is a cell, or a piece of one where cells are fewer than workers.

    Attributes:
        cells: All cells of the experiment.
        missing: Indices of the episodes to play, by the number of their cell.
        store: What the cells compute beside their episodes; each process has its own over the same folder.
    """

    cells: Sequence[Cell]
    missing: Mapping[int, Sequence[int]]
    store: Store

    def parts(self, workers: int) -> list[Part]:
        """Divide cells evenly until there are as many parts as workers."""
        pieces = -(-workers // len(self.missing))
        return [(number, piece) for number, indices in self.missing.items() for piece in _divide(indices, pieces)]

    def play(self, parts: Iterator[Part], receiver: Receiver, workers: int) -> None:
        """Play parts in this process, one after the other."""
        self.store.progress = receiver.bar
        for number, indices in parts:
            cell = self.cells[number]
            receiver.bar.describe(cell.title)
            cell.prepare(self.store)
            cell.play(indices, self.store, receiver.add)

    def lost(self, part: Part, received: AbstractSet[int], message: str) -> Sequence[EpisodeRecord]:
        """Warn of a part whose worker died. It has no error records: its episodes can be played by resuming."""
        number, indices = part
        lost = [index for index in indices if index not in received]
        if lost:
            warnings.warn(
                f"{message} and left {len(lost)} episodes of {self.cells[number].title!r}", RuntimeWarning, stacklevel=2
            )
        return []


class CellReceiver:
    """Passes records on to a recording and reports the cells whose episodes are complete, in their order.

    Args:
        recording: The run's recording, to which every record is passed on.
        cells: All cells of the experiment.
        missing: Indices of the episodes that are yet to be received, by the number of their cell.
        on_cell: Called with each cell once it is complete, and so are all before it.
    """

    def __init__(
        self,
        recording: Recording,
        cells: Sequence[Cell],
        missing: Mapping[int, Sequence[int]],
        on_cell: Callable[[Cell], None] | None,
    ) -> None:
        self.bar = recording.bar
        self._recording = recording
        self._cells = cells
        self._cell_of = {index: number for number, indices in missing.items() for index in indices}
        self._left = [len(missing[number]) for number in range(len(cells))]
        self._on_cell = on_cell
        self._reported = 0

    def add(self, record: EpisodeRecord) -> None:
        """Take a finished episode."""
        self._recording.add(record)
        self._left[self._cell_of[record.index]] -= 1
        self.report_finished()

    def add_facts(self, facts: dict[str, Any]) -> None:
        """Take facts for the manifest."""
        self._recording.add_facts(facts)

    def report_finished(self) -> None:
        """Report the cells that are complete and were not reported before."""
        while self._reported < len(self._cells) and not self._left[self._reported]:
            cell = self._cells[self._reported]
            self._reported += 1
            if self._on_cell is not None:
                self._on_cell(cell)

    def check_complete(self) -> None:
        """Raise if episodes are missing.

        Raises:
            QuintainError: If any are; the message has their number.
        """
        if any(self._left):
            raise QuintainError(
                f"{sum(self._left)} episodes were not played, since worker processes died; the finished ones are "
                "recorded if the run has a folder: continue with resume=True (--resume)"
            )


def _divide(indices: Sequence[int], pieces: int) -> Iterator[Sequence[int]]:
    """Yield at most ``pieces`` runs of consecutive members, none of them empty."""
    size = -(-len(indices) // pieces)
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
