"""What disturbed actions and corrupted rewards share: kinds by name, a clock per row, delay and repetition."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.schedule import Schedule
from quintain.attacks.wrappers import Perturbation, Report, Rows
from quintain.errors import ConfigurationError

__all__ = ["Disturbance"]


class Disturbance(Perturbation):
    """Passes on something else than what came in: ``delay``, ``sticky``, or what a subclass makes of the batch.

    Args:
        kind: One of the subclass's ``kinds``.
        steps: Delay in steps, >= 1.
        probability: Chance that what was passed on last comes again, in [0, 1].
        schedule: When it acts. What is delayed, but falls outside the schedule, is passed on at once.
        name: Key in ``info["attack"]``; by default surface and kind.

    Attributes:
        kinds: Known kinds.

    Raises:
        ConfigurationError: If an argument is out of range.
    """

    kinds: ClassVar[tuple[str, ...]]

    def __init__(self, kind: str, steps: int, probability: float, schedule: Schedule, name: str) -> None:
        if kind not in self.kinds:
            raise ConfigurationError(f"kind must be one of {self.kinds}, got {kind!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ConfigurationError(f"steps must be an integer >= 1, got {steps!r}")
        if not 0 <= probability <= 1:
            raise ConfigurationError(f"probability must be in [0, 1], got {probability!r}")
        self.kind = kind
        self.steps = steps
        self.probability = probability
        self.schedule = schedule
        self.name = name or f"{self.surface} {kind}"

    def describe(self) -> dict[str, Any]:
        """Return surface and strength."""
        shared: dict[str, dict[str, Any]] = {
            "delay": {"steps": self.steps},
            "sticky": {"probability": self.probability},
        }
        return {"surface": self.surface, **(shared[self.kind] if self.kind in shared else self.strength())}

    @abstractmethod
    def strength(self) -> dict[str, Any]:
        """Return the strength of the other kinds."""

    @abstractmethod
    def disturbed(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        """Return what a kind of the subclass makes of ``batch``."""

    def make_room(self, rows: int, idle: NDArray[Any]) -> None:
        """Make room for episodes; ``idle`` is passed on before anything delayed arrives."""
        self._idle = idle
        self._time = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._queues: list[deque[NDArray[Any]]] = [deque() for _ in range(rows)]
        self._last = np.repeat(idle[None], rows, axis=0)

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Begin an episode."""
        self._time[row] = 0
        self._rngs[row] = rng
        self._queues[row] = deque([self._idle] * self.steps, maxlen=self.steps)
        self._last[row] = self._idle

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Disturb a batch."""
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._time[rows], rngs)
        passed = np.array(batch, dtype=self._idle.dtype)
        if self.kind == "delay":
            changed = np.stack([self._queues[row][0] for row in rows])
            for row, one in zip(rows, passed.copy(), strict=True):
                self._queues[row].append(one)
        elif self.kind == "sticky":
            repeat = np.array([rng.random() < self.probability for rng in rngs]) & (self._time[rows] > 0)
            changed = passed.copy()
            changed[repeat] = self._last[rows][repeat]
        else:
            changed = self.disturbed(passed, rows, rngs)
        passed[active] = changed[active]
        self._time[rows] += 1
        self._last[rows] = passed
        return passed, {"active": active}
