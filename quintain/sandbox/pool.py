"""A fork server with a pool of confined children that wait for a snippet."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from quintain.errors import SandboxError
from quintain.sandbox.limits import Limits
from quintain.sandbox.scratch import HostScratch
from quintain.sandbox.server import Child, ForkServer, ServerSetupFailed

__all__ = ["ChildPool", "scratch_request"]

RECYCLE_AFTER = 5000
"""Children forked by one server before it is replaced, because they all share its address-space layout."""


def scratch_request(limits: Limits) -> dict[str, Any]:
    """Return what a fork server must know to give a child its scratch directory."""
    return {"scratch_mb": limits.scratch_mb, "scratch_files": limits.scratch_files}


class ChildPool:
    """One fork server and the confined children that wait for a snippet. Thread-safe.

    Args:
        start_server: Starts a fork server.
        retire: Called with a server that the pool does not use any more; its busy children may still run.
        request: Size of the scratch directory of the waiting children, see :func:`scratch_request`.
        size: Number of children to keep waiting.

    Attributes:
        server: The running server, or ``None`` before the first child and after :meth:`close`.
        ready: Idle children that wait for a snippet.
    """

    def __init__(
        self,
        start_server: Callable[[], ForkServer],
        *,
        retire: Callable[[ForkServer], None],
        request: dict[str, Any],
        size: int,
    ) -> None:
        self.server: ForkServer | None = None
        self.ready: deque[Child] = deque()
        self._start_server = start_server
        self._retire = retire
        self._request = request
        self._size = size
        self._lock = threading.Lock()

    def _running_server(self) -> ForkServer:
        server = self.server
        if server is not None and server.alive and server.children < RECYCLE_AFTER:
            return server
        self._discard()
        self.server = self._start_server()
        return self.server

    def _discard(self) -> None:
        """Retire the server and its idle children; busy children keep their server until they end."""
        while self.ready:
            self.ready.popleft().close()
        if self.server is not None:
            self._retire(self.server)
            self.server = None

    def take(self, limits: Limits, scratch: HostScratch | None) -> Child:
        """Return a child: a waiting one if its scratch directory has the right size, else a new one.

        Args:
            limits: Limits of the snippet.
            scratch: A directory made by the host, where the child has none of its own.
        """
        with self._lock:
            server = self._running_server()
            if scratch is not None:
                return server.spawn({"writable": scratch.writable}, os.dup(scratch.descriptor))
            request = scratch_request(limits)
            if request == self._request and self.ready:
                return self.ready.popleft()
            return server.spawn(request)

    def take_ready(self, limits: Limits, scratch: HostScratch | None) -> Child:
        """Return a child that is confined and waits for its snippet; the arguments are those of :meth:`take`.

        A server found dead is replaced: no snippet had been sent to it.

        Raises:
            ServerSetupFailed: If a protection could not be put in force.
            SandboxError: If the replacement fails too.
        """
        for last in (False, True):
            child = None
            try:
                child = self.take(limits, scratch)
                setup = child.wait_until_ready()
            except ServerSetupFailed:
                raise
            except SandboxError:
                if child is not None:
                    child.close()
                if last:
                    raise
                self.close()
                continue
            if setup.failed is None:
                return child
            child.close()
            raise ServerSetupFailed(setup.failed, setup.detail)
        raise AssertionError("the loop returns or raises")

    def refill(self) -> None:
        """Ask for children until the pool is full; they confine themselves in the background.

        A dead server is ignored here: the next :meth:`take` finds and replaces it.
        """
        with self._lock, contextlib.suppress(SandboxError):
            server = self.server
            while server is not None and len(self.ready) < self._size:
                self.ready.append(server.spawn(self._request))

    def close(self) -> None:
        """Retire the server and end the waiting children. The next :meth:`take` starts a new server."""
        with self._lock:
            self._discard()

    def forget(self) -> None:
        """In a forked copy of the host: close the descriptors without stopping the server or its children."""
        self._lock = threading.Lock()
        for child in self.ready:
            child.release()
        self.ready.clear()
        if self.server is not None:
            self.server.release()
            self.server = None
