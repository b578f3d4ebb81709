"""The ``process`` executor: the same episodes in fresh processes, handed out one by one."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from quintain.errors import ConfigurationError
from quintain.evaluation.records import EpisodeRecord

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

    A worker that dies (killed, out of memory) costs the episodes it had in flight: they become error records.

    Raises:
        ConfigurationError: If environment or agent cannot be sent to another process.
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
    missing = dict(jobs)
    workers = min(workers, len(jobs))
    share = max(1, concurrency // workers)
    processes, pipes = [], dict[Any, int]()
    failure: Exception | None = None
    try:
        for number in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, payload, list(jobs), counter, share), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            pipes[ours] = number
        while pipes and failure is None:
            for pipe in wait(list(pipes)):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except EOFError:
                    del pipes[pipe]
                    continue
                if isinstance(message, EpisodeRecord):
                    missing.pop(message.index)
                    sink(message)
                elif isinstance(message, dict):
                    facts(message)
                else:
                    failure = message
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    if failure is not None:
        raise failure
    for index, seed in missing.items():
        message_ = "the worker process died; its exit codes were " + str([p.exitcode for p in processes])
        error_ = {"boundary": "env", "type": "WorkerDied", "message": message_}
        sink(EpisodeRecord(index, seed, "error", {}, error=error_))


def _work(pipe: Connection, payload: bytes, jobs: list[tuple[int, int]], counter: Any, concurrency: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    from quintain.evaluation.runner import run_episodes

    def take() -> Iterator[tuple[int, int]]:
        while True:
            with counter.get_lock():
                number = counter.value
                counter.value += 1
            if number >= len(jobs):
                return
            yield jobs[number]

    try:
        env, env_kwargs, source = pickle.loads(payload)  # our own parent's bytes
        run_episodes(env, env_kwargs, source, take(), concurrency, pipe.send, pipe.send)
    except Exception as error:
        try:
            pipe.send(error)
        except Exception:  # an exception that cannot be pickled still says what it was
            pipe.send(ConfigurationError(f"{type(error).__name__}: {error}"))
    finally:
        pipe.close()
