"""An engine that caches greedy replies: equal requests reach the model once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from quintain.engines.engine import Engine, Reply, Request

__all__ = ["CachedEngine"]


class CachedEngine(Engine):
    """Pass requests on, and answer repeated ones from a cache where the model would give the same reply again.

    That is so at temperature 0, where the cache is exact. Requests at a higher temperature always reach the engine.
    In repeated games many matches ask the same question: two matches with the same history, such as those against
    tit-for-tat and against an unconditional cooperator until somebody defects.

    Equal requests that are in progress together share one reply. Errors are not cached: the next equal request asks
    again. The record of every episode holds the whole exchange, cached or not. The cache is unbounded and knows nothing
    of weights; when these change, make a new one.

    Args:
        engine: The language model whose replies are cached.

    Attributes:
        hits: Number of requests answered from the cache, or by an equal one in progress.
        misses: Number of requests that the engine was asked, those that sample included.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = engine.name
        self.capabilities = engine.capabilities
        self.hits = self.misses = 0
        self._replies: dict[str, list[Reply]] = {}
        # Requests in progress; a task belongs to the event loop in which it was started.
        self._pending: dict[tuple[str, asyncio.AbstractEventLoop], asyncio.Task[list[Reply]]] = {}

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return list(await asyncio.gather(*map(self._answer, requests)))

    async def _answer(self, request: Request) -> list[Reply]:
        if request.temperature:
            return await self._forward(request)
        if request.key in self._replies:
            self.hits += 1
            return self._replies[request.key]
        place = request.key, asyncio.get_running_loop()
        task = self._pending.get(place)
        if task is None:
            task = self._pending[place] = asyncio.create_task(self._forward(request))
            task.add_done_callback(lambda done: self._store(place, done))
        else:
            self.hits += 1
        return await asyncio.shield(task)  # cancelling one caller must not cancel the request of the others

    async def _forward(self, request: Request) -> list[Reply]:
        self.misses += 1
        (replies,) = await self.engine._generate([request])  # generate would record the exchange a second time
        return replies

    def _store(self, place: tuple[str, asyncio.AbstractEventLoop], task: asyncio.Task[list[Reply]]) -> None:
        del self._pending[place]
        if not task.cancelled() and task.exception() is None:
            self._replies[place[0]] = [replace(reply, seconds=None) for reply in task.result()]

    def check_available(self) -> None:
        """Check the engine whose replies are cached."""
        self.engine.check_available()

    def describe(self) -> dict[str, Any]:
        """Return the engine's own description with ``"cached": True``."""
        return {**self.engine.describe(), "cached": True}

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()
