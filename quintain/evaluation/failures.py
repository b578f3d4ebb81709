"""Runs in which every episode failed in the agent's or environment's code: its first exception is raised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from quintain.errors import AgentError, EnvironmentFault, QuintainError
from quintain.records import EpisodeRecord

__all__ = ["OnErrors", "check_errors", "error_place", "first_exception", "keep_exception", "raise_if_all_failed"]

#: What a run does if every episode fails in the agent's or environment's code.
OnErrors = Literal["raise", "record"]

#: The first exception of the run that is being played, if it is in this process.
_first: ContextVar[list[Exception] | None] = ContextVar("first exception of the run", default=None)


class _InWorker(Exception):
    """Stands for an exception of another process, or of an earlier call, and shows its recorded traceback."""


#: Whose failure an error is, by the boundary that its exception crossed.
_PLACES = {
    "agent": "agent's code",
    "env": "environment's reset or step",
    "engine": "infrastructure: engine",
    "sandbox": "infrastructure: sandbox",
}


def error_place(boundary: str) -> str:
    """Say where an error arose: in the user's code, or in the infrastructure.

    Example:
        >>> error_place("agent"), error_place("engine")
        ("agent's code", 'infrastructure: engine')
    """
    return _PLACES.get(boundary, boundary)


@contextmanager
def first_exception() -> Iterator[list[Exception]]:
    """Gather the first exception that agent or environment raise while the block runs, in a list of at most one."""
    found: list[Exception] = []
    token = _first.set(found)
    try:
        yield found
    finally:
        _first.reset(token)


def keep_exception(error: Exception) -> None:
    """Keep an exception of an episode for :func:`first_exception`, if it is the first one."""
    found = _first.get()
    if found is not None and not found:
        found.append(error)


def check_errors(errors: object) -> None:
    """Raise unless the argument is one of :data:`OnErrors`.

    Raises:
        ValueError: If it is not.
    """
    if errors not in ("raise", "record"):
        raise ValueError(f"errors must be 'raise' or 'record', got {errors!r}")


def raise_if_all_failed(
    episodes: Sequence[EpisodeRecord], found: Sequence[Exception] = (), out: str | Path | None = None
) -> None:
    """Raise if every episode failed, and none of them in an engine, a sandbox or a worker process.

    Args:
        episodes: The records of the run.
        found: The first exception, where it was raised in this process.
        out: The run folder, for the message.

    Raises:
        AgentError: If the first episode failed in the agent's code. The cause is its exception.
        EnvironmentFault: If it failed in the environment's.
    """
    failed = [episode.error for episode in episodes if episode.error is not None]
    if not failed or len(failed) < len(episodes):
        return
    if any(error["boundary"] not in ("agent", "env") or error["type"] == "WorkerDied" for error in failed):
        return
    first = failed[0]
    of_agent, where = first["boundary"] == "agent", error_place(first["boundary"])
    kept = "" if out is None else f"; the records are in {str(out)!r}"
    many = f"all {len(failed):,} episodes" if len(failed) > 1 else "the only episode"
    kind: type[QuintainError] = AgentError if of_agent else EnvironmentFault
    cause = found[0] if found else _InWorker(f"\n{first.get('traceback', '')}{first['message']}")
    raise kind(
        f"{many} failed in the {where}: {first['message']} (errors='record' returns a report all the same{kept})"
    ) from cause
