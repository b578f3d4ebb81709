"""The one runner of experiments: folder, progress, resuming, retrying, interruption."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from quintain.errors import MissingDependencyError
from quintain.evaluation.executors import EXECUTORS
from quintain.evaluation.manifest import make_manifest
from quintain.evaluation.recording import Recording, check_counts
from quintain.evaluation.report import Report
from quintain.experiments.cell_work import CellReceiver, CellWork
from quintain.experiments.experiment import Cell, Experiment
from quintain.experiments.store import Store
from quintain.files import write_atomically
from quintain.records import EpisodeRecord
from quintain.seeding import SEED_BITS

__all__ = ["ExperimentRun"]


class ExperimentRun:
    """A run of an experiment. Use as a context manager.

    Entering checks the experiment and opens the run folder; :meth:`play` plays the episodes that are missing. Each
    record is written at once, so Ctrl-C, a kill or an exception loses only the episodes in flight.

    Args:
        experiment: The experiment whose cells are run.
        out: Run folder for manifest and records; ``None`` writes nothing.
        resume: Continue the run in ``out``: finished episodes are kept. Default: false.
        retry_errors: With ``resume``: play again only the episodes that failed for infrastructure reasons. Default:
            false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        metadata: Entries for the manifest beside those of the experiment.
        on_episode: Called with each new record, in order of completion.
        executor: Where the cells are played, a name of :data:`~quintain.evaluation.executors.EXECUTORS`: ``"inline"``,
            in this process, or ``"process"``, in ``workers`` new processes. Default: ``"inline"``.
        workers: Number of processes or machines of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Attributes:
        store: What the run computes beside its episodes; available once entered.

    Raises:
        ConfigurationError: If the arguments contradict each other; on entering, if the experiment cannot work.
        RecordError: On entering: if the folder cannot be written, or holds another run.
    """

    store: Store

    def __init__(
        self,
        experiment: Experiment,
        *,
        out: str | Path | None = None,
        resume: bool = False,
        retry_errors: bool = False,
        progress: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_episode: Callable[[EpisodeRecord], None] | None = None,
        executor: str = "inline",
        workers: int = 2,
    ) -> None:
        check_counts(workers=workers)
        self._execute = EXECUTORS.load(executor)
        self._workers = workers
        self._experiment = experiment
        self._cells = tuple(experiment.cells())
        config = dict(experiment.describe())
        manifest = make_manifest(config["env"], config["env_kwargs"], config["agent"], config["seed"])
        manifest["config"] |= config | {"seed_bits": SEED_BITS}
        manifest |= {"kind": experiment.kind, **experiment.metadata(), **(metadata or {})}
        self._folder = None if out is None else Path(out)
        self._recording = Recording(
            manifest, sum(len(cell.indices) for cell in self._cells), out=out, resume=resume,
            retry_errors=retry_errors, progress=progress, on_episode=on_episode,
        )  # fmt: skip
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._experiment.check()
        self._stack.enter_context(self._recording)
        self.store = Store(self._folder, self._recording.bar)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, on_cell: Callable[[Cell], None] | None = None) -> None:
        """Play the episodes that the run lacks, cell by cell.

        Args:
            on_cell: Called once for each cell, in their order, as soon as its episodes and those of all cells before it
                are there, whether they were played now or before.

        Raises:
            ConfigurationError: If the executor cannot play the cells.
            QuintainError: If a worker process died. Finished episodes are recorded; continue with ``resume``.
            RecordError: If a record cannot be written.
            KeyboardInterrupt: On Ctrl-C. Finished episodes are recorded; continue with ``resume``.
        """
        todo = frozenset(self._recording.todo)
        missing = {number: [i for i in cell.indices if i in todo] for number, cell in enumerate(self._cells)}
        receiver = CellReceiver(self._recording, self._cells, missing, on_cell)
        receiver.report_finished()
        if any(missing.values()):
            work = CellWork(
                self._cells, {number: indices for number, indices in missing.items() if indices}, self.store
            )
            self._execute(work, receiver, workers=self._workers)
        receiver.check_complete()

    def report(self, confidence: float = 0.95) -> Report:
        """Return the records so far as a report.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        """
        return self._recording.report(confidence)

    def write_page(self, confidence: float = 0.95) -> None:
        """Write ``report.html`` into the run folder, if there is one; without the ``report`` extra, warn instead.

        Args:
            confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        """
        if self._folder is None:
            return
        try:
            write_atomically(self._folder / "report.html", self._experiment.page(self.report(confidence)))
        except MissingDependencyError as error:
            warnings.warn(f"no report.html: {error}", stacklevel=3)
