"""One cell of the experiment."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.attacks.contract import Attack
from quintain.experiments.robustness.subjects import Subject

__all__ = ["Cell"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One victim under one attack at one budget in one repetition.

    Attributes:
        number: Place in the plan, from 0; its episodes are numbered from ``number * episodes``.
        subject: Who is attacked.
        attack: The attack; ``None`` for the clean run.
        epsilon: Its budget.
        seed: Root seed of the repetition.
    """

    number: int
    subject: Subject
    attack: Attack | None
    epsilon: float
    seed: int

    @property
    def name(self) -> str:
        """Name of the attack in tables."""
        return "clean" if self.attack is None else self.attack.name

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        budget = "" if self.attack is None else f" {self.epsilon:g}"
        return f"{self.subject.name} / {self.name}{budget}, seed {self.seed}"
