"""The ``process`` executor: the same episodes in fresh processes, handed out one by one."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from quintain.errors import ConfigurationError, QuintainError
from quintain.records import EpisodeRecord

__all__ = ["run_in_processes"]


def run_in_processes(
    env: Any,
    env_kwargs: Mapping[str, Any] | None,
    source: Any,
    jobs: Sequence[tuple[int, int]],
    concurrency: int,
    workers: int,
    sink: Callable[[EpisodeRecord], None],
    facts: Callable[[dict[str, Any]], None],
) -> None:
    """Play ``jobs`` in ``workers`` spawned processes.

    A worker that dies (killed, out of memory) costs the episodes it had in flight: they become error records. Another
    takes its place, unless it died before its first episode, as the next one would.

    Raises:
        ConfigurationError: If environment or agent cannot be sent to another process, or no worker gets as far as an
            episode.
        Exception: Whatever a worker raised because the configuration cannot work.
    """
    try:
        payload = pickle.dumps((env, env_kwargs, source))
    except Exception as error:
        raise ConfigurationError(
            f"environment or agent cannot be sent to another process ({error}); "
            "name them instead, as in agent={'name': 'code-interpreter', 'engine': 'transformers'}"
        ) from error
    context = multiprocessing.get_context("spawn")
    counter = context.Value("l", 0)
    takers = context.RawArray("l", len(jobs))  # who took the job: 0 nobody, else the worker's number from 1
    missing = dict(jobs)
    workers = min(workers, len(jobs))
    share = max(1, concurrency // workers)
    processes: list[SpawnProcess] = []
    crew: dict[Connection, int] = {}

    def hire() -> None:
        ours, theirs = context.Pipe(duplex=False)
        number = len(processes) + 1
        arguments = (theirs, payload, list(jobs), counter, takers, number, share)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        crew[ours] = number

    def bury(number: int) -> None:
        process = processes[number - 1]
        process.join()
        taken = [job for job, taker in zip(jobs, takers, strict=True) if taker == number]
        message = f"the worker process died with exit code {process.exitcode}"
        error = {"boundary": "env", "type": "WorkerDied", "message": message}
        for index, seed in taken:
            if missing.pop(index, None) is not None:
                sink(EpisodeRecord(index, seed, "error", {}, error=error))
        if taken and 0 in takers:
            hire()

    try:
        for _ in range(workers):
            hire()
        while crew:
            for pipe in wait(list(crew)):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):  # it is done, or died, perhaps in the middle of a message
                    bury(crew.pop(pipe))
                    continue
                if isinstance(message, EpisodeRecord):
                    del missing[message.index]
                    sink(message)
                elif isinstance(message, dict):
                    facts(message)
                else:
                    raise message
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    if missing:
        raise ConfigurationError(
            f"{len(missing)} episodes were not played: the worker processes ended before their first one (exit codes "
            f"{[p.exitcode for p in processes]}); what they said is above. A script that plays in processes must do so "
            'under `if __name__ == "__main__":`'
        )


def _work(
    pipe: Connection,
    payload: bytes,
    jobs: list[tuple[int, int]],
    counter: Any,
    takers: Any,
    number: int,
    concurrency: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    from quintain.evaluation.rollout import run_episodes

    def take() -> Iterator[tuple[int, int]]:
        while True:
            with counter.get_lock():
                job = counter.value
                if job == len(jobs):
                    return
                takers[job] = number
                counter.value += 1
            yield jobs[job]

    try:
        env, env_kwargs, source = pickle.loads(payload)  # our own parent's bytes
        run_episodes(env, env_kwargs, source, take(), concurrency, pipe.send, pipe.send)
    except Exception as error:
        pipe.send(_sendable(error))
    finally:
        pipe.close()


def _sendable(error: Exception) -> Exception:
    """Return the error itself where it survives the journey, else one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return QuintainError(f"{type(error).__name__}: {error}")
    return error
