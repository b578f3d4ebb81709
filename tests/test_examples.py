"""Every example finishes with small settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

#: Arguments with which an example without ``--small`` finishes within a minute.
SMALL = {
    "audit": ["--targets", "CartPole-v1"],
    "audit_faults": ["reasoning-gym:prime_factorization"],
    "lola": ["--seeds", "2", "--steps", "10"],
}


def test_the_examples_folder_is_found() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_small(example: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(example), *SMALL.get(example.stem, ["--small"])]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert done.stdout.strip(), "an example prints its result"
