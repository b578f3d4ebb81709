"""Verify the instances of Repair-v0: run every mutant of every base package, and write the list of those that count.

    python scripts/repair_instances.py                 # packages whose text has changed
    python scripts/repair_instances.py ringbuffer      # these
    python scripts/repair_instances.py --all

A mutant counts if some hidden tests fail on it and its tests finish. The package itself must pass all tests, visible
and hidden. The code is our own, so each run is a forked process with limits, which is faster than the sandbox; tests
verify a sample of the instances in the sandbox. ``library/NAME.json`` holds for every instance: path, operator, site,
number of visible tests that fail, numbers of the hidden tests that fail, and how the first of them does: assertion,
observed value, error, last frames.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pickle
import resource
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quintain.envs.repair import child
from quintain.envs.repair.instances import checksum, module_of
from quintain.envs.repair.mutations import OPERATORS, mutations
from quintain.envs.repair.packages import Package, load_package, package_names
from quintain.envs.repair.running import HiddenReport, hidden_report, test_files

LIBRARY = Path(__file__).parents[1] / "quintain" / "envs" / "repair" / "library"
#: Maximum number of instances of one package, so that none dominates.
MAX_INSTANCES = 60
MAX_REPR = 120
#: CPU time of one run of the tests, in seconds; an ordinary one takes less than a tenth of it.
CPU_S = 0.3


def forked(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of its own; ``None`` if it does not finish within ``CPU_S``."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        signal.setitimer(signal.ITIMER_PROF, CPU_S)  # whose signal ends the process
        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
        with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
            os.write(writing, pickle.dumps(work()))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return pickle.loads(data) if data else None


def visible_failures(files: Mapping[str, str]) -> list[str] | None:
    """Return the messages of the visible tests that fail; ``None`` if the tests do not finish."""
    rows = forked(lambda: child.run_visible(dict(files), test_files(files)))
    return None if rows is None else [f"{name}: {text}" for name, outcome, text in rows if outcome != "passed"]


def hidden_result(package: Package, files: Mapping[str, str]) -> HiddenReport:
    """Run the hidden tests."""
    hidden = package.hidden
    claimed = forked(lambda: child.run_hidden(dict(files), hidden.program, list(hidden.names)))
    return hidden_report(hidden, claimed, "" if claimed is not None else "does not finish")


def verify(package: Package) -> dict[str, Any]:
    """Run all mutants of a package."""
    visible, hidden = visible_failures(package.files), hidden_result(package, package.files)
    if visible is None or visible or any(failure is not None for failure in hidden.failures):
        rows = zip(package.hidden.names, hidden.failures, hidden.observed, strict=False)
        failed = "\n".join(f"{name}: check {f}: {seen}" for name, f, seen in rows if f is not None)
        raise SystemExit(f"{package.name} fails its own tests:\n{visible}\n{hidden.problem}\n{failed}")
    rows: list[list[Any]] = []
    seen: set[tuple[str, str]] = set()
    survived: list[str] = []
    caught: set[int] = set()
    for path in package.modules:
        module = module_of(package, path)
        for operator in OPERATORS:
            for site, mutation in enumerate(mutations(module, operator)):
                mutant = mutation.apply(module.text)
                if (path, mutant) in seen:
                    continue
                seen.add((path, mutant))
                row = _row(package, path, mutant)
                if row is None:
                    survived.append(
                        f"{path}:{mutation.line(module.text)} {operator}: {mutation.old!r} -> {mutation.new!r}"
                    )
                    continue
                caught.update(row[1])
                rows.append([path, operator, site, *row])
    idle = [name for k, name in enumerate(package.hidden.names) if k not in caught]
    print(f"{package.name}: {len(rows)} instances, {len(survived)} mutants pass or do not finish; idle tests: {idle}")
    return {"checksum": checksum(package.name), "instances": _thinned(rows), "survived": survived}


def _row(package: Package, path: str, mutant: str) -> list[Any] | None:
    files = {**package.files, path: mutant}
    hidden = hidden_result(package, files)
    failing = [k for k, failure in enumerate(hidden.failures) if failure is not None]
    if hidden.problem or not failing:
        return None
    visible = visible_failures(files)
    if visible is None:
        return None
    first = failing[0]
    check, (values, error) = hidden.failures[first], hidden.observed[first]
    assert check is not None
    observed = None
    if check < len(values):
        value = values[check]
        if package.hidden.tests[first].checks[check].raises:
            observed = "None" if value is None else value[0]
        else:
            observed = repr(value) if len(repr(value)) <= MAX_REPR else f"{repr(value)[:MAX_REPR]}..."
    text, frames = error if error is not None and observed is None else ("", [])
    frames = [frame for frame in frames if frame[0].startswith(f"{package.name}/")]
    if observed is None and not text:
        return None
    return [len(visible), failing, check, observed, text, frames]


def _thinned(rows: list[list[Any]]) -> list[list[Any]]:
    """Keep at most ``MAX_INSTANCES``, evenly over the operators: of the largest groups every other one goes first."""
    rows = list(rows)
    while len(rows) > MAX_INSTANCES:
        largest, _ = Counter(row[1] for row in rows).most_common(1)[0]
        of_it = [row for row in rows if row[1] == largest]
        rows.remove(of_it[len(of_it) // 2])
    return rows


def main() -> None:
    """Verify the packages that are named or have changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--survivors", action="store_true", help="print the mutants that no hidden test notices")
    options = parser.parse_args()
    for name in options.names or package_names():
        target = LIBRARY / f"{name}.json"
        known = json.loads(target.read_text()).get("checksum") if target.exists() else None
        if not (options.all or options.names) and known == checksum(name):
            continue
        found = verify(load_package(name))
        if options.survivors:
            print("\n".join(f"    {line}" for line in found["survived"]))
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in found["instances"])
        target.write_text(f'{{"checksum":"{found["checksum"]}","instances":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
