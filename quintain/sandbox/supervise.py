"""Supervise one snippet in one child: feed it, collect its output, enforce its limits."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from quintain.errors import SandboxError
from quintain.sandbox.clock import ProgramClock
from quintain.sandbox.jail.protocol import ProtocolError, encode_frame
from quintain.sandbox.limits import Limits
from quintain.sandbox.outcome import Outcome, judge, name_of_signal
from quintain.sandbox.polling import AdaptivePolling
from quintain.sandbox.scratch import HostScratch
from quintain.sandbox.server import KILL_TIMEOUT_S, Child

__all__ = ["NotStartedError", "supervise"]

READ_SIZE = 65536
INTERRUPT_GRACE_S = 0.3
CLOCK_CHECK_S = 0.05
SCRATCH_CHECK_S = 0.05
IDLE = 0.1
"""Share of a core up to which a program counts as one that waits."""
IDLE_CHECK_S = 0.5


_polling = AdaptivePolling()


class NotStartedError(SandboxError):
    """The fork server died, and the child had not yet reported its start: the snippet may be run in another child."""


class _Capture:
    """Bytes of one stream, up to a limit."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor = descriptor
        self.limit = limit
        self.data = bytearray()
        self.overflow = False

    def pump(self) -> bool:
        """Read what is available; return whether the stream is still open."""
        try:
            data = os.read(self.descriptor, READ_SIZE)
        except BlockingIOError:
            return True
        room = self.limit - len(self.data)
        self.data += data[:room]
        self.overflow |= len(data) > room
        return bool(data)

    def drain(self) -> None:
        """Read the rest without waiting; a surviving writer cannot block it, and the limit bounds the loop."""
        while not self.overflow:
            before = len(self.data)
            if not self.pump() or len(self.data) == before:
                return


