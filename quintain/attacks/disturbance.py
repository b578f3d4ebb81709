"""What perturbations of actions and of rewards share: kinds by name, a step counter per row, delay and repetition."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.perturbation import Perturbation, Report, Rows
from quintain.attacks.schedule import Schedule
from quintain.errors import ConfigurationError

__all__ = ["Disturbance"]


class Disturbance(Perturbation):
    """Delays values, repeats them, or changes them as a subclass defines.

    Args:
        kind: One of the subclass's ``kinds``.
        steps: Delay in steps, >= 1.
        probability: Probability, in [0, 1], of repeating the last value.
        schedule: Steps at which values are changed. Values at other steps are passed on without delay.
        name: Key in ``info["attack"]``; surface and kind by default.

    Attributes:
        kinds: Names of the kinds.

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
        """Return surface and strength, for example ``{"surface": "action", "steps": 2}``."""
        shared: dict[str, dict[str, Any]] = {
            "delay": {"steps": self.steps},
            "sticky": {"probability": self.probability},
        }
        return {"surface": self.surface, **(shared[self.kind] if self.kind in shared else self.strength())}

    def config(self) -> dict[str, Any]:
        """Return the constructor arguments as JSON-able data."""
        shared = {"kind": self.kind, "steps": self.steps, "probability": self.probability, "name": self.name}
        return shared | {"schedule": asdict(self.schedule)} | self.budget()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a perturbation from what :meth:`config` returned."""
        return cls(**{**config, "schedule": Schedule(**config["schedule"])})

    @abstractmethod
    def budget(self) -> dict[str, Any]:
        """Return the constructor arguments of the subclass."""

    @abstractmethod
    def strength(self) -> dict[str, Any]:
        """Return the strength of the kinds other than ``delay`` and ``sticky``."""

    @abstractmethod
    def perturb(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        """Return the perturbed batch, for a kind of the subclass."""

    def allocate(self, rows: int, idle: NDArray[Any]) -> None:
        """Allocate state for ``rows`` episodes; ``idle`` is the value before the first delayed one arrives."""
        self._idle = idle
        self._time = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._queues: list[deque[NDArray[Any]]] = [deque() for _ in range(rows)]
        self._last = np.repeat(idle[None], rows, axis=0)

    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Start another episode in ``row``."""
        self._time[row] = 0
        self._rngs[row] = rng
        self._queues[row] = deque([self._idle] * self.steps, maxlen=self.steps)
        self._last[row] = self._idle

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch, one entry per row."""
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._time[rows], rngs)
        passed = np.array(batch, dtype=self._idle.dtype)
        if self.kind == "delay":
            changed = np.stack([self._queues[row][0] for row in rows])
            for row, value in zip(rows, passed.copy(), strict=True):
                self._queues[row].append(value)
        elif self.kind == "sticky":
            repeat = np.array([rng.random() < self.probability for rng in rngs]) & (self._time[rows] > 0)
            changed = passed.copy()
            changed[repeat] = self._last[rows][repeat]
        else:
            changed = self.perturb(passed, rows, rngs)
        passed[active] = changed[active]
        self._time[rows] += 1
        self._last[rows] = passed
        return passed, {"active": active}
