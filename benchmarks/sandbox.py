"""How much the sandbox costs: ``python benchmarks/sandbox.py``; ``--help`` lists the options.

The yardstick is the floor: fork, ``_exit`` and wait in an interpreter with the same libraries loaded, without any
protection. Ratios to it, measured in the same run, mean more than milliseconds. CPU counts everybody who works for a
snippet: this process, the fork server and the child.

Peers are measured beside it where they are installed and named as skipped where they are not: ``bwrap`` on the PATH or
from a virtual environment ``DIR/bubblewrap``, pydantic-monty here or in ``DIR/monty``, sandlock in ``DIR/sandlock``,
llm-sandbox in ``DIR/llm-sandbox``.

``--busy`` measures each row a second time, at once, beside two processes that compute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from peers.sandboxes import PEERS, PRINT, command, measure, repeated
from rich.console import Console
from rich.progress import track
from rich.table import Table
from shared.load import SPINNING, busy_machine

from quintain.sandbox import Limits, Sandbox, SandboxedFunction
from quintain.sandbox.flavours import BARE, SCIENCE, Flavour, locate
from quintain.sandbox.fork_backend import ForkBackend
from quintain.sandbox.levels import detect
from quintain.sandbox.server import ENVIRONMENT, JAIL

SNIPPETS = {"bare": PRINT, "science": "# numpy\n" + PRINT}

FLOOR = """
import importlib, json, os, sys, time
n, directories, modules, package = json.loads(sys.argv[1])
sys.path += directories
if package:
    os.register_at_fork = lambda **hooks: None
for name in modules:
    importlib.import_module(name)
import gc
gc.collect()
if package:
    sys.path.append(package)
    from jail.memory import use_huge_pages
    use_huge_pages()
gc.freeze()
walls, cpu = [], 0.0
own = time.process_time()
for _ in range(n):
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    usage = os.wait4(pid, 0)[2]
    walls.append(time.perf_counter() - start)
    cpu += usage.ru_utime + usage.ru_stime
