"""The contract between runs and executors, and the registry of executors.

A run describes its work once and divides it into parts; an executor decides where the parts are played. Single runs
and experiments use the same executors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, TypeVar

from quintain.evaluation.progress import ProgressBar
from quintain.records import EpisodeRecord
from quintain.registry import NoFacts, Registry

__all__ = ["EXECUTORS", "Executor", "Receiver", "Work"]

PartT = TypeVar("PartT")


class Receiver(Protocol):
    """Receives the results of a run as they arrive: the run's recording, or a connection to it.

    Attributes:
        bar: The run's progress bar.
    """

    bar: ProgressBar

    def add(self, record: EpisodeRecord) -> None:
        """Add the record of a finished episode."""

    def add_facts(self, facts: dict[str, Any]) -> None:
        """Add facts to the manifest that are known only once agent and environment are made."""


class Work(Protocol[PartT]):
    """The episodes of a run, divided into parts that can be played in any order and in different processes."""

    def parts(self, workers: int) -> Sequence[PartT]:
        """Divide the work; a part is small enough that ``workers`` processes all have something to do."""

    def play(self, parts: Iterator[PartT], receiver: Receiver, workers: int) -> None:
        """Play parts in this process.

        Args:
            parts: Iterator over parts; request the next one when this process is free.
            receiver: Takes the results, in order of completion.
            workers: Number of processes that share the work, >= 1; each takes its share of what they have in common,
                such as the maximum number of live episodes.
        """

    def lost(self, part: PartT, received: AbstractSet[int], message: str) -> Sequence[EpisodeRecord]:
        """Return error records for a part whose worker died.

        Args:
            part: The part that the worker had taken.
            received: Indices of the run's episodes that have a record.
            message: Why the worker ended, with its exit code.
        """


class Executor(Protocol):
    """A function that plays a run's work. Which one is used does not change any episode."""

    def __call__(self, work: Work[Any], receiver: Receiver, *, workers: int) -> None:
        """Play all parts of the work, at least one, and return when their episodes have been received.

        Args:
            work: What is played. Executors that use other processes send it there with ``cloudpickle``.
            receiver: Takes the results, in the calling thread, in order of completion.
            workers: Number of processes or machines, >= 1; ignored by an executor that has only one.

        Raises:
            ConfigurationError: If the work cannot be done where the executor plays.
        """
        ...


#: Executors by name: functions that play the episodes of a run.
EXECUTORS: Registry[None, NoFacts] = Registry("executor", NoFacts, group="quintain.executors")
EXECUTORS.add("inline", "quintain.evaluation.executors.inline:run_inline")
EXECUTORS.add("process", "quintain.evaluation.executors.process:run_in_processes")
