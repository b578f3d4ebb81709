"""Run folders of commands: default names, the command that resumes a run, and removal of empty ones."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer

from quintain.cli.console import say
from quintain.cli.exit_codes import EXIT_INTERRUPTED
from quintain.redaction import redact_settings

__all__ = ["clear_away", "continuing", "new_folder", "resumable", "without_secrets"]


def new_folder(*words: str) -> Path:
    """Return the path of a new folder under ``runs/``, named after ``words`` and the time in seconds."""
    plain = [re.sub(r"[^\w.-]+", "-", word).strip("-").lower() for word in words]
    name = "-".join([*plain, datetime.now().strftime("%Y%m%d-%H%M%S")])
    folder, number = Path("runs") / name, 2
    while folder.exists():
        folder, number = Path("runs") / f"{name}-{number}", number + 1
    return folder


def clear_away(folder: Path) -> None:
    """Remove a run folder without episodes, so that the corrected command may use the same name."""
    records = folder / "episodes.jsonl"
    if not (records.exists() and records.stat().st_size):
        shutil.rmtree(folder, ignore_errors=True)


def without_secrets(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with the values of settings such as ``api_key=...`` masked.

    Example:
        >>> without_secrets(["eval", "X-v0", "--engine-arg", "api_key=abc", "--engine-arg", "dtype=float32"])
        ['eval', 'X-v0', '--engine-arg', 'api_key=***', '--engine-arg', 'dtype=float32']
    """
    kept = []
    for word in words:
        name, equals, value = word.partition("=")
        masked = redact_settings({name: value})[name] if equals else value
        kept.append(f"{name}={masked}" if equals else word)
    return kept


def continuing(words: Sequence[str], folder: Path) -> str:
    """Return the command that continues an interrupted run.

    Args:
        words: The command line after ``quintain``.
        folder: The run folder that is continued.
    """
    kept = [word for word in words if word != "--resume"]
    if not any(word == "--out" or word.startswith(("--out=", "-o")) for word in kept):
        kept += ["--out", str(folder)]
    return shlex.join(["quintain", *kept, "--resume"])


@contextmanager
def resumable(words: Sequence[str], folder: Path) -> Iterator[None]:
    """After Ctrl-C in the block, print the command that continues the run, and exit.

    Args:
        words: The command line after ``quintain``.
        folder: The run folder.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        say(f"\ninterrupted; finished episodes are safe in {folder}. Continue with:")
        say(f"  {continuing(words, folder)}")
        raise typer.Exit(EXIT_INTERRUPTED) from error
