"""Mutation testing of the algorithms: change one thing at a time and see whether the tests notice.

    python scripts/mutants                        # the mutants written by hand, and 40 drawn from every group
    python scripts/mutants --only quintain/attacks/rat --sample 100 --seed 3
    python scripts/mutants --group solvers --all

Mutants are drawn with a seed from all changes that `operators.py` makes; those written by hand, and those known to
change nothing, are in `mutants.toml`. Tests run in a temporary copy; results go to a file, so that a run that was
stopped continues. The tests of a mutant are all test files of its group that call the changed function.

Not one of the maintained tools: mutmut has no draws and leaves class bodies out, where hyper-parameters stand; Cosmic
Ray starts a process for every mutant, which imports torch for longer than most tests take. Neither takes mutants
written by hand. Here one process imports the libraries and forks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from operators import Mutant, mutants
from pool import Copy

ROOT = Path(__file__).resolve().parents[2]
BAR = 0.9


def main() -> int:
    """Run; return 1 if a mutant written by hand survives, or more than a tenth of a group's."""
    options = _options()
    listed = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text("utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    copy = Copy(ROOT)
    try:
        chosen = _drawn(copy.folder, listed, options) if options.sample or options.all else []
        if not options.no_hand:
            chosen = _by_hand(copy.folder, listed["mutant"], options) + chosen
        tests = _Tests(copy, listed["group"], options.out, chosen)
        results = _Results(options.out / "results.jsonl", options.fresh)
        for number, mutant in enumerate(chosen, 1):
            outcome = results.get(mutant, tests)
            if outcome is None:
                outcome = _run(copy, tests, mutant, options.limit)
                results.add(mutant, tests, outcome)
            print(f"{number}/{len(chosen)} {outcome:9} {mutant.name or mutant.key}", flush=True)
    finally:
        copy.close()
    return _report(chosen, results, listed["group"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sample", type=int, default=40, help="mutants drawn from every group; 0: none. Default: 40")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw. Default: 0")
    parser.add_argument("--all", action="store_true", help="take every mutant, in order, instead of a draw")
    parser.add_argument("--group", action="append", help="only this group; may be repeated")
    parser.add_argument("--only", action="append", default=[], help="only files below this path; may be repeated")
    parser.add_argument("--no-hand", action="store_true", help="leave out the mutants written by hand")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--limit", type=float, default=120, help="CPU seconds of tests for one mutant. Default: 120")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "mutants", help="folder of the results")
    return parser.parse_args()


def _group_of(path: str, groups: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((g for g in groups for s in g["sources"] if path == s or path.startswith(s + "/")), None)


def _wanted(path: str, options: argparse.Namespace, groups: list[dict[str, Any]]) -> bool:
    group = _group_of(path, groups)
    named = group is not None and (not options.group or group["name"] in options.group)
    return named and (not options.only or any(path == o or path.startswith(o.rstrip("/") + "/") for o in options.only))


def _drawn(root: Path, listed: dict[str, Any], options: argparse.Namespace) -> list[Mutant]:
    """Draw mutants of every group."""
    nothing = {(e["file"], e["old"], e["new"]) for e in listed.get("equivalent", ())}
    chosen = []
    for group in listed["group"]:
        found: list[Mutant] = []
        for source in group["sources"]:
            files = [root / source] if source.endswith(".py") else sorted((root / source).rglob("*.py"))
            for file in files:
                path = str(file.relative_to(root))
                if _wanted(path, options, [group]):
                    made = mutants(path, file.read_text("utf-8"))
                    found += [m for m in made if (path, m.before, m.after) not in nothing]
        if not options.all:
            random.Random(f"{options.seed} {group['name']}").shuffle(found)
            found = sorted(found[: options.sample], key=lambda mutant: (mutant.path, mutant.line))
        chosen += found
    return chosen


def _by_hand(root: Path, entries: list[dict[str, Any]], options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants of the list; each names a piece of source that occurs once."""
    made = []
    for entry in entries:
        path, old = entry["file"], entry["old"]
        if options.only and not any(path.startswith(o) for o in options.only):
            continue
        source = (root / path).read_text("utf-8")
        if source.count(old) != 1:
            raise SystemExit(
                f"{entry['name']}: {old!r} occurs {source.count(old)} times in {path}; bring the list up to date"
            )
        line = source[: source.index(old)].count("\n") + 1
        changed = source.replace(old, entry["new"])
        made.append(
            Mutant(
                path,
                line,
                0,
                changed,
                old.strip(),
                entry["new"].strip(),
                entry["name"],
                entry["why"],
                tuple(entry["tests"]),
            )
        )
    return made


class _Tests:
    """Which test files call which functions, and how long they take without a mutant."""

    def __init__(self, copy: Copy, groups: list[dict[str, Any]], out: Path, chosen: list[Mutant]) -> None:
        self.copy, self.groups, self.root = copy, groups, copy.folder
        self.store = out / "calls.json"
        self.known: dict[str, Any] = json.loads(self.store.read_text()) if self.store.exists() else {}
        paths = {mutant.path for mutant in chosen if not mutant.tests}
        needed = [group for group in groups if any(_group_of(path, [group]) for path in paths)]
        files = {f for group in needed for f in self.files(group)} | {f for mutant in chosen for f in mutant.tests}
        for file in sorted(files):
            self._measure(file)

    def files(self, group: dict[str, Any]) -> list[str]:
        """Return the test files of a group."""
        found: list[str] = []
        for entry in group["tests"]:
            place = self.root / entry
            found += [
                str(f.relative_to(self.root))
                for f in ([place] if place.is_file() else sorted(place.rglob("test_*.py")))
            ]
        return found

    def _measure(self, file: str) -> None:
        folder = (self.root / file).parent
        key = _digest([self.root / file, *sorted(f for f in folder.glob("*.py") if not f.name.startswith("test_"))])
        entry = self.known.get(file)
        if entry and entry["key"] == key and entry["code"] == self._digest_called(entry["calls"]):
            return
        calls = self.copy.folder / "calls.json"
        calls.unlink(missing_ok=True)
        for _ in range(2):  # on a busy machine a test of time-outs may fail once
            outcome, seconds = self.copy.run([file], 1800, calls)
            if outcome in (0, 5):
                break
        if outcome not in (0, 5):
            raise SystemExit(
                f"{file} fails without a mutant ({outcome}):\n{(self.copy.folder / 'mutants.log').read_text()[-2000:]}"
            )
        print(f"measured {file}: {seconds:.1f} s", flush=True)
        called = json.loads(calls.read_text())
        self.known[file] = {"key": key, "code": self._digest_called(called), "seconds": seconds, "calls": called}
        self.store.write_text(json.dumps(self.known))

    def of(self, mutant: Mutant) -> list[str]:
        """Return the test files that call the mutant's function, the one of the same name first, then quick ones."""
        group = _group_of(mutant.path, self.groups)
        if mutant.tests:
            return list(mutant.tests)
        assert group is not None
        called = [f for f in self.files(group) if self._calls(f, mutant)]
        same = f"test_{Path(mutant.path).stem}.py"
        return sorted(called, key=lambda f: (Path(f).name != same, self.known[f]["seconds"]))

    def _calls(self, file: str, mutant: Mutant) -> bool:
        lines = self.known[file]["calls"].get(mutant.path, [])
        return mutant.function in lines if mutant.function else bool(lines)

    def seconds(self, files: list[str]) -> float:
        """Return the CPU time that the files take without a mutant."""
        return sum(self.known[file]["seconds"] for file in files)

    def digest(self, files: list[str]) -> str:
        """Identify the contents of test files."""
        return _digest([self.root / file for file in files])

    def _digest_called(self, calls: dict[str, Any]) -> str:
        return _digest([self.root / file for file in sorted(calls) if (self.root / file).exists()])


def _run(copy: Copy, tests: _Tests, mutant: Mutant, limit: float) -> str:
    files = tests.of(mutant)
    while len(files) > 1 and tests.seconds(files) > limit:
        files = files[:-1]
    if not files:
        return "uncalled"
    with copy.changed(mutant.path, mutant.source):
        outcome, _ = copy.run(files, 3 * tests.seconds(files) + 20)
    if outcome in (3, 4):
        raise SystemExit(f"pytest could not run {files}:\n{(copy.folder / 'mutants.log').read_text()[-2000:]}")
    return "survived" if outcome in (0, 5) else "killed"


class _Results:
    """Outcomes by mutant, kept in a file. A mutant that survived runs again when its tests change."""

    def __init__(self, path: Path, fresh: bool) -> None:
        self.path = path
        self.known: dict[str, dict[str, str]] = {}
        if path.exists() and not fresh:
            for line in path.read_text("utf-8").splitlines():
                entry = json.loads(line)
                self.known[entry["key"]] = entry

    def get(self, mutant: Mutant, tests: _Tests) -> str | None:
        entry = self.known.get(mutant.key)
        if entry is None or entry["code"] != _code(mutant):
            return None
        if entry["outcome"] != "killed" and entry["tests"] != tests.digest(tests.of(mutant)):
            return None
        return entry["outcome"]

    def add(self, mutant: Mutant, tests: _Tests, outcome: str) -> None:
        entry = {"key": mutant.key, "code": _code(mutant), "tests": tests.digest(tests.of(mutant)), "outcome": outcome}
        self.known[mutant.key] = entry
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _code(mutant: Mutant) -> str:
    return hashlib.blake2b(mutant.source.encode(), digest_size=8).hexdigest()


def _digest(files: list[Path]) -> str:
    return hashlib.blake2b(b"".join(f.read_bytes() for f in files), digest_size=8).hexdigest()


def _report(chosen: list[Mutant], results: _Results, groups: list[dict[str, Any]]) -> int:
    """Print survivors and kill rates."""
    by_file: dict[str, list[bool]] = defaultdict(list)
    by_group: dict[str, list[bool]] = defaultdict(list)
    failed = False
    for mutant in chosen:
        killed = results.known[mutant.key]["outcome"] == "killed"
        group = _group_of(mutant.path, groups)
        for table, name in (
            (by_file, mutant.path),
            (by_group, "by hand" if mutant.name else group["name"] if group else "?"),
        ):
            table[name].append(killed)
        if not killed:
            print(f"SURVIVED {mutant.name} {mutant.key}" + (f" ({mutant.why})" if mutant.why else ""))
            failed |= bool(mutant.name)
    for table in (by_file, by_group):
        print()
        for name, kills in sorted(table.items()):
            print(f"{sum(kills):4} of {len(kills):4} killed  {sum(kills) / len(kills):5.0%}  {name}")
    return int(failed or any(sum(kills) < BAR * len(kills) for kills in by_group.values()))


if __name__ == "__main__":
    sys.exit(main())
