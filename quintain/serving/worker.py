"""One daemon thread that runs functions in order: environments stay in the thread in which they were made."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Worker"]

_Call = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]


class Worker:
    """A thread of one session. A function that hangs holds up neither the event loop nor the end of the program.

    Args:
        loop: The event loop in which results are awaited.
        name: Name of the thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Run a function after those before it; the future holds its result or exception."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((function, arguments, future))
        return future

    def stop(self) -> None:
        """End the thread when all calls are done."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, arguments, future = call
            result: Any = None
            error: BaseException | None = None
            try:
                result = function(*arguments)
            except StopIteration as raised:  # a future cannot hold one
                error = RuntimeError(f"StopIteration: {raised}")
            except BaseException as raised:  # handed to whoever awaits the future
                error = raised
            try:
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop is closed, and nobody waits
                return
            del call, function, arguments, future, result, error  # the queue may be empty for long


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # cancelled: its time was up
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
