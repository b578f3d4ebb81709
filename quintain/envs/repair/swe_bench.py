"""Instances in the form of SWE-bench, and their verdict in a container, for those who have the images.

Source: Jimenez et al. 2024, arXiv 2310.06770. The loader and the shell program are tested; the verdict was never run
with an image of SWE-bench.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError, SandboxError, SandboxUnavailable

__all__ = ["ContainerJudge", "SWEBenchInstance", "SWEBenchVerdict", "load_swe_bench"]

_FIELDS = ("instance_id", "repo", "base_commit", "problem_statement", "patch", "test_patch")
_OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|SKIPPED) (\S+)", re.MULTILINE)
_MARK = "@@@ quintain: tests begin @@@"


@dataclass(frozen=True)
class SWEBenchInstance:
    """One instance.

    Attributes:
        instance_id: Its id, such as ``"django__django-11099"``.
        repo: Owner and name of the repository.
        base_commit: Commit on which patches apply.
        problem_statement: Text of the issue.
        patch: The gold patch.
        test_patch: Patch that adds the tests.
        fail_to_pass: Names of the tests that the gold patch makes pass.
        pass_to_pass: Names of the tests that pass before and after it.
    """

    instance_id: str
    repo: str
    base_commit: str
    problem_statement: str
    patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> SWEBenchInstance:
        """Read a row; lists of tests may be JSON texts, as in the published files.

        Raises:
            ConfigurationError: If a field is missing or of another type.
        """
        for name in _FIELDS:
            if not isinstance(row.get(name), str):
                raise ConfigurationError(f"{name} must be text, got {row.get(name)!r}")
        tests = [_names(row, name) for name in ("FAIL_TO_PASS", "PASS_TO_PASS")]
        return cls(*(row[name] for name in _FIELDS), *tests)


@dataclass(frozen=True)
class SWEBenchVerdict:
    """The verdict on a patch.

    Attributes:
        resolved: Whether the patch applies, and all listed tests pass.
        failed: Names of the listed tests that did not pass, in order.
        detail: Why there is no result; empty if the tests ran.
        log: Output of the container.
    """

    resolved: bool
    failed: tuple[str, ...]
    detail: str
    log: str


def load_swe_bench(path: str | Path) -> list[SWEBenchInstance]:
    """Read instances from a JSON Lines file, or a JSON file with a list.

    Raises:
        ConfigurationError: If a row is no instance; the message names its number.
    """
    text = Path(path).read_text(encoding="utf-8")
    try:
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(r) for r in text.splitlines() if r]
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}") from error
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(SWEBenchInstance.from_row(row))
        except (ConfigurationError, AttributeError) as error:
            raise ConfigurationError(f"row {number} of {path}: {error}") from error
    return found


@dataclass(frozen=True)
class ContainerJudge:
    """Runs the tests of an instance in a throw-away container without network, and reads what pytest reports.

    The container judges itself: code of the patch that forges pytest's report is believed, as by SWE-bench's own
    harness.

    Attributes:
        image: Name of the image of the instance, with the repository in ``workdir`` and its dependencies installed.
        workdir: Path of the repository in it. Default: ``"/testbed"``.
        engine: Path of docker or podman; ``None`` looks for one. Default: ``None``.
        test_command: Command that runs tests and lists them with ``-rA``. Default: pytest.
        memory_mb: Memory limit, in MiB, >= 1. Default: 4096.
        timeout_s: Wall-clock limit, in seconds, > 0. Default: 1800.
    """

    image: str
    workdir: str = "/testbed"
    engine: str | None = None
    test_command: str = "python -m pytest -rA -p no:cacheprovider"
    memory_mb: int = 4096
    timeout_s: float = 1800.0

    def command(self) -> list[str]:
        """Return the command that starts the container, which reads its program from standard input.

        Raises:
            SandboxUnavailable: If there is neither docker nor podman.
        """
        engine = self.engine or next(filter(None, map(shutil.which, ("docker", "podman"))), None)
        if engine is None:
            raise SandboxUnavailable("neither docker nor podman was found; SWE-bench instances run in containers")
        limits = ["--network", "none", "--memory", f"{self.memory_mb}m", "--pids-limit", "512", "--cap-drop", "ALL"]
        return [engine, "run", "--rm", "-i", *limits, "--security-opt", "no-new-privileges", self.image, "bash", "-s"]

    def program(self, instance: SWEBenchInstance, patch: str) -> str:
        """Return the shell program: base commit, patch, then the instance's tests over what the patch did to them."""
        tests = sorted({name.split("::")[0].split("[")[0] for name in _listed(instance)})
        parts = [
            f"cd {shlex.quote(self.workdir)} || exit 3",
            f"git checkout -q -f {shlex.quote(instance.base_commit)} || exit 3",
            f"printf %s {shlex.quote(_ended(patch))} | git apply -v - || exit 4",
        ]
        files = re.findall(r"^\+\+\+ b/(.+)$", instance.test_patch, re.MULTILINE)
        if files:
            quoted = " ".join(map(shlex.quote, files))
            base = shlex.quote(instance.base_commit)
            parts.append(f"git checkout -q -f {base} -- {quoted} 2>/dev/null || rm -f {quoted}")
        parts += [
            f"printf %s {shlex.quote(_ended(instance.test_patch))} | git apply -v - || exit 5",
            f"echo {shlex.quote(_MARK)}",
            f"{self.test_command} {' '.join(map(shlex.quote, tests))}",
        ]
        return "\n".join(parts) + "\n"

    def judge(self, instance: SWEBenchInstance, patch: str) -> SWEBenchVerdict:
        """Apply a patch and run the listed tests.

        Raises:
            SandboxUnavailable: If there is no container engine.
            SandboxError: If the container could not be prepared or ran out of time: no verdict on the patch.
        """
        if not patch.strip():
            return SWEBenchVerdict(False, _listed(instance), "the patch is empty", "")
        try:
            done = subprocess.run(
                self.command(), input=self.program(instance, patch), capture_output=True, text=True,
                timeout=self.timeout_s, check=False, errors="backslashreplace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"{instance.instance_id}: stopped after {self.timeout_s:g} s") from error
        log = done.stdout + done.stderr
        if _MARK not in done.stdout:
            if done.returncode == 4:
                return SWEBenchVerdict(False, _listed(instance), "the patch does not apply", log)
            raise SandboxError(f"{instance.instance_id}: the container could not be prepared: {log[-500:]}")
        outcomes = {name: outcome for outcome, name in _OUTCOME.findall(done.stdout.partition(_MARK)[2])}
        failed = tuple(name for name in _listed(instance) if outcomes.get(name) not in ("PASSED", "XFAIL"))
        return SWEBenchVerdict(not failed, failed, "" if outcomes else "no test was reported", log)


def _names(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ConfigurationError(f"{name} is no JSON list: {value[:60]!r}") from error
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise ConfigurationError(f"{name} must be a list of names, got {value!r}")
    return tuple(value)


def _listed(instance: SWEBenchInstance) -> tuple[str, ...]:
    return (*instance.fail_to_pass, *instance.pass_to_pass)


def _ended(patch: str) -> str:
    return patch if patch.endswith("\n") else f"{patch}\n"
