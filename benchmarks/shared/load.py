"""The same measurement on an idle machine and on a busy one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

__all__ = ["SPINNING", "busy_machine"]

SPINNING = 2
"""Number of processes that compute beside a measurement: on two cores, load 2 before it starts."""


@contextlib.contextmanager
def busy_machine(processes: int = SPINNING) -> Iterator[None]:
    """Let as many processes compute while the block runs."""
    spinning = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)]
    time.sleep(0.2)  # until they have started
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
