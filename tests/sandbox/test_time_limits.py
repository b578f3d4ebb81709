"""Limits on CPU time and wall-clock time do not depend on the load of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import gymnasium as gym
import pytest

from quintain.sandbox import Limits, Sandbox, SandboxedFunction
from quintain.sandbox.clock import MIN_SPEED, ProgramClock, cpu_seconds
from quintain.sandbox.limits import WALL_PER_CPU
from quintain.sandbox.outcome import judge
from tests.sandbox.conftest import AVAILABLE, box_at

SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nprint('done')"


@pytest.fixture
def busy_core() -> Iterator[int]:
    """Pin this process to one core that four busy processes use too; return the core."""
    everywhere = os.sched_getaffinity(0)
    core = max(everywhere)
    os.sched_setaffinity(0, {core})
    spinning = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(4)]
    try:
        yield core
    finally:
        for process in spinning:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, everywhere)


@pytest.mark.usefixtures("busy_core")
def test_load_of_the_machine_does_not_change_the_status() -> None:
    with Sandbox(workers=1) as box, box.session() as session:
        box.run("x = 41")
        box.run("x = 41", session=session)
        limits = Limits(cpu_s=1.2, wall_s=1.4)
        for within in (None, session):
            fine = box.run(SPIN.format(1.0), limits=limits, session=within)
            assert (fine.status, fine.stdout) == ("ok", "done\n")
            assert fine.wall_s > 1.4  # control: the wall-clock limit alone would have stopped it
            late = box.run(SPIN.format(9), limits=limits, session=within)
            assert (late.status, late.exceeded, late.state_lost) == ("timeout", "cpu", False)
        assert box.run("x + 1", session=session).value_repr == "42"


@pytest.mark.usefixtures("busy_core")
def test_time_that_threads_wait_for_a_core_is_not_counted() -> None:
    spin = SPIN.format(1.0)
    code = f"import threading\nt = threading.Thread(target=exec, args=({spin!r}, {{}}))\nt.start(); t.join()"
    with Sandbox(workers=1) as box:
        result = box.run(code, limits=Limits(cpu_s=1.2, wall_s=1.4))
        assert (result.status, result.stdout) == ("ok", "done\n")
        assert result.wall_s > 1.4


@pytest.mark.parametrize("session", [False, True])
def test_sleeping_exceeds_the_wall_limit_and_computing_the_cpu_limit(session: bool) -> None:
    box = box_at(AVAILABLE[0])
    with box.session() as kept:
        within = kept if session else None
        box.run("x = 41", session=within)
        slept = box.run("import time; time.sleep(60)", session=within, limits=Limits(cpu_s=0.1))
        assert (slept.status, slept.exceeded, slept.state_lost) == ("timeout", "wall", False)
        assert slept.cpu_s < 0.1
        assert slept.detail == f"wall-clock limit of {0.1 * WALL_PER_CPU:g} s"
        spun = box.run("while True: pass", session=within, limits=Limits(cpu_s=0.1))
        assert (spun.status, spun.exceeded, spun.detail) == ("timeout", "cpu", "CPU limit of 0.1 s")
        short = box.run("import time; time.sleep(0.2)", session=within, limits=Limits(cpu_s=0.1))
        assert (short.status, short.exceeded) == ("ok", None)  # longer than the CPU limit, but it used none


def test_a_finished_program_over_its_cpu_limit_has_status_timeout() -> None:
    limits = Limits(cpu_s=1.0)
    facts = {"killed_for": "", "overflow": False, "claim": {"claim": "ok"}, "in_setup": False}
    assert judge(limits, None, None, 1.01, **facts)[:2] == ("timeout", "CPU limit of 1 s")  # type: ignore[arg-type]
    assert judge(limits, None, None, 0.99, **facts).status == "ok"  # type: ignore[arg-type]


def test_cpu_time_between_two_cells_is_not_counted() -> None:
    spinning = "import threading, time\nstop = False\ndef spin():\n    while not stop: pass\n"
    with box_at(AVAILABLE[0]).session() as session:
        box = box_at(AVAILABLE[0])
        box.run(spinning + "threading.Thread(target=spin, daemon=True).start()", session=session)
        time.sleep(0.3)
        stopped = box.run("stop = True", session=session, limits=Limits(cpu_s=0.2))
        assert (stopped.status, stopped.exceeded) == ("ok", None)


def test_a_stopped_cell_has_no_traceback_that_depends_on_timing() -> None:
    loop = "\n".join(["while True:", *(f"    a{i} = {i}" for i in range(50))])
    with box_at(AVAILABLE[0]).session() as session:
        box = box_at(AVAILABLE[0])
        stopped = [box.run(loop, session=session, limits=Limits(cpu_s=0.05)) for _ in range(3)]
        assert {(s.stdout, s.stderr, s.status) for s in stopped} == {("", "", "timeout")}
        own = box.run("raise KeyboardInterrupt", session=session)
        assert (own.status, own.stderr.splitlines()[-1]) == ("error", "KeyboardInterrupt")


def test_the_observation_names_the_exceeded_limit() -> None:
    with gym.make("CodeReason-v0", tasks="letters", timeout_s=0.1, disable_env_checker=True) as env:
        env.reset(seed=0)
        observation = env.step("```python\nwhile True:\n    pass\n```")[0]
        assert "\n(TimeoutExpired: stopped after 0.1 seconds)\n" in observation
        observation = env.step("```python\nimport time\ntime.sleep(60)\n```")[0]
        assert "\n(TimeoutExpired: stopped after 0.4 seconds, most of them waiting)\n" in observation


def test_reward_functions_are_limited_by_cpu_time() -> None:
    source = "import time\ndef reward(x):\n    time.sleep(0.3)\n    return x"
    box = box_at(AVAILABLE[0])
    with SandboxedFunction(source, "reward(x)", sandbox=box, limits=Limits(cpu_s=0.2), check_first=0) as reward:
        assert reward(1).value == 1.0


def test_wall_clock_limit_follows_the_cpu_limit_unless_given() -> None:
    assert Limits(cpu_s=2).wall_limit_s == 2 * WALL_PER_CPU
    assert Limits(cpu_s=2, wall_s=0.5).wall_limit_s == 0.5
    with pytest.raises(ValueError, match="cpu_s"):
        Limits(cpu_s=None)  # type: ignore[arg-type]


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_program_clock_excludes_waits_for_a_core_and_includes_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    delays = {"1": 5.0}
    monkeypatch.setattr("quintain.sandbox.clock._delays", lambda pid: dict(delays))
    clock = ProgramClock(100.0)
    assert clock.read(1, 101.0) == 1.0  # waits before the first reading are not subtracted
    delays["1"] = 5.75
    assert clock.read(1, 102.0) == pytest.approx(1.25)
    delays["2"] = 0.5  # a new thread
    assert clock.read(1, 103.0) == pytest.approx(1.75)
    del delays["2"]  # it ended
    assert clock.read(1, 104.0) == pytest.approx(2.75)
    delays |= {"3": 2.0, "4": 2.0}  # two threads that waited at the same time
    assert clock.read(1, 106.0) == pytest.approx(2.75)
    for _ in range(100):
        delays["1"] += 1.0
        reading = clock.read(1, 106.0 + (delays["1"] - 5.75))
    assert reading == pytest.approx(106 * MIN_SPEED)  # it never stands still for ever


def test_program_clock_falls_back_to_elapsed_time() -> None:
    clock = ProgramClock(10.0)
    assert [clock.read(-1, now) for now in (11.0, 12.5)] == [1.0, 2.5]
    assert cpu_seconds(2**22 + 1) == 0.0
    assert cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.5)
