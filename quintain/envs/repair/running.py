"""Run visible and hidden tests of a repository in the sandbox."""

from __future__ import annotations

import ast
import base64
import marshal
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as resources
from typing import Any

from quintain.envs.repair.hidden_tests import HiddenTests
from quintain.errors import SandboxError
from quintain.sandbox import Limits, Sandbox
from quintain.sandbox.result import Result

__all__ = ["LIMITS", "HiddenReport", "VisibleReport", "hidden_report", "run_hidden", "run_visible", "test_files"]

#: Limits of one run of all tests of a file system.
LIMITS = Limits(cpu_s=2.0, memory_mb=256, output_kb=32)
_TEST_PATH = re.compile(r"(?:.*/)?test_[^/]*\.py")
_MAX_SHOWN = 6
_MAX_PRINTED = 500


#: What a program of the child does not need, by the function that is called.
_UNUSED = {
    "run_visible": {"Observed", "plain", "location", "run_hidden"},
    "run_hidden": {"instrument", "equal", "compared", "describe", "run_visible"},
}


@cache
def _program(backend: str, function: str) -> str:
    """Return what the child runs: where it has this interpreter compiled, which halves the cost beyond the tests'."""
    source = (resources("quintain.envs.repair") / "child.py").read_text(encoding="utf-8")
    if backend not in ("fork", "unsafe-local"):
        return source
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in _UNUSED[function]]
    code = base64.b64encode(marshal.dumps(compile(tree, "<runner>", "exec", optimize=2))).decode()
    return f'import binascii, marshal\nexec(marshal.loads(binascii.a2b_base64("{code}")), globals())\ndel marshal\n'


@dataclass(frozen=True)
class VisibleReport:
    """What the visible tests gave, as the child claims it.

    Attributes:
        passed: Names of the tests that passed.
        failed: Message of each test that failed, by name.
        problem: Why the tests did not finish; empty if they did.
        printed: What they printed; its end where it is long.
    """

    passed: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    printed: str = ""

    @property
    def ok(self) -> bool:
        """Whether the tests finished and none failed."""
        return not self.problem and not self.failed

    def __str__(self) -> str:
        if self.problem:
            return f"The tests did not finish: {self.problem}"
        if not (self.passed or self.failed):
            return "No tests found."
        lines = [f"FAILED {name}\n{_indented(message)}" for name, message in list(self.failed.items())[:_MAX_SHOWN]]
        if len(self.failed) > _MAX_SHOWN:
            lines.append(f"... and {len(self.failed) - _MAX_SHOWN} more")
        lines.append(f"{len(self.failed)} failed, {len(self.passed)} passed")
        return "\n".join([*lines, *([f"printed:\n{self.printed}"] if self.printed else [])])


@dataclass(frozen=True)
class HiddenReport:
    """What the hidden tests gave.

    Attributes:
        failures: For each test in order the number of its first assertion that fails; ``None`` for a test that passes.
        observed: For each test the claimed values, and the claimed error or ``None``.
        problem: Why the tests did not finish; empty if they did. All of them then fail.
    """

    failures: tuple[int | None, ...]
    observed: tuple[tuple[list[Any], Any], ...] = ()
    problem: str = ""


def test_files(files: Mapping[str, str]) -> list[str]:
    """Return the paths of the files with tests: ``test_*.py`` in any folder, sorted."""
    return sorted(path for path in files if _TEST_PATH.fullmatch(path))


def run_visible(sandbox: Sandbox, files: Mapping[str, str], paths: Sequence[str] | None = None) -> VisibleReport:
    """Run the tests in some files of a repository, by default in all files with tests.

    Raises:
        SandboxError: If the sandbox itself failed.
    """
    chosen = test_files(files) if paths is None else list(paths)
    if not chosen:
        return VisibleReport()
    code = _program(sandbox.backend, "run_visible")
    result, claimed = sandbox.call("run_visible", (dict(files), chosen), code=code, limits=LIMITS)
    printed = result.stdout.strip()[-_MAX_PRINTED:]
    rows = claimed if isinstance(claimed, list) else []
    well_formed = all(isinstance(row, list) and len(row) == 3 and all(isinstance(x, str) for x in row) for row in rows)
    if (problem := _problem(result)) or not isinstance(claimed, list) or not well_formed:
        return VisibleReport(problem=problem or "their report is malformed", printed=printed)
    passed = tuple(name for name, outcome, _ in rows if outcome == "passed")
    failed = {name: message for name, outcome, message in rows if outcome != "passed"}
    return VisibleReport(passed, failed, printed=printed)


def run_hidden(sandbox: Sandbox, files: Mapping[str, str], hidden: HiddenTests) -> HiddenReport:
    """Run the hidden tests on a repository, and compare what they observe in this process.

    Files with tests are left out: hidden tests never depend on what a patch did to the visible ones.

    Raises:
        SandboxError: If the sandbox itself failed.
    """
    tested = {path: text for path, text in files.items() if not path.startswith("tests/")}
    names = list(hidden.names)
    code = _program(sandbox.backend, "run_hidden")
    result, claimed = sandbox.call("run_hidden", (tested, hidden.program, names), code=code, limits=LIMITS)
    return hidden_report(hidden, claimed, _problem(result))


def hidden_report(hidden: HiddenTests, claimed: Any, problem: str = "") -> HiddenReport:
    """Compare what a child claims to have observed with the right sides of the hidden tests.

    Args:
        hidden: The tests.
        claimed: What ``run_hidden`` of the child returned, or anything else.
        problem: Why it did not finish. Default: it did.
    """
    names = hidden.names
    if not problem and not (isinstance(claimed, list) and len(claimed) == len(names)):
        problem = "their report is malformed"
    if problem:
        return HiddenReport(tuple(0 for _ in names), problem=problem)
    observed = [_row(row) for row in claimed]
    failures = [test.first_failure(*row) for test, row in zip(hidden.tests, observed, strict=True)]
    return HiddenReport(tuple(failures), tuple(observed))


def _row(claimed: Any) -> tuple[list[Any], Any]:
    if isinstance(claimed, list) and len(claimed) == 2 and isinstance(claimed[0], list):
        return claimed[0], claimed[1]
    return [], "malformed"


def _problem(result: Result) -> str:
    """Return why a run has no report; a sandbox that failed raises."""
    if result.status == "setup_failed":
        raise SandboxError(f"the sandbox could not be set up, so no test was run: {result.detail}")
    if result.ok:
        return ""
    if result.status == "timeout":
        return f"stopped after {LIMITS.cpu_s:g} s of CPU time"
    last = result.stderr.strip().rpartition("\n")[2]
    return {"exited": "the program ended the process", "memory": "out of memory"}.get(
        result.status, (last or result.detail or result.status)[:300]
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
