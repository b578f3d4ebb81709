"""Results of a run, accumulated record by record, with intervals that are computed once, on demand."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.calibration import Calibration, calibration, confidence_of
from quintain.evaluation.items import Items
from quintain.evaluation.repeats import Repeats
from quintain.evaluation.robust import interquartile_mean, standard_deviation
from quintain.evaluation.statistics import Bounds, Interval, mean
from quintain.records import OUTCOMES, EpisodeRecord, Outcome

__all__ = ["Results", "TaskResults", "cut_off"]

_FINISHED, _ERROR, _SUCCESS = (OUTCOMES.index(name) for name in ("finished", "error", "success"))


def _column() -> array[float]:
    return array("d")


def _column_with_positions() -> tuple[array[float], array[int]]:
    return array("d"), array("q")


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


def cut_off(episode: EpisodeRecord) -> int:
    """Return how many replies of language models ended at ``max_tokens``, or where the context window was full."""
    return sum([reply.get("finish_reason") == "length" for call in episode.calls for reply in call["replies"]])


class Results:
    """What the tables and plots of a run need of its episodes: numbers in columns, without transcripts.

    Args:
        confidence: Nominal coverage of the intervals, in (0, 1).

    Attributes:
        confidence: Nominal coverage of the intervals, in (0, 1).
        reward_errors: Number of steps for which a reward term had no valid value.
        prompt_tokens: Number of prompt tokens of all requests to language models.
        completion_tokens: Number of tokens that language models generated.
        reasoning_tokens: Number of these that are reasoning.
        replies: Number of replies of language models.
        replies_cut_off: Number of these that ended at ``max_tokens`` or where the context window was full.
        rewards: Return of each scored episode; in games, of the first seat.
        lengths: Number of steps of each scored episode.
        tokens: Number of generated tokens of each scored episode.
        seconds: Duration of each scored episode in seconds.
        model_seconds: Time that language models spent on each scored episode for which the engine measured it.
        error_counts: Number of episodes per boundary and message of an infrastructure error.
        text: Whether the first scored episode's observations are texts.
        items: The item of every episode.
    """

    def __init__(self, confidence: float = 0.95) -> None:
        self.confidence = confidence
        self.reward_errors = self.prompt_tokens = self.completion_tokens = self.reasoning_tokens = 0
        self.replies = self.replies_cut_off = 0
        self.rewards, self.lengths, self.tokens, self.seconds = array("d"), array("d"), array("d"), array("d")
        self.model_seconds = array("d")
        self._thoughts, self._cut = array("d"), array("d")
        self.error_counts: Counter[tuple[str, str]] = Counter()
        self.text = False
        self.items = Items()
        # Of every episode: numbers of its outcome and of its task, in order of appearance, -1 for none; its answer.
        self._outcome, self._task, self._answer = array("b"), array("q"), array("q")
        self._tasks: dict[str, int] = {}
        self._scored = array("q")  # positions of the scored episodes
        # Columns are made when they are needed: this is the hot path of pages of many episodes.
        self._returns: defaultdict[str, array[float]] = defaultdict(_column)
        self._terms: defaultdict[str, array[float]] = defaultdict(_column)
        self._metrics: defaultdict[str, tuple[array[float], array[int]]]  # values, and the episode of each
        self._metrics = defaultdict(_column_with_positions)
        self._confidences, self._judged = array("d"), array("q")  # and the position of each one's episode

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
        self.reward_errors += episode.reward_errors
        self.prompt_tokens += episode.prompt_tokens
        self.completion_tokens += episode.completion_tokens
        self.reasoning_tokens += episode.reasoning_tokens
        cut = 0
        if episode.calls:
            self.replies += sum([len(call["replies"]) for call in episode.calls])
            self.replies_cut_off += (cut := cut_off(episode))
        self._outcome.append(OUTCOMES.index(episode.outcome))
        task = episode.info.get("task")
        self._task.append(-1 if task is None else self._tasks.setdefault(str(task), len(self._tasks)))
        self.items.add(episode)
        answer = episode.info.get("answer")
        self._answer.append(0 if answer is None else hash(" ".join(str(answer).split())) or 1)
        if episode.error is not None:
            self.error_counts[episode.error.get("boundary", "?"), episode.error.get("message", "")] += 1
        if episode.outcome != "error":
            self._add_scores(episode, cut)
            if episode.outcome != "finished" and (confidence := confidence_of(episode)) is not None:
                self._confidences.append(confidence)
                self._judged.append(len(self._outcome) - 1)

    def _add_scores(self, episode: EpisodeRecord, cut: int) -> None:
        if not self.rewards:
            self.text = any(isinstance(step["observation"], str) for step in episode.steps[:1])
        scored, position = len(self.rewards), len(self._outcome) - 1
        for name, value in episode.reward_terms.items():
            column = self._terms[name]
            if len(column) < scored:
                column.extend([0.0] * (scored - len(column)))  # earlier episodes without the term
            column.append(value)
        self.rewards.append(episode.reward)
        self._scored.append(position)
        self.lengths.append(len(episode.steps))
        self.tokens.append(episode.completion_tokens)
        self._thoughts.append(episode.reasoning_tokens)
        self._cut.append(cut)
        self.seconds.append(episode.wall_s)
        if episode.calls and (spent := episode.model_s) is not None:
            self.model_seconds.append(spent)
        for seat, value in episode.returns.items():
            self._returns[seat].append(value)
        for name, value in episode.info.get("metrics", {}).items():
            if value is None or math.isnan(value):  # NaN, which records store as null, is no measurement
                continue
            values, positions = self._metrics[name]
            values.append(value)
            positions.append(position)

    @cached_property
    def outcomes(self) -> dict[Outcome, int]:
        """Number of episodes per outcome."""
        return {outcome: self._outcome.count(number) for number, outcome in enumerate(OUTCOMES)}

    @property
    def episodes(self) -> int:
        """Number of episodes, infrastructure errors included."""
        return len(self._outcome)

    @property
    def scored(self) -> int:
        """Number of episodes without infrastructure error."""
        return len(self.rewards)

    @property
    def errors(self) -> int:
        """Number of episodes that failed for infrastructure reasons."""
        return self._outcome.count(_ERROR)

    @cached_property
    def success(self) -> Interval:
        """Success rate over scored episodes; ``n = 0`` if the environment defines no success.

        The interval is Wilson's, or over different items where some were drawn more than once.
        """
        return self._success(np.arange(self.episodes))

    @cached_property
    def worst_case(self) -> Interval:
        """Success rate with infrastructure errors counted as failures. See :attr:`Report.worst_case`."""
        return self._success(np.arange(self.episodes), worst=True)

    @cached_property
    def by_task(self) -> dict[str, TaskResults]:
        """Results per task, sorted by name; empty where the environment has no tasks."""
        outcomes, tasks = np.asarray(self._outcome), np.asarray(self._task)
        found = {}
        for name in sorted(self._tasks):
            here = np.flatnonzero(tasks == self._tasks[name])
            errors = int((outcomes[here] == _ERROR).sum())
            found[name] = TaskResults(self._success(here), self._success(here, worst=True), errors)
        return found

    @cached_property
    def repeats(self) -> Repeats | None:
        """The answers to each item; ``None`` where each has one, or the environment defines no success."""
        outcomes = np.asarray(self._outcome)
        judged = np.flatnonzero((outcomes != _FINISHED) & (outcomes != _ERROR))
        if self.items.repeats == 1 or not len(judged):
            return None
        return Repeats(
            self.items.asked[judged], self.items.labels[judged], outcomes[judged] == _SUCCESS,
            np.asarray(self._answer, dtype=np.int64)[judged], self.items.repeats, self.confidence,
        )  # fmt: skip

    @cached_property
    def calibration(self) -> Calibration | None:
        """Calibration of the confidences that the agent or the environment recorded; ``None`` without any."""
        if not self._confidences:
            return None
        judged = np.asarray(self._judged)
        right = np.asarray(self._outcome)[judged] == _SUCCESS
        clusters = self.items.clusters(judged)
        unit = "answers" if clusters is None else "different items"
        return calibration(np.asarray(self._confidences), right, self.confidence, clusters=clusters, unit=unit)

    @cached_property
    def reward(self) -> Interval:
        """Mean return over scored episodes; in games, of the first seat."""
        return self._mean(self.rewards)

    @cached_property
    def reward_iqm(self) -> Interval:
        """Interquartile mean of the returns of scored episodes; in games, of the first seat."""
        return interquartile_mean(self.rewards, self.confidence)

    @cached_property
    def reward_std(self) -> Interval:
        """Standard deviation of the returns of scored episodes; in games, of the first seat."""
        return standard_deviation(self.rewards, self.confidence)

    @cached_property
    def is_control(self) -> bool:
        """Whether returns are more than a verdict: observations are no texts, and more than two returns occur."""
        return not self.text and len(set(self.rewards)) > 2

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
        return {name: self._mean(*self._metrics[name]) for name in sorted(self._metrics)}

    @cached_property
    def steps_per_episode(self) -> Interval:
        """Mean number of steps of a scored episode."""
        return self._mean(self.lengths)

    @cached_property
    def tokens_per_episode(self) -> Interval:
        """Mean number of generated tokens of a scored episode."""
        return self._mean(self.tokens)

    @cached_property
    def reasoning_per_episode(self) -> Interval:
        """Mean number of generated tokens of a scored episode that are reasoning."""
        return self._mean(self._thoughts)

    @cached_property
    def cut_off_per_episode(self) -> Interval:
        """Mean number of a scored episode's replies that ended at ``max_tokens``."""
        return self._mean(self._cut)

    def mean_of(self, values: Sequence[float], bounds: Bounds | None = None) -> Interval:
        """Return the mean of one value per scored episode; over different items, where some were drawn more than once.

        Args:
            values: Finite values, in the order of the episodes.
            bounds: Smallest and largest possible value; ``None`` if unknown.
        """
        return self._over_items(np.asarray(values, dtype=np.float64), self._clusters, bounds)

    def _mean(self, values: array[float] | list[float], positions: array[int] | None = None) -> Interval:
        data = np.asarray(values, dtype=np.float64)
        if len(data) == self.scored:
            if np.array_equal(data, self.rewards):
                return self._mean_reward  # a seat's return, or a reward's only term
            return self._over_items(data, self._clusters)
        return self._over_items(data, None if positions is None else self.items.clusters(np.asarray(positions)))

    @cached_property
    def _mean_reward(self) -> Interval:
        return self._over_items(np.asarray(self.rewards), self._clusters)

    @cached_property
    def _clusters(self) -> NDArray[Any] | None:
        """The items of the scored episodes, where some were drawn more than once."""
        return self.items.clusters(np.asarray(self._scored))

    def _over_items(
        self, data: NDArray[np.float64], clusters: NDArray[Any] | None, bounds: Bounds | None = None
    ) -> Interval:
        if clusters is not None and self.items.repeats == 1 and len(clusters) > 1 and not np.ptp(clusters):
            nothing = mean(data[:1], self.confidence, unit="different items")
            note = "no interval: all episodes posed one item"
            return replace(nothing, estimate=float(data.mean()), n=len(data), note=note, clusters=1)
        unit = "" if clusters is None else "different items"
        return mean(data, self.confidence, bounds=bounds, clusters=clusters, unit=unit)

    def _success(self, episodes: NDArray[np.int64], *, worst: bool = False) -> Interval:
        outcomes = np.asarray(self._outcome)[episodes]
        judged = (outcomes != _FINISHED) & (outcomes != _ERROR)
        if worst and (judged.any() or not (outcomes == _FINISHED).any()):
            judged = outcomes != _FINISHED
        flags = (outcomes[judged] == _SUCCESS).astype(np.float64)
        return self._over_items(flags, self.items.clusters(episodes[judged]), (0, 1))
