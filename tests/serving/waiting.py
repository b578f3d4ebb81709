"""Waiting for what happens in another thread."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for at most 20 seconds."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")