print(json.dumps([(cpu + time.process_time() - own) / n, sorted(walls)]))
"""


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1e3


class Measured(NamedTuple):
    """CPU seconds of one repetition, or ``None`` where they are not measured, and the wall times of all."""

    cpu: float | None
    walls: list[float]


def floor(flavour: Flavour, count: int, *, prepared: bool) -> Measured:
    """Return CPU seconds and wall times of fork, exit and wait with the flavour's libraries loaded.

    ``prepared`` applies what the fork server does to make forking cheaper: no fork hooks, huge pages.
    """
    location = locate(flavour)
    modules = [name for name in flavour.preload if name.split(".")[0] not in location.missing]
    arguments = json.dumps([count, list(location.directories), modules, os.path.dirname(JAIL) if prepared else ""])
    interpreter = getattr(sys, "_base_executable", sys.executable)
    run = subprocess.run(
        [interpreter, "-S", "-s", "-P", "-c", FLOOR, arguments], env=ENVIRONMENT, capture_output=True, check=True
    )
    cpu, walls = json.loads(run.stdout)
    return Measured(cpu, walls)


def cpu_of_all(box: Sandbox) -> float:
    """Return the CPU seconds so far of this process, of the sandbox's fork servers, and of every child that ended."""
    backend = box._impl
    assert isinstance(backend, ForkBackend)
    total = time.process_time()
    for pool in backend._pools.values():
        if pool.server is None:
            continue
        pid = pool.server._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        inner = int(children[0]) if backend.has_namespaces else pid
        total += time.clock_gettime((~inner << 3) | 2)
        fields = Path(f"/proc/{inner}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return total


def one_shot(level: str, flavour: str, count: int, *, pool: int, pause: float) -> Measured:
    code = SNIPPETS[flavour]
    with Sandbox(level=level, workers=1, pool_size=pool) as box:
        for _ in range(5):
            box.run(code)
        time.sleep(0.05)
        before, walls = cpu_of_all(box), []
        for _ in range(count):
            start = time.perf_counter()
            result = box.run(code)
            walls.append(time.perf_counter() - start)
            assert result.stdout == "499500\n", result
            if pause:
                time.sleep(pause)
        time.sleep(0.05)
        cpu = cpu_of_all(box) - before
    return Measured(cpu / count, walls)


def throughput(workers: int, count: int, pool: int | None, cores: set[int]) -> tuple[float, float]:
    """Return snippets per second with as many callers as workers on these cores, and how many cores that kept busy."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # threads, servers and children inherit it
    try:
        with Sandbox(workers=workers, pool_size=pool) as box, ThreadPoolExecutor(workers) as threads:
            code = SNIPPETS["science"] + "\nsum(i * i for i in range(100_000))"
            list(threads.map(lambda _: box.run(code), range(workers * 4)))
            before, start = cpu_of_all(box), time.perf_counter()
            results = list(threads.map(lambda _: box.run(code), range(count)))
            wall = time.perf_counter() - start
            assert all(result.ok for result in results)
            return count / wall, (cpu_of_all(box) - before) / wall
    finally:
        os.sched_setaffinity(0, everywhere)


def scaling(count: int, pool: int | None) -> tuple[list[tuple[float, float]], dict[str, list[float]]]:
    """Compare one worker on one core, one worker on two cores, and two workers on two, in rounds of all three.

    Returns:
        Median snippets per second and cores kept busy of each, and the ratios of the third to the others by round.
    """
    two_cores = set(sorted(os.sched_getaffinity(0))[:2])
    ways = [(1, {min(two_cores)}), (1, two_cores), (2, two_cores)]
    rounds = [[throughput(workers, count, pool, cores) for workers, cores in ways] for _ in range(5)]
    medians = [tuple(map(statistics.median, zip(*column, strict=True))) for column in zip(*rounds, strict=True)]
    ratios = {
        name: sorted(both[0] / (alone, free)[at][0] for alone, free, both in rounds)
        for at, name in enumerate(("one worker on one core", "one worker on two cores"))
    }
    return medians, ratios


def pipe_round_trip(count: int) -> list[float]:
    """Return wall times of one byte to a waiting process and back: the floor of a session cell."""
    here, there = socket.socketpair()
    child = os.fork()
    if not child:
        here.close()
        while data := there.recv(1):
            there.send(data)
        os._exit(0)
    there.close()
    walls = repeated(lambda: (here.send(b"x"), here.recv(1)), count)
    here.close()
    os.waitpid(child, 0)
    return walls


def descendants(pid: int) -> int:
    try:
        tasks = [Path(task, "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return 0
    return sum(1 + descendants(int(child)) for children in tasks for child in children)


def census(box: Sandbox) -> dict[str, int]:
    """Count what could leak: descriptors, mounts and descendants of this process, and the servers' memory."""
    time.sleep(1)  # the pool is full again, and what ended is gone
    backend = box._impl
    assert isinstance(backend, ForkBackend)
    memory = 0
    for pool in backend._pools.values():
        if pool.server is not None:
            pid = pool.server._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            inner = int(children[0]) if backend.has_namespaces else pid
            memory += int(Path(f"/proc/{inner}/statm").read_text().split()[1]) * 4
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "processes": descendants(os.getpid()),
        "server_kib": memory,
    }


