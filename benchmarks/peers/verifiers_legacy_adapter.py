"""verifiers up to 0.3: ``SingleTurnEnv.evaluate``, asynchronous, results saved."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import verifiers as vf
from arithmetic import is_right, pose, solve
from datasets import Dataset
from verifiers.legacy.clients.client import Client
from verifiers.legacy.types import Response, ResponseMessage
from worker import serve

_CONCURRENCY = 16


class Solver(Client):
    """A model client without latency: no network, no provider's format."""

    def setup_client(self, config: Any) -> None:
        """There is nothing to set up."""

    async def to_native_tool(self, tool: Any) -> Any:
        """There are no tools."""
        return tool

    async def to_native_prompt(self, messages: Any) -> tuple[Any, dict[str, Any]]:
        """Take the messages as they are."""
        return messages, {}

    async def get_native_response(self, prompt: Any, *args: Any, **kwargs: Any) -> str:
        """Answer."""
        return solve(prompt[-1].content)

    async def raise_from_native_response(self, response: Any) -> None:
        """Every reply is valid."""

    async def from_native_response(self, response: str) -> Response:
        """Wrap the reply."""
        message = ResponseMessage(content=response, finish_reason="stop", is_truncated=False)
        return Response(id="0", created=0, model="solver", message=message)

    async def close(self) -> None:
        """There is nothing to close."""


def _is_right(completion: Any, answer: str) -> float:
    return float(is_right(completion[-1].content, answer))


def evaluate(seeds: Sequence[int]) -> int:
    """Pose the questions as a data set and evaluate it."""
    questions = [pose(random.Random(seed)) for seed in seeds]
    data = Dataset.from_dict({"question": [q for q, _ in questions], "answer": [a for _, a in questions]})
    env = vf.SingleTurnEnv(eval_dataset=data, rubric=vf.Rubric(funcs=[_is_right]))
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(
            env.evaluate(
                client=Solver(None), model="solver", max_concurrent=_CONCURRENCY, independent_scoring=True,
                results_path=Path(folder) / "run", save_results=True, on_start=lambda *_: None,
                on_progress=lambda *_: None,
            )
        )  # fmt: skip
    return sum(output["reward"] == 1 for output in results["outputs"])


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    serve({"verifiers 0.3: SingleTurnEnv": evaluate})
