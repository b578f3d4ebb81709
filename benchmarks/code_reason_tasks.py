"""Speed of every CodeReason task: items generated, answers judged and problems solved per CPU-second.

    python benchmarks/code_reason_tasks.py [--items 100] [--difficulty medium] [names ...]

Prints one row a task, and what falls below 200 items a second. Times are CPU times of one process, so that other
processes hardly disturb them; the first item of every task is drawn before the clock starts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np

from quintain.envs.code_reason import load_task, task_names
from quintain.envs.code_reason.registry import suite_of
from quintain.errors import MissingDependencyError

ENOUGH = 200.0

LOADING = """
import time
from quintain.envs.code_reason.registry import load_task
start = time.perf_counter()
load_task("{name}")
print(1e3 * (time.perf_counter() - start))
"""


def measure(name: str, difficulty: str, items: int) -> tuple[float, float, float, int]:
    """Return items, verdicts and solutions per second, and the length of the longest question."""
    task = load_task(name, difficulty)
    task.generate(np.random.default_rng(0))
    start = time.process_time()
    problems = [task.generate(np.random.default_rng([1, i])) for i in range(items)]
    generated = time.process_time()
    assert all(task.score(problem, problem.answer).correct for problem in problems)
    judged = time.process_time()
    for problem in problems:
        task.solve(problem)
    solved = time.process_time()
    spans = (generated - start, judged - generated, solved - judged)
    per_second = [items / max(span, 1e-6) for span in spans]
    return per_second[0], per_second[1], per_second[2], max(len(problem.prompt) for problem in problems)


def loading_time_ms(name: str) -> float:
    """Measure the import and construction of one task in a fresh process, after the registry's own import."""
    done = subprocess.run([sys.executable, "-c", LOADING.format(name=name)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--difficulty", default="medium")
    arguments = parser.parse_args()
    columns = ("task", "suite", "items/s", "verdicts/s", "solutions/s", "longest question")
    print(f"| {' | '.join(columns)} |\n| --- | --- |{' ---: |' * 4}")
    rates: dict[str, float] = {}
    for name in arguments.names or task_names():
        try:
            rates[name], verdicts, solutions, longest = measure(name, arguments.difficulty, arguments.items)
        except MissingDependencyError as error:
            print(f"{name}: left out ({error})", file=sys.stderr)
            continue
        print(f"| {name} | {suite_of(name)} | {rates[name]:,.0f} | {verdicts:,.0f} | {solutions:,.0f} | {longest:,} |")
    slow = {name: round(rate) for name, rate in rates.items() if rate < ENOUGH}
    median = np.median(list(rates.values()))
    print(f"\n{len(rates)} tasks, median {median:,.0f} items/s, slowest {min(rates.values()):,.0f}.")
    print(f"Below {ENOUGH:.0f} items/s: {slow or 'none'}.")
    print(f"Loading one task in a fresh process: {loading_time_ms('letters'):.1f} ms (letters).")


if __name__ == "__main__":
    main()
