"""Requests that share no fate: where a prompt outgrows the context window, the others are answered all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from quintain.engines.engine import Engine
from quintain.engines.lock_step import in_lock_step
from quintain.engines.request import Reply, Request
from quintain.errors import ContextOverflowError

__all__ = ["complete_each"]


async def complete_each(engine: Engine, requests: Sequence[Request]) -> list[Reply | None]:
    """Return the first reply to each request, ``None`` where its prompt does not fit the context window.

    All requests are served as one batch, in lock-step.

    Args:
        engine: The engine.
        requests: Any number of requests.

    Raises:
        CapabilityError: If a request needs a capability that the engine lacks.
        EngineError: If the engine fails otherwise.
    """
    with in_lock_step() as lock_step:

        async def reply(number: int, request: Request) -> Reply | None:
            with lock_step.member(number):
                try:
                    return await engine.complete(request)
                except ContextOverflowError:
                    return None

        return list(await asyncio.gather(*(reply(k, request) for k, request in enumerate(requests))))
