"""If any protection cannot be set up, the snippet is not executed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quintain.errors import SandboxUnavailable
from quintain.sandbox import Limits, Sandbox, UnsafeSandboxWarning
from quintain.sandbox.fork_backend import ForkBackend
from quintain.sandbox.levels import detect
from tests.sandbox.conftest import AVAILABLE

SERVER_STEPS = {
    "A": [
        "no terminal",
        "process namespace",
        "namespaces",
        "private root",
        "server capabilities",
        "landlock rules",
        "seccomp filter",
    ],
    "B": [
        "no terminal",
        "user namespace",
        "namespaces",
        "private root",
        "server capabilities",
        "landlock rules",
        "seccomp filter",
    ],
    "C": ["no terminal", "landlock rules", "seccomp filter"],
}
CHILD_STEPS = {
    "C": [
        "closed descriptors",
        "own process group",
        "resource limits",
        "no new privileges",
        "no capabilities",
        "dies with its server",
        "landlock",
        "seccomp",
    ]
}
CHILD_STEPS["B"] = [*CHILD_STEPS["C"], "scratch quota", "no bounding capabilities"]
CHILD_STEPS["A"] = [*CHILD_STEPS["B"], "throw-away user"]
CASES = [(level, step) for level in AVAILABLE for step in (*SERVER_STEPS[level], *CHILD_STEPS[level])]


@pytest.mark.parametrize(("level", "step"), CASES)
def test_a_failed_setup_step_prevents_execution(level: str, step: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    tmp_path.chmod(0o777)
    with Sandbox(level=level, workers=1, _fault=step) as box:
        result = box.run(f"print('ran')\nopen({str(mark)!r}, 'w')")
        with box.session() as session:
            in_session = box.run("print('ran')", session=session)
    for outcome in (result, in_session):
        assert outcome.status == "setup_failed", outcome
        assert step in outcome.detail
        assert outcome.stdout == outcome.stderr == ""
        assert outcome.protections == ()
    assert not mark.exists()


def test_every_reported_protection_has_a_fault_injection_test() -> None:
    with Sandbox(level=AVAILABLE[0]) as box:
        protections = set(box.run("1").protections)
    named = {"mount namespace", "network namespace", "ipc namespace", "uts namespace", "private read-only root"}
    assert protections - named <= {"no terminal", "process namespace", "user namespace", *CHILD_STEPS[AVAILABLE[0]]}


def test_a_resource_limit_that_fails_during_setup_prevents_execution() -> None:
    with Sandbox(level=AVAILABLE[0], workers=1) as box:
        result = box.run("print('ran')", files={"x": "z" * (2 << 20)}, limits=Limits(file_mb=1))
    assert result.status == "setup_failed"
    assert result.stdout == ""


def test_a_level_whose_canary_attacks_succeed_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    from quintain.sandbox import canary, levels

    levels._try_level.cache_clear()
    real = canary.attack

    def weak() -> object:
        job = real()
        return type(job)(code='print("read")\n' + job.code, limits=job.limits)

    monkeypatch.setattr(canary, "attack", weak)
    try:
        found = detect(("C",))
        assert found.available == ()
        assert "canary attacks succeeded: read" in found.reasons["C"]
        with Sandbox(level="C") as box, pytest.raises(SandboxUnavailable, match="canary"):
            box.run("1")
    finally:
        levels._try_level.cache_clear()


def test_canary_attacks_succeed_without_confinement() -> None:
    from quintain.sandbox.canary import attack

    backend = ForkBackend("none", workers=1, pool_size=0)
    try:
        escaped = backend.run(attack(), None).stdout.split()
    finally:
        backend.close()
    assert {"read", "list", "write", "socket", "unix-socket", "signal", "environ", "fork"} <= set(escaped)


def test_unsafe_local_warns_at_each_start_and_reports_level_none() -> None:
    for _ in range(2):
        with Sandbox("unsafe-local") as box, pytest.warns(UnsafeSandboxWarning, match="without confinement"):
            result = box.run("1")
        assert (result.backend, result.level) == ("unsafe-local", "none")
        assert "seccomp" not in result.protections


def test_other_operating_systems_raise_sandbox_unavailable() -> None:
    code = (
        "import sys; sys.platform = 'darwin'\n"
        "from quintain.sandbox import Sandbox\n"
        "from quintain.errors import SandboxUnavailable\n"
        "try:\n    Sandbox().run('1')\nexcept SandboxUnavailable as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert "needs Linux, this is darwin" in run.stdout, run.stderr
    assert "monty" in run.stdout
