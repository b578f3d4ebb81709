"""Clocks of another process: its CPU time, and elapsed time without time spent waiting for a core."""

from __future__ import annotations

import os
import time

__all__ = ["ProgramClock", "cpu_seconds"]

MIN_SPEED = 0.1
"""Minimum speed of a program's clock, as a share of elapsed time: a program that yields to others all the time ends."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process over all its threads, so far; 0 if it is gone or the system cannot say."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # Linux's encoding of a process's CPU clock
    except (OSError, OverflowError, AttributeError):
        return 0.0


class ProgramClock:
    """Elapsed time of a program that stands still while the program waits for a core.

    How long a program waits for a core depends on what else the machine does. Linux counts it for each thread
    (``/proc/PID/task/TID/schedstat``). Where it does not, the clock shows elapsed time. Waits before the first reading
    count as elapsed time, and so do those of threads that live and die between two readings.

    Args:
        start: ``time.monotonic()`` when the program started.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self._read_at = start
        self._waited = 0.0
        self._delays: dict[str, float] | None = None

    def read(self, pid: int, now: float) -> float:
        """Return the seconds since the start during which the program did not wait for a core.

        Args:
            pid: The program's process; 0 or less once it is gone.
            now: ``time.monotonic()``; not before the last reading.
        """
        delays = _delays(pid)
        if self._delays is not None:
            waited = sum(delay - self._delays.get(thread, 0.0) for thread, delay in delays.items())
            self._waited += min(waited, now - self._read_at)  # threads wait beside each other
        self._delays = (self._delays or {}) | delays
        self._read_at = now
        elapsed = now - self._start
        return max(elapsed - self._waited, MIN_SPEED * elapsed)


def _delays(pid: int) -> dict[str, float]:
    """Return the seconds that each thread of a process has waited for a core in its life."""
    found = {}
    folder = f"/proc/{pid}/task"
    try:
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/schedstat", "rb", buffering=0) as file:
                found[thread] = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):  # the process is gone, or the system does not count
        return found
    return found
