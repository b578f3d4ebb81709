"""Snippets take short turns on busy cores, keep nice value and session of the host, and have no terminal."""

from __future__ import annotations

import ctypes
import os
import platform
import pty
import select
import subprocess
import sys
import time

import pytest

from quintain.sandbox import Sandbox
from quintain.sandbox.jail.numbers import NUMBERS
from quintain.sandbox.jail.scheduling import ATTRIBUTES, TURN_NS
from tests.sandbox.conftest import ALL_LEVELS, AVAILABLE

RELEASE = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def turn_ns(pid: int) -> int:
    """Return the length of a process's turn as Linux reports it."""
    buffer = ctypes.create_string_buffer(ATTRIBUTES.size)
    number = NUMBERS[platform.machine()]["sched_setattr"] + 1  # sched_getattr, on every architecture named there
    assert ctypes.CDLL(None).syscall(number, pid, ctypes.byref(buffer), ATTRIBUTES.size, 0) == 0
    return int(ATTRIBUTES.unpack(buffer.raw)[5])


@pytest.mark.skipif(RELEASE < (6, 12), reason="this kernel gives every process turns of the same length")
@pytest.mark.parametrize("level", ALL_LEVELS)
def test_snippets_take_short_turns_and_the_host_does_not(level: str) -> None:
    before = turn_ns(0)
    with Sandbox(level=level, workers=1) as box, box.session() as session:
        assert box.run("1", session=session).ok
        assert turn_ns(session.interpreter.host_pid()) == TURN_NS < before
    assert turn_ns(0) == before


def test_snippets_keep_the_nice_value_of_the_host() -> None:
    code = (
        "import os\nos.nice(3)\nfrom quintain.sandbox import Sandbox\n"
        f"with Sandbox(level={AVAILABLE[0]!r}, workers=1) as box:\n"
        "    print(box.run('import os; os.getpriority(os.PRIO_PROCESS, 0)').value_repr, os.nice(0))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    inside, outside = run.stdout.split()
    assert inside == outside == str(os.nice(0) + 3)


@pytest.mark.parametrize("level", ALL_LEVELS)
def test_a_call_stays_in_the_session_of_the_host(level: str) -> None:
    """Linux shares the cores out among sessions first; a call that changes between two waits twice on busy cores."""
    with Sandbox(level=level, workers=1) as box, box.session() as session:
        assert box.run("1", session=session).ok
        pid = session.interpreter.host_pid()
        assert os.getsid(pid) == os.getsid(0)
        assert os.getpgid(pid) == pid != os.getpgrp()


AT_A_TERMINAL = """
import os, signal, time
from quintain.sandbox import Sandbox
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
with Sandbox({arguments}, workers=1) as box, box.session() as session:
    assert os.open("/dev/tty", os.O_RDWR) >= 0
    assert box.run("x = 7", session=session).ok
    print("ready", flush=True)
    while not interrupts:
        time.sleep(0.01)
    time.sleep(0.1)
    again = box.run("x", session=session)
    writes = box.run({writing!r}, session=session)
    print("result", again.value_repr, again.state_lost, writes.stdout.strip(), flush=True)
"""
WRITING = "try:\n    open('/dev/tty', 'w').write('planted')\nexcept OSError:\n    print('refused')"


@pytest.mark.parametrize("arguments", [f"level={level!r}" for level in AVAILABLE] + ["'unsafe-local'"])
def test_neither_ctrl_c_nor_the_terminal_reach_a_snippet(arguments: str) -> None:
    pid, master = pty.fork()
    if not pid:
        code = AT_A_TERMINAL.format(arguments=arguments, writing=WRITING)
        os.execv(sys.executable, [sys.executable, "-W", "ignore", "-c", code])
    shown, deadline, pressed = "", time.monotonic() + 120, False
    try:
        while "result" not in shown or "\n" not in shown[shown.index("result") :]:
            assert time.monotonic() < deadline, shown
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 4096).decode()
            if "ready" in shown and not pressed:
                os.write(master, b"\x03")
                pressed = True
    finally:
        os.close(master)
        os.waitpid(pid, 0)
    assert "result 7 False refused" in shown
    assert "planted" not in shown
