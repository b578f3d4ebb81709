"""The contract of an experiment: a plan of cells, and the table and page made of its records.

An experiment describes itself, lists its cells, and turns records into a table and a page. It opens no run folder,
shows no progress and contains no loop over cells: :class:`~quintain.experiments.runner.ExperimentRun` does that for
all experiments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from quintain.evaluation.report import Report
from quintain.evaluation.rescore import Rescored
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord

__all__ = ["Cell", "Experiment", "Rescorable", "RunKind", "Sink", "WritesPage"]

#: Receives each record as its episode ends, in any order.
Sink = Callable[[EpisodeRecord], None]


class Cell(Protocol):
    """One condition of an experiment: it holds everything that its episodes need, their seeds included."""

    @property
    def title(self) -> str:
        """A few words for the progress bar."""

    @property
    def indices(self) -> range:
        """Indices of the cell's episodes in the run. The cells of an experiment share none."""

    def prepare(self, store: Store) -> None:
        """Compute what the episodes need, such as a trained attack, unless ``store`` holds it already."""

    def play(self, indices: Sequence[int], store: Store, sink: Sink) -> None:
        """Play episodes. The cell decides how many run concurrently: a vector batch, an event loop, or one.

        A record depends on its index alone, apart from its wall time: playing some episodes now and the others after
        an interruption gives the same records as playing all at once.

        Args:
            indices: Members of :attr:`indices`, ascending.
            store: Files of the cell, which :meth:`prepare` has filled.
            sink: Function called with each episode record.
        """


class RunKind(Protocol):
    """What can be done with a stored run of one kind, without the agents that played it.

    Attributes:
        kind: Name of the kind, as in the manifest: ``"robustness"``.
    """

    kind: ClassVar[str]

    @classmethod
    def tabulate(cls, report: Report) -> Any:
        """Compute the results from the records; works on a half-finished run.

        Args:
            report: Records, manifest and confidence; ``report.path`` leads to what else the run has stored.
        """

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the run's page as HTML.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """


class Experiment(RunKind, Protocol):
    """A plan of cells."""

    def check(self) -> None:
        """Raise if the experiment cannot work, before anything is trained, played or written.

        Raises:
            ConfigurationError: If the parts do not fit together.
        """

    def describe(self) -> Mapping[str, Any]:
        """Return everything that results depend on: the manifest's ``"config"``, which resuming compares.

        Returns:
            JSON-able data with the keys ``"env"``, ``"env_kwargs"``, ``"agent"`` and ``"seed"``, and any others.
        """

    def metadata(self) -> Mapping[str, Any]:
        """Return further entries of the manifest, on which results do not depend."""

    def cells(self) -> Iterable[Cell]:
        """List the cells, in a fixed order."""


@runtime_checkable
class WritesPage(Protocol):
    """A kind of run whose page has files beside it, or reads the episodes one by one."""

    @classmethod
    def write_page(cls, report: Report, path: Path) -> None:
        """Write the page.

        Args:
            report: A report that was opened: its episodes are read from the disk in each pass.
            path: Path of the page.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """


@runtime_checkable
class Rescorable(Protocol):
    """A kind of run whose stored actions can be scored again without the agents."""

    @classmethod
    def rescore(cls, run: str | Path, **options: Any) -> Rescored:
        """Score a stored run again.

        Args:
            run: Folder that a run of this kind wrote.
            options: Options of :func:`quintain.rescore`, with its defaults.

        Raises:
            RecordError: If the environment cannot be made again from the manifest.
        """
