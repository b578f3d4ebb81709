"""The ``process`` executor: worker processes that take a run's parts, of one or more episodes, from a shared queue."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple, Self

import cloudpickle

from quintain.errors import ConfigurationError, QuintainError
from quintain.evaluation.executors.executor import Receiver, Work
from quintain.evaluation.progress import ProgressBar
from quintain.records import EpisodeRecord

__all__ = ["Workers", "run_in_processes"]

#: What a worker sends: the name of a method of the receiver and its arguments, or an exception that ends the run.
Message = tuple[str, tuple[Any, ...]] | Exception


class Lost(NamedTuple):
    """A part whose worker process ended; some or all of its episodes may be missing."""

    part: Any
    reason: str


def run_in_processes(work: Work[Any], receiver: Receiver, *, workers: int) -> None:
    """Play in ``workers`` spawned processes; see :class:`~quintain.evaluation.executors.Executor`.

    If a worker dies (killed, out of memory), the episodes of its parts that have no record go to :meth:`Work.lost`, and
    another worker is started.

    Raises:
        ConfigurationError: If the work cannot be pickled, or all workers ended before they took a part.
        Exception: An exception that a worker raised outside of an episode, such as a configuration error.
    """
    try:
        payload = cloudpickle.dumps(work)
    except Exception as error:
        raise ConfigurationError(
            f"environment or agent cannot be sent to another process ({error}); "
            "name them instead, as in agent={'name': 'code-interpreter', 'engine': 'transformers'}"
        ) from error
    actions: dict[str, Callable[..., None]] = {
        "add": receiver.add,
        "add_facts": receiver.add_facts,
        "describe": receiver.bar.describe,
        "subtask": receiver.bar.subtask,
    }
    received: set[int] = set()
    parts = work.parts(workers)
    with Workers(payload, parts, min(workers, len(parts))) as pool:
        for message in pool.collect():
            if isinstance(message, Exception):
                raise message
            if isinstance(message, Lost):
                for record in work.lost(message.part, received, message.reason):
                    receiver.add(record)
                continue
            name, arguments = message
            if name == "add":
                received.add(arguments[0].index)
            actions[name](*arguments)
    pool.check_complete()


class Workers:
    """Spawned processes that take parts of the work from a shared queue. Use as a context manager.

    Args:
        payload: The work, pickled once for all processes.
        parts: Parts of the work, in the order in which they are taken.
        count: Number of concurrent processes, >= 1.
    """

    def __init__(self, payload: bytes, parts: Sequence[Any], count: int) -> None:
        self._payload = payload
        self._parts = list(parts)
        self._count = count
        self._context = multiprocessing.get_context("spawn")
        self._next_part = self._context.Value("l", 0)
        self._takers = self._context.RawArray("l", len(parts))  # per part: the number of its worker, 0 for none yet
        self._processes: list[SpawnProcess] = []
        self._pipes: dict[Connection, int] = {}

    def _start(self) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        number = len(self._processes) + 1
        arguments = (
            theirs, self._payload, self._parts, self._next_part, self._takers, number, self._count,
        )  # fmt: skip
        process = self._context.Process(target=_main, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        self._pipes[ours] = number

    def collect(self) -> Iterator[Message | Lost]:
        """Yield the workers' messages, and the parts of workers that ended, until all workers have ended."""
        while self._pipes:
            for pipe in wait(list(self._pipes)):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):  # the worker is done, or died, perhaps in the middle of a message
                    yield from self._replace(self._pipes.pop(pipe))
                    continue
                yield message

    def _replace(self, number: int) -> Iterator[Lost]:
        """Yield the parts that an ended worker had taken, and start another worker if parts are left.

        A worker that took no part is not replaced, since another one would fail in the same way.
        """
        process = self._processes[number - 1]
        process.join()
        taken = [part for part, taker in zip(self._parts, self._takers, strict=True) if taker == number]
        for part in taken:
            yield Lost(part, f"the worker process died with exit code {process.exitcode}")
        if taken and 0 in self._takers:
            self._start()

    def check_complete(self) -> None:
        """Raise if any part was taken by no worker.

        Raises:
            ConfigurationError: If any was; the message has the exit codes of the workers.
        """
        if 0 in self._takers:
            raise ConfigurationError(
                f"{list(self._takers).count(0)} parts of the run were not played: the worker processes ended before "
                f"their first one (exit codes {[p.exitcode for p in self._processes]}); their own messages are above. "
                'A script that plays in processes must do so under `if __name__ == "__main__":`'
            )

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


class _Remote:
    """The receiver in a worker process: forwards everything to the parent process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.bar: ProgressBar = _RemoteBar(self)

    def send(self, name: str, *arguments: Any) -> None:
        self._pipe.send((name, arguments))

    def add(self, record: EpisodeRecord) -> None:
        self.send("add", record)

    def add_facts(self, facts: dict[str, Any]) -> None:
        self.send("add_facts", facts)


class _RemoteBar:
    def __init__(self, remote: _Remote) -> None:
        self._remote = remote

    def update(self, record: EpisodeRecord) -> None:
        """Do nothing: the progress bar of the parent process counts the records as they arrive."""

    def describe(self, text: str) -> None:
        self._remote.send("describe", text)

    def subtask(self, title: str, done: int, total: int) -> None:
        self._remote.send("subtask", title, done, total)


def _main(
    pipe: Connection, payload: bytes, parts: list[Any], next_part: Any, takers: Any, number: int, workers: int
) -> None:
    """Main function of a worker process: play parts until none is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C

    def take() -> Iterator[Any]:
        while True:
            with next_part.get_lock():
                part = next_part.value
                if part == len(parts):
                    return
                takers[part] = number
                next_part.value += 1
            yield parts[part]

    try:
        work: Work[Any] = pickle.loads(payload)  # written by the parent process
        work.play(take(), _Remote(pipe), workers)
    except Exception as error:
        pipe.send(_sendable(error))
    finally:
        pipe.close()


def _sendable(error: Exception) -> Exception:
    """Return the exception if it can be pickled, otherwise a ``QuintainError`` with its type and message."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return QuintainError(f"{type(error).__name__}: {error}")
    return error
