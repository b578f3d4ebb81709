"""Procedures as task graphs: steps and what must be done before them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np

from quintain.errors import ConfigurationError

__all__ = ["Procedure", "make_procedure"]


@dataclass(frozen=True)
class Procedure:
    """A procedure: each step is done once, after its prerequisites.

    Attributes:
        name: Its name.
        prerequisites: Steps, each with the steps that must be done directly before or earlier.

    Raises:
        ConfigurationError: If a prerequisite is no step, or the prerequisites have a cycle.

    Example:
        >>> tea = Procedure("tea", {"boil water": (), "take cup": (), "pour": ("boil water", "take cup")})
        >>> tea.admissible(["take cup"]), tea.fault("pour", ["take cup"])
        (('boil water',), 'order')
    """

    name: str
    prerequisites: Mapping[str, Collection[str]] = field(hash=False)

    def __post_init__(self) -> None:
        for step, before in self.prerequisites.items():
            unknown = sorted(set(before) - set(self.prerequisites))
            if unknown:
                raise ConfigurationError(f"{self.name}: {unknown[0]!r}, a prerequisite of {step!r}, is no step")
        try:
            TopologicalSorter(self.prerequisites).prepare()
        except CycleError as error:
            raise ConfigurationError(f"{self.name}: the prerequisites have a cycle: {error.args[1]}") from None

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps."""
        return tuple(self.prerequisites)

    def admissible(self, done: Collection[str]) -> tuple[str, ...]:
        """Return the steps that are not done and whose prerequisites are."""
        finished = set(done)
        return tuple(
            step for step, before in self.prerequisites.items() if step not in finished and finished.issuperset(before)
        )

    def fault(self, step: str, done: Collection[str]) -> str | None:
        """Return why a step is wrong after the steps that are done.

        Returns:
            ``"foreign"`` for a step of another procedure, ``"repetition"`` for one that is done, ``"order"`` for one
            with a prerequisite that is not done; ``None`` for a right step.
        """
        if step not in self.prerequisites:
            return "foreign"
        if step in done:
            return "repetition"
        return None if set(done).issuperset(self.prerequisites[step]) else "order"


def make_procedure(
    name: str, labels: Collection[str], branches: int, cross_edges: float, rng: np.random.Generator
) -> Procedure:
    """Draw a task graph: one first step, chains that can be interleaved, one last step.

    Args:
        name: Name of the procedure.
        labels: Its steps; the first one begins the procedure and the last one ends it.
        branches: Number of chains between them, >= 1; each has at least one step.
        cross_edges: Probability in [0, 1] that a step of a chain has a prerequisite in another one.
        rng: Source of randomness.

    Raises:
        ConfigurationError: If there are fewer than ``branches + 2`` steps.
    """
    first, *middle, last = labels
    if len(middle) < branches:
        raise ConfigurationError(f"{branches} branches need at least {branches + 2} steps, got {len(labels)}")
    homes = [*range(branches), *rng.integers(branches, size=len(middle) - branches).tolist()]
    before: dict[str, set[str]] = {first: set()}
    ends = [first] * branches
    placed: list[tuple[str, int]] = []
    for step, home in zip(middle, homes, strict=True):
        before[step] = {ends[home]}
        others = [other for other, place in placed if place != home]
        if others and rng.random() < cross_edges:
            before[step].add(others[int(rng.integers(len(others)))])
        ends[home] = step
        placed.append((step, home))
    before[last] = set(ends)
    return Procedure(name, {step: tuple(sorted(found)) for step, found in before.items()})