def soak(count: int, console: Console) -> None:
    """Run mixed snippets; every result is checked, and nothing may grow."""
    kinds: list[tuple[str, Callable[[int, object], bool]]] = [
        ("print({i} * 3)", lambda i, r: r.stdout == f"{i * 3}\n"),  # type: ignore[attr-defined]
        ("import numpy as np\nint(np.arange({i} + 1).sum())", lambda i, r: r.value_repr == str(i * (i + 1) // 2)),  # type: ignore[attr-defined]
        ("raise ValueError({i})", lambda i, r: r.status == "error" and f"ValueError: {i}" in r.stderr),  # type: ignore[attr-defined]
        ("open('f', 'w').write('{i}')\nprint(open('f').read())", lambda i, r: r.stdout in (f"{i}\n", "")),  # type: ignore[attr-defined]
        ("import os; os._exit({i} % 7)", lambda i, r: r.status == "exited" and r.exit_code == i % 7),  # type: ignore[attr-defined]
        ("x = bytearray(400 << 20)", lambda i, r: r.status == "memory"),  # type: ignore[attr-defined]
        ("import random\nrandom.random() < 2", lambda i, r: r.value_repr == "True"),  # type: ignore[attr-defined]
        ("import ctypes; ctypes.string_at(0)", lambda i, r: r.status == "crashed"),  # type: ignore[attr-defined]
        ("while True: print('x' * 1000)", lambda i, r: r.status == "output_limit"),  # type: ignore[attr-defined]
    ]
    wrong = 0
    with Sandbox(workers=2) as box, ThreadPoolExecutor(2) as threads:

        def one(i: int) -> bool:
            code, check = kinds[i % len(kinds)]
            return check(i, box.run(code.format(i=i), limits=Limits(wall_s=30, cpu_s=30)))

        list(threads.map(one, range(200)))
        before = census(box)
        start = time.perf_counter()
        for good in track(threads.map(one, range(count)), total=count, description="soak", console=console):
            wrong += not good
        seconds = time.perf_counter() - start
        time.sleep(0.5)
        after = census(box)
    console.print(f"soak: {count} snippets in {seconds:.0f} s, {wrong} wrong; before {before}, after {after}")


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: What is measured.
        measure: Measures it.
        floor: Whether it is the floor of the rows below it, up to the next floor.
        bar: What it has to reach on an idle machine.
        busy_bar: What it has to reach beside two processes that compute.
    """

    name: str
    measure: Callable[[], Measured]
    floor: bool = False
    bar: str = ""
    busy_bar: str = ""


def cell(count: int) -> Measured:
    with Sandbox(workers=1) as box, box.session() as session:
        box.run("1", session=session)
        return Measured(None, repeated(lambda: box.run("1 + 1", session=session), count))


def reward_call(count: int) -> Measured:
    source = "def reward(text):\n    return text.count('a') / len(text)"
    with Sandbox(workers=1) as box, SandboxedFunction(source, "reward(text)", sandbox=box) as reward:
        reward("a" * 1000)
        return Measured(None, repeated(lambda: reward("a" * 1000), count))


def rows(levels: tuple[str, ...], count: int) -> list[Row]:
    """Return our own lines of the table."""
    found = []
    for flavour in (BARE, SCIENCE):
        name = flavour.name
        plain = partial(floor, flavour, count, prepared=False)
        found.append(Row(f"floor: fork + _exit + wait, {name}", plain, floor=True))
        found.append(Row(f"the same, prepared as the server, {name}", partial(floor, flavour, count, prepared=True)))
        for level in levels:
            run = partial(one_shot, level, name, count)
            bar = "<= 2.5x floor" if flavour is SCIENCE else ""
            found.append(Row(f"level {level}, {name}, on demand", partial(run, pool=0, pause=0), bar=bar))
            for rhythm, pause in (("without a pause", 0), ("every 20 ms", 0.02)):
                measure = partial(run, pool=2, pause=pause)
                pooled = f"level {level}, {name}, from the pool, {rhythm}"
                found.append(Row(pooled, measure, bar="p50 <= 3 ms", busy_bar="p50 <= 5 ms"))
    trip = "floor of a cell: one byte to a process and back"
    found.append(Row(trip, lambda: Measured(None, pipe_round_trip(10 * count)), floor=True))
    found.append(Row("session cell", partial(cell, 10 * count), bar="<= 0.1 ms", busy_bar="<= 0.15 ms"))
    reward = partial(reward_call, 10 * count)
    return [*found, Row("reward function, 1 kB", reward, bar="<= 0.2 ms", busy_bar="<= 0.2 ms")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", action="store_true", help="also measure beside two processes that compute")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows with this in their name")
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="run N mixed snippets and look for leaks")
    parser.add_argument("--peers", type=Path, help="folder of virtual environments with peers")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    count = 30 if options.quick else 300
    console = Console(width=140)
    found = detect()
    load = os.getloadavg()[0]
    system = f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
    console.print(f"{system}, {os.cpu_count()} cores, load {load:.1f} before; milliseconds")
    for level, reason in found.reasons.items():
        console.print(f"level {level} skipped: {reason}")
    busy_columns = (f"p50 beside {SPINNING}", "p95", "busy / idle", "bar") if options.busy else ()
    table = Table("way to run print(sum(range(1000)))", "CPU", "x floor", "min", "p50", "p95", "bar", *busy_columns)
    figures: dict[str, dict[str, float | None]] = {}
    base: float | None = None
    for row in rows(tuple(found.available), count):
        if options.only not in row.name:
            continue
        cpu, walls = row.measure()
        base = cpu if row.floor else base
        shown = ["" if cpu is None else f"{cpu * 1e3:.2f}", f"{cpu / base:.2f}" if cpu and base else ""]
        shown += [f"{percentile(walls, share):.2f}" for share in (0, 0.5, 0.95)] + [row.bar]
        figures[row.name] = {"cpu_ms": cpu and cpu * 1e3, "p50_ms": percentile(walls, 0.5)}
        if options.busy:
            with busy_machine():
                busy = row.measure().walls
            ratio = percentile(busy, 0.5) / percentile(walls, 0.5)
            figures[row.name]["busy_p50_ms"] = percentile(busy, 0.5)
            shown += [f"{percentile(busy, 0.5):.2f}", f"{percentile(busy, 0.95):.2f}", f"{ratio:.1f}", row.busy_bar]
        table.add_row(row.name, *shown)
    few = max(10, count // 10)
    others: list[tuple[str, Callable[[], list[float] | str]]] = [
        ("python -I -c", lambda: command([sys.executable, "-I", "-c", PRINT], few)),
        (
            "python -I -c, numpy + sympy",
            lambda: command([sys.executable, "-I", "-c", "import numpy, sympy; " + PRINT], 5),
        ),
        *((name, partial(measure, name, options.peers, few)) for name in PEERS),
    ]
    for name, other in others if not options.only else ():
        measured = other()
        if isinstance(measured, str):
            console.print(f"{name} {measured}")
        else:
            table.add_row(name, "", "", *(f"{percentile(measured, share):.2f}" for share in (0, 0.5, 0.95)))
    console.print(table)
    if not options.only:
        figures |= print_scaling(count, console)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    if options.soak:
        soak(options.soak, console)


def print_scaling(count: int, console: Console) -> dict[str, dict[str, float | None]]:
    figures: dict[str, dict[str, float | None]] = {}
    for name, pool in (("on demand", 0), ("from the pool", None)):
        (alone, free, both), ratios = scaling(count, pool)
        figures[f"two workers, {name}"] = {of: statistics.median(values) for of, values in ratios.items()}
        console.print(
            f"throughput {name}, medians of 5 rounds: one worker on one core {alone[0]:.0f}/s, on two {free[0]:.0f}/s "
            f"({free[1]:.2f} busy); two workers {both[0]:.0f}/s ({both[1]:.2f} busy)"
        )
        for of, values in ratios.items():
            console.print(
                f"  two over {of}: {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f}"
                f"{'; to beat: 1.8 on idle cores' if of.endswith('one core') else ''})"
            )
    return figures


if __name__ == "__main__":
    main()
