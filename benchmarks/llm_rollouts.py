"""Tokens per second of a language model through ``evaluate``, beside the same requests handed to its engine directly.

Both serve the very same requests (the requests of a run are kept and repeated) with the same engine and batch size, in
turns in one process; the ratio is taken round by round. CPU time decides on a busy machine, wall time on a quiet one.

    python benchmarks/llm_rollouts.py
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence

import quintain
from quintain.agents import make_agent
from quintain.engines import Engine, Reply, Request, make_engine

ENV = {"tasks": ["letters", "number_multiply", "statistical_counting"], "difficulty": "easy", "code": False}


class Watched(Engine):
    """Passes requests on and keeps them."""

    def __init__(self, inner: Engine) -> None:
        self.name, self.capabilities, self._inner = inner.name, inner.capabilities, inner
        self.requests: list[Request] = []

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        self.requests.extend(requests)
        return await self._inner._generate(requests)  # not generate: the log would count each reply twice


def measure(run: Callable[[], int]) -> tuple[float, float, int]:
    """Return wall seconds, CPU seconds and tokens generated."""
    wall, cpu = time.perf_counter(), time.process_time()
    tokens = run()
    return time.perf_counter() - wall, time.process_time() - cpu, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=64)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    engine = make_engine("transformers", max_batch=options.concurrency)

    def rollouts(kept: Watched) -> int:
        agent = make_agent("all-text", engine=kept, max_tokens=options.max_tokens, extract=False)
        report = quintain.evaluate(
            "CodeReason-v0", agent, episodes=options.episodes, concurrency=options.concurrency, env_kwargs=ENV
        )
        assert not report.errors, report.episodes[0].error
        return report.completion_tokens

    def direct(requests: Sequence[Request]) -> int:
        replies = asyncio.run(engine.generate(requests))
        return sum(reply.completion_tokens for batch in replies for reply in batch)

    warm = Watched(engine)
    rollouts(warm)
    print(f"{options.episodes} episodes, {options.concurrency} at once, {options.rounds} rounds; medians")
    rows: list[tuple[float, ...]] = []
    for _ in range(options.rounds):
        watched = Watched(engine)
        a = measure(lambda kept=watched: rollouts(kept))  # type: ignore[misc]
        b = measure(lambda asked=tuple(watched.requests): direct(asked))  # type: ignore[misc]
        rows.append((a[2] / a[0], b[2] / b[0], a[2] / a[1], b[2] / b[1], a[2], b[2]))
    through, bare, through_cpu, bare_cpu, *tokens = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"| {'':30} | tokens/s | tokens/CPU s | tokens |\n|---|---:|---:|---:|")
    print(f"| {'engine, one call':30} | {bare:8.1f} | {bare_cpu:12.1f} | {tokens[1]:6.0f} |")
    print(f"| {'evaluate':30} | {through:8.1f} | {through_cpu:12.1f} | {tokens[0]:6.0f} |")
    ratios = [statistics.median(row[k] / row[k + 1] for row in rows) for k in (0, 2)]
    print(f"| {'ratio, median of rounds':30} | {ratios[0]:8.2f} | {ratios[1]:12.2f} | |")


if __name__ == "__main__":
    main()
