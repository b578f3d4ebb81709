"""Results of a run, with confidence intervals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from quintain.errors import ConfigurationError
from quintain.evaluation.agreement import agreement_of
from quintain.evaluation.episode_rows import episode_row
from quintain.evaluation.failures import error_place
from quintain.evaluation.items import all_different
from quintain.evaluation.manifest import run_title
from quintain.evaluation.repeats import Majority, Repeats
from quintain.evaluation.results import Results
from quintain.evaluation.statistics import Interval
from quintain.evaluation.tabular import Row, Tabular, interval_row
from quintain.records import OUTCOMES, EpisodeFile, EpisodeRecord, Outcome, read_episodes, read_manifest

__all__ = ["Report"]


@dataclass(frozen=True, repr=False)
class Report(Tabular):
    """The results of a run. Episodes that failed for infrastructure reasons are counted apart and never scored.

    Attributes:
        episodes: The records, sorted by index.
        manifest: Configuration, versions and facts of the run, as in ``run.json``.
        path: The run folder; ``None`` if nothing was written.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """

    episodes: Sequence[EpisodeRecord]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    confidence: float = 0.95

    @classmethod
    def load(cls, run: str | Path, confidence: float = 0.95) -> Self:
        """Read a run folder.

        Args:
            run: Folder that a run wrote.
            confidence: Nominal coverage of the intervals, in (0, 1).

        Raises:
            RecordError: If there is no run, or it is damaged.
        """
        return cls(read_episodes(run), read_manifest(run), Path(run), confidence)

    @classmethod
    def open(cls, run: str | Path, confidence: float = 0.95) -> Self:
        """Open a run folder whose episodes are read one by one when they are needed: little memory, more time.

        Args:
            run: Folder that a run wrote.
            confidence: Nominal coverage of the intervals, in (0, 1).

        Raises:
            RecordError: If there is no run, or it is damaged.
        """
        return cls(EpisodeFile(run), read_manifest(run), Path(run), confidence)

    @cached_property
    def scored(self) -> list[EpisodeRecord]:
        """The episodes without infrastructure failure."""
        return [e for e in self.episodes if e.outcome != "error"]

    @cached_property
    def outline(self) -> Self:
        """The report without transcripts: of each episode index, seed, outcome, returns, task and error.

        It fits into memory where ``episodes`` is an :class:`~quintain.records.EpisodeFile`; any other report is its own
        outline.
        """
        if not isinstance(self.episodes, EpisodeFile):
            return self
        return replace(self, episodes=[_outline(episode) for episode in self.episodes])

    @cached_property
    def results(self) -> Results:
        """The numbers of the run in columns, with their intervals."""
        return Results.of(self.episodes, self.confidence)

    def each(self) -> Iterator[tuple[EpisodeRecord, bytes]]:
        """Iterate over the episodes and their lines in the run's file; a line is empty where there is no file.

        A whole pass also gathers :attr:`results`, which then need no pass of their own. This matters where ``episodes``
        is an :class:`~quintain.records.EpisodeFile`.
        """
        found: Iterator[tuple[EpisodeRecord, bytes]] = (
            self.episodes.with_lines()
            if isinstance(self.episodes, EpisodeFile)
            else ((episode, b"") for episode in self.episodes)
        )
        if "results" in vars(self):
            yield from found
            return
        results = Results(self.confidence)
        for episode, line in found:
            results.add(episode)
            yield episode, line
        vars(self)["results"] = results  # where cached_property looks

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """Number of episodes per outcome."""
        if "results" in vars(self) or isinstance(self.episodes, EpisodeFile):
            return self.results.outcomes
        counts = Counter(episode.outcome for episode in self.episodes)  # without the tables, which take far longer
        return {outcome: counts[outcome] for outcome in OUTCOMES}

    @property
    def errors(self) -> int:
        """Number of episodes that failed for infrastructure reasons."""
        return self.outcomes["error"]

    @property
    def reward_errors(self) -> int:
        """Number of steps for which a reward term had no valid value."""
        return self.results.reward_errors

    @property
    def repeats(self) -> str:
        """What to know of a run that posed an item more than once; empty for any other."""
        if isinstance(self.episodes, list) and "results" not in vars(self) and all_different(self.episodes):
            return ""  # the tables, which take longer than short episodes, may never be asked for
        found = self.results.items.drawn_again
        if found is None:
            return ""
        posed, different = found
        if different == 1:
            return f"all {posed:,} items of the run are the same one; it says nothing of others"
        return (
            f"the run posed {posed:,} items, of which only {different:,} are different; intervals count the episodes "
            "of one item as one cluster"
        )

    @property
    def success(self) -> Interval:
        """Success rate over scored episodes; ``n = 0`` if the environment defines no success."""
        return self.results.success

    @property
    def answers(self) -> Repeats:
        """The answers to each item of a run with ``repeats``: pass@k and majority votes.

        Raises:
            ConfigurationError: If every item has one answer, or the environment defines no success.
        """
        if self.results.repeats is None:
            raise ConfigurationError(
                "pass@k and majority votes need several judged answers to each item: evaluate(..., repeats=k)"
            )
        return self.results.repeats

    def pass_at(self, k: int) -> Interval:
        """Estimate the probability that at least one of ``k`` answers to an item is right, as Chen et al. (2021).

        Args:
            k: Number of answers, in [1, number of repeats].

        Raises:
            ConfigurationError: If ``k`` is out of range, or the run has no repeats.
        """
        return self.answers.pass_at(k)

    def majority(self) -> Majority:
        """Estimate how often the most frequent of the answers to an item is right (maj@k), and count ties.

        Raises:
            ConfigurationError: If the run has no repeats.
        """
        return self.answers.majority()

    @property
    def worst_case(self) -> Interval:
        """Success rate with every infrastructure error counted as a failure.

        Whatever the errors hide, the success rate over all episodes is at least this. Without errors it equals
        :attr:`success`; ``n = 0`` if the environment defines no success.
        """
        return self.results.worst_case

    @property
    def reward(self) -> Interval:
        """Mean return over scored episodes; in games, of the first seat."""
        return self.results.reward

    @property
    def returns(self) -> dict[str, Interval]:
        """Mean return of each seat over scored episodes."""
        return self.results.returns

    def metric(self, name: str) -> Interval:
        """Mean of one of the environment's metrics over scored episodes.

        Raises:
            KeyError: If no episode has this metric.
        """
        if name not in self.results.metrics:
            raise KeyError(f"no metric {name!r}; there are {self.metric_names}")
        return self.results.metrics[name]

    @property
    def metric_names(self) -> list[str]:
        """Names of the environment's metrics."""
        return list(self.results.metrics)

    @cached_property
    def by_task(self) -> dict[str, Report]:
        """One report per task, for environments that have tasks."""
        return {task: report for (task,), report in self.by("task").items()}

    def by(self, *keys: str) -> dict[tuple[str, ...], Report]:
        """Group the episodes by values of the last ``info``, as in ``by("suite", "split")``.

        Args:
            keys: Keys of ``info``; an episode that lacks one is left out.

        Returns:
            One report per combination of values that occurs, sorted.
        """
        groups: dict[tuple[str, ...], list[EpisodeRecord]] = defaultdict(list)
        for episode in self.episodes:
            if all(key in episode.info for key in keys):
                groups[tuple(str(episode.info[key]) for key in keys)].append(episode)
        return {group: type(self)(groups[group], self.manifest, None, self.confidence) for group in sorted(groups)}

    def share(self, condition: Callable[[EpisodeRecord], bool]) -> Interval:
        """Return the share of scored episodes for which ``condition`` is true."""
        return self.results.mean_of([float(condition(episode)) for episode in self.scored], (0, 1))

    @property
    def prompt_tokens(self) -> int:
        """Number of prompt tokens of all requests to language models."""
        return self.results.prompt_tokens

    @property
    def completion_tokens(self) -> int:
        """Number of tokens that language models generated."""
        return self.results.completion_tokens

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-able data."""
        return {
            "episodes": len(self.episodes),
            "outcomes": self.outcomes,
            "success": self._success_data(),
            "reward": self.reward.to_dict(),
            "reward_iqm": self.results.reward_iqm.to_dict(),
            "reward_std": self.results.reward_std.to_dict(),
            "metrics": {name: self.metric(name).to_dict() for name in self.metric_names},
            "reward_errors": self.reward_errors,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "reasoning_tokens": self.results.reasoning_tokens,
            "replies": self.results.replies,
            "replies_cut_off": self.results.replies_cut_off,
            "agreement": None if (found := agreement_of(self.manifest, self.confidence)) is None else found.to_dict(),
            "by_task": {task: report._success_data() for task, report in self.by_task.items()},
            **({} if (answers := self.results.repeats) is None else {"repeats": answers.to_dict()}),
        }

    def _success_data(self) -> dict[str, Any]:
        """Return the success rate, and beside it the worst case if there are errors, else ``None``."""
        return self.success.to_dict() | {"worst_case": self.worst_case.to_dict() if self.errors else None}

    def __str__(self) -> str:
        outcomes = ", ".join(f"{n} {name}" for name, n in self.outcomes.items() if n)
        invalid = f"; {self.reward_errors} steps without a valid reward term" if self.reward_errors else ""
        counts = f"{len(self.episodes)} episodes: {outcomes or 'none'}{invalid}"
        worst = f" (worst case {self.worst_case}: errors counted as failures)" if self.errors and self.success.n else ""
        success = f"success {self.success}{worst}, " if self.success.n else ""
        return f"{success}reward {self.reward} ({counts}){self._first_cause()}"

    def _first_cause(self) -> str:
        """Say why the first episode with an error failed; empty without errors."""
        failed = next((e.error for e in self.outline.episodes if e.error is not None), None)
        return "" if failed is None else f"; first error, {error_place(failed['boundary'])}: {failed['message']}"

    def headline(self) -> str:
        """Return environment, agent, number of episodes, success and reward."""
        return f"{run_title(self.manifest)}: {self}"

    def to_rows(self) -> list[Row]:
        """Return one row per episode: see :func:`~quintain.evaluation.episode_rows.episode_row`."""
        return [episode_row(episode) for episode in self.episodes]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return the results with their intervals, and the errors."""
        quantities = {"success": self.success} if self.success.n else {}
        if self.errors and self.success.n:
            quantities["success, errors counted as failures"] = self.worst_case
        quantities |= {f"return of {seat}": found for seat, found in self.returns.items() if seat != "agent"}
        quantities |= {} if set(self.returns) - {"agent"} else {"reward": self.reward}
        quantities |= {} if self.results.repeats is None else self.results.repeats.quantities()
        quantities |= {name.replace("_", " "): self.metric(name) for name in self.metric_names}
        errors = [
            {"episodes": n, "where": error_place(boundary), "message": message}
            for (boundary, message), n in self.results.error_counts.most_common(5)
        ]
        rows = [{"": name, **interval_row(found)} for name, found in quantities.items()]
        return [("", rows), ("Errors, which are never scored", errors)]


#: Parts of ``info`` that an outline keeps.
_OUTLINED = ("task", "task_id", "task_hash")


def _outline(episode: EpisodeRecord) -> EpisodeRecord:
    info = {name: episode.info[name] for name in _OUTLINED if name in episode.info}
    return EpisodeRecord(
        episode.index, episode.seed, episode.outcome, episode.returns, _NOTHING, None, episode.truncated, info,
        _NO_TERMS, 0, episode.error, _NOTHING, item=episode.item, repeat=episode.repeat,
    )  # fmt: skip


# Shared by all outlines, which hold none.
_NOTHING: list[Any] = []
_NO_TERMS: dict[str, float] = {}
