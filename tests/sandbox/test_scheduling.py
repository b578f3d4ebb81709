"""Snippets take short turns on busy cores, and keep the host's nice value."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

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
