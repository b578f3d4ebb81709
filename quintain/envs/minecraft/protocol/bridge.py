"""The Node process: started, spoken to over a socket with a time limit, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quintain.envs.minecraft.protocol.install import SOURCES, find_bridge
from quintain.errors import EnvironmentFault

__all__ = ["Bridge", "BridgeError"]


class BridgeError(EnvironmentFault):
    """The bridge died, hangs, or refuses; the message says which."""


class Bridge:
    """A running bridge. It ends with :meth:`close`, or when its socket is closed, as this process does when it ends.

    Args:
        timeout_s: Time limit of one call, in seconds.

    Raises:
        MissingDependencyError: If Node or the bridge's packages are not installed.
        BridgeError: If the process does not start.
    """

    def __init__(self, timeout_s: float = 60.0) -> None:
        node, packages = find_bridge()
        self.timeout_s = timeout_s
        self._folder = Path(tempfile.mkdtemp(prefix="quintain-bridge-"))
        self._pending = b""
        self._socket: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None
        try:
            with socket.socket(socket.AF_UNIX) as listener, (self._folder / "log").open("wb") as log:
                listener.bind(str(self._folder / "socket"))
                listener.listen(1)
                self.process = subprocess.Popen(
                    [node, str(SOURCES / "main.js"), str(self._folder / "socket")],
                    env={**os.environ, "NODE_PATH": str(packages / "node_modules")},
                    cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
                listener.settimeout(0.1)
                self._socket = self._accept(listener, time.monotonic() + timeout_s)
        except BaseException:
            self.close()
            raise

    def _accept(self, listener: socket.socket, deadline: float) -> socket.socket:
        assert self.process is not None
        while True:
            with contextlib.suppress(TimeoutError):
                return listener.accept()[0]
            if self.process.poll() is not None:
                raise BridgeError(f"the bridge did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise BridgeError(f"the bridge did not start within {self.timeout_s:g} s")

    def call(self, op: str, **message: Any) -> dict[str, Any]:
        """Send a message and return the reply.

        Raises:
            BridgeError: If the bridge has died, does not answer in time, or answers with an error. It is closed then.
        """
        if self._socket is None:
            raise BridgeError("the bridge is closed")
        try:
            self._socket.settimeout(self.timeout_s)
            self._socket.sendall(json.dumps({"op": op, **message}, separators=(",", ":")).encode() + b"\n")
            reply: dict[str, Any] = json.loads(next(self._lines()))
        except TimeoutError:
            self.close()
            raise BridgeError(f"the bridge did not answer {op!r} within {self.timeout_s:g} s") from None
        except (OSError, ValueError, StopIteration) as error:
            words = self._last_words()
            self.close()
            raise BridgeError(f"the bridge died during {op!r}: {words or error}") from None
        if "error" in reply:
            self.close()
            raise BridgeError(f"the bridge failed at {op!r}: {reply['error'][:1000]}")
        return reply

    def _lines(self) -> Iterator[bytes]:
        assert self._socket is not None
        while b"\n" not in self._pending:
            part = self._socket.recv(1 << 16)
            if not part:
                return
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        yield line

    def _last_words(self) -> str:
        """Return the end of what the process has printed."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if self.process is not None:
                self.process.wait(0.5)
            return (self._folder / "log").read_text(errors="replace").strip()[-500:]
        return ""

    def cpu_s(self) -> float:
        """Return the CPU time of the process so far, in seconds (Linux)."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))

    def close(self) -> None:
        """End the process."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
