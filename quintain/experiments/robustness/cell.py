"""One cell of a robustness experiment: one policy, attack, budget and repetition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from quintain.attacks.contract import Attack, AttackContext, Trained
from quintain.attacks.episodes import AttackedEpisode, play_attacked
from quintain.evaluation.progress import ProgressBar
from quintain.experiments.experiment import Sink
from quintain.experiments.robustness.policy_under_test import PolicyUnderTest
from quintain.experiments.robustness.trained import load_trained, save_trained
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord
from quintain.seeding import episode_seeds

__all__ = ["RobustnessCell"]

#: Episodes of one vector batch. Which episodes share a batch is fixed: the last bit of a result may depend on it.
_BATCH = 32


@dataclass(frozen=True, slots=True)
class RobustnessCell:
    """One policy, clean or under one attack at one budget, in one repetition.

    Attributes:
        number: Place in the plan, from 0.
        episodes: Episodes per cell, >= 1; those of this cell have the indices from ``number * episodes``.
        subject: The policy and its environment.
        seed: Root seed of the repetition.
        attack: The attack; ``None`` for the clean cell.
        context: What the attack is made from, its budget included; ``None`` for the clean cell.
        train_at: Budget at which an attack that learns is trained; ``None`` for the cell's own.
    """

    number: int
    episodes: int
    subject: PolicyUnderTest
    seed: int
    attack: Attack | None = None
    context: AttackContext | None = None
    train_at: float | None = None

    @property
    def indices(self) -> range:
        """Indices of the cell's episodes in the run."""
        return range(self.number * self.episodes, (self.number + 1) * self.episodes)

    @property
    def attack_name(self) -> str:
        """Name of the attack in tables; ``"clean"`` for none."""
        return "clean" if self.attack is None else self.attack.name

    @property
    def epsilon(self) -> float:
        """Budget of the attack; 0 for the clean cell."""
        return 0.0 if self.context is None else self.context.epsilon

    @property
    def title(self) -> str:
        """Policy, attack, budget and seed."""
        return f"{self._task}, seed {self.seed}"

    @property
    def _task(self) -> str:
        budget = "" if self.attack is None else f" {self.epsilon:g}"
        return f"{self.subject.name} / {self.attack_name}{budget}"

    def prepare(self, store: Store) -> None:
        """Train the attack, if it learns and ``store`` does not hold it already."""
        self._trained(store)

    def play(self, indices: Sequence[int], store: Store, sink: Sink) -> None:
        """Play episodes, in fixed batches: a batch of which one episode is wanted is played as a whole."""
        seeds = episode_seeds(self.seed)
        policy, wrap, first, wanted = self.subject.policy(self.seed), self.wrapper(store), self.indices[0], set(indices)
        for start in range(0, self.episodes, _BATCH):
            batch = self.indices[start : start + _BATCH]
            if wanted.isdisjoint(batch):
                continue
            played = play_attacked(self.subject.make, policy, [seeds[index - first] for index in batch], wrap)
            for index, episode in zip(batch, played, strict=True):
                if index in wanted:
                    sink(self._record(index, episode))

    def wrapper(self, store: Store) -> Callable[[Any], Any] | None:
        """Return the function that wraps an environment in the attack; ``None`` for the clean cell."""
        attack, context = self.attack, self.context
        if attack is None or context is None:
            return None
        trained = self._trained(store)
        return lambda env: attack.wrap(env, context, None if trained is None else trained.network)

    def _trained(self, store: Store) -> Trained | None:
        """Return the trained attack from the store, trained now if it is not there; ``None`` if nothing is learned."""
        if self.attack is None or self.context is None or not self.attack.facts.learned:
            return None
        context = self.context if self.train_at is None else replace(self.context, epsilon=self.train_at)
        budget = f"-{context.epsilon:g}" if self.attack.facts.per_budget else ""
        name = f"{self.subject.name}-{self.attack.name}{budget}-seed{self.seed}".replace("/", "_")
        train = partial(_train, self.attack, context, f"{self._task}, seed {self.seed}", store.progress)
        return store.obtain(f"trained/{name}.npz", train, save_trained, load_trained)

    def _record(self, index: int, episode: AttackedEpisode) -> EpisodeRecord:
        info: dict[str, Any] = {
            "task": self._task,
            "victim": self.subject.name,
            "attack": self.attack_name,
            "epsilon": self.epsilon,
            "repetition": self.seed,
            "success": episode.success,
            "attacker_success": episode.attacker_success,
            "metrics": {"length": episode.length, "distance": episode.distance},
        }
        outcome: Any = "finished" if episode.success is None else "success" if episode.success else "failure"
        return EpisodeRecord(index, episode.seed, outcome, {"agent": episode.reward}, info=info)


def _train(attack: Attack, context: AttackContext, title: str, progress: ProgressBar) -> Trained:
    progress.subtask(title, 0, context.steps)
    return attack.train(replace(context, progress=lambda done: progress.subtask(title, done, context.steps)))
