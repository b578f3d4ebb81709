"""Out of reach of the host's terminal: no Ctrl-C, no reading and no writing."""

from __future__ import annotations

import errno
import os

from .kernel import MACHINE, syscall
from .numbers import NUMBERS

__all__ = ["leave_terminal"]

TIOCNOTTY = 0x5422


def leave_terminal() -> None:
    """Leave the host's process group and its terminal, for this process and its children.

    A session of its own would do the same. But where Linux groups processes by session (``sched_autogroup``), a snippet
    would then compete with the host as with another user of the machine: on busy cores a call waits its turn twice,
    which took 20 times as long as within one session.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ENXIO and os.getsid(0) != os.getpid():  # there may be one that cannot be opened now
            os.setsid()
            return
    else:
        try:
            syscall("ioctl", NUMBERS[MACHINE]["ioctl"], terminal, TIOCNOTTY, 0)
        finally:
            os.close(terminal)
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
