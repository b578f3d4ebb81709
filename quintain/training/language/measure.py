"""Accuracy of a language model during training: sampled, greedy, and of the best of several answers.

Reinforcement learning that merely sharpens a policy raises the accuracy of sampled answers and not of greedy ones, so
none of these figures is enough alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from quintain.agents.language.chat import ChatAgent
from quintain.engines.lock_step import in_lock_step
from quintain.errors import RepeatedItemsWarning
from quintain.evaluation.rollout import items_of
from quintain.evaluation.runner import evaluate
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream, episode_seeds
from quintain.training.language.policy import at_temperature
from quintain.training.sources import Draw, Worlds

__all__ = ["EvaluationPlan", "evaluation_draws", "measure"]


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Where and how often a policy is measured.

    Attributes:
        worlds: The environment; ``None`` for nowhere.
        every: Iterations between measurements; 0 for none.
        episodes: Number of problems, the same each time.
        pass_k: Sampled answers to each.
        metrics: Metrics of the environment, shares, of which means are measured. Default: none.
    """

    worlds: Worlds | None
    every: int
    episodes: int
    pass_k: int
    metrics: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether the policy is measured at all."""
        return self.worlds is not None and self.every > 0

    def due(self, iteration: int) -> bool:
        """Whether the policy is measured before this iteration."""
        return self.wanted and iteration % self.every == 0


def measure(agent: ChatAgent, plan: EvaluationPlan, seeds: SeedStream) -> dict[str, float]:
    """Return the accuracy of an agent: ``eval/sampled`` at its own temperature, ``eval/greedy`` and ``eval/pass@k``.

    Accuracy is the share of episodes with success, in [0, 1], among those that infrastructure did not end; NaN where
    the environment reports no success. Of each of the plan's metrics, ``eval/NAME`` is the mean over sampled episodes
    and ``eval/greedy NAME`` that over greedy ones.
    """
    assert plan.worlds is not None
    worlds, k = plan.worlds, plan.pass_k
    play = partial(
        evaluate, worlds.env, env_kwargs=worlds.env_kwargs, episodes=plan.episodes, seed=seeds.seed,
        concurrency=256, progress=False,
    )  # fmt: skip
    with in_lock_step(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RepeatedItemsWarning)  # small tasks may pose an item twice
        sampled, greedy = play(agent, repeats=k), play(at_temperature(agent, 0.0))
    by_item: dict[int | None, list[bool]] = {}
    for episode in sampled.episodes:
        if episode.outcome not in ("error", "finished"):
            by_item.setdefault(episode.item, []).append(episode.outcome == "success")
    decided = [e.outcome == "success" for e in greedy.episodes if e.outcome not in ("error", "finished")]
    right = [np.mean(answers) for answers in by_item.values()]
    return {
        "eval/sampled": float(np.mean(right)) if right else float("nan"),
        f"eval/pass@{k}": float(np.mean([any(answers) for answers in by_item.values()])) if right else float("nan"),
        "eval/greedy": float(np.mean(decided)) if decided else float("nan"),
        **{f"eval/{name}": _mean_metric(sampled.episodes, name) for name in plan.metrics},
        **{f"eval/greedy {name}": _mean_metric(greedy.episodes, name) for name in plan.metrics},
    }


def evaluation_draws(plan: EvaluationPlan, seeds: SeedStream) -> list[Draw]:
    """Return the beginnings of the episodes that :func:`measure` plays; none where the policy is not measured."""
    if plan.worlds is None or not plan.wanted:
        return []
    env = plan.worlds.make()
    try:
        items = items_of(env)
    finally:
        env.close()
    each = episode_seeds(seeds.seed)
    return [Draw(each[k], None if items is None else {"item": k % items}) for k in range(plan.episodes)]


def _mean_metric(episodes: Iterable[EpisodeRecord], name: str) -> float:
    found = [value for e in episodes if (value := (e.info.get("metrics") or {}).get(name)) is not None]
    return float(np.mean(found)) if found else float("nan")
