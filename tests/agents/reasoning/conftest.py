"""A scripted engine whose replies carry what methods ask for, and a question to play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.engines import Reply, Request, ScriptedEngine, TokenStatistics
from quintain.records import EpisodeRecord

GIVEN = ("logprobs", "token_statistics", "contrast_layers")
QUESTION = "Ann has 3 apples and buys 4 more. How many apples has she?"


def reply(text: str, score: float = 1.0, tokens: int = 2, **fields: Any) -> Reply:
    """Return a reply whose tokens all have log-probability ``-score`` and self-certainty ``score``."""
    numbers = (score,) * tokens
    return Reply(
        text,
        completion_tokens=tokens,
        logprobs=tuple(-value for value in numbers),
        token_statistics=TokenStatistics(numbers, numbers, numbers),
        **fields,
    )


class Game:
    """One question, one method, and a scripted model: a function of the request, or the replies to the question."""

    def __init__(
        self, script: Callable[[Request], Any] | Sequence[Reply | str], capabilities: Sequence[str] = ()
    ) -> None:
        self.asked: list[Request] = []
        self._script = script

        def serve(request: Request) -> Any:
            self.asked.append(request)
            if callable(script):
                found = script(request)
                return [found] * request.n if isinstance(found, (str, Reply)) else found
            start = sum(earlier.n for earlier in self.asked[:-1])
            return [script[(start + k) % len(script)] for k in range(request.n)]

        self.engine = ScriptedEngine(serve, capabilities=[*GIVEN, *capabilities])

    def play(self, method: str, question: str = QUESTION, answer: str = "7", **options: Any) -> EpisodeRecord:
        agent = make_agent(method, engine=self.engine, **options)
        rows = [{"question": question, "answer": answer}]
        report = quintain.evaluate(
            "QuestionAnswering-v0",
            agent,
            episodes=1,
            env_kwargs={"tasks": rows, "scorer": "number"},
        )
        (record,) = report.episodes
        assert record.error is None, record.error
        return record


@pytest.fixture
def game() -> type[Game]:
    return Game


@pytest.fixture
def made_reply() -> Callable[..., Reply]:
    return reply
