"""Whether to poll for the end of a small snippet before sleeping: faster on an idle core, slower on a busy one."""

from __future__ import annotations

__all__ = ["AdaptivePolling"]

POLL_S = 150e-6
"""Time to poll, in seconds: waking up takes longer than a small snippet."""
MIN_SUCCESS = 0.8
"""Share of successful polls from which on polling saves time."""
PROBE_EVERY = 32
"""Interval, in snippets, at which polling is tried although it did not save time."""
MEMORY = 0.9
"""Weight of earlier polls in the moving average."""


class AdaptivePolling:
    """Polls while recent polls were successful: the snippet ended before its end.

    While one process polls, a child on the same core waits for that core. If every core is busy, this is frequent, and
    polling only delays the child.

    Attributes:
        success: Moving average of successful polls, in [0, 1].
    """

    def __init__(self) -> None:
        self.success = 1.0
        self._skipped = 0

    def seconds(self) -> float:
        """Return how long to poll before sleeping, in seconds; 0 for not at all."""
        self._skipped += 1
        if self.success < MIN_SUCCESS and self._skipped < PROBE_EVERY:
            return 0.0
        self._skipped = 0
        return POLL_S

    def learn(self, succeeded: bool) -> None:
        """Update the moving average with the result of a poll."""
        self.success = MEMORY * self.success + (1 - MEMORY) * succeeded
