"""Measure Repair-v0: CPU time of a test run over the sandbox's own, and of snapshot and restore.

The bare run gives the sandbox one program that makes the same modules and calls the same visible tests, with nothing
around it; the test run goes through the environment's session: files, report, observation. Both count CPU time of this
process and of the child, one after the other in every round; the ratio is that of the medians.

    python benchmarks/repair.py
    python benchmarks/repair.py --package markup --rounds 200
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from typing import Any

import gymnasium as gym

import quintain  # noqa: F401  # registers the environments
from quintain.envs.repair.running import LIMITS
from quintain.sandbox import Sandbox
from quintain.sandbox.result import Result

RATIO_BAR = 1.3
SNAPSHOT_BAR_MS = 1.0


class Counting(Sandbox):
    """A sandbox that adds up the CPU time of its children."""

    child_s = 0.0

    def run(self, *arguments: Any, **options: Any) -> Result:
        """Run, and count."""
        result = super().run(*arguments, **options)
        self.child_s += result.cpu_s
        return result

    def call(self, *arguments: Any, **options: Any) -> tuple[Result, Any]:
        """Call, and count."""
        result, value = super().call(*arguments, **options)
        self.child_s += result.cpu_s
        return result, value


def bare_program(files: Mapping[str, str]) -> str:
    """Return one program that makes the modules and calls the visible tests."""
    lines = ["import sys, types", "def add(name, text):", "    m = sys.modules[name] = types.ModuleType(name)"]
    lines += ["    m.__path__ = []", "    exec(compile(text, name, 'exec'), m.__dict__)", "    return m.__dict__"]
    modules = {path: text for path, text in files.items() if path.endswith(".py")}
    waiting = sorted(modules, key=lambda path: (not path.endswith("__init__.py"), path.startswith("tests/"), path))
    done: set[str] = set()
    while waiting:  # modules after those that they import
        for path in waiting:
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if not any(f"from {_name(other)} import" in modules[path] for other in waiting if other != path):
                lines.append(f"names = add({name!r}, {modules[path]!r})")
                done.add(path)
        waiting = [path for path in waiting if path not in done]
    lines += ["for key, test in list(names.items()):", "    if key.startswith('test_'):", "        test()"]
    return "\n".join(lines)


def _name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="ringbuffer")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    split = next(s for s in ("train", "test") if _has(options.package, s))
    env = gym.make("Repair-v0", packages=options.package, split=split, max_turns=10**6, test_edits=False).unwrapped
    env.reset(seed=0)
    with Counting(workers=1).start() as box:
        session = env.simulator()
        session._sandbox = lambda: box
        session.workspace.files = quintain_files(options.package)
        program = bare_program(session.workspace.files)
        assert box.run(program, limits=LIMITS).ok
        costs: dict[str, list[float]] = {"bare": [], "session": []}
        for _ in range(options.rounds):
            costs["bare"].append(_cost(box, lambda: box.run(program, limits=LIMITS)))
            costs["session"].append(_cost(box, lambda: session.step('{"tool": "run_tests"}')))
    bare, ours = (statistics.median(costs[name]) * 1000 for name in ("bare", "session"))
    print(
        f"test run of {options.package}: {ours:.2f} ms of CPU, bare {bare:.2f} ms: {ours / bare:.2f} (bar {RATIO_BAR})"
    )
    taken = _snapshots(env, 300)
    print(f"snapshot and restore: {taken:.3f} ms of CPU (bar {SNAPSHOT_BAR_MS})")


def quintain_files(package: str) -> Mapping[str, str]:
    """Return the files of a base package, without a bug."""
    from quintain.envs.repair import load_package

    return load_package(package).files


def _has(package: str, split: Any) -> bool:
    from quintain.envs.repair import instances

    return bool(instances(split, (package,)))


def _cost(box: Counting, work: Any) -> float:
    """Return the CPU seconds of this process and of the children."""
    before, start = box.child_s, time.process_time()
    work()
    return time.process_time() - start + box.child_s - before


def _snapshots(env: Any, rounds: int) -> float:
    """Return the milliseconds of one snapshot and one restore, after some edits; the median."""
    found = []
    for number in range(rounds):
        env.step(json.dumps({"tool": "create_file", "path": f"f{number % 30}.txt", "text": "x"}))
        start = time.process_time()
        env.restore(env.snapshot())
        found.append(time.process_time() - start)
    return statistics.median(found) * 1000


if __name__ == "__main__":
    main()
