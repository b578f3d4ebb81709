"""Studies without a verdict yet run with tiny settings, print their tables and store them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("program", "table"), [("know_what_they_know/study.py", "P(IK)"), ("model_surgery/planted.py", "Surgery minus")]
)
def test_a_study_runs_with_tiny_settings(program, table, tmp_path):
    pytest.importorskip("torch", reason="extra llm")
    command = [sys.executable, str(ROOT / "papers" / program), "--smoke", "--out", str(tmp_path / "run")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert table in done.stdout
    assert (tmp_path / "run" / "results.json").exists()
