"""Every row of the threat table at every available level, each with its positive control."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quintain.sandbox import Result
from tests.sandbox.attack import Attack
from tests.sandbox.attacks import ATTACKS, IS_ROOT
from tests.sandbox.conftest import ALL_LEVELS, Targets, box_at


def _succeeded(attack: Attack, targets: Targets, result: Result) -> bool:
    if attack.effect:
        deadline = time.monotonic() + (1 if attack.control != "plain" and "daemon" in attack.name else 0)
        while not Path(targets.fill(attack.effect)).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return Path(targets.fill(attack.effect)).exists()
    return attack.works(result)


def _run_without_sandbox(code: str) -> Result:
    """Run a snippet with this process's environment and descriptors, as a harness without precautions would."""
    leak = os.open("/dev/null", os.O_RDONLY)
    more = [os.dup(leak) for _ in range(4)]
    for descriptor in more:
        os.set_inheritable(descriptor, True)
    start = time.monotonic()
    try:
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, close_fds=False, timeout=60)
    finally:
        for descriptor in (leak, *more):
            os.close(descriptor)
    return Result("ok" if run.returncode == 0 else "error", run.stdout, run.stderr, wall_s=time.monotonic() - start)


@pytest.mark.parametrize("level", ALL_LEVELS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_attack_is_blocked(level: str, attack: Attack, targets: Targets) -> None:
    targets.reset()
    box = box_at(level)
    result = box.run(targets.fill(attack.code), limits=attack.limits)
    outcome = f"{result.status}: {result.detail}\n{result.stdout[-500:]}\n{result.stderr[-1500:]}"
    if level in attack.open_at:
        assert _succeeded(attack, targets, result), "documented as open, but blocked: update the documentation"
    elif attack.contained is not None:
        assert attack.contained(result), outcome
    else:
        assert not _succeeded(attack, targets, result), outcome
    assert result.level == level
    assert box.run("print(6 * 7)").stdout == "42\n", "the next snippet was disturbed"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_attack_works_without_confinement(attack: Attack, targets: Targets) -> None:
    targets.reset()
    if attack.control == "root" and not IS_ROOT:
        pytest.skip("positive control unavailable: needs root")
    if attack.control == "plain":
        result = _run_without_sandbox(targets.fill(attack.code))
    else:
        result = box_at("none").run(targets.fill(attack.code), limits=attack.control_limits)
    worked = _succeeded(attack, targets, result)
    targets.reset()
    if not worked and attack.optional:
        pytest.skip(f"positive control unavailable: this kernel lacks {attack.optional}")
    assert worked, f"{result.status}: {result.detail}\n{result.stdout[-500:]}\n{result.stderr[-1500:]}"
