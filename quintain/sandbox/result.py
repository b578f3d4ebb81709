"""Result of one snippet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["STATUSES", "Exceeded", "Result", "Status", "plain_text"]

#: How an execution ended.
Status = Literal["ok", "error", "timeout", "memory", "output_limit", "crashed", "exited", "setup_failed"]
#: The time limit that was exceeded.
Exceeded = Literal["cpu", "wall"]
STATUSES: tuple[str, ...] = get_args(Status)


def plain_text(data: bytes | str) -> str:
    """Decode a snippet's output into text that can always be encoded again.

    Invalid UTF-8 and lone surrogates become backslash escapes. Control characters stay: code
    that shows the text on a terminal or a page must escape them.
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Result:
    """The result of one run, as the supervisor observed it.

    ``status`` is derived from exits, signals, the clock and byte counts. Whether a finished snippet raised, its
    ``value_repr`` and its output are the snippet's own claims: it can print anything. Its report ends the run; the
    process is measured and killed there.

    Attributes:
        status: ``ok``; ``error`` (it raised); ``timeout`` (``exceeded``); ``memory`` (MemoryError); ``output_limit``;
            ``crashed`` (a signal, or garbage on the result channel); ``exited`` (it ended the process itself, also with
            code 0); ``setup_failed`` (a protection could not be put in force and nothing was run).
        stdout: Standard output, decoded; cut if ``truncated``.
        stderr: Standard error, decoded, with the traceback that an interpreter would print.
        value_repr: ``repr`` of a trailing expression that is not ``None`` and not followed by a semicolon; the middle
            of a long one is left out, with a notice.
        truncated: Whether output was cut at the limit.
        wall_s: Wall-clock seconds, measured by the host.
        cpu_s: CPU seconds of the child, measured by the kernel.
        max_rss_mb: Peak resident memory of the child, interpreter included, MiB; 0 for a session that lives on.
        exit_code: Exit code when the program ended the process itself.
        signal: Name of the signal that ended it.
        exceeded: Limit that a ``timeout`` exceeded: ``cpu`` (it computed too long) or ``wall`` (it waited too long).
        detail: One line of explanation, for people.
        state_lost: Whether the session lost its namespace.
        backend: Name of the back-end that ran it.
        level: Level of protection (``A``, ``B``, ``C``) or the back-end's own term.
        protections: Every protection that was in force.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value_repr: str | None = None
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_mb: float = 0.0
    exit_code: int | None = None
    signal: str | None = None
    exceeded: Exceeded | None = None
    detail: str = ""
    state_lost: bool = False
    backend: str = ""
    level: str = ""
    protections: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the snippet ran to its end without raising."""
        return self.status == "ok"

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return a JSON-able copy."""
        return {**self.__dict__, "protections": list(self.protections)}
