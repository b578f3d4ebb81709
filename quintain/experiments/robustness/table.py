"""Results of a robustness experiment: policies under attacks and budgets on the same seeds, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quintain.attacks.episodes import AttackedEpisode
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Bounds, Interval, mean, paired_difference
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.robustness.clusters import clustered_mean
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
        errors: Number of episodes that failed for infrastructure reasons; no other figure contains them.
        worst_success: ``success`` with every error as a failure of the policy; equal to it without errors.
        worst_attacker_success: ``attacker_success`` with every error as a success of the attacker.
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
    errors: int
    worst_success: Interval
    worst_attacker_success: Interval
    repetitions: Mapping[int, tuple[AttackedEpisode, ...]]

    @property
    def episodes(self) -> tuple[AttackedEpisode, ...]:
        """All episodes, one repetition after the other."""
        return tuple(episode for episodes in self.repetitions.values() for episode in episodes)


@dataclass(frozen=True, repr=False)
class RobustnessTable(Tabular):
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
    def errors(self) -> int:
        """Number of episodes that failed for infrastructure reasons."""
        return sum(row.errors for row in self.rows)

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, in order."""
        return tuple(dict.fromkeys(row.policy for row in self.rows))

    @cached_property
    def _adjusted(self) -> dict[int, float]:
        compared = [row for row in self.rows if row.attack != "clean"]
        return {id(row): p for row, p in zip(compared, holm([row.loss.p_value for row in compared]), strict=True)}

    @property
    def comparisons(self) -> int:
        """Number of losses that were tested."""
        return sum(p == p for p in self._adjusted.values())

    def holm(self, row: RobustnessRow) -> float:
        """Return the p-value of a row's loss being 0, corrected by Holm for all rows; NaN without a test."""
        return self._adjusted.get(id(row), math.nan)

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
                **{measure: getattr(row, measure).to_dict() for measure in self._measures},
                **({"errors": row.errors} if self.errors else {}),
                "loss_p_holm": None if math.isnan(p := self.holm(row)) else p,
                "distance": row.distance,
                "n": len(row.episodes),
                "seeds": list(row.repetitions),
            }
            for row in self.leaderboard()
        ]
        return {"rows": rows, "reachability": [reach.to_dict() for reach in self.reachability]}

    def headline(self) -> str:
        """Return the policies and the attack that costs each most at the largest budget."""
        found = []
        for policy in self.policies:
            attacked = [row for row in self.rows if row.policy == policy and row.attack != "clean"]
            largest = max((row.epsilon for row in attacked), default=0.0)
            worst = max((r for r in attacked if r.epsilon == largest), key=lambda r: r.loss.estimate, default=None)
            clean = f"{policy}: return {self.clean(policy).reward}"
            cost = "" if worst is None else f", loss {worst.loss} to {worst.attack} at {worst.epsilon:g}"
            found.append(clean + cost)
        return "; ".join(found) or "no policy has a complete row"

    def to_rows(self) -> list[Row]:
        """Return the leaderboard, an interval as three columns.

        Where there are errors, they and the worst cases have columns of their own.
        """
        return [
            {
                "victim": row.policy,
                "attack": row.attack,
                "epsilon": row.epsilon,
                **{name: v for m in self._measures for name, v in ends_of(m, getattr(row, m)).items()},
                "distance": row.distance,
                "n": len(row.episodes),
                "seeds": len(row.repetitions),
                **({"errors": row.errors} if self.errors else {}),
                "loss_p_holm": self.holm(row),
            }
            for row in self.leaderboard()
        ]

    def to_markdown(self) -> str:
        """Return the leaderboard in Markdown. Where there are errors, rates have their worst case beside them."""
        heads = ["victim", "attack", "epsilon", "return", "loss against clean", f"p (Holm, of {self.comparisons})"]
        heads += ["success", "attacker's success", "n"]
        if self.errors:
            heads[7:8] = ["worst case", "attacker's success", "worst case"]
            heads.append("errors")
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for r in self.leaderboard():
            loss = "-" if r.attack == "clean" else str(r.loss)
            cells = [_cell(r.policy), _cell(r.attack), f"{r.epsilon:g}", str(r.reward), loss, _p(self.holm(r))]
            cells.append(str(r.success))
            cells += [str(r.worst_success)] if self.errors else []
            cells += [str(r.attacker_success), *([str(r.worst_attacker_success)] if self.errors else []), _count(r)]
            cells += [str(r.errors)] if self.errors else []
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    @property
    def _measures(self) -> tuple[str, ...]:
        return (*MEASURES, "worst_success", "worst_attacker_success") if self.errors else MEASURES


