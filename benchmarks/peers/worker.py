"""The benchmark's end of the pipe inside a framework's own process: take orders, play, say how long it took.

An order is a line of JSON, ``{"runner": name, "episodes": n, "at_least_s": s}``; the reply is one too. What frameworks
print goes to the standard error stream.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence

__all__ = ["Runner", "serve"]

#: Plays one episode per seed and says how many replies were right.
Runner = Callable[[Sequence[int]], int]


def serve(runners: Mapping[str, Runner]) -> None:
    """Play what is asked for until the input ends.

    Args:
        runners: By name. What they need is imported already: imports are not timed.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"runners": list(runners)}), file=replies, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        reply = _play(runners[order["runner"]], order["episodes"], order["at_least_s"])
        print(json.dumps(reply), file=replies, flush=True)


def _play(run: Runner, episodes: int, at_least_s: float) -> dict[str, float]:
    """Repeat a run of ``episodes`` until ``at_least_s`` seconds of CPU time are spent."""
    seeds = [1_000_003 + i for i in range(episodes)]
    gc.collect()
    cpu, wall, runs = _cpu_s(), time.perf_counter(), 0
    while True:
        right = run(seeds)
        if right != episodes:
            raise RuntimeError(f"expected {episodes} right replies, got {right}: the adapter is broken")
        runs += 1
        if (spent := _cpu_s() - cpu) >= at_least_s:
            break
    return {"episodes": runs * episodes, "cpu_s": spent, "wall_s": time.perf_counter() - wall}


def _cpu_s() -> float:
    """CPU seconds of this process with all its threads, and of its finished children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
