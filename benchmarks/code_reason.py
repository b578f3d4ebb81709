"""Measure CodeReason-v0 with real programs in the sandbox: turns per second, where the time goes, what processes gain.

An oracle prints each answer from a program and reads it back, so every episode is one program and one reply.

    python benchmarks/code_reason.py
    python benchmarks/code_reason.py --busy   # each row a second time, at once, beside two processes that compute
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import gymnasium as gym
from shared.load import SPINNING, busy_machine

import quintain
from quintain.envs.code_reason import env as code_reason
from quintain.envs.text.interpreter import Interpreter
from quintain.sandbox import Sandbox

_SUITE = "symbench"
_AGENT = {"name": "oracle", "through_code": True}


def actions(env: Any) -> tuple[str, str]:
    """Return the oracle's two replies to the question that is open."""
    answer = env.unwrapped.solution()
    return f"```python\nprint({answer!r})\n```", answer


def vector_turns(num_envs: int, turns: int) -> float:
    """Step environments in completion order and return turns per second."""
    envs = gym.make_vec("CodeReason-v0", num_envs=num_envs, suite=_SUITE)
    envs.reset(seed=0)
    first = dict.fromkeys(range(num_envs), True)

    def send(i: int) -> None:
        envs.send([actions(envs.envs[i])[0 if first[i] else 1]], [i])
        first[i] = not first[i]

    for i in range(num_envs):
        send(i)
    start, done = time.perf_counter(), 0
    while done < turns:
        batch = envs.recv()
        for i in batch.indices.tolist():
            send(i)
        done += len(batch.indices)
    elapsed = time.perf_counter() - start
    envs.close()
    return done / elapsed


class Clock:
    """Adds up the time spent in some calls."""

    def __init__(self) -> None:
        self.total_s = 0.0

    @contextmanager
    def around(self, owner: Any, name: str) -> Any:
        """Time every call of ``owner.name`` while the block runs."""
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.total_s += time.perf_counter() - start

        with mock.patch.object(owner, name, timed):
            yield


def shares(episodes: int) -> tuple[float, float, float]:
    """Play one environment and return the shares of time in the sandbox, in making tasks, and elsewhere."""
    env = gym.make("CodeReason-v0", disable_env_checker=True, suite=_SUITE)
    box, tasks = Clock(), Clock()
    with ExitStack() as stack:
        for name in ("run", "session"):
            stack.enter_context(box.around(Sandbox, name))
        stack.enter_context(box.around(Interpreter, "close"))
        for name in ("pose", "load_task"):
            stack.enter_context(tasks.around(code_reason, name))
        start = time.perf_counter()
        for seed in range(episodes):
            env.reset(seed=seed)
            for action in actions(env):
                env.step(action)
        total = time.perf_counter() - start
    env.close()
    return box.total_s / total, tasks.total_s / total, 1 - (box.total_s + tasks.total_s) / total


def seconds(episodes: int, *, record: bool, **options: Any) -> float:
    """Evaluate the oracle and return how long it took."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        report = quintain.evaluate(
            "CodeReason-v0", _AGENT, episodes=episodes, env_kwargs={"suite": _SUITE}, progress=False,
            out=Path(folder) / "run" if record else None, **options,
        )  # fmt: skip
        elapsed = time.perf_counter() - start
    if report.outcomes["success"] != episodes:
        raise SystemExit(f"the oracle failed: {report}")
    return elapsed


Figures = dict[str, float]


def round_of(options: argparse.Namespace) -> Figures:
    """Measure everything once."""
    inside, making, rest = shares(options.episodes // 2)
    inline = seconds(options.episodes, record=True)
    bare = seconds(options.episodes, record=False)
    start_up = seconds(2, record=True, executor="process", workers=2)
    process = seconds(options.episodes, record=True, executor="process", workers=2)
    return {
        "vector environment, turns/s": vector_turns(options.num_envs, options.turns),
        "time in the sandbox, %": 100 * inside,
        "time making tasks, %": 100 * making,
        "time elsewhere, %": 100 * rest,
        "evaluate, recorded, episodes/s": options.episodes / inline,
        "the same, over not recorded": inline / bare,
        "two processes over one, once they run": inline / (process - start_up),
        "starting two processes, each with its sandbox, s": start_up,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", action="store_true", help="also measure beside two processes that compute")
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; medians of {options.rounds} rounds")
    shares(20)  # loads every task and starts the sandbox

    idle: list[Figures] = []
    busy: list[Figures] = []
    for _ in range(options.rounds):
        idle.append(round_of(options))
        with busy_machine() if options.busy else nullcontext():
            busy.append(round_of(options) if options.busy else {})
    names = ["what", "measured", *((f"beside {SPINNING}", "busy / idle") if options.busy else ())]
    print("| " + " | ".join(names) + " |")
    print("|---|" + "---:|" * (len(names) - 1))
    for what in idle[0]:
        cells = [f"{statistics.median(figures[what] for figures in idle):.3g}"]
        if options.busy:
            pairs = [(quiet[what], loud[what]) for quiet, loud in zip(idle, busy, strict=True)]
            cells.append(f"{statistics.median(loud for _, loud in pairs):.3g}")
            cells.append(f"{statistics.median(loud / quiet for quiet, loud in pairs):.2f}")
        print("| " + " | ".join([what, *cells]) + " |")
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
