"""The event loop of a run: concurrent episodes, and Ctrl-C in scripts and notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import count
from typing import Any, TypeVar

from quintain.engines.lock_step import current_lock_step
from quintain.records import EpisodeRecord

__all__ = ["YieldTimer", "play_jobs", "run_in_loop"]

Job = TypeVar("Job")
T = TypeVar("T")


def run_in_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end; in a thread of its own where an event loop is running already, as in a notebook.

    Args:
        main: Function without arguments that returns the coroutine to run.

    Raises:
        KeyboardInterrupt: On Ctrl-C, once the coroutine has been cancelled.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def cancellable() -> T:
        task = asyncio.ensure_future(main())
        started.set_result((asyncio.get_running_loop(), task))
        return await task

    with ThreadPoolExecutor(1, thread_name_prefix="quintain-run") as thread:
        result = thread.submit(copy_context().run, lambda: asyncio.run(cancellable()))
        try:
            return result.result()
        except KeyboardInterrupt:
            loop, task = started.result()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it was the coroutine that was interrupted
                loop.call_soon_threadsafe(task.cancel)
            raise


async def play_jobs(
    jobs: Iterator[Job],
    concurrency: int,
    start_worker: Callable[[], Callable[[Job], Awaitable[EpisodeRecord]]],
    sink: Callable[[EpisodeRecord], None],
) -> None:
    """Play ``jobs``, at most ``concurrency`` at once, and hand each record to ``sink``.

    Args:
        jobs: The episodes to play, such as their indices.
        concurrency: Number of workers (tasks of the event loop), >= 1.
        start_worker: Called once by each worker that gets a job. Makes what the worker does not share, such as an
            environment, and returns a function that plays a job there.
        sink: Takes each finished record.

    Raises:
        Exception: The first exception of ``jobs``, ``start_worker``, a job or ``sink``; all other jobs are cancelled.
    """
    timer = YieldTimer()
    lock_step, numbers = current_lock_step(), count()

    async def work() -> None:
        play = None
        for job in jobs:
            if play is None:
                play = start_worker()
            if lock_step is None:
                sink(await play(job))
                if timer.is_due():
                    await asyncio.sleep(0)
            else:
                with lock_step.member(next(numbers)):
                    record = await play(job)
                sink(record)  # without a pause: the next episode has to be announced first

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


class YieldTimer:
    """Says when to yield to the event loop, so that agents that never await do not block Ctrl-C and other tasks.

    Args:
        interval_s: Seconds between two yields.
    """

    def __init__(self, interval_s: float = 0.02) -> None:
        self._interval_s = interval_s
        self._next = 0.0

    def is_due(self) -> bool:
        """Return whether it is time to ``await asyncio.sleep(0)``; if so, start the next interval."""
        now = time.perf_counter()
        if now < self._next:
            return False
        self._next = now + self._interval_s
        return True
