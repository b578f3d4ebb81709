"""Interrupted runs: Ctrl-C and SIGKILL lose only the episodes that are being played."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "quintain.cli"]
EVAL = ["eval", "CodeReason-v0", "-a", "oracle", "--no-code", "--tasks", "letters", "--no-report", "-n", "2000"]


def start(folder, *words):
    return subprocess.Popen(
        [*COMMAND, *EVAL, "-o", str(folder), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )  # fmt: skip


def wait_for_episodes(process, folder, n=100):
    """Wait until ``n`` episodes are recorded."""
    records = folder / "episodes.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if records.exists() and records.read_bytes().count(b"\n") >= n:
            return
        time.sleep(0.01)
    pytest.fail(f"the run ended before it could be interrupted: {process.communicate()}")


def finish(folder, *words):
    """Run to the end and return the result without timing."""
    out, err = (process := start(folder, "--json", *words)).communicate(timeout=120)
    assert process.returncode == 0, err
    return {k: v for k, v in json.loads(out).items() if k not in ("run", "wall_s")}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return finish(tmp_path_factory.mktemp("uninterrupted") / "run")


def test_ctrl_c_keeps_finished_episodes_and_prints_the_resume_command(tmp_path, uninterrupted):
    run = tmp_path / "run"
    process = start(run)
    wait_for_episodes(process, run)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    kept = (run / "episodes.jsonl").read_text().splitlines()
    assert 100 <= len(kept) < 2000
    advice = shlex.split(err.strip().splitlines()[-1])
    assert advice == ["quintain", *EVAL, "-o", str(run), "--resume"]
    assert finish(run, "--resume") == uninterrupted
    assert (run / "episodes.jsonl").read_text().splitlines()[: len(kept)] == kept


def test_a_killed_run_resumes_to_the_table_of_an_uninterrupted_run(tmp_path, uninterrupted):
    run = tmp_path / "run"
    process = start(run)
    wait_for_episodes(process, run)
    process.kill()
    process.communicate(timeout=60)
    with (run / "episodes.jsonl").open("a") as file:
        file.write('{"index":1999,"seed":1,"outc')  # a line truncated by the kill
    assert finish(run, "--resume") == uninterrupted
    indices = [json.loads(line)["index"] for line in (run / "episodes.jsonl").read_text().splitlines()]
    assert sorted(indices) == list(range(2000))
