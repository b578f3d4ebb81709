"""Many episodes in one event loop: the first failure cancels all others, and Ctrl-C stops the run."""

import asyncio
import os
import signal

import pytest

import quintain
from quintain.evaluation.loop import play_jobs, run_in_loop
from quintain.records import read_episodes


def test_concurrency_is_a_maximum_and_the_first_failure_cancels_all_jobs():
    live, most, cancelled = set(), [], []

    async def play(job):
        live.add(job)
        most.append(len(live))
        try:
            await asyncio.sleep(0.005)
            if job == 7:
                raise OSError("no more")
            await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            cancelled.append(job)
            raise
        finally:
            live.remove(job)
        return job

    done = []
    with pytest.raises(OSError, match="no more"):
        run_in_loop(lambda: play_jobs(iter(range(100)), 3, lambda: play, done.append))
    assert (max(most), sorted(done), sorted(cancelled)) == (3, [0, 1, 2, 3, 4, 5], [6, 8])


@pytest.mark.parametrize("nested", [False, True], ids=["by itself", "in a running loop"])
def test_run_coroutine_returns_the_result(nested):
    async def answer():
        await asyncio.sleep(0)
        return 42

    async def notebook():
        return run_in_loop(answer)

    assert (asyncio.run(notebook()) if nested else run_in_loop(answer)) == 42


def test_ctrl_c_stops_a_run_inside_a_running_loop(tmp_path):
    """The event loop of a notebook does not handle SIGINT, so Python raises KeyboardInterrupt in the main thread."""
    done = []

    async def slow(observation):
        await asyncio.sleep(0.02)
        return 0

    def interrupt(record):
        done.append(record.index)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    async def notebook():
        quintain.evaluate("Sum-v0", slow, episodes=100, concurrency=1, out=tmp_path / "run", on_episode=interrupt)

    loop = asyncio.new_event_loop()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(notebook())
    loop.close()
    assert 3 <= len(done) < 20
    assert [e.index for e in read_episodes(tmp_path / "run")] == done
