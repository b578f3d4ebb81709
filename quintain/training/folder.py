"""The run folder of a training: what every run folder holds, and metrics and checkpoints beside it.

``run.json`` describes the training, ``episodes.jsonl`` holds the episodes that were played, with tokens where a
language model is trained, ``metrics.jsonl`` one line of metrics per logged step, and ``checkpoints`` what a killed
training continues from. A resumed training goes back to its last complete checkpoint: later metrics are dropped, and
later episodes are played and written again, of which the last line counts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from quintain.errors import RecordError
from quintain.evaluation.manifest import make_manifest
from quintain.evaluation.progress import ProgressBar, SilentBar, progress_bar
from quintain.evaluation.run_folder import RunFolder
from quintain.files import write_atomically
from quintain.provenance import versions
from quintain.records import EpisodeRecord
from quintain.training.checkpoints import load_checkpoint, save_checkpoint

__all__ = ["KIND", "TrainingRun", "read_metrics"]

#: Kind of run in the manifest.
KIND = "train"


class TrainingRun:
    """The folder, the metrics and the progress bar of one training. Use as a context manager.

    Args:
        method: Name of the trainer, such as ``"grpo"``.
        env: What the training learns from: an environment, or ``None``.
        env_kwargs: Arguments of the environment.
        policy: The policy that is trained, for the manifest.
        seed: Root seed of the training, >= 0.
        settings: JSON-able settings; a training is resumed only with equal ones.
        steps: Number of steps of the whole training, for the progress bar.
        out: Run folder; ``None`` keeps checkpoints in a temporary folder, which is removed at the end.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with each row of metrics.
        writes: Whether this process writes; of several processes that train together, one does. Default: true.
        kind: Kind of run in the manifest. Default: ``"train"``.

    Attributes:
        curve: The rows of metrics so far.
        checkpoints: Folder of the checkpoints.
        bar: The progress bar; a silent one before the training begins.

    Raises:
        RecordError: On entering: if the folder cannot be written, or holds another run.
    """

    def __init__(
        self,
        method: str,
        *,
        env: Any,
        env_kwargs: Mapping[str, Any] | None,
        policy: Any,
        seed: int,
        settings: Mapping[str, Any],
        steps: int,
        out: str | Path | None,
        resume: bool = False,
        progress: bool | None = None,
        on_log: Callable[[Mapping[str, Any]], None] | None = None,
        writes: bool = True,
        kind: str = KIND,
    ) -> None:
        self._manifest = make_manifest(env, env_kwargs, policy, seed, method=method, settings=dict(settings))
        self._manifest["kind"] = kind
        self._manifest["versions"] |= versions("trl", "peft", "accelerate", "datasets")
        self._out = None if out is None else Path(out)
        self._resume, self._progress, self._steps, self._on_log = resume, progress, steps, on_log
        self._title, self._writes = method, writes
        self._folder: RunFolder | None = None
        self.curve: list[dict[str, Any]] = []
        self.checkpoints = Path()
        self.bar: ProgressBar = SilentBar()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._out is None:
                self.checkpoints = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quintain-training-")))
            elif not self._writes:
                self.checkpoints = self._out / "checkpoints"
                self.curve = read_metrics(self._out)
            else:
                metrics = self._out / "metrics.jsonl"
                if not self._resume and metrics.exists() and metrics.stat().st_size:
                    raise RecordError(
                        f"{str(self._out)!r} already holds a training; continue it with resume=True (--resume), or "
                        "choose another folder"
                    )
                self._folder = stack.enter_context(RunFolder(self._out, self._manifest, resume=self._resume))
                self.checkpoints = self._out / "checkpoints"
                self.curve = read_metrics(self._out)
            self.bar = stack.enter_context(progress_bar(0, (), self._progress if self._writes else False))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def go_back(self, step: int) -> None:
        """Drop the metrics of later steps than that of the checkpoint from which the training continues."""
        self._rewrite([row for row in self.curve if row["step"] <= step])

    def restore(self) -> tuple[int, Any]:
        """Return the step and the state from which the training continues; ``(0, None)`` at its beginning.

        Metrics of later steps are dropped.

        Raises:
            RecordError: If the checkpoint cannot be read.
        """
        step, state = (load_checkpoint(self.checkpoints) if self._resume else None) or (0, None)
        self.go_back(step)
        return step, state

    def save(self, step: int, state: Any) -> None:
        """Write the state of the training after a step, from which it can be continued; nothing without a folder.

        Raises:
            RecordError: If it cannot be written. Earlier checkpoints are then as before.
        """
        if self._out is not None and self._writes:
            save_checkpoint(self.checkpoints, step, state)

    def drop_evaluation(self, step: int) -> None:
        """Drop the rows of a step that hold nothing but an evaluation."""
        kept = [r for r in self.curve if r["step"] != step or not all(n == "step" or n.startswith("eval/") for n in r)]
        if len(kept) < len(self.curve):
            self._rewrite(kept)

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        self.curve = rows
        if self._out is not None and self._writes:
            write_atomically(self._out / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def add_episode(self, record: EpisodeRecord) -> None:
        """Write a finished episode.

        Raises:
            RecordError: If it cannot be written.
        """
        if self._folder is not None:
            self._folder.append(record)

    def log(self, row: Mapping[str, Any]) -> None:
        """Add a row of metrics, and show it.

        Args:
            row: Metrics by name; ``"step"`` is the number of steps that are done.

        Raises:
            RecordError: If it cannot be written.
        """
        self.curve.append(dict(row))
        if not self._writes:
            return
        if self._out is not None:
            try:
                with (self._out / "metrics.jsonl").open("a") as file:
                    file.write(json.dumps(row) + "\n")
            except OSError as error:
                raise RecordError(f"cannot write the metrics of {str(self._out)!r}: {error}") from error
        if self._on_log is not None:
            self._on_log(row)

    def show(self, step: int, **metrics: float) -> None:
        """Show the step in the progress bar, with a few metrics."""
        text = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items())
        self.bar.subtask(f"{self._title}  {text}", step, self._steps)


def read_metrics(run: str | Path) -> list[dict[str, Any]]:
    """Return the rows of metrics of a training; none if it has logged nothing.

    An incomplete last line, which a killed training leaves behind, is ignored.

    Args:
        run: Run folder of a training.

    Raises:
        RecordError: If another line is damaged.
    """
    path = Path(run) / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise RecordError(f"line {number} of {str(path)!r} is damaged: {error}") from error
    return rows
