"""What every backend offers to ``Sandbox``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Result
from quintain.sandbox.session import Session

__all__ = ["Backend", "Snippet"]


@dataclass(frozen=True)
class Snippet:
    """One run, with its arguments checked.

    Attributes:
        code: The snippet.
        stdin: Bytes of its standard input.
        files: Relative paths and contents that it finds in its working directory.
        limits: Bounds.
        seed: Seed of the global generators; fresh entropy when ``None``.
        function: Call this function of the namespace, after ``code`` if there is any.
        arguments: Positional arguments of the call, plain data.
    """

    code: str = ""
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    function: str | None = None
    arguments: tuple[Any, ...] = ()  # Any: plain data


class Backend(Protocol):
    """Something that executes snippets, from any number of threads at once."""

    name: str

    def run(self, snippet: Snippet, session: Session | None) -> Result:
        """Run one snippet, in a session or in a fresh place."""
        ...

    def call(self, snippet: Snippet, session: Session | None) -> tuple[Result, Any]:
        """Run the snippet's code, if any, and call its function; return also the plain value that came back."""
        ...

    def end_session(self, session: Session) -> None:
        """Release what a session holds."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for the record of a run."""
        ...

    def warm(self, flavours: tuple[str, ...]) -> None:
        """Start now what the first run would otherwise wait for."""
        ...

    def forget(self) -> None:
        """In a forked copy of the host: let go of everything without disturbing the original."""
        ...

    def close(self) -> None:
        """Stop every process."""
        ...
