"""The event loop of a run: many episodes at once, and Ctrl-C heard wherever the run was started."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from quintain.records import EpisodeRecord

__all__ = ["Breath", "play_jobs", "run_in_loop"]

Job = TypeVar("Job")
T = TypeVar("T")


def run_in_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread of its own where an event loop is running already (a notebook).

    Raises:
        KeyboardInterrupt: On Ctrl-C, once the coroutine has been cancelled.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def cancellable() -> T:
        task = asyncio.ensure_future(main())
        begun.set_result((asyncio.get_running_loop(), task))
        return await task

    with ThreadPoolExecutor(1, thread_name_prefix="quintain-run") as thread:
        result = thread.submit(lambda: asyncio.run(cancellable()))
        try:
            return result.result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it was the coroutine that was interrupted
                loop.call_soon_threadsafe(task.cancel)
            raise


async def play_jobs(
    jobs: Iterator[Job],
    concurrency: int,
    sit_down: Callable[[], Callable[[Job], Awaitable[EpisodeRecord]]],
    sink: Callable[[EpisodeRecord], None],
) -> None:
    """Play ``jobs``, at most ``concurrency`` at once, and hand each record to ``sink``.

    Args:
        jobs: What to play.
        concurrency: Workers.
        sit_down: Called by each worker that gets a job, once: makes what it needs for itself alone, such as a world,
            and returns what plays a job there.
        sink: Takes each finished record.

    Raises:
        Exception: The first that anything here raises; the others are cancelled, as all would fail alike.
    """
    breath = Breath()

    async def work() -> None:
        play = None
        for job in jobs:
            if play is None:
                play = sit_down()
            sink(await play(job))
            if breath.due():
                await asyncio.sleep(0)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


class Breath:
    """Says when the event loop should run again, so that agents that never wait do not keep out Ctrl-C and others."""

    def __init__(self, every_s: float = 0.02) -> None:
        self._every_s = every_s
        self._next = 0.0

    def due(self) -> bool:
        """Say whether it is time; if so, let others run with ``await asyncio.sleep(0)``."""
        now = time.perf_counter()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True
