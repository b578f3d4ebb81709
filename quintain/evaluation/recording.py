"""A run in progress: which episodes exist, which remain, and what happens to finished ones."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from quintain.errors import ConfigurationError
from quintain.evaluation.job import DEFAULT_MAX_STEPS
from quintain.evaluation.observations import OBSERVATIONS, Observations, check_observations
from quintain.evaluation.progress import progress_bar
from quintain.evaluation.report import Report
from quintain.evaluation.requests import SharedTexts, expand
from quintain.evaluation.run_folder import RunFolder
from quintain.json_text import to_json
from quintain.records import EpisodeRecord, read_manifest
from quintain.redaction import holds_secret, knows_secrets, redact_data, redact_settings

#: Length of a record, in characters, from which the user is told how it could be smaller.
_LARGE = 20_000_000

__all__ = ["Recording", "check_confidence", "check_counts"]


class Recording:
    """Collects the records of a run, writes them to its folder, and shows progress. Use as a context manager.

    Args:
        manifest: Configuration, versions and platform of the run.
        episodes: Indices of the episodes, or their number, >= 1.
        out: Run folder for manifest and records; ``None`` writes nothing.
        resume: Continue the run in ``out``: finished episodes are kept.
        retry_errors: With ``resume``: only the episodes that failed for infrastructure reasons remain to be played.
        observations: How to store observations, one of :data:`~quintain.evaluation.observations.OBSERVATIONS`;
            ``None``: as in the run that is continued, else ``"json"``.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_episode: Called with each finished record, in order of completion.

    Attributes:
        todo: Indices of the episodes to play.
        episodes: The records so far, by index.
        observations: How observations are stored, once entered.
        bar: The progress bar, once entered.

    Raises:
        ConfigurationError: If ``resume`` or ``retry_errors`` lacks what it needs.
        RecordError: On entering: if the folder cannot be written, or holds another run.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        episodes: int | Sequence[int],
        *,
        out: str | Path | None = None,
        resume: bool = False,
        retry_errors: bool = False,
        observations: str | None = None,
        progress: bool | None = None,
        on_episode: Callable[[EpisodeRecord], None] | None = None,
    ) -> None:
        check_observations(observations, out)
        if out is None and (resume or retry_errors):
            raise ConfigurationError("resume and retry_errors need the folder of the run: out=...")
        if retry_errors and not resume:
            raise ConfigurationError("retry_errors continues a run: give resume=True as well")
        self.todo = list(range(episodes) if isinstance(episodes, int) else episodes)
        self.episodes: dict[int, EpisodeRecord] = {}
        self.observations = observations or OBSERVATIONS[0]
        self._wanted_observations = observations
        self._manifest = dict(manifest)
        self._out = None if out is None else Path(out)
        self._resume = resume
        self._retry_errors = retry_errors
        self._progress = progress
        self._on_episode = on_episode
        self._folder: RunFolder | None = None
        self._taken: Observations | None = None
        self._texts: SharedTexts | None = None
        self._warned = self._warned_of_size = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        total, wanted = len(self.todo), frozenset(self.todo)
        self.observations = self._choose_observations()
        if self.observations != OBSERVATIONS[0]:
            self._manifest["observations"] = self.observations
            self._taken = Observations(self.observations, self._out)
        with ExitStack() as stack:
            if self._out is not None:
                self._folder = stack.enter_context(RunFolder(self._out, self._manifest, resume=self._resume))
                stored = {e.index: e for e in self._folder.episodes if e.index in wanted}
                failed = [index for index, episode in stored.items() if episode.outcome == "error"]
                if self._retry_errors:
                    self.todo = failed
                    self.episodes = {index: stored[index] for index in stored.keys() - failed}
                else:
                    self.todo = [index for index in self.todo if index not in stored]
                    self.episodes = stored
            self.bar = stack.enter_context(progress_bar(total, self.episodes.values(), self._progress))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, record: EpisodeRecord) -> None:
        """Add, write and show a finished episode, with known secrets masked.

        Raises:
            RecordError: If it cannot be written.
        """
        if self._taken is not None:
            record = self._taken.take(record)
        if self._folder is not None:
            line = record.to_line() if knows_secrets() else None
            if line is not None and holds_secret(line):
                line = to_json(redact_data(json.loads(expand(record).to_line())))
                record = EpisodeRecord.from_line(line)
            elif (shared := self._share(self._folder, record)) is not record or line is None:
                line = shared.to_line()
            self._folder.append_line(line)
            if len(line) > _LARGE and self.observations == OBSERVATIONS[0] and not self._warned_of_size:
                self._warn_of_size(record, len(line))
        self.episodes[record.index] = record
        self.bar.update(record)
        if not self._warned and record.info.get("truncated_by") == "max_steps":
            self._warn_of_default_cap(record)
        if self._on_episode is not None:
            self._on_episode(record)

    def _warn_of_default_cap(self, record: EpisodeRecord) -> None:
        """Warn once if it is not the user who capped the episodes."""
        self._warned = True
        if self._manifest.get("config", {}).get("max_steps", DEFAULT_MAX_STEPS) == DEFAULT_MAX_STEPS:
            warnings.warn(
                f"episode {record.index} had not ended after {DEFAULT_MAX_STEPS:,} steps, the default of max_steps, "
                "and was truncated; give another max_steps (--max-steps), or None (0) for no cap",
                RuntimeWarning,
                stacklevel=2,
            )

    def _share(self, folder: RunFolder, record: EpisodeRecord) -> EpisodeRecord:
        """Return a record whose first messages are in the run's manifest, and write those that are new there."""
        if not record.messages:
            return record
        if self._texts is None:
            self._texts = SharedTexts(read_manifest(folder.path).get("texts"))
        shared, is_new = self._texts.share(record)
        if is_new:
            folder.write_texts(self._texts.texts)
        return shared

    def _choose_observations(self) -> str:
        """Return how observations are stored: as in the run that is continued, if there is one.

        Raises:
            ConfigurationError: If another way is asked for.
        """
        if self._out is None or not self._resume or not (stored := read_manifest(self._out)):
            return self.observations
        mode = str(stored.get("observations", OBSERVATIONS[0]))
        if self._wanted_observations not in (None, mode):
            raise ConfigurationError(
                f"{str(self._out)!r} stores observations as {mode!r}, not {self._wanted_observations!r}; leave the "
                "option out to go on"
            )
        return mode

    def _warn_of_size(self, record: EpisodeRecord, size: int) -> None:
        self._warned_of_size = True
        warnings.warn(
            f"the record of episode {record.index} takes {size / 1e6:,.0f} MB, since it holds every observation as "
            "JSON; observations='npz' (--observations npz) takes a small part of that, 'none' leaves them out",
            RuntimeWarning,
            stacklevel=2,
        )

    def add_facts(self, facts: dict[str, Any]) -> None:
        """Add facts to the manifest that only the made agent and environment know, with secrets masked."""
        facts = redact_settings(facts)
        self._manifest["facts"] = facts
        if self._folder is not None:
            self._folder.write_facts(facts)

    def report(self, confidence: float) -> Report:
        """Return the results of kept and new episodes."""
        return Report([self.episodes[i] for i in sorted(self.episodes)], self._manifest, self._out, confidence)


def check_confidence(confidence: Any) -> None:
    """Raise unless ``confidence``, the nominal coverage of intervals, is a number in (0, 1).

    Raises:
        ConfigurationError: If it is not.
    """
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise ConfigurationError(f"confidence must be a number in (0, 1), such as 0.95, got {confidence!r}")


def check_counts(**counts: Any) -> None:
    """Raise unless every argument is an integer >= 1.

    Raises:
        ConfigurationError: If one is not; the message names it.
    """
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigurationError(f"{name} must be an integer >= 1, got {value!r}")
