"""Measure ToolUse-v0: tool calls per CPU second through ``evaluate`` with recording, and the cost of attack wrappers.

A scripted agent plays the reference solutions. Rounds are interleaved in one process, and ratios are taken within a
round, so that other load on the machine affects all alike. Times are CPU seconds; the final answers count as actions,
not as calls.

    python benchmarks/tools.py
    python benchmarks/tools.py --rounds 9 --episodes 1000
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym

import quintain
from quintain.attacks.malfunction import MalfunctionAttack
from quintain.evaluation.report import Report

CONDITIONS: dict[str, dict[str, Any]] = {
    "clean": {},
    "empty attack": {"ratio": 0.0},
    "injection, user": {"surface": "user"},
    "injection, tool": {"surface": "tool"},
}


def factory(tasks: str, attack: dict[str, Any]) -> Callable[[], gym.Env[Any, Any]]:
    def make() -> gym.Env[Any, Any]:
        env = gym.make("ToolUse-v0", tasks=tasks, disable_env_checker=True)
        return MalfunctionAttack(env, **attack) if attack else env

    return make


def timed(run: Callable[[], Report]) -> tuple[float, int, int]:
    start = time.process_time()
    report = run()
    spent = time.process_time() - start
    steps = [len(episode.steps) for episode in report.episodes]
    return spent, sum(steps), sum(steps) - len(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=400)
    options = parser.parse_args()
    agent = quintain.make_agent("susceptible", obey=0)
    found: dict[str, list[tuple[float, int, int]]] = {}
    for number in range(options.rounds + 1):  # the first round imports and warms up
        for tasks in ("all", "errand"):
            for name, attack in CONDITIONS.items():
                folder = Path(tempfile.mkdtemp())
                env = factory(tasks, attack)
                same: dict[str, Any] = {"episodes": options.episodes, "seed": 0, "progress": False}
                result = timed(partial(quintain.evaluate, env, agent, out=folder / "run", **same))
                shutil.rmtree(folder)
                if number:
                    found.setdefault(f"{tasks}: {name}", []).append(result)
    for name, rounds in found.items():
        actions = statistics.median(count / spent for spent, count, _ in rounds)
        calls = statistics.median(count / spent for spent, _, count in rounds)
        base = found[name.partition(":")[0] + ": clean"]
        cost = statistics.median(a[0] / b[0] for a, b in zip(rounds, base, strict=True))
        print(f"{name:28} {actions:7.0f} actions/s {calls:7.0f} calls/s   cost {cost:.3f}")


if __name__ == "__main__":
    main()
