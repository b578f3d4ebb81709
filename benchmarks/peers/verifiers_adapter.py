"""verifiers since 0.4: a task set, a harness that plays in process, and the run of ``vf-eval``, traces written.

Every model call of an episode goes through the framework's local interception server; that is its contract. The harness
calls it without launching a program, which is the fastest way the contract allows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
import verifiers.v1 as vf
from arithmetic import is_right, pose, solve
from verifiers.v1.cli.eval.runner import run_eval
from verifiers.v1.clients.client import Client
from verifiers.v1.configs.cli.eval import EvalConfig
from verifiers.v1.configs.harness import HarnessConfig
from verifiers.v1.configs.taskset import TasksetConfig
from verifiers.v1.interception import server
from verifiers.v1.runtimes import ProgramResult
from worker import serve

__all__ = ["ArithmeticTaskset", "DirectHarness"]

_CONCURRENCY = 16


class ArithmeticData(vf.TaskData):
    """A question with its answer."""

    answer: str


class ArithmeticTask(vf.Task[ArithmeticData]):
    """The task."""

    @vf.reward
    async def right(self, trace: Any) -> float:
        """Judge the reply."""
        return float(is_right(trace.assistant_messages[-1].content, self.data.answer))


class ArithmeticConfig(TasksetConfig):
    """Which questions to ask."""

    seeds: list[int] = []


class ArithmeticTaskset(vf.Taskset[ArithmeticTask, ArithmeticConfig]):
    """One question per seed."""

    def load(self) -> Iterable[ArithmeticTask]:
        """Pose the questions."""
        for seed in self.config.seeds:
            question, answer = pose(random.Random(seed))
            yield ArithmeticTask(ArithmeticData(prompt=question, answer=answer), self.config.task)


class DirectConfig(HarnessConfig):
    """Nothing to configure."""


class DirectHarness(vf.Harness[DirectConfig]):
    """Asks the model once, from this process."""

    EXECUTES_CODE = False
    NEEDS_CONTAINER = False
    http: aiohttp.ClientSession

    async def launch(
        self, ctx: Any, trace: Any, runtime: Any, endpoint: str, secret: str, mcp_urls: Any, data: Any
    ) -> ProgramResult:
        """Send the question to the interception server."""
        body = {"model": ctx.model, "messages": [{"role": "user", "content": data.prompt}]}
        headers = {"Authorization": f"Bearer {secret}"}
        async with type(self).http.post(f"{endpoint}/chat/completions", json=body, headers=headers) as response:
            await response.read()
            return ProgramResult(0 if response.ok else 1, "", "" if response.ok else await response.text())


class Solver(Client):
    """A model client without latency: no network behind the interception server."""

    def __init__(self, config: Any) -> None:
        """The endpoint does not matter."""

    async def get_response(self, dialect: Any, body: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Answer in the provider's format."""
        reply = solve(body["messages"][-1]["content"])
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
        raw = {"id": "0", "object": "chat.completion", "created": 0, "model": "solver", "choices": [choice]}
        response = dialect.parse_response(dialect.validate_response(raw))
        response.raw = raw
        return response


def evaluate(seeds: Sequence[int]) -> int:
    """Run the evaluation that the command line runs."""
    return asyncio.run(_evaluate(seeds))


async def _evaluate(seeds: Sequence[int]) -> int:
    this = "verifiers_adapter"
    with tempfile.TemporaryDirectory() as folder:
        config = EvalConfig.model_validate(
            {
                "env": {
                    "taskset": {"id": this, "seeds": list(seeds)},
                    "agent": {"harness": {"id": this}, "runtime": {"type": "subprocess"}},
                },
                "client": {"base_url": "http://127.0.0.1:1", "api_key_var": "NO_KEY"},
                "model": "solver", "max_concurrent": _CONCURRENCY, "rich": None, "push": False, "output_dir": folder,
            }
        )  # fmt: skip
        harness = sys.modules[this].DirectHarness  # the plugin is imported by name, not as __main__
        async with aiohttp.ClientSession() as harness.http:
            episodes = await run_eval(config)
    return sum(trace.rewards["right"].score == 1 for episode in episodes for trace in episode.traces)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    server.resolve_client = Solver
    serve({"verifiers 0.4: vf-eval": evaluate})
