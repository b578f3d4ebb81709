"""Whether to poll for the end of a small snippet before sleeping: worth it on an idle core, harmful on a busy one."""

from __future__ import annotations

__all__ = ["Looking"]

LOOK_S = 150e-6
"""Seconds to poll: waking up takes longer than a small snippet."""
WORTH_IT = 0.8
"""Share of successful looks from which on looking saves time."""
PROBE_EVERY = 32
"""Interval, in snippets, at which looking is tried although it was not worth it."""
MEMORY = 0.9


class Looking:
    """Learns from the latest looks how often they succeed.

    While one process polls, a child on the same core waits for that core. Where every core is busy this happens often,
    and the look only delays what it waits for.

    Attributes:
        success: Moving average of successful looks.
    """

    def __init__(self) -> None:
        self.success = 1.0
        self._skipped = 0

    def seconds(self) -> float:
        """Return how long to poll before sleeping."""
        self._skipped += 1
        if self.success < WORTH_IT and self._skipped < PROBE_EVERY:
            return 0.0
        self._skipped = 0
        return LOOK_S

    def learn(self, succeeded: bool) -> None:
        """Note how a look ended."""
        self.success = MEMORY * self.success + (1 - MEMORY) * succeeded
