"""An event loop in a thread of its own, so that one client serves callers on any loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from quintain.errors import EngineError

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """Runs coroutines on a private event loop; started by the first one.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work`` on the private loop; cancelling the caller cancels it.

        Raises:
            EngineError: If the thread was closed.
        """
        return await asyncio.wrap_future(self._submit(work))

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the private loop, and wait for it in this thread.

        Raises:
            EngineError: If the thread was closed.
        """
        return self._submit(work).result()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._lock:
            if self._closed:
                work.close()
                raise EngineError("the engine is closed; make a new one")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True).start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Cancel running coroutines, run ``last`` and end the thread. Calling it twice is harmless."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None:
            if last is not None:
                last.close()
            return
        asyncio.run_coroutine_threadsafe(_wind_up(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)


async def _wind_up(last: Coroutine[Any, Any, None] | None) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if last is not None:
        await last
