"""A policy that is a table of action probabilities, for environments with integer observations and actions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Actor, Seat
from quintain.errors import CapabilityError, ConfigurationError, RecordError
from quintain.files import load_arrays, save_arrays

__all__ = ["TablePolicy"]


class TablePolicy:
    """Plays the actions of a table.

    Args:
        probabilities: Action probabilities of each observation, shape ``(S, A)``.
        name: Name in reports. Default: ``"table"``.

    Attributes:
        probabilities: Action probabilities, shape ``(S, A)``.

    Raises:
        ConfigurationError: If a row holds no probabilities that add up to 1.
    """

    def __init__(self, probabilities: NDArray[np.float64], *, name: str = "table") -> None:
        table = np.asarray(probabilities, float)
        if table.ndim != 2 or table.min() < 0 or not np.allclose(table.sum(axis=1), 1):
            raise ConfigurationError("probabilities must have the shape (S, A), with rows that add up to 1")
        self.probabilities = table
        self.name = name

    def describe(self) -> dict[str, Any]:
        """Return name and hash of the table, for a run's manifest."""
        digest = hashlib.blake2b(self.probabilities.tobytes(), digest_size=8).hexdigest()
        return {"agent": "table", "name": self.name, "shape": list(self.probabilities.shape), "hash": digest}

    def check_seat(self, seat: Seat) -> None:
        """Check that observations and actions are integers that the table has.

        Raises:
            CapabilityError: If not.
        """
        states, actions = self.probabilities.shape
        observed, acted = seat.observation_space, seat.action_space
        if (
            not isinstance(observed, spaces.Discrete) or not isinstance(acted, spaces.Discrete)
            or observed.n > states or acted.n != actions or observed.start != 0 or acted.start != 0
        ):  # fmt: skip
            raise CapabilityError(
                f"this table is for Discrete({states}) observations and Discrete({actions}) actions; {seat.env_id} has "
                f"{observed} and {acted}"
            )

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that draws from the seat's generator."""
        self.check_seat(seat)
        return _TableActor(self.probabilities, seat.generator())

    def save(self, path: str | Path, facts: Mapping[str, Any] | None = None) -> None:
        """Write the table as an ``.npz`` file, without pickle.

        Args:
            path: The file; missing folders are made.
            facts: JSON-able data to store with it. Default: none.
        """
        about = {"format": 1, "kind": "table", "name": self.name, "facts": dict(facts or {})}
        save_arrays(Path(path), {"probabilities": self.probabilities}, about)

    @staticmethod
    def is_stored(path: str | Path) -> bool:
        """Return whether a file holds a table."""
        try:
            return bool(load_arrays(Path(path))[1].get("kind") == "table")
        except RecordError:
            return False

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigurationError: If there is no table at ``path``.
        """
        try:
            arrays, about = load_arrays(Path(path))
            return cls(arrays["probabilities"], name=about["name"])
        except (RecordError, KeyError) as error:
            raise ConfigurationError(f"no table of a policy at {str(path)!r}: {error}") from error


class _TableActor:
    def __init__(self, probabilities: NDArray[np.float64], generator: np.random.Generator) -> None:
        self._cumulative = probabilities.cumsum(axis=1)[:, :-1]
        self._generator = generator

    def act(self, observation: Any, info: dict[str, Any]) -> int:
        return int((self._generator.random() > self._cumulative[int(observation)]).sum())
