"""Interpreters that keep their namespace from one run to the next."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from quintain.sandbox.limits import Limits

__all__ = ["Session"]


class Session:
    """A namespace that lives across runs; made by ``Sandbox.session``.

    A time-out interrupts the snippet and keeps the namespace when the snippet yields within 0.3 s, without the time
    that it waits for a core. When it does not, the process is killed, ``Result.state_lost`` is true, and the next run
    starts from an empty namespace.

    Args:
        backend: The back-end that runs the snippets.

    Attributes:
        limits: Memory, scratch and file limits of the process, fixed for its life; each run may set its own
            ``wall_s``, ``cpu_s`` and ``output_kb``.
        flavour: Name of its interpreter's flavour; ``None`` until the first run decides.
        restarts: Number of times its namespace was lost.
    """

    def __init__(self, backend: Any, limits: Limits, flavour: str | None) -> None:
        """Store the arguments; the first run starts the interpreter."""
        self.limits = limits
        self.flavour = flavour
        self.restarts = 0
        self.interpreter: Any = None  # the back-end's object: a child or an interpreter
        self.scratch: Any = None  # a directory of the host, where the child has none of its own
        self.lock = threading.RLock()
        self.closed = False
        self._backend = backend

    def close(self) -> None:
        """End the interpreter. Closing twice is harmless."""
        with self.lock:
            self.closed = True
            self._backend.end_session(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
