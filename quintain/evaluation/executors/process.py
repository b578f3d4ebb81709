"""The ``process`` executor: worker processes that take the episodes one by one."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from quintain.agents.agent import Agent
from quintain.errors import ConfigurationError, QuintainError
from quintain.evaluation.rollout import EnvLike, Job, Sink, run_episodes
from quintain.records import EpisodeRecord

__all__ = ["Workers", "run_in_processes"]

#: What a worker sends: a finished record, facts about agent and environment, or why it cannot go on.
Message = EpisodeRecord | dict[str, Any] | Exception


def run_in_processes(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    agent: Agent | Mapping[str, Any],
    jobs: Sequence[Job],
    *,
    concurrency: int,
    workers: int,
    sink: Sink,
    on_facts: Callable[[dict[str, Any]], None],
) -> None:
    """Play ``jobs`` in ``workers`` spawned processes; see :class:`~quintain.evaluation.executors.Executor`.

    If a worker dies (killed, out of memory), its unfinished episodes become error records and another worker replaces
    it.

    Raises:
        ConfigurationError: If environment or agent cannot be sent to another process, or no worker starts an episode.
        Exception: Whatever a worker raised because the configuration cannot work.
    """
    try:
        payload = pickle.dumps((env, env_kwargs, agent))
    except Exception as error:
        raise ConfigurationError(
            f"environment or agent cannot be sent to another process ({error}); "
            "name them instead, as in agent={'name': 'code-interpreter', 'engine': 'transformers'}"
        ) from error
    count = min(workers, len(jobs))
    with Workers(payload, jobs, concurrency=max(1, concurrency // count)) as pool:
        for _ in range(count):
            pool.start()
        for message in pool.collect():
            if isinstance(message, EpisodeRecord):
                sink(message)
            elif isinstance(message, dict):
                on_facts(message)
            else:
                raise message
    pool.check_complete()


class Workers:
    """Spawned processes that take jobs from a common list, one by one. Use as a context manager.

    Args:
        payload: Environment, its arguments and agent, pickled.
        jobs: Index and seed of each episode.
        concurrency: Maximum number of episodes at once in each worker.
    """

    def __init__(self, payload: bytes, jobs: Sequence[Job], *, concurrency: int) -> None:
        self._payload = payload
        self._jobs = list(jobs)
        self._concurrency = concurrency
        self._context = multiprocessing.get_context("spawn")
        self._next_job = self._context.Value("l", 0)
        self._takers = self._context.RawArray("l", len(jobs))  # per job: the number of its worker, 0 for none yet
        self._missing = dict(jobs)
        self._processes: list[SpawnProcess] = []
        self._pipes: dict[Connection, int] = {}

    def start(self) -> None:
        """Start a worker."""
        ours, theirs = self._context.Pipe(duplex=False)
        number = len(self._processes) + 1
        arguments = (
            theirs, self._payload, self._jobs, self._next_job, self._takers, number, self._concurrency,
        )  # fmt: skip
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        self._pipes[ours] = number

    def collect(self) -> Iterator[Message]:
        """Yield what the workers send, and error records for the episodes of those that died, until all have ended."""
        while self._pipes:
            for pipe in wait(list(self._pipes)):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):  # the worker is done, or died, perhaps in the middle of a message
                    yield from self._replace(self._pipes.pop(pipe))
                    continue
                if isinstance(message, EpisodeRecord):
                    del self._missing[message.index]
                yield message

    def _replace(self, number: int) -> Iterator[EpisodeRecord]:
        """Yield error records for what an ended worker left unfinished; start another one if jobs are left.

        A worker that took no job is not replaced, since the next one would fail alike.
        """
        process = self._processes[number - 1]
        process.join()
        taken = [job for job, taker in zip(self._jobs, self._takers, strict=True) if taker == number]
        message = f"the worker process died with exit code {process.exitcode}"
        for index, seed in taken:
            if self._missing.pop(index, None) is not None:
                error = {"boundary": "env", "type": "WorkerDied", "message": message}
                yield EpisodeRecord(index, seed, "error", {}, error=error)
        if taken and 0 in self._takers:
            self.start()

    def stop(self) -> None:
        """End all workers at once, and wait for them."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()

    def check_complete(self) -> None:
        """Raise if some jobs have no record.

        Raises:
            ConfigurationError: With the exit codes of the workers.
        """
        if self._missing:
            raise ConfigurationError(
                f"{len(self._missing)} episodes were not played: the worker processes ended before their first one "
                f"(exit codes {[p.exitcode for p in self._processes]}); their own messages are above. A script that "
                'plays in processes must do so under `if __name__ == "__main__":`'
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _work(
    pipe: Connection,
    payload: bytes,
    jobs: list[Job],
    next_job: Any,
    takers: Any,
    number: int,
    concurrency: int,
) -> None:
    """Play jobs until none is left; the main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C

    def take() -> Iterator[Job]:
        while True:
            with next_job.get_lock():
                job = next_job.value
                if job == len(jobs):
                    return
                takers[job] = number
                next_job.value += 1
            yield jobs[job]

    try:
        env, env_kwargs, agent = pickle.loads(payload)  # written by the parent process
        run_episodes(env, env_kwargs, agent, take(), concurrency, pipe.send, pipe.send)
    except Exception as error:
        pipe.send(_sendable(error))
    finally:
        pipe.close()


def _sendable(error: Exception) -> Exception:
    """Return the exception if it can be pickled, else one that quotes it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return QuintainError(f"{type(error).__name__}: {error}")
    return error
