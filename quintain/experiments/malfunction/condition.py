"""A condition of the experiment: an agent behind guards, clean or under one attack on one surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quintain.attacks.malfunction.registry import LANGUAGE_ATTACKS
from quintain.errors import ConfigurationError

__all__ = ["CLEAN", "UNGUARDED", "Condition", "conditions_of"]

#: Name of the attack of clean episodes.
CLEAN = "clean"
#: Name of the guard of an agent without guards.
UNGUARDED = "none"


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """What a row of the table is about.

    Attributes:
        agent: Name of the agent.
        guard: Names of its guards joined by ``+``, or ``"none"``.
        attack: Name of the attack, or ``"clean"``.
        surface: What the attack changes; empty for none.
        ratio: Share of adversarial text that the attack was told to reach, in [0, 1]; ``None`` for the attack's own.
    """

    agent: str
    guard: str = UNGUARDED
    attack: str = CLEAN
    surface: str = ""
    ratio: float | None = None

    @property
    def is_clean(self) -> bool:
        """Whether there is no attack."""
        return self.attack == CLEAN

    @property
    def label(self) -> str:
        """Attack, surface and ratio, in a few words."""
        parts = [self.attack, self.surface, "" if self.ratio is None else f"{self.ratio:g}"]
        return " / ".join(filter(None, parts))

    def clean(self) -> Condition:
        """Return the condition without the attack."""
        return Condition(self.agent, self.guard)

    def unguarded(self) -> Condition:
        """Return the condition without the guards."""
        return Condition(self.agent, UNGUARDED, self.attack, self.surface, self.ratio)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return asdict(self)


def conditions_of(
    agents: Sequence[str],
    guards: Sequence[str],
    attacks: Sequence[str],
    surfaces: Sequence[str],
    ratios: Sequence[float | None],
) -> Iterator[Condition]:
    """List all conditions: agent by agent and guard by guard, the clean one first.

    An attack is played on those of the surfaces that it takes.

    Args:
        agents: Names of the agents.
        guards: Names of guards, each perhaps several joined by ``+``; ``"none"`` is added, and comes first.
        attacks: Names of attacks.
        surfaces: Names of surfaces.
        ratios: Shares of adversarial text; ``None`` for the attack's own.

    Raises:
        UnknownNameError: If an attack does not exist.
        ConfigurationError: If an attack takes none of the surfaces.
    """
    attacked = []
    for attack in attacks:
        takes = LANGUAGE_ATTACKS.facts(attack).surfaces
        fits = [surface for surface in surfaces if surface in takes]
        if not fits:
            raise ConfigurationError(
                f"attack {attack!r} takes the surfaces {', '.join(takes)}, none of which is among {', '.join(surfaces)}"
            )
        attacked += [(attack, surface, ratio) for surface in fits for ratio in ratios]
    for agent in agents:
        for guard in dict.fromkeys((UNGUARDED, *guards)):
            yield Condition(agent, guard)
            yield from (Condition(agent, guard, *each) for each in attacked)
