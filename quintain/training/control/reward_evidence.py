"""What an evaluation shows: outcomes, deaths by cause, and the last steps of episodes as a reward function saw them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.reward_signature import RewardSignature, rows_of
from quintain.rewards.designer.patterns import distance_to
from quintain.rewards.designer.roles import Evidence, Trajectory
from quintain.training.control.reward_worlds import RewardWorlds

__all__ = ["PlayedEpisode", "collect_evidence"]

#: Steps of an episode that the analyzer reads.
LAST_STEPS = 16
#: Side of the cells that count as new ground, in units of ``position``.
_CELL = 3.0


@dataclass
class PlayedEpisode:
    """One evaluation episode.

    Attributes:
        seed: Seed of the environment's reset.
        actions: All actions.
        trajectory: Its outcome and last steps; ``None`` while it runs.
    """

    seed: int
    actions: list[Any] = field(default_factory=list)
    trajectory: Trajectory | None = None


class _Running:
    """The state of one episode while it is played."""

    def __init__(self, seed: int) -> None:
        self.episode = PlayedEpisode(seed)
        self.last: deque[tuple[Any, Any, float, float]] = deque(maxlen=LAST_STEPS)
        self.best, self.cells = np.inf, set[tuple[int, ...]]()
        self.dense_sum, self.paid, self.unearned = 0.0, 0, 0

    def add(self, signature: RewardSignature, inputs: Any, action: Any, sparse: float, dense: float) -> None:
        self.episode.actions.append(action)
        self.last.append((inputs, action, sparse, dense))
        gap = distance_to(inputs, signature)
        cell = tuple(int(value // _CELL) for value in inputs.get("position", ()))
        earned = gap < self.best or (bool(cell) and cell not in self.cells)
        self.best = min(self.best, gap)
        self.cells.add(cell)
        if dense > 0:
            self.paid += 1
            self.unearned += not earned
        self.dense_sum += 0.0 if dense != dense else dense

    def finish(self, outcome: str, cause: str, names: Sequence[str]) -> PlayedEpisode:
        inputs, actions, sparse, dense = zip(*self.last, strict=True)
        shown = [names[int(a)] if names and np.ndim(a) == 0 else np.asarray(a).round(2).tolist() for a in actions]
        self.episode.trajectory = Trajectory(
            outcome, cause, len(self.episode.actions), inputs, shown, sparse, dense, self.dense_sum, self.unearned,
            self.paid,
        )  # fmt: skip
        return self.episode


def collect_evidence(
    worlds: RewardWorlds,
    act: Callable[[NDArray[Any]], NDArray[Any]],
    seeds: Sequence[int],
    action_names: Sequence[str] = (),
) -> tuple[Evidence, list[PlayedEpisode]]:
    """Play one episode per seed and collect what they show.

    Args:
        worlds: The worlds, with ``inputs``; their own stream of seeds has to begin with ``seeds``.
        act: Maps observations, shape ``(n, d)``, to actions.
        seeds: Seeds of the episodes.
        action_names: Names of discrete actions.

    Returns:
        The evidence, failed episodes first, and the episodes in the order of the seeds.
    """
    finished: dict[int, PlayedEpisode] = {}
    observations = worlds.reset()
    numbers = list(range(worlds.n))
    started = worlds.n
    running = [_Running(seeds[k] if k < len(seeds) else -1) for k in numbers]
    while len(finished) < len(seeds):
        actions = act(observations)
        step = worlds.step(actions)
        assert step.inputs is not None, "the worlds must tell their inputs"
        rows = rows_of(step.inputs, worlds.signature, digits=2)
        observations = step.observations
        for k, inputs in enumerate(rows):
            if numbers[k] >= len(seeds):
                continue
            running[k].add(worlds.signature, inputs, actions[k], float(step.sparse[k]), float(step.dense[k]))
        for k in np.flatnonzero(step.done).tolist():
            if numbers[k] < len(seeds):
                died = bool(worlds.signature.failure and rows[k][worlds.signature.failure])
                outcome = "success" if step.success[k] else "death" if died else "failure"
                finished[numbers[k]] = running[k].finish(outcome, step.causes[k] if died else "", action_names)
            numbers[k], started = started, started + 1
            running[k] = _Running(seeds[numbers[k]] if numbers[k] < len(seeds) else -1)
    episodes = [finished[number] for number in range(len(seeds))]
    return _summary([episode.trajectory for episode in episodes if episode.trajectory is not None]), episodes


def _summary(trajectories: list[Trajectory]) -> Evidence:
    n = len(trajectories)
    counts = Counter(each.outcome for each in trajectories)
    causes = Counter(each.cause or "unknown" for each in trajectories if each.outcome == "death")
    return Evidence(
        n,
        counts["success"] / n,
        counts["death"] / n,
        float(np.mean([each.steps for each in trajectories])),
        dict(causes.most_common()),
        sorted(trajectories, key=lambda each: each.outcome == "success"),
    )
