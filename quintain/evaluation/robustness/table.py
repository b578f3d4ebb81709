"""A victim under several attacks and budgets, on the same seeds, as one table of paired differences."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from quintain.agents.victims import Episode, Victim, play_episodes
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean, paired_difference, rate
from quintain.seeding import SeedStream

__all__ = ["AttackFactory", "RobustnessRow", "RobustnessTable", "robustness"]

#: Wraps a vector environment in an attack of the given budget.
AttackFactory = Callable[[Any, float], Any]


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """One attack at one budget.

    Attributes:
        attack: Its name; ``"clean"`` for none.
        epsilon: Its budget; 0 for none.
        reward: Mean return of the victim.
        loss: Mean of clean return minus attacked return, over pairs with the same seed.
        success: Share of episodes in which the victim succeeds; no data where the environment does not say.
        attacker_success: Share in which the attacker does; likewise.
        distance: Largest perturbation of any step, in the attack's units.
        episodes: The episodes, in the order of the seeds.
    """

    attack: str
    epsilon: float
    reward: Interval
    loss: Interval
    success: Interval
    attacker_success: Interval
    distance: float
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class RobustnessTable:
    """The rows, the clean one first."""

    rows: tuple[RobustnessRow, ...]

    def to_csv(self) -> str:
        """Return the table as comma-separated values, an interval as three columns."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        measures = ("reward", "loss", "success", "attacker_success")
        writer.writerow(
            ["attack", "epsilon", *(f"{m}{end}" for m in measures for end in ("", "_low", "_high")), "distance", "n"]
        )
        for row in self.rows:
            ends = [value for m in measures for value in _ends(getattr(row, m))]
            writer.writerow([row.attack, row.epsilon, *ends, row.distance, len(row.episodes)])
        return out.getvalue()

    def to_markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [
            "| attack | epsilon | return | loss against clean | success | attacker's success |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {r.attack} | {r.epsilon:g} | {r.reward} | {r.loss} | {r.success} | {r.attacker_success} |"
            for r in self.rows
        ]
        return "\n".join(lines) + "\n"


def robustness(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Victim,
    attacks: Mapping[str, AttackFactory],
    epsilons: Sequence[float],
    *,
    episodes: int = 50,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[RobustnessRow], None] | None = None,
) -> RobustnessTable:
    """Measure a victim clean and under every attack at every budget, all on the same seeds.

    Args:
        make: Makes an environment as the victim knows it.
        victim: The victim; it takes its most likely actions.
        attacks: ``{"mad": lambda env, epsilon: MADAttack(env, victim, epsilon=epsilon)}`` and so on. Have random noise
            among them: it is what the others have to beat.
        epsilons: Budgets, >= 0.
        episodes: Episodes per row, >= 1; published tables use 30 or 50.
        seed: Root seed; equal seeds give equal tables.
        confidence: Nominal coverage of the intervals, in (0, 1).
        progress: Called with each finished row.

    Raises:
        ConfigurationError: If an attack is called ``"clean"``, or there are no episodes.
    """
    if "clean" in attacks or episodes < 1:
        raise ConfigurationError("episodes must be >= 1, and no attack may be called 'clean': that row is always there")
    seeds = [SeedStream(seed, "episode")[i] for i in range(episodes)]
    clean: list[Episode] = []

    def row(name: str, epsilon: float, attack: Any) -> RobustnessRow:
        played = play_episodes(make, victim, seeds, attack)
        if not clean:
            clean.extend(played)
        made = RobustnessRow(
            name,
            epsilon,
            mean([e.reward for e in played], confidence),
            paired_difference([e.reward for e in clean], [e.reward for e in played], confidence),
            _rate([e.success for e in played], confidence),
            _rate([e.attacker_success for e in played], confidence),
            max(e.distance for e in played),
            tuple(played),
        )
        if progress is not None:
            progress(made)
        return made

    rows = [row("clean", 0.0, None)]
    for name, attack in attacks.items():
        for epsilon in epsilons:
            rows.append(row(name, epsilon, lambda env, a=attack, e=epsilon: a(env, e)))
    return RobustnessTable(tuple(rows))


def _rate(flags: Sequence[bool | None], confidence: float) -> Interval:
    known = [flag for flag in flags if flag is not None]
    return rate(sum(known), len(known), confidence)


def _ends(interval: Interval) -> list[float | str]:
    return ["" if value != value else value for value in (interval.estimate, interval.low, interval.high)]
