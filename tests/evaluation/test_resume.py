"""A run that was stopped, or had errors, is continued in its folder."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from toy_envs import Coin, Parity

import quintain
from quintain.errors import EngineError, RecordError
from quintain.evaluation.report import Report
from quintain.records import read_episodes
from tests.evaluation.runs import deterministic_fields, run_script


def test_a_resumed_run_repeats_and_loses_no_episode(tmp_path):
    whole = quintain.evaluate("Sum-v0", Coin(), episodes=20)
    quintain.evaluate("Sum-v0", Coin(), episodes=8, out=tmp_path / "run")
    played = []
    resumed = quintain.evaluate(
        "Sum-v0", Coin(), episodes=20, out=tmp_path / "run", resume=True, on_episode=lambda e: played.append(e.index)
    )
    assert sorted(played) == list(range(8, 20))
    assert deterministic_fields(resumed) == deterministic_fields(whole)
    assert deterministic_fields(Report.load(tmp_path / "run")) == deterministic_fields(whole)
    with pytest.raises(RecordError, match="seed was 0, is 1"):
        quintain.evaluate("Sum-v0", Coin(), seed=1, episodes=20, out=tmp_path / "run", resume=True)


def test_retry_errors_repeats_only_errors(tmp_path):
    class Moody(Parity):
        works = False

        def act(self, observation, info):
            if not self.works and observation.sum() > 9:
                raise EngineError("down")
            return super().act(observation, info)

    agent = Moody()
    first = quintain.evaluate("Sum-v0", agent, episodes=20, out=tmp_path / "run")
    failed = [e.index for e in first.episodes if e.outcome == "error"]
    assert 0 < len(failed) < 20
    agent.works = True
    played = []
    again = quintain.evaluate(
        "Sum-v0",
        agent,
        episodes=20,
        out=tmp_path / "run",
        resume=True,
        retry_errors=True,
        on_episode=lambda e: played.append(e.index),
    )
    assert sorted(played) == failed
    assert (again.errors, again.success.estimate, again.success.n) == (0, 1.0, 20)


SLOW = """
    class Slow(Coin):
        def begin(self, seat):
            inner = super().begin(seat)
            class Actor:
                async def act(self, observation, info):
                    await asyncio.sleep(0.02)
                    return await inner.act(observation, info)
            return Actor()
    quintain.evaluate('Sum-v0', Slow(), episodes=200, concurrency=4, out={out!r}, resume={resume})
    print('whole')
"""


def wait_for_lines(path: Path, n: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < n:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_resumes_to_the_same_table(tmp_path, sign):
    out = tmp_path / "run"
    process = run_script(tmp_path, SLOW.format(out=str(out), resume=False))
    wait_for_lines(out / "episodes.jsonl", 20, process)
    os.kill(process.pid, sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    if sign == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
    finished = {e.index for e in read_episodes(out)}
    assert 20 <= len(finished) < 200
    lines_before = (out / "episodes.jsonl").read_bytes().count(b"\n")
    process = run_script(tmp_path, SLOW.format(out=str(out), resume=True))
    assert process.communicate(timeout=120)[0] == "whole\n"
    lines = [json.loads(line) for line in (out / "episodes.jsonl").read_bytes().splitlines()]
    assert len(lines) == 200, "an episode was lost or repeated"
    assert len({line["index"] for line in lines}) == 200
    assert {line["index"] for line in lines[:lines_before]} == finished
    whole = quintain.evaluate("Sum-v0", Coin(), episodes=200, concurrency=50)
    assert [(e.seed, e.outcome, e.returns) for e in Report.load(out).episodes] == [
        (e.seed, e.outcome, e.returns) for e in whole.episodes
    ]