class _Supervision:
    """The state of one run between its first and its last event."""

    def __init__(
        self,
        child: Child,
        message: dict[str, Any],
        stdin: bytes,
        limits: Limits,
        last: bool,
        scratch: HostScratch | None,
        on_idle: Callable[[], None],
    ) -> None:
        self.child = child
        self.on_idle = on_idle
        self.scratch = scratch
        self.limits = limits
        self.last = last
        self.first = child.snippets == 0
        self.stdout = _Capture(child.stdout, limits.output_bytes)
        self.stderr = _Capture(child.stderr, limits.output_bytes)
        self.writes = {child.channel: memoryview(encode_frame(message))}
        if child.stdin >= 0:
            self.writes[child.stdin] = memoryview(stdin)
        self.claim: dict[str, Any] | None = None
        self.used: tuple[float, float] | None = None
        self.ended: dict[str, Any] | None = None
        self.reason = ""
        self.interrupted = False
        self.killed = False
        self.begun = False
        self.poller = select.poll()

    def run(self) -> Outcome:
        child, poller = self.child, self.poller
        start = time.monotonic()
        self.clock = ProgramClock(start)
        self.next_check = start + CLOCK_CHECK_S
        self.cpu_start = 0.0 if self.first else child.cpu_time()
        child.snippets += 1
        poller.register(child.status, select.POLLIN)
        poller.register(child.server.pidfd, select.POLLIN)
        poller.register(child.channel, select.POLLIN)
        poller.register(child.stdout, select.POLLIN)
        poller.register(child.stderr, select.POLLIN)
        self._write(child.channel)
        if child.stdin >= 0:
            self._write(child.stdin)
        poll_s = 0.0 if self.last else _polling.seconds()
        poll_until = start + poll_s
        while self.ended is None and self.used is None:
            now = time.monotonic()
            wait = 0.0 if now < poll_until else self.next_check - now
            if self.scratch is not None:
                wait = min(wait, SCRATCH_CHECK_S)
            for descriptor, event in poller.poll(max(0.0, wait * 1000)):
                self._handle(descriptor, event)
            self._check_clock()
        wall_s = time.monotonic() - start
        if poll_s:
            _polling.learn(wall_s <= poll_s)
        if self.ended is not None:
            self.stdout.drain()
            self.stderr.drain()
            while self.claim is None and not self.reason and self._read_channel():
                continue
        return self._outcome(wall_s)

    def _handle(self, descriptor: int, event: int) -> None:
        child = self.child
        if descriptor == child.status.fileno():
            self._read_status()
        elif descriptor == child.server.pidfd:
            if self.ended is None:
                self._read_status()
        elif descriptor == child.channel and event & select.POLLIN:
            self._read_channel()
        elif descriptor in (child.stdout, child.stderr):
            capture = self.stdout if descriptor == child.stdout else self.stderr
            if not capture.pump():
                self.poller.unregister(descriptor)
            if capture.overflow:
                self._kill("output")
        elif event & select.POLLOUT:
            self._write(descriptor)
        elif event & (select.POLLHUP | select.POLLERR):
            self.poller.unregister(descriptor)

    def _write(self, descriptor: int) -> None:
        """Write what the pipe has room for; register for the rest."""
        pending = self.writes.get(descriptor)
        if pending is None:
            return
        try:
            sent = os.write(descriptor, pending) if pending else 0
        except BlockingIOError:
            sent = 0
        except OSError:  # the child closed its end; how it ended decides
            sent = len(pending)
        pending = pending[sent:]
        self.writes[descriptor] = pending
        reading = select.POLLIN if descriptor == self.child.channel else 0
        if pending:
            self.poller.register(descriptor, select.POLLOUT | reading)
            return
        del self.writes[descriptor]
        if reading:
            self.poller.register(descriptor, reading)
            return
        with contextlib.suppress(KeyError):
            self.poller.unregister(descriptor)
        os.close(descriptor)
        self.child.stdin = -1

    def _read_status(self) -> None:
        """Read the fork server's report, or notice that there is no server any more."""
        try:
            data = self.child.status.recv(4096, 0x40)  # MSG_DONTWAIT
        except BlockingIOError:
            data = b""
        except OSError:
            data = b""
        if not data:
            self.child.server.lost()
            while self.claim is None and self._read_channel():
                continue
            if self.first and not self.begun and self.claim is None:
                raise NotStartedError("the fork server died before the snippet was started")
            raise SandboxError("the fork server died while a snippet ran; the snippet was not repeated")
        self.ended = json.loads(data)

    def _read_channel(self) -> bool:
        """Collect the child's claim; anything that is not one frame of the expected kind ends the run.

        Returns:
            Whether there may be more to read.
        """
        child = self.child
        try:
            data = os.read(child.channel, READ_SIZE)
        except OSError:  # nothing there, or reset by the child's end
            return False
        if not data:
            with contextlib.suppress(KeyError):
                self.poller.unregister(child.channel)
            return False
        try:
            message = child.frames.feed(data)
            while message is not None and self.claim is None:
                if message.get("claim") == "begun" and self.first and not self.begun:
                    self.begun = True
                    message = child.frames.feed(b"")
                    continue
                self.claim = message
                self._collect()
                self._finish()
        except ProtocolError as error:
            self._kill(f"protocol: {error}")
        return True

    def _finish(self) -> None:
        """Measure the child after its report, which ends the run.

        A child that runs one snippet is measured while it still lives and killed by its owner, who need not wait for
        the kernel to release its memory. One that cannot be measured any more is waited for.
        """
        if not self.last:
            self.used = self.child.cpu_time(), 0.0
        elif not self.reason:
            self.used = self.child.usage()
            if self.used is None:
                self._end()

    def _collect(self) -> None:
        """Read what was printed before the report, which need not have been there at the last poll."""
        for capture in (self.stdout, self.stderr):
            capture.drain()
            if capture.overflow:
                self._kill("output")

    def _check_clock(self) -> None:
        now = time.monotonic()
        if self.scratch is not None and self.ended is None:
            size, entries = self.scratch.usage()
            if size > self.limits.scratch_mb << 20 or entries > self.limits.scratch_files:
                self._kill("scratch")
        if self.ended is not None or self.used is not None or now < self.next_check:
            return
        if self.killed:
            raise SandboxError("a killed child did not end; the fork server may be stuck")
        elapsed = self.clock.read(self.child.host_pid(), now)
        if self.interrupted:
            left = self.grace_ends - elapsed
            if left <= 0:
                self._end()
                return
        else:
            used = self.child.cpu_time() - self.cpu_start
            if elapsed >= IDLE_CHECK_S and used < IDLE * elapsed:
                self.on_idle()
            cpu_left = self.limits.cpu_s - used
            left = min(cpu_left / (os.cpu_count() or 1), self.limits.wall_limit_s - elapsed)
            if left <= 0:
                self._overdue("cpu" if cpu_left <= 0 else "wall", elapsed)
                return
            left = min(left, IDLE_CHECK_S)
        self.next_check = now + max(CLOCK_CHECK_S, left)

    def _overdue(self, what: str, elapsed: float) -> None:
        """Kill a child that exceeded a time limit; in a session, interrupt it first."""
        if self.last:
            self._kill(what)
            return
        self.reason = what
        self.interrupted = True
        self.grace_ends = elapsed + INTERRUPT_GRACE_S
        self.next_check = time.monotonic() + INTERRUPT_GRACE_S
        self.child.signal(signal.SIGINT)

    def _kill(self, reason: str) -> None:
        if not self.reason:
            self.reason = reason
            self._end()

    def _end(self) -> None:
        """Kill the child and wait for its end."""
        self.killed = True
        self.next_check = time.monotonic() + KILL_TIMEOUT_S
        self.child.signal(signal.SIGKILL)

    def _outcome(self, wall_s: float) -> Outcome:
        exit_code: int | None = None
        signal_name: str | None = None
        if self.ended is None:
            cpu_used, rss_mb = self.used or (0.0, 0.0)
        else:
            cpu_used, rss_mb = self.ended["cpu_s"], self.ended["max_rss_kb"] / 1024
            code = os.waitstatus_to_exitcode(self.ended["code"])
            if code < 0:
                signal_name = name_of_signal(-code)
            else:
                exit_code = code
        cpu_s = max(0.0, cpu_used - self.cpu_start)
        status, detail, exceeded = judge(
            self.limits,
            exit_code,
            signal_name,
            cpu_s,
            killed_for=self.reason,
            overflow=self.stdout.overflow or self.stderr.overflow,
            claim=self.claim,
            in_setup=self.first and not self.begun,
        )
        if self.claim is not None and not self.reason:
            claimed = self.claim.get("exit_code") if status == "exited" else None
            exit_code = claimed if type(claimed) is int and 0 <= claimed <= 255 else None
            signal_name = None
        return Outcome(
            status=status,
            exceeded=exceeded,
            detail=detail,
            stdout=bytes(self.stdout.data),
            stderr=bytes(self.stderr.data),
            claim=self.claim,
            truncated=self.stdout.overflow or self.stderr.overflow,
            wall_s=wall_s,
            cpu_s=cpu_s,
            max_rss_mb=rss_mb,
            exit_code=exit_code,
            signal=signal_name,
            alive=self.ended is None and not self.reason.startswith(("output", "protocol", "scratch")),
        )


def supervise(
    child: Child,
    message: dict[str, Any],
    stdin: bytes,
    limits: Limits,
    *,
    last: bool,
    scratch: HostScratch | None = None,
    on_idle: Callable[[], None],
) -> Outcome:
    """Run one snippet in a child that has finished its set-up.

    Args:
        child: The confined child that runs the snippet.
        message: The request to the harness in the child: code, files, function and limits, JSON-able.
        stdin: Bytes of the snippet's standard input.
        limits: Limits of the run.
        last: Whether the child runs no further snippet; in a session it continues.
        scratch: A directory of the host that the snippet writes to, whose size is checked because it has no quota.
        on_idle: Called, maybe more than once, when the snippet has computed next to nothing so far.

    Raises:
        NotStartedError: If the fork server died before the snippet started.
        SandboxError: If the fork server died meanwhile. The snippet is not run again.
    """
    return _Supervision(child, message, stdin, limits, last, scratch, on_idle).run()
