"""The limit on concurrently running programs is shared by all processes of a user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quintain.sandbox import Limits, Sandbox, budget
from quintain.sandbox.budget import Budget
from quintain.sandbox.fork_backend import ForkBackend

HOLD = "import sys\nfrom quintain.sandbox.budget import Budget\nwith Budget({slots}, {folder!r}).slot() as held:\n"
HOLD += "    print(held.held, flush=True)\n    sys.stdin.read()"


def holder(folder: Path, slots: int) -> subprocess.Popen[str]:
    """Start a process that holds a slot until its standard input is closed."""
    code = HOLD.format(slots=slots, folder=str(folder))
    process = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


@pytest.fixture
def short_max_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_WAIT_S", 0.1)


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


@pytest.mark.usefixtures("short_max_wait")
def test_slots_are_shared_between_processes(tmp_path: Path) -> None:
    ours = Budget(2, str(tmp_path / "slots"))
    theirs = holder(tmp_path / "slots", 2)
    with ours.slot() as first, ours.slot() as second:
        assert (first.held, second.held) == (True, False)
    end(theirs)
    with ours.slot() as first, ours.slot() as second, ours.slot() as third:
        assert (first.held, second.held, third.held) == (True, True, False)


@pytest.mark.usefixtures("short_max_wait")
def test_a_killed_process_releases_its_slot_and_a_stopped_one_delays_others_only(tmp_path: Path) -> None:
    ours = Budget(1, str(tmp_path / "slots"))
    theirs = holder(tmp_path / "slots", 1)
    theirs.send_signal(signal.SIGSTOP)
    with ours.slot() as slot:
        assert not slot.held
    theirs.kill()
    theirs.communicate()
    with ours.slot() as slot:
        assert slot.held


def test_a_waiting_process_gets_the_next_free_slot(tmp_path: Path) -> None:
    """This holds although another process acquires the slot in a loop."""
    ours = Budget(1, str(tmp_path / "slots"))
    taken = 0
    served = threading.Event()

    def greedy() -> None:
        nonlocal taken
        other = Budget(1, str(tmp_path / "slots"))  # as another process has it
        while not served.is_set():
            with other.slot():
                taken += 1

    thread = threading.Thread(target=greedy)
    thread.start()
    for _ in range(20):
        with ours.slot() as slot:
            assert slot.held
    served.set()
    thread.join()
    assert taken


@pytest.mark.usefixtures("short_max_wait")
def test_a_forked_process_does_not_hold_its_parents_slot(tmp_path: Path) -> None:
    ours = Budget(1, str(tmp_path / "slots"))
    with ours.slot():
        child = os.fork()
        if not child:
            ours.forget()
            with ours.slot() as slot:
                os._exit(int(slot.held))  # the original holds it
        assert os.waitpid(child, 0)[1] == 0
    with ours.slot() as slot:
        assert slot.held


@pytest.mark.usefixtures("short_max_wait")
def test_without_a_private_folder_each_process_has_its_own_slots(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").touch()
    for folder in ("open", "file", "file/below"):
        one, other = Budget(1, str(tmp_path / folder)), Budget(1, str(tmp_path / folder))
        with one.slot() as first, other.slot() as second, one.slot() as third:
            assert (first.held, second.held, third.held) == (True, True, False)
    assert not list((tmp_path / "open").iterdir())


def test_the_budget_limits_programs_of_all_sandboxes_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.fork_backend.machine_budget", Budget(1, str(tmp_path / "slots")))
    running, most = 0, 0
    lock = threading.Lock()
    run_once = ForkBackend._run_once

    def counted(self: ForkBackend, *arguments: object) -> object:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return run_once(self, *arguments)  # type: ignore[arg-type]
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(ForkBackend, "_run_once", counted)
    with Sandbox(workers=2) as one, Sandbox(workers=2) as other, ThreadPoolExecutor(4) as threads:
        boxes = [one, other] * 3
        results = list(threads.map(lambda box: box.run("sum(range(10**5))"), boxes))
    assert [result.status for result in results] == ["ok"] * 6
    assert most == 1


def test_a_program_that_sleeps_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.fork_backend.machine_budget", Budget(1, str(tmp_path / "slots")))
    with Sandbox(workers=1) as one, Sandbox(workers=1) as other, ThreadPoolExecutor(1) as thread:
        one.run("1")
        with one.session() as session:
            sleeper = thread.submit(one.run, "import time; time.sleep(60)", session=session, limits=Limits(cpu_s=5))
            while session.interpreter is None or not session.interpreter.snippets:
                time.sleep(0.01)
            assert other.run("1").ok
            assert not sleeper.done()
            session.interpreter.signal(signal.SIGKILL)
            assert sleeper.result().status == "crashed"
