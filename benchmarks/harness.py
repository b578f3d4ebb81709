"""Measure the overhead of the harness: episodes per second with an agent that answers at once.

Every framework plays the same single-turn arithmetic task (``peers/arithmetic.py``) in a process of its own; peers come
from the package registry into environments of their own. Rounds are interleaved, and ratios are taken within a round,
so that other load on the machine hits all alike. CPU seconds decide; wall-clock rates stand beside them.

    python benchmarks/harness.py                     # every peer
    python benchmarks/harness.py --peers gem         # one of them
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
OURS = "Quintain: evaluate"
LEAN = "Quintain: evaluate, lean seeding"
#: Adapters that run in the interpreter of this script, and the peers that need an environment.
HERE = ("gymnasium", "quintain")
ELSEWHERE = ("gem", "textarena", "verifiers", "verifiers_legacy")


@dataclass(frozen=True)
class Kind:
    """What a runner is: does it write records, does it play many episodes at once?"""

    records: bool
    concurrent: bool


KINDS = {
    "Gymnasium: loop": Kind(records=False, concurrent=False),
    "Gymnasium: loop, lean seeding": Kind(records=False, concurrent=False),
    "Gymnasium: loop that writes JSON": Kind(records=True, concurrent=False),
    "Gymnasium: loop that writes JSON, lean seeding": Kind(records=True, concurrent=False),
    "GEM: loop": Kind(records=False, concurrent=False),
    "TextArena: loop": Kind(records=False, concurrent=False),
    "GEM: AsyncVectorEnv": Kind(records=False, concurrent=True),
    "verifiers 0.3: SingleTurnEnv": Kind(records=True, concurrent=True),
    "verifiers 0.4: vf-eval": Kind(records=True, concurrent=True),
    OURS: Kind(records=True, concurrent=True),
    LEAN: Kind(records=True, concurrent=True),
    "Quintain: evaluate, not recorded": Kind(records=False, concurrent=True),
    "Quintain: evaluate, CodeReason-v0": Kind(records=True, concurrent=True),
    "CodeReason-v0: loop": Kind(records=False, concurrent=False),
}


class PeerUnavailable(Exception):
    """A peer cannot be installed or started here."""


@dataclass
class Worker:
    """A framework's process.

    Attributes:
        runners: What it can run.
    """

    process: subprocess.Popen[str]
    runners: list[str] = field(default_factory=list)

    def ask(self, runner: str, episodes: int, at_least_s: float) -> dict[str, float]:
        """Play and time.

        Raises:
            PeerUnavailable: If the process died.
        """
        assert self.process.stdin is not None
        order = {"runner": runner, "episodes": episodes, "at_least_s": at_least_s}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return self.read()

    def read(self) -> dict[str, Any]:
        """Read one line of JSON."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise PeerUnavailable(f"it stopped with exit code {self.process.wait()}; see its messages above")
        return dict(json.loads(line))


