"""Lock-step: requests wait until every live episode has one, and are then served as one batch.

Continuous batching serves requests as they arrive, so the composition of a batch depends on timing, and with it the
last bits of the logits. In lock-step the batches are the same in every run: equal weights, seeds and requests give
replies that are equal to the bit. Training needs that to be resumed exactly. Episodes wait for the slowest of a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

__all__ = ["LockStep", "current_lock_step", "in_lock_step"]


@dataclass(slots=True, eq=False)
class _Waiting:
    member: int
    engine: Any  # an Engine, whose module imports this one
    requests: Sequence[Any]
    done: asyncio.Future[Any]


class LockStep:
    """Collects the requests of live episodes; use it within one event loop."""

    def __init__(self) -> None:
        self._members: set[int] = set()
        self._waiting: list[_Waiting] = []

    @contextmanager
    def member(self, number: int) -> Iterator[None]:
        """Be a live episode, for whose next request the others wait.

        Args:
            number: Number of the episode, which decides its place in a batch.
        """
        self._members.add(number)
        token = _member.set(number)
        try:
            yield
        finally:
            _member.reset(token)
            self._members.discard(number)
            self._serve_soon()

    async def submit(self, engine: Any, requests: Sequence[Any]) -> Any:
        """Wait for the others, and return the engine's replies to these requests."""
        member = _member.get()
        if member is None:  # asked by no episode: nobody would wait for it
            return await engine._generate(requests)
        waiting = _Waiting(member, engine, requests, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._serve_soon()
        return await waiting.done

    def _serve_soon(self) -> None:
        """Look, once the tasks that are ready have run, whether every live episode waits."""
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        if not self._waiting or self._members - {w.member for w in self._waiting}:
            return
        batch = sorted((w for w in self._waiting if not w.done.done()), key=lambda w: w.member)
        self._waiting = []
        for engine in dict.fromkeys(w.engine for w in batch):
            task = asyncio.ensure_future(_answer(engine, [w for w in batch if w.engine is engine]))
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)


#: Tasks of batches in progress; the event loop alone would not keep them alive.
_tasks: set[asyncio.Task[None]] = set()
_lock_step: ContextVar[LockStep | None] = ContextVar("quintain_lock_step", default=None)
_member: ContextVar[int | None] = ContextVar("quintain_lock_step_member", default=None)


async def _answer(engine: Any, batch: Sequence[_Waiting]) -> None:
    try:
        outcomes = await engine._generate_each([w.requests for w in batch])
    except BaseException as error:
        outcomes = [error] * len(batch)
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.done.done():  # cancelled meanwhile
            continue
        if isinstance(outcome, BaseException):
            waiting.done.set_exception(outcome)
        else:
            waiting.done.set_result(outcome)


@contextmanager
def in_lock_step() -> Iterator[LockStep]:
    """Serve the requests of the episodes that are played in this context in lock-step."""
    token = _lock_step.set(LockStep())
    try:
        yield _lock_step.get()  # type: ignore[misc]  # it was set just now
    finally:
        _lock_step.reset(token)


def current_lock_step() -> LockStep | None:
    """Return the lock-step of this context, or ``None``."""
    return _lock_step.get()
