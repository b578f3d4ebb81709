"""Items per second of a questionnaire through ``evaluate``, beside the same requests handed to the engine in one call.

Both score the very same constrained choices with the same engine and batch size and without cached prefixes, in turns
in one process; the ratio is taken round by round. CPU time decides on a busy machine, wall time on a quiet one. The
last line is what an audit of 160 scenarios in three templates and two orders takes at this rate.

    python benchmarks/questionnaire.py
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence

import quintain
from quintain.agents.language import RespondentAgent
from quintain.engines import Engine, Reply, Request, make_engine


class Watched(Engine):
    """Passes requests on and keeps them."""

    def __init__(self, inner: Engine) -> None:
        self.name, self.capabilities, self._inner = inner.name, inner.capabilities, inner
        self.requests: list[Request] = []

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        self.requests.extend(requests)
        return await self._inner._generate(requests)


def measure(run: Callable[[], object]) -> tuple[float, float]:
    """Return wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-trait", type=int, default=4, help="items of each of eight traits")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    engine = make_engine("transformers", max_batch=options.concurrency, prefix_rows=0)
    kwargs = {"instrument": "scenarios-160", "per_trait": options.per_trait}
    items = 8 * options.per_trait

    def through(kept: Watched) -> None:
        report = quintain.evaluate(
            "Questionnaire-v0", RespondentAgent(kept), env_kwargs=kwargs, concurrency=options.concurrency
        )
        assert len(report.episodes) == items, report
        assert not report.errors, report.episodes[0].error

    asyncio.run(engine.generate([Request(prompt="Warm up.", max_tokens=1)]))
    rows: list[tuple[float, ...]] = []
    for _ in range(options.rounds):
        watched = Watched(engine)
        first = measure(lambda kept=watched: through(kept))  # type: ignore[misc]
        bare = measure(lambda asked=tuple(watched.requests): asyncio.run(engine.generate(asked)))  # type: ignore[misc]
        rows.append((*first, *bare))
    wall, cpu, bare_wall, bare_cpu = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{items} items, {options.concurrency} at once, {options.rounds} rounds; medians")
    print(f"| {'':30} | items/s | items/CPU s |\n|---|---:|---:|")
    print(f"| {'engine, one call':30} | {items / bare_wall:7.2f} | {items / bare_cpu:11.2f} |")
    print(f"| {'evaluate':30} | {items / wall:7.2f} | {items / cpu:11.2f} |")
    ratios = [statistics.median(row[k + 2] / row[k] for row in rows) for k in (0, 1)]
    print(f"| {'ratio, median of rounds':30} | {ratios[0]:7.2f} | {ratios[1]:11.2f} |")
    print(f"\naudit of 160 items x 3 templates x 2 orders: {960 * cpu / items / 60:.1f} CPU minutes")


if __name__ == "__main__":
    main()
