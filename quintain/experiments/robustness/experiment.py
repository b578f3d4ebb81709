"""The experiment: every victim, attack, budget and repetition, on the same seeds, in one run that can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from quintain.agents.policies import Space
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.contract import Attack, AttackContext, Trained
from quintain.attacks.episodes import play_attacked
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import rate
from quintain.experiments.robustness.cell import Cell
from quintain.experiments.robustness.episodes import make_record
from quintain.experiments.robustness.progress import SILENT, Progress
from quintain.experiments.robustness.reachability import Reach, reachability, visited_states
from quintain.experiments.robustness.subjects import Subject
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["Experiment"]

#: Episodes played side by side. Which ones share a batch is fixed, so that resuming changes no number's last bit.
CHUNK = 32
_REACH_EPISODES = 10


@dataclass(frozen=True)
class Experiment:
    """Victims x attacks x budgets x repetitions.

    A repetition has a root seed. It decides the seeds of its episodes, which all victims, attacks and budgets share,
    and the training of attacks that learn. Learned attacks are trained for every victim, budget and repetition, as the
    published ones are; with ``train_at`` they are trained at that budget only, and their perturbations scaled.

    Attributes:
        subjects: Who is attacked, and where.
        attacks: The attacks.
        epsilons: Budgets.
        episodes: Episodes per cell.
        seeds: Root seeds of the repetitions.
        norm: Norm of the budgets.
        space: Where budgets are measured.
        steps: Environment steps of training by attack; for others its own default.
        train_at: Budget at which learned attacks are trained; ``None`` for each its own.
        confidence: Nominal coverage of the intervals.
        reach: Whether to compute the reachability of the intention, where there is one.

    Raises:
        ConfigurationError: If something makes no sense.
    """

    subjects: Sequence[Subject]
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
            raise ConfigurationError("an experiment needs a victim, an epsilon, a seed and episodes >= 1")
        for epsilon in (*self.epsilons, *(() if self.train_at is None else (self.train_at,))):
            Ball(epsilon, self.norm)
        names = [subject.name for subject in self.subjects]
        for what, values in (("victim", names), ("epsilon", self.epsilons), ("seed", self.seeds)):
            if len(set(values)) < len(values):
                raise ConfigurationError(f"every {what} must be given once, got {list(values)!r}")
        if not 0 < self.confidence < 1:
            raise ConfigurationError(f"confidence must be in (0, 1), got {self.confidence!r}")
        for name, steps in self.steps.items():
            if steps < 1:
                raise ConfigurationError(f"training steps must be >= 1, got {steps!r} for {name!r}")

    def check(self) -> None:
        """Make sure, before anything is trained or played, that every attack can work on every victim.

        Raises:
            CapabilityError: If a victim lacks what an attack needs.
            ConfigurationError: If budget, victim, environment and attack do not fit together.
        """
        for subject in self.subjects:
            for attack in self.attacks:
                for epsilon in self.epsilons:
                    attack.check(self._threat(subject, attack, epsilon, self.seeds[0]))

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, as plain data."""
        return {
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

    def cells(self) -> Iterator[Cell]:
        """Plan the cells: victim by victim the clean ones, then attack by attack and budget by budget."""
        number = 0
        for subject in self.subjects:
            pairs = [(None, 0.0), *((attack, epsilon) for attack in self.attacks for epsilon in self.epsilons)]
            for attack, epsilon in pairs:
                for seed in self.seeds:
                    yield Cell(number, subject, attack, float(epsilon), seed)
                    number += 1

    def play(
        self,
        known: Mapping[int, EpisodeRecord],
        keep: Callable[[EpisodeRecord], None],
        trained: Trainer,
        progress: Progress = SILENT,
    ) -> Iterator[tuple[Cell, list[EpisodeRecord]]]:
        """Play what is not known yet, and give the records of one cell after the other.

        Args:
            known: Records of episodes that were played before, by index.
            keep: Called with each new record.
            trained: Where trained networks are kept.
            progress: Is told what goes on.
        """
        for cell in self.cells():
            seeds = SeedStream(cell.seed, "episode")
            records: list[EpisodeRecord] = []
            wrap = None
            for first in range(0, self.episodes, CHUNK):
                numbers = range(first, min(first + CHUNK, self.episodes))
                indices = [cell.number * self.episodes + i for i in numbers]
                if not all(index in known for index in indices):
                    wrap = wrap or self.wrapper(cell, trained, progress)
                    progress.playing(cell.title)
                    victim = cell.subject.victim(cell.seed)
                    played = play_attacked(cell.subject.make, victim, [seeds[i] for i in numbers], wrap)
                    for index, episode in zip(indices, played, strict=True):
                        if index not in known:
                            keep(made := make_record(index, cell, episode))
                            records.append(made)
                records += [known[index] for index in indices if index in known]
                progress.played(len(indices))
            yield cell, sorted(records, key=lambda record: record.index)

    def measure_reach(self, progress: Progress = SILENT) -> list[Reach]:
        """Compute, for victims that have an intention policy, how much of it each budget can bring about."""
        found: list[Reach] = []
        for subject in self.subjects:
            seed = self.seeds[0]
            victim, intention = subject.victim(seed), subject.intention(seed)
            if intention is None or victim.is_stateful or not {"gradient", "continuous"} <= victim.capabilities:
                continue
            progress.stage(f"{subject.name}: what can be reached")
            seeds = [SeedStream(seed, "episode")[i] for i in range(min(_REACH_EPISODES, self.episodes))]
            states = visited_states(subject.make, victim, seeds)
            reached = reachability(
                victim, intention, states, sorted({0.0, *self.epsilons}),
                norm=self.norm, space=self.space, confidence=self.confidence,
            )  # fmt: skip
            wins = [e.attacker_success for e in play_attacked(subject.make, intention, seeds)]
            known = [win for win in wins if win is not None]
            intended = rate(sum(known), len(known), self.confidence)
            found += [replace(reach, victim=subject.name, intended=intended) for reach in reached]
        return found

    def training_steps(self, attack: Attack) -> int:
        """Return how long an attack learns."""
        return self.steps.get(attack.name, attack.facts.steps)

    def _describe(self, attack: Attack) -> dict[str, Any]:
        about: dict[str, Any] = {"name": attack.name, "access": attack.facts.access, "source": attack.facts.source}
        return about | ({"training_steps": self.training_steps(attack)} if attack.facts.learned else {})

    def _threat(self, subject: Subject, attack: Attack, epsilon: float, seed: int) -> AttackContext:
        return AttackContext(
            subject.make, subject.victim(seed), epsilon, self.norm, self.space, subject.intention(seed), seed,
            self.training_steps(attack),
        )  # fmt: skip

    def wrapper(self, cell: Cell, trained: Trainer, progress: Progress = SILENT) -> Callable[[Any], Any] | None:
        """Return what wraps an environment in the cell's attack, trained if need be; ``None`` for the clean cell."""
        attack = cell.attack
        if attack is None:
            return None
        threat = self._threat(cell.subject, attack, cell.epsilon, cell.seed)
        network = None
        if attack.facts.learned:
            at = self.train_at if self.train_at is not None else cell.epsilon
            found = trained(cell, attack, replace(threat, epsilon=at), progress)
            network = found.network
        return lambda env: attack.wrap(env, threat, network)


#: Gives the trained network of an attack: from where it is kept, or trained now.
Trainer = Callable[[Cell, Attack, AttackContext, Progress], Trained]
