"""Infrastructure failures as data: the boundary that an exception crossed, its type and its message."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Self

from quintain.errors import (
    Boundary,
    ConfigurationError,
    ContextOverflowError,
    EngineError,
    MissingDependencyError,
    QuintainError,
    SandboxError,
)
from quintain.evaluation.failures import keep_exception
from quintain.redaction import redact

__all__ = ["ErrorBoundary"]

#: Maximum length of a recorded message or traceback, in characters.
_MAX_MESSAGE = 2_000
#: Number of traceback frames that are recorded; the innermost ones, where a user's own code failed.
_FRAMES = 5


class ErrorBoundary:
    """Context manager that catches the exceptions of an episode and describes them for its record.

    A :class:`~quintain.errors.ConfigurationError` is not caught, and neither is a
    :class:`~quintain.errors.MissingDependencyError`, since every episode would fail alike, however often it is played;
    ``KeyboardInterrupt`` and the cancellation of tasks are not either.

    Args:
        boundary: Whose code runs inside: ``"env"`` or ``"agent"``. Errors of engines and sandboxes are recognised by
            their type.

    Attributes:
        boundary: As above; assign to it whenever other code begins to run.
        seat: The seat of a game whose agent runs; empty for none.
        error: Description of the exception: ``boundary``, ``type``, ``message``, for exceptions that are not
            Quintain's own ``traceback``, and ``seat`` if set. ``None`` as long as there is none. Where the agent's
            own conversation outgrew the context window, ``outcome`` is ``"truncated"``: the episode counts.
    """

    __slots__ = ("boundary", "error", "seat")

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.seat = ""
        self.error: dict[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception) or isinstance(error, (ConfigurationError, MissingDependencyError)):
            return False
        self.error = _describe(error, self.boundary)
        keep_exception(error)
        if self.seat:
            self.error["seat"] = self.seat
        if isinstance(error, ContextOverflowError) and self.boundary == "agent":
            self.error["outcome"] = "truncated"
        return True


def _describe(error: Exception, boundary: Boundary) -> dict[str, str]:
    if isinstance(error, EngineError):
        boundary = "engine"
    elif isinstance(error, SandboxError):
        boundary = "sandbox"
    name = type(error).__name__
    if isinstance(error, QuintainError):
        return {"boundary": boundary, "type": name, "message": redact(str(error))[:_MAX_MESSAGE]}
    return {
        "boundary": boundary,
        "type": name,
        "message": redact(f"{name}: {error}")[:_MAX_MESSAGE],
        "traceback": redact("".join(traceback.format_tb(error.__traceback__)[-_FRAMES:]))[-_MAX_MESSAGE:],
    }
