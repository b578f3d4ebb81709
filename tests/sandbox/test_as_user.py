"""If the suite runs as root, the threat table is run a second time as an unprivileged user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.attacks import IS_ROOT


@pytest.mark.slow
@pytest.mark.skipif(not IS_ROOT, reason="the suite already runs as an ordinary user")
def test_threat_table_as_an_ordinary_user() -> None:
    command = [sys.executable, "-m", "tests.sandbox.as_user", "-q", "tests/sandbox/test_attacks.py"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=280)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert " passed" in run.stdout
