"""The numbers of a run, gathered record by record, and their intervals, each computed once."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from quintain.evaluation.statistics import Interval, mean, rate
from quintain.records import OUTCOMES, EpisodeRecord, Outcome

__all__ = ["Results", "TaskResults"]


@dataclass(frozen=True, slots=True)
class TaskResults:
    """Results on one task.

    Attributes:
        success: Success rate over scored episodes.
        worst_case: Success rate with infrastructure errors counted as failures.
        errors: Number of infrastructure errors.
    """

    success: Interval
    worst_case: Interval
    errors: int


class Results:
    """What the tables and plots of a run need of its episodes: numbers in columns, without transcripts.

    Args:
        confidence: Nominal coverage of the intervals, in (0, 1).

    Attributes:
        confidence: As given.
        reward_errors: Number of steps for which a reward term had no valid value.
        prompt_tokens: Number of prompt tokens of all requests to language models.
        completion_tokens: Number of tokens that language models generated.
        rewards: Return of each scored episode; in games, of the first seat.
        lengths: Number of steps of each scored episode.
        tokens: Number of generated tokens of each scored episode.
        seconds: Duration of each scored episode in seconds.
        error_counts: Number of episodes per boundary and message of an infrastructure error.
        text: Whether the first scored episode's observations are texts.
    """

    def __init__(self, confidence: float = 0.95) -> None:
        self.confidence = confidence
        self.reward_errors = self.prompt_tokens = self.completion_tokens = 0
        self.rewards, self.lengths, self.tokens, self.seconds = array("d"), array("d"), array("d"), array("d")
        self.error_counts: Counter[tuple[str, str]] = Counter()
        self.text = False
        self._outcomes: Counter[Outcome] = Counter()
        self._tasks: dict[str, Counter[Outcome]] = {}
        self._returns: dict[str, array[float]] = {}
        self._terms: dict[str, array[float]] = {}
        self._metrics: dict[str, array[float]] = {}

    @classmethod
    def of(cls, episodes: Iterable[EpisodeRecord], confidence: float = 0.95) -> Self:
        """Gather the results of episodes.

        Args:
            episodes: The records, sorted by index.
            confidence: Nominal coverage of the intervals, in (0, 1).
        """
        results = cls(confidence)
        for episode in episodes:
            results.add(episode)
        return results

    def add(self, episode: EpisodeRecord) -> None:
        """Add the numbers of one more episode. All episodes must be added before the first interval is asked for."""
        self._outcomes[episode.outcome] += 1
        self.reward_errors += episode.reward_errors
        self.prompt_tokens += episode.prompt_tokens
        self.completion_tokens += episode.completion_tokens
        if "task" in episode.info:
            self._tasks.setdefault(str(episode.info["task"]), Counter())[episode.outcome] += 1
        if episode.error is not None:
            self.error_counts[episode.error.get("boundary", "?"), episode.error.get("message", "")] += 1
        if episode.outcome != "error":
            self._add_scores(episode)

    def _add_scores(self, episode: EpisodeRecord) -> None:
        if not self.rewards:
            self.text = any(isinstance(step["observation"], str) for step in episode.steps[:1])
        for name, value in episode.reward_terms.items():
            column = self._terms.setdefault(name, array("d"))
            column.extend([0.0] * (len(self.rewards) - len(column)))  # earlier episodes without the term
            column.append(float(value))
        self.rewards.append(episode.reward)
        self.lengths.append(len(episode.steps))
        self.tokens.append(episode.completion_tokens)
        self.seconds.append(episode.wall_s)
        for seat, value in episode.returns.items():
            self._returns.setdefault(seat, array("d")).append(value)
        for name, value in episode.info.get("metrics", {}).items():
            self._metrics.setdefault(name, array("d")).append(float(value))

    @cached_property
    def outcomes(self) -> dict[Outcome, int]:
        """Number of episodes per outcome."""
        return {outcome: self._outcomes[outcome] for outcome in OUTCOMES}

    @property
    def episodes(self) -> int:
        """Number of episodes, infrastructure errors included."""
        return self._outcomes.total()

    @property
    def scored(self) -> int:
        """Number of episodes without infrastructure error."""
        return len(self.rewards)

    @property
    def errors(self) -> int:
        """Number of episodes that failed for infrastructure reasons."""
        return self._outcomes["error"]

    @cached_property
    def success(self) -> Interval:
        """Success rate over scored episodes with Wilson's interval; ``n = 0`` if the environment defines no success."""
        return _success(self._outcomes, self.confidence)

    @cached_property
    def worst_case(self) -> Interval:
        """Success rate with infrastructure errors counted as failures. See :attr:`Report.worst_case`."""
        return _worst_case(self._outcomes, self.confidence)

    @cached_property
    def by_task(self) -> dict[str, TaskResults]:
        """Results per task, sorted by name; empty where the environment has no tasks."""
        return {
            task: TaskResults(_success(n, self.confidence), _worst_case(n, self.confidence), n["error"])
            for task, n in sorted(self._tasks.items())
        }

    @cached_property
    def reward(self) -> Interval:
        """Mean return over scored episodes with a BCa interval; in games, of the first seat."""
        return self._mean(self.rewards)

    @cached_property
    def returns(self) -> dict[str, Interval]:
        """Mean return of each seat over scored episodes."""
        return {seat: self._mean(values) for seat, values in self._returns.items()}

    @cached_property
    def terms(self) -> dict[str, Interval]:
        """Mean of every reward term over scored episodes; an episode that lacks a term counts as 0."""
        padded = ((name, [*column, *[0.0] * (self.scored - len(column))]) for name, column in self._terms.items())
        return {name: self._mean(values) for name, values in padded}

    @cached_property
    def metrics(self) -> dict[str, Interval]:
        """Mean of each of the environment's metrics over the scored episodes that have it, sorted by name."""
        return {name: self._mean(self._metrics[name]) for name in sorted(self._metrics)}

    @cached_property
    def steps_per_episode(self) -> Interval:
        """Mean number of steps of a scored episode."""
        return self._mean(self.lengths)

    @cached_property
    def tokens_per_episode(self) -> Interval:
        """Mean number of generated tokens of a scored episode."""
        return self._mean(self.tokens)

    def _mean(self, values: array[float] | list[float]) -> Interval:
        data = np.asarray(values, dtype=np.float64)
        if len(data) == self.scored and np.array_equal(data, self.rewards):
            return self._mean_reward  # a seat's return, or a reward's only term
        return mean(data, self.confidence)

    @cached_property
    def _mean_reward(self) -> Interval:
        return mean(np.asarray(self.rewards), self.confidence)


def _success(n: Counter[Outcome], confidence: float) -> Interval:
    return rate(n["success"], n.total() - n["error"] - n["finished"], confidence)


def _worst_case(n: Counter[Outcome], confidence: float) -> Interval:
    judged = n.total() - n["error"] - n["finished"]
    if n["finished"] and not judged:
        return rate(0, 0, confidence)
    return rate(n["success"], judged + n["error"], confidence)