def start(name: str, python: str) -> Worker:
    """Start an adapter."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PEERS.parents[1])}
    process = subprocess.Popen(
        [python, "-W", "ignore", str(PEERS / f"{name}_adapter.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip
    worker = Worker(process)
    worker.runners = worker.read()["runners"]
    return worker


def install(name: str, cache: Path) -> str:
    """Make a peer's environment, unless it is there, and return its interpreter.

    Raises:
        PeerUnavailable: If the packages cannot be installed.
    """
    requirements = PEERS / "requirements" / f"{name}.txt"
    fingerprint = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = cache / f"{name}-{fingerprint}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {name} into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        uv = shutil.which("uv")
        steps: list[list[str]]
        if uv:
            steps = [[uv, "venv", "-q", "--python", sys.executable, str(folder)]]
            steps += [[uv, "pip", "install", "-q", "--python", str(python), "-r", str(requirements)]]
        else:
            steps = [[sys.executable, "-m", "venv", str(folder)]]
            steps += [[str(python), "-m", "pip", "install", "-q", "-r", str(requirements)]]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                raise PeerUnavailable((done.stderr.strip().splitlines() or ["no message"])[-1])
        (folder / "complete").touch()
    return str(python)


def measure(
    workers: Sequence[Worker], episodes: int, rounds: int, at_least_s: float
) -> dict[str, list[dict[str, float]]]:
    """Time every runner once a round."""
    results: dict[str, list[dict[str, float]]] = {name: [] for worker in workers for name in worker.runners}
    for number in range(rounds):
        for worker in workers:
            for name in worker.runners:
                results[name].append(worker.ask(name, episodes, at_least_s))
        print(f"round {number + 1} of {rounds} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return results


def speed(timings: Sequence[dict[str, float]], clock: str) -> list[float]:
    """Episodes per second, round by round."""
    return [t["episodes"] / t[clock] for t in timings]


def ratio(results: dict[str, list[dict[str, float]]], ours: str, other: str) -> float:
    """How many times as many episodes per CPU second ``ours`` plays: the median over rounds."""
    pairs = zip(speed(results[ours], "cpu_s"), speed(results[other], "cpu_s"), strict=True)
    return statistics.median(a / b for a, b in pairs)


def show(results: dict[str, list[dict[str, float]]], episodes: int, rounds: int, load: tuple[float, float]) -> None:
    """Print the table and the two bars."""
    print(f"{episodes} episodes a run, {rounds} interleaved rounds, medians; Python {platform.python_version()}, "
          f"{os.cpu_count()} cores, load {load[0]:.1f} before and {load[1]:.1f} after\n")  # fmt: skip
    print("| runner | records | at once | µs CPU/episode | episodes/CPU s | episodes/s | Quintain is x as fast |")
    print("|---|---|---|---:|---:|---:|---:|")
    for name in sorted(results, key=lambda n: -statistics.median(speed(results[n], "cpu_s"))):
        cpu, wall = (statistics.median(speed(results[name], clock)) for clock in ("cpu_s", "wall_s"))
        kind = KINDS[name]
        print(f"| {name} | {'yes' if kind.records else 'no'} | {'yes' if kind.concurrent else 'no'} | {1e6 / cpu:.1f} "
              f"| {cpu:,.0f} | {wall:,.0f} | {ratio(results, OURS, name):.2f} |")  # fmt: skip
    theirs = {n: k for n, k in KINDS.items() if n in results and not n.startswith(("Quintain", "CodeReason"))}
    print()
    for title, names in (
        ("asynchronous peer that records", [n for n, k in theirs.items() if k.concurrent and k.records]),
        ("asynchronous peer", [n for n, k in theirs.items() if k.concurrent]),
        ("bare loop", [n for n, k in theirs.items() if not k.concurrent and not k.records]),
        (
            "bare loop that writes the record and does nothing else",
            [n for n, k in theirs.items() if not k.concurrent and k.records],
        ),
    ):
        if names:
            best = max(names, key=lambda n: statistics.median(speed(results[n], "cpu_s")))
            print(f"{ratio(results, OURS, best):6.2f} x the best {title} ({best}); "
                  f"{ratio(results, LEAN, best):.2f} x with lean seeding")  # fmt: skip
    for ours, loop in (
        (OURS, "Gymnasium: loop"),
        (OURS, "Gymnasium: loop that writes JSON"),
        (LEAN, "Gymnasium: loop, lean seeding"),
        (LEAN, "Gymnasium: loop that writes JSON, lean seeding"),
        ("Quintain: evaluate, CodeReason-v0", "CodeReason-v0: loop"),
    ):
        print(f"{ratio(results, ours, loop):6.2f} x the loop over the same environment ({loop})")
    print(f"{ratio(results, 'Quintain: evaluate, not recorded', OURS):6.2f} x as fast without records")


def main() -> None:
    """Parse the command line, install, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "quintain" / "peers"
    parser.add_argument("--cache", type=Path, default=default, help="where the peers' environments live")
    parser.add_argument("--peers", nargs="*", choices=ELSEWHERE, default=ELSEWHERE)
    parser.add_argument("--episodes", type=int, default=2000, help="episodes a run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-least-s", type=float, default=0.5, help="CPU seconds a round of one runner, at least")
    options = parser.parse_args()
    with ExitStack() as stack:
        workers = []
        for name in (*HERE, *options.peers):
            try:
                python = sys.executable if name in HERE else install(name, options.cache)
                worker = start(name, python)
                for runner in worker.runners:
                    worker.ask(runner, 100, 0.0)  # warms up, and shows whether the peer works here at all
            except PeerUnavailable as reason:
                print(f"skipped: {name}: {reason}", file=sys.stderr)
                continue
            stack.callback(worker.process.terminate)
            workers.append(worker)
        before = os.getloadavg()[0]
        results = measure(workers, options.episodes, options.rounds, options.at_least_s)
        show(results, options.episodes, options.rounds, (before, os.getloadavg()[0]))


if __name__ == "__main__":
    main()
