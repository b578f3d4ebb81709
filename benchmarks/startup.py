"""Measure what starting costs: ``import quintain`` beside its foundations, and the constructor of CodeReason-v0.

Imports are measured in fresh processes, in pairs whose order alternates, so that other load on the machine hits both
alike. CPU seconds decide, with the median of the ratios within pairs. Compiled bytecode is warm.

    python benchmarks/startup.py                # print the table
    python benchmarks/startup.py --write        # and keep it in docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- startup: begin -->", "<!-- startup: end -->"

FOUNDATIONS = "import gymnasium, pettingzoo"
OURS = "import quintain"
CONSTRUCTOR = """
import quintain, gymnasium as gym, time, statistics
gym.make("CodeReason-v0", tasks="letters").close()      # imports the environment, once
times = []
for _ in range(50):
    start = time.process_time()
    gym.make("CodeReason-v0", tasks="letters")
    times.append(time.process_time() - start)
print(statistics.median(times))
"""
FIRST = """
import quintain, gymnasium as gym, time
start = time.process_time()
gym.make("CodeReason-v0", tasks="letters")
print(time.process_time() - start)
"""


def cpu_seconds(code: str) -> float:
    """CPU time of a fresh interpreter that runs ``code``, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def printed_seconds(code: str, repeats: int) -> list[float]:
    """Run ``code`` in fresh interpreters and return what it prints."""
    runs = (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        for _ in range(repeats)
    )
    return [float(out) for out in runs]


def spread(values: Sequence[float]) -> str:
    """Median, with lower and upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def measure(pairs: int) -> str:
    """Measure and return the table in Markdown."""
    cpu_seconds(FOUNDATIONS), cpu_seconds(OURS)  # warms the file cache and the bytecode
    theirs, ours = [], []
    for number in range(pairs):
        for code, times in ((FOUNDATIONS, theirs), (OURS, ours))[:: -1 if number % 2 else 1]:
            times.append(cpu_seconds(code))
    ratios = [b / a for a, b in zip(theirs, ours, strict=True)]
    first, again = printed_seconds(FIRST, 7), printed_seconds(CONSTRUCTOR, 3)
    ratio, constructor = statistics.median(ratios), statistics.median(again)
    rows = [
        ("what", "median [quartiles]", "bar", "met"),
        ("---", "---", "---", "---"),
        (f"`{FOUNDATIONS}`, CPU s", spread(theirs), "", ""),
        (f"`{OURS}`, CPU s", spread(ours), "", ""),
        ("ratio within pairs", spread(ratios), "<= 1.2", "yes" if ratio <= 1.2 else "no"),
        ("`gym.make` of CodeReason-v0, first in a process, CPU ms", spread([1e3 * t for t in first]), "", ""),
        ("the same, later, CPU ms", spread([1e3 * t for t in again]), "<= 10", "yes" if constructor <= 0.01 else "no"),
    ]  # fmt: skip
    lines = [
        f"{pairs} pairs of processes; Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} afterwards. The first `gym.make` of a process imports the environment.",
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    arguments = parser.parse_args()
    table = measure(arguments.pairs)
    print(table)
    if arguments.write:
        text = PAGE.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(
            f"{head}{BEGIN}\n    python benchmarks/startup.py --write\n\n{table}\n{END}{tail}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
