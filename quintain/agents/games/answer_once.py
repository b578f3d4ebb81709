"""Ask a language model each question once: in repeated games many matches arrive at the same prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from quintain.engines.engine import Engine, Reply, Request

__all__ = ["AnswerOnce"]


class AnswerOnce(Engine):
    """Pass requests on, and answer equal ones from memory where the model would give the same answer again.

    That is so at temperature 0, and for such requests the memory is exact: two matches with the same history, such as
    those against tit-for-tat and against an unconditional cooperator until somebody defects, ask the same question.
    Requests that draw their answer always reach the engine. Every caller's record shows the whole exchange, whoever
    asked first; ``asked`` and ``answered`` tell how much work was saved. When the model's weights change, make a new
    one.

    Args:
        engine: The language model.

    Attributes:
        asked: Requests made so far.
        answered: Those of them that the engine answered.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = engine.name
        self.capabilities = engine.capabilities
        self.asked = self.answered = 0
        self._known: dict[str, list[Reply]] = {}
        self._pending: dict[tuple[str, asyncio.AbstractEventLoop], asyncio.Task[list[Reply]]] = {}

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return list(await asyncio.gather(*map(self._answer, requests)))

    async def _answer(self, request: Request) -> list[Reply]:
        self.asked += 1
        if request.temperature:
            return await self._ask(request)
        key = request.key
        if key in self._known:
            return self._known[key]
        place = key, asyncio.get_running_loop()
        task = self._pending.get(place)
        if task is None:
            task = self._pending[place] = asyncio.create_task(self._ask(request))
            task.add_done_callback(lambda done: self._settle(place, done))
        return await asyncio.shield(task)  # who gives up must not take the answer from the others

    async def _ask(self, request: Request) -> list[Reply]:
        self.answered += 1
        (replies,) = await self.engine._generate([request])  # not generate, which would write down the exchange twice
        return replies

    def _settle(self, place: tuple[str, asyncio.AbstractEventLoop], task: asyncio.Task[list[Reply]]) -> None:
        """Remember an answer; a failure is forgotten, so that the next one asks again."""
        del self._pending[place]
        if not task.cancelled() and task.exception() is None:
            self._known[place[0]] = task.result()

    def describe(self) -> dict[str, Any]:
        """Return the engine's own description, marked."""
        return {**self.engine.describe(), "answers_once": True}

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()
