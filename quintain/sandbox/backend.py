"""The contract of sandbox back-ends, and their registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from quintain.registry import Registry
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Result
from quintain.sandbox.session import Session

__all__ = ["BACKENDS", "Backend", "BackendFacts", "BackendSettings", "Snippet"]


@dataclass(frozen=True)
class Snippet:
    """Untrusted code to run once, with checked arguments.

    Attributes:
        code: Python source; may be empty where a function of a session is called.
        stdin: Bytes of its standard input.
        files: Files to put into its working directory: relative paths and contents.
        limits: Limits of the run.
        seed: Seed of ``random`` and ``numpy.random``; fresh entropy when ``None``.
        function: Name of a function to call after ``code`` has run; ``None`` for no call.
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
    """Executes snippets, from any number of threads at once.

    Attributes:
        name: Name in records, such as ``"fork"``.
    """

    name: str

    def run(self, snippet: Snippet, session: Session | None) -> Result:
        """Run one snippet, in a session's interpreter or in a fresh one."""
        ...

    def call(self, snippet: Snippet, session: Session | None) -> tuple[Result, Any]:
        """Run the snippet's code, if any, and call its function; return also the value that it returned, plain data."""
        ...

    def end_session(self, session: Session) -> None:
        """End a session's interpreter."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for the record of a run."""
        ...

    def warm(self, flavours: tuple[str, ...]) -> None:
        """Start now what the first run would otherwise have to start.

        Args:
            flavours: ``bare``, ``science`` or both, see :mod:`quintain.sandbox.flavours`.
        """
        ...

    def forget(self) -> None:
        """In a forked copy of the host process: drop all resources without disturbing the original."""
        ...

    def close(self) -> None:
        """Stop every process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """The arguments of ``Sandbox``, which every back-end gets. A back-end uses those that apply to it.

    Attributes:
        workers: Number of snippets that may run at the same time, >= 1.
        limits: Default limits of a run.
        require: Weakest acceptable level of protection: ``"A"``, ``"B"`` or ``"C"``.
        level: Exact level of protection; ``None`` for the strongest available.
        writable_scratch: Whether snippets may write files; ``None`` for the back-end's default.
        allow_subprocess: Whether snippets may start processes.
        pool_size: Number of waiting interpreters per flavour, >= 0.
        image: Container image; ``None`` for the back-end's default.
        packages: Further packages of this environment that snippets can import, checked.
        fault: Name of a set-up step that fails on purpose, for tests; ``None`` for none.
    """

    workers: int
    limits: Limits
    require: str = "C"
    level: str | None = None
    writable_scratch: bool | None = None
    allow_subprocess: bool = False
    pool_size: int = 0
    image: str | None = None
    packages: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """What is known of a back-end before it is imported.

    Attributes:
        confined: Whether it confines snippets; making one that does not is a warning.
        levels: Whether ``level``, ``writable_scratch`` and ``allow_subprocess`` apply to it.
        packages: Whether its snippets import packages of this Python environment.
        summary: One line for listings.
    """

    confined: bool = True
    levels: bool = False
    packages: bool = False
    summary: str = ""


#: Every back-end: a function of :class:`BackendSettings`. Other packages add theirs through the entry-point group
#: ``quintain.sandbox_backends``.
BACKENDS: Registry[Backend, BackendFacts] = Registry("sandbox backend", BackendFacts, "quintain.sandbox_backends")
BACKENDS.add(
    "fork",
    "quintain.sandbox.levels:confined_backend",
    levels=True,
    packages=True,
    summary="a fork server with confined children (Linux)",
)
BACKENDS.add(
    "monty",
    "quintain.sandbox.monty_backend:make_backend",
    summary="a subset of Python in an interpreter without system calls (any system)",
)
BACKENDS.add(
    "container",
    "quintain.sandbox.container_backend:make_backend",
    summary="a throw-away container of docker or podman per snippet",
)
BACKENDS.add(
    "unsafe-local",
    "quintain.sandbox.levels:unconfined_backend",
    confined=False,
    levels=True,
    packages=True,
    summary="no confinement at all",
)