def make_row(
    policy: str,
    attack: str,
    epsilon: float,
    clean: Mapping[int, Sequence[AttackedEpisode]],
    played: Mapping[int, Sequence[AttackedEpisode]],
    confidence: float = 0.95,
    errors: Mapping[int, int] | None = None,
) -> RobustnessRow:
    """Summarise the episodes of one policy under one attack at one budget.

    Intervals are those of :func:`~quintain.evaluation.statistics.mean`: with one repetition over its episodes, with
    several over repetitions.

    Args:
        policy: Name of the policy.
        attack: Name of the attack.
        epsilon: Budget of the attack.
        clean: The clean episodes, by repetition.
        played: The attacked episodes, by repetition, on the same seeds.
        confidence: Nominal coverage, in (0, 1).
        errors: Number of episodes that failed for infrastructure reasons, by repetition. Default: none.
    """
    rewards = [[e.reward for e in episodes] for episodes in played.values()]
    pairs = [list(_pairs(clean[s], played[s])) for s in played]
    success, attacker = (
        [[flag for e in episodes if (flag := getattr(e, name)) is not None] for episodes in played.values()]
        for name in ("success", "attacker_success")
    )
    reward = _over_seeds(rewards, confidence)
    labels = [seed for seed, group in zip(played, pairs, strict=True) for _ in group]
    loss = paired_difference(
        [a.reward for group in pairs for a, _ in group], [b.reward for group in pairs for _, b in group], confidence,
        clusters=None if len(played) == 1 else labels, unit="episodes" if len(played) == 1 else "seeds",
    )  # fmt: skip
    missing = [(errors or {}).get(seed, 0) for seed in played]
    distance = max((e.distance for episodes in played.values() for e in episodes), default=0.0)
    repetitions = {seed: tuple(episodes) for seed, episodes in played.items()}
    return RobustnessRow(
        policy, attack, epsilon, reward, loss, _rate(success, confidence), _rate(attacker, confidence), distance,
        sum(missing), _worst(success, missing, False, confidence), _worst(attacker, missing, True, confidence),
        repetitions,
    )  # fmt: skip


def _pairs(
    clean: Sequence[AttackedEpisode], played: Sequence[AttackedEpisode]
) -> Iterator[tuple[AttackedEpisode, AttackedEpisode]]:
    """Pair the episodes that have the same seed; one of a pair may have failed."""
    partners = {episode.seed: episode for episode in clean}
    return ((partners[episode.seed], episode) for episode in played if episode.seed in partners)


def _rate(flags: Sequence[Sequence[bool]], confidence: float) -> Interval:
    return _over_seeds(flags, confidence, (0, 1))


def _worst(flags: Sequence[Sequence[bool]], missing: Sequence[int], bad: bool, confidence: float) -> Interval:
    """Return the rate with each missing episode counted as ``bad``; no data where the environment reports none."""
    if not any(flags):
        return _rate(flags, confidence)
    return _rate([[*group, *[bad] * lost] for group, lost in zip(flags, missing, strict=True)], confidence)


def _over_seeds(groups: Sequence[Sequence[float]], confidence: float, bounds: Bounds | None = None) -> Interval:
    """Return the mean over repetitions; with only one repetition, over its episodes."""
    known = [values for values in groups if values]
    if len(groups) == 1 or not known:
        return mean([value for values in known for value in values], confidence, bounds=bounds, unit="episodes")
    return clustered_mean(known, confidence, bounds=bounds)


def _p(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _count(row: RobustnessRow) -> str:
    seeds = len(row.repetitions)
    return str(len(row.episodes)) if seeds == 1 else f"{len(row.episodes)} ({seeds} seeds)"
