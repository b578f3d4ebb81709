"""Short turns on busy cores: a small snippet does not wait until another process has used up its turn."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

from .kernel import MACHINE, syscall
from .numbers import NUMBERS

__all__ = ["TURN_NS", "take_short_turns"]

TURN_NS = 100_000
"""Nanoseconds of a turn, the shortest that Linux allows. It does not change a program's share of the CPU time."""
KEEP_POLICY = 0x08
ATTRIBUTES = struct.Struct("IIQiIQQQ")
"""``struct sched_attr``: size, policy, flags, nice value, priority, turn, deadline, period."""


def take_short_turns() -> None:
    """Ask for short turns for this process and its children (Linux 6.12; older kernels ignore it)."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    data = ATTRIBUTES.pack(ATTRIBUTES.size, 0, KEEP_POLICY, nice, 0, TURN_NS, 0, 0)
    attributes = ctypes.create_string_buffer(data, len(data))
    with contextlib.suppress(OSError, KeyError):  # no protection depends on it
        syscall("sched_setattr", NUMBERS[MACHINE]["sched_setattr"], 0, ctypes.byref(attributes), 0)
