"""Results of a robustness experiment: policies under attacks and budgets on the same seeds, with intervals."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quintain.attacks.episodes import AttackedEpisode
from quintain.evaluation.statistics import Interval, mean, paired_difference, rate
from quintain.experiments.robustness.clusters import clustered_mean, clustered_rate
from quintain.experiments.robustness.reachability import Reachability

__all__ = ["MEASURES", "RobustnessRow", "RobustnessTable", "make_row"]

#: The columns that have an interval.
MEASURES = ("reward", "loss", "success", "attacker_success")


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """One policy under one attack at one budget.

    Attributes:
        policy: Name of the policy.
        attack: Name of the attack; ``"clean"`` for none.
        epsilon: Budget of the attack; 0 for none.
        reward: Mean return of the policy.
        loss: Mean of clean return minus attacked return, over pairs of episodes with the same seed.
        success: Share of episodes in which the policy succeeds; no data where the environment does not report it.
        attacker_success: Share of episodes in which the attacker reaches its goal; no data where the
            environment reports none.
        distance: Largest perturbation of any step, in the units of the budget.
        repetitions: The episodes of each repetition, by its root seed, in the order of the episodes' seeds.
    """

    policy: str
    attack: str
    epsilon: float
    reward: Interval
    loss: Interval
    success: Interval
    attacker_success: Interval
    distance: float
    repetitions: Mapping[int, tuple[AttackedEpisode, ...]]

    @property
    def episodes(self) -> tuple[AttackedEpisode, ...]:
        """All episodes, one repetition after the other."""
        return tuple(episode for episodes in self.repetitions.values() for episode in episodes)


@dataclass(frozen=True)
class RobustnessTable:
    """The rows, policy by policy, each policy's clean row first.

    Attributes:
        rows: One row per policy, attack and budget.
        reachability: How often white-box gradient search reaches the intended action, per policy and budget.
        manifest: The run's manifest, as in ``run.json``.
    """

    rows: tuple[RobustnessRow, ...]
    reachability: tuple[Reachability, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, in order."""
        return tuple(dict.fromkeys(row.policy for row in self.rows))

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of the attacks, in order, without ``"clean"``."""
        return tuple(dict.fromkeys(row.attack for row in self.rows if row.attack != "clean"))

    def of(self, policy: str, attack: str) -> list[RobustnessRow]:
        """Return the rows of an attack on a policy, smallest budget first."""
        return sorted((r for r in self.rows if (r.policy, r.attack) == (policy, attack)), key=lambda r: r.epsilon)

    def clean(self, policy: str) -> RobustnessRow:
        """Return a policy's clean row."""
        return self.of(policy, "clean")[0]

    def leaderboard(self) -> list[RobustnessRow]:
        """Return the rows by policy and budget, and within a budget by loss, largest first."""
        order = {policy: i for i, policy in enumerate(self.policies)}
        return sorted(
            self.rows,
            key=lambda r: (order[r.policy], r.attack != "clean", r.epsilon, -r.loss.estimate, r.attack),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return leaderboard and reachability as JSON-able data."""
        rows = [
            {
                "victim": row.policy,
                "attack": row.attack,
                "epsilon": row.epsilon,
                **{measure: getattr(row, measure).to_dict() for measure in MEASURES},
                "distance": row.distance,
                "n": len(row.episodes),
                "seeds": list(row.repetitions),
            }
            for row in self.leaderboard()
        ]
        return {"rows": rows, "reachability": [reach.to_dict() for reach in self.reachability]}

    def to_csv(self) -> str:
        """Return the leaderboard as comma-separated values, an interval as three columns, unknown values empty."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        ends = [f"{m}{end}" for m in MEASURES for end in ("", "_low", "_high")]
        writer.writerow(["victim", "attack", "epsilon", *ends, "distance", "n", "seeds"])
        for row in self.leaderboard():
            values = [value for m in MEASURES for value in _ends(getattr(row, m))]
            counts = [row.distance, len(row.episodes), len(row.repetitions)]
            writer.writerow([row.policy, row.attack, row.epsilon, *values, *counts])
        return out.getvalue()

    def to_markdown(self) -> str:
        """Return the leaderboard in Markdown."""
        lines = [
            "| victim | attack | epsilon | return | loss against clean | success | attacker's success | n |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {_cell(r.policy)} | {_cell(r.attack)} | {r.epsilon:g} | {r.reward} | "
            f"{'-' if r.attack == 'clean' else r.loss} | {r.success} | {r.attacker_success} | {_count(r)} |"
            for r in self.leaderboard()
        ]
        return "\n".join(lines) + "\n"


def make_row(
    policy: str,
    attack: str,
    epsilon: float,
    clean: Mapping[int, Sequence[AttackedEpisode]],
    played: Mapping[int, Sequence[AttackedEpisode]],
    confidence: float = 0.95,
) -> RobustnessRow:
    """Summarise the episodes of one policy under one attack at one budget.

    With one repetition, intervals are over its episodes: BCa for means and paired differences, Wilson for rates. With
    several they are two-stage bootstraps over repetitions and the episodes within them.

    Args:
        policy: Name of the policy.
        attack: Name of the attack.
        epsilon: Budget of the attack.
        clean: The clean episodes, by repetition.
        played: The attacked episodes, by repetition, on the same seeds.
        confidence: Nominal coverage, in (0, 1).
    """
    rewards = [[e.reward for e in episodes] for episodes in played.values()]
    losses = [[a.reward - b.reward for a, b in zip(clean[s], played[s], strict=True)] for s in played]
    success, attacker = (
        [[flag for e in episodes if (flag := getattr(e, name)) is not None] for episodes in played.values()]
        for name in ("success", "attacker_success")
    )
    if len(played) == 1:
        (seed,) = played
        reward = mean(rewards[0], confidence)
        loss = paired_difference([e.reward for e in clean[seed]], rewards[0], confidence)
        rates = [rate(sum(flags[0]), len(flags[0]), confidence) for flags in (success, attacker)]
    else:
        reward, loss = (clustered_mean(values, confidence) for values in (rewards, losses))
        rates = [clustered_rate(flags, confidence) for flags in (success, attacker)]
    distance = max(e.distance for episodes in played.values() for e in episodes)
    repetitions = {seed: tuple(episodes) for seed, episodes in played.items()}
    return RobustnessRow(policy, attack, epsilon, reward, loss, rates[0], rates[1], distance, repetitions)


def _ends(interval: Interval) -> list[float | str]:
    return ["" if value != value else value for value in (interval.estimate, interval.low, interval.high)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _count(row: RobustnessRow) -> str:
    seeds = len(row.repetitions)
    return str(len(row.episodes)) if seeds == 1 else f"{len(row.episodes)} ({seeds} seeds)"
