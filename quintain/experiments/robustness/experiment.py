"""The robustness experiment: every policy, attack, budget and repetition on the same episode seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from quintain.agents.policies import Space
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.contract import Attack, AttackContext, AttackFacts
from quintain.errors import ConfigurationError
from quintain.evaluation.recording import check_confidence
from quintain.evaluation.report import Report
from quintain.experiments.robustness.cell import RobustnessCell
from quintain.experiments.robustness.clips import read_clips
from quintain.experiments.robustness.episodes import rows_of
from quintain.experiments.robustness.page import render
from quintain.experiments.robustness.policy_under_test import PolicyUnderTest
from quintain.experiments.robustness.reachability import read_reachability
from quintain.experiments.robustness.table import RobustnessTable

__all__ = ["RobustnessExperiment"]


@dataclass(frozen=True)
class RobustnessExperiment:
    """Policies x attacks x budgets x repetitions.

    A repetition has a root seed. It decides the seeds of its episodes, which all policies, attacks and budgets share,
    and the training of attacks that learn. These are trained for every policy, budget and repetition, as in the
    published studies; with ``train_at`` they are trained at that budget only, and their perturbations scaled.

    Attributes:
        subjects: The policies and their environments; names are unique.
        attacks: The attacks to compare; names are unique.
        epsilons: Budgets, >= 0, in units of ``space`` under ``norm``.
        episodes: Episodes per cell, >= 1; published tables use 30 or 50. Default: 50.
        seeds: Root seeds of the repetitions. Default: (0,).
        norm: Norm of the budgets. Default: ``"linf"``.
        space: Space in which budgets are measured: observations as the environment gives them (``"raw"``), or in units
            of the policy's running standard deviations (``"normalised"``). Default: ``"raw"``.
        steps: Environment steps of training by name of the attack; attacks not listed have their own default.
        train_at: Budget at which learned attacks are trained; ``None`` trains at each of ``epsilons``.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        reach: Whether runs also analyse how far the intention policy's actions can be reached; see
            :func:`~quintain.experiments.robustness.analysis.analyse_reachability`. Default: true.

    Raises:
        ConfigurationError: If a value is out of range, or one is given twice.
    """

    kind: ClassVar[str] = "robustness"

    subjects: Sequence[PolicyUnderTest]
    attacks: Sequence[Attack]
    epsilons: Sequence[float]
    episodes: int = 50
    seeds: Sequence[int] = (0,)
    norm: Norm = "linf"
    space: Space = "raw"
    steps: Mapping[str, int] = field(default_factory=dict)
    train_at: float | None = None
    confidence: float = 0.95
    reach: bool = True

    def __post_init__(self) -> None:
        if self.episodes < 1 or not self.subjects or not self.epsilons or not self.seeds:
            raise ConfigurationError("an experiment needs a policy, an epsilon, a seed and episodes >= 1")
        for epsilon in (*self.epsilons, *(() if self.train_at is None else (self.train_at,))):
            Ball(epsilon, self.norm)
        names = [subject.name for subject in self.subjects]
        for what, values in (("policy", names), ("epsilon", self.epsilons), ("seed", self.seeds)):
            if len(set(values)) < len(values):
                raise ConfigurationError(f"every {what} must be given once, got {list(values)!r}")
        check_confidence(self.confidence)
        for name, steps in self.steps.items():
            if steps < 1:
                raise ConfigurationError(f"training steps must be >= 1, got {steps!r} for {name!r}")

    def check(self) -> None:
        """Check that every attack can work on every policy, before anything is trained or played.

        Raises:
            CapabilityError: If a policy lacks what an attack needs.
            ConfigurationError: If budget, policy, environment and attack do not fit together.
        """
        for subject in self.subjects:
            for attack in self.attacks:
                for epsilon in self.epsilons:
                    attack.check(self._context(subject, attack, epsilon, self.seeds[0]))

    def describe(self) -> dict[str, Any]:
        """Return everything that results depend on."""
        decisive = {
            "subjects": [subject.describe() for subject in self.subjects],
            "attacks": [self._describe(attack) for attack in self.attacks],
            "epsilons": list(self.epsilons),
            "episodes": self.episodes,
            "seeds": list(self.seeds),
            "norm": self.norm,
            "space": self.space,
            "train_at": self.train_at,
            "reach": self.reach,
        }
        return {"env": "robustness", "env_kwargs": {}, "agent": decisive, "seed": self.seeds[0]}

    def metadata(self) -> dict[str, Any]:
        """Return the confidence of the intervals."""
        return {"confidence": self.confidence}

    def cells(self) -> Iterator[RobustnessCell]:
        """List the cells: policy by policy the clean ones, then attack by attack and budget by budget."""
        conditions: list[tuple[Attack | None, float]] = [(None, 0.0)]
        conditions += [(attack, float(epsilon)) for attack in self.attacks for epsilon in self.epsilons]
        number = 0
        for subject in self.subjects:
            for attack, epsilon in conditions:
                for seed in self.seeds:
                    context = None if attack is None else self._context(subject, attack, epsilon, seed)
                    yield RobustnessCell(number, self.episodes, subject, seed, attack, context, self.train_at)
                    number += 1

    @classmethod
    def tabulate(cls, report: Report) -> RobustnessTable:
        """Return the table: a row for each policy, attack and budget that has a complete repetition."""
        rows = rows_of(report.episodes, report.confidence)
        reach = () if report.path is None else read_reachability(report.path)
        return RobustnessTable(rows, tuple(reach), {**report.manifest, "confidence": report.confidence})

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: leaderboard, curves over epsilon, reachability, clips, threat model.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        table, folder = cls.tabulate(report), report.path
        if folder is None:
            return render(table)
        return render(table, read_clips(folder), folder / "videos", has_trained=(folder / "trained").is_dir())

    def training_steps(self, attack: Attack) -> int:
        """Return the environment steps that an attack is trained for."""
        return self.steps.get(attack.name, attack.facts.steps)

    def _describe(self, attack: Attack) -> dict[str, Any]:
        about: dict[str, Any] = {"name": attack.name, "access": _access(attack.facts), "source": attack.facts.source}
        return about | ({"training_steps": self.training_steps(attack)} if attack.facts.learned else {})

    def _context(self, subject: PolicyUnderTest, attack: Attack, epsilon: float, seed: int) -> AttackContext:
        return AttackContext(
            subject.make, subject.policy(seed), epsilon, self.norm, self.space, subject.intention(seed), seed,
            self.training_steps(attack),
        )  # fmt: skip


def _access(facts: AttackFacts) -> str:
    """Return the usual name of the attacker's access to the policy. It is part of the run's configuration."""
    if facts.sees is None:
        return "not said"
    if facts.sees == "nothing":
        return "observation only"
    if facts.sees == "gradients":
        return "white-box"
    return "white-box in training" if facts.sees_in_training == "gradients" else "black-box"
