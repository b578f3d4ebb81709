"""A limit on concurrently running programs per machine, equal to its number of cores and shared by all processes."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

if sys.platform != "win32":  # there each process has a budget of its own
    import fcntl

__all__ = ["Budget", "Slot", "machine_budget"]

MAX_WAIT_S = 60.0
"""Maximum seconds to wait for a slot: a process that was stopped while it held one does not stop the others."""
RETRY_S = 0.001
RECENT_S = 0.02
"""Seconds for which a mark of somebody waiting counts, should they not live to take it away."""
QUEUE = -1
TIME = struct.Struct("d")


class Slot:
    """The right to run a program now.

    Args:
        give_back: Called once when the slot is released; ``None`` if no slot was free.

    Attributes:
        held: Whether it is held: false from the start if no slot was free for ``MAX_WAIT_S``.
    """

    def __init__(self, give_back: Callable[[], None] | None) -> None:
        self.held = give_back is not None
        self._give_back = give_back

    def release(self) -> None:
        """Give it back, if it is held: before its block ends where the program turns out to compute nothing."""
        if self.held and self._give_back is not None:
            self.held = False
            self._give_back()


class Budget:
    """Slots for running programs, shared by all processes of a user that open the same folder. Thread-safe.

    A slot is a file that its holder has locked, so that the kernel releases it when the holder dies. Who has to wait
    locks the queue first, and marks it as long as they wait: nobody who sees the mark is served earlier.

    Args:
        slots: Number of programs that may run at the same time, >= 1.
        folder: Folder with the lock files, made if it is missing; ``None`` takes one of this user among the temporary
            files. If it cannot be used, each process has ``slots`` of its own.
    """

    def __init__(self, slots: int, folder: str | None = None) -> None:
        self._slots = slots
        self._folder = folder
        self._files: dict[int, int] = {}
        self._mark: mmap.mmap | None = None  # when somebody last waited at the head of the queue
        self._reset()

    def _reset(self) -> None:
        self._idle = deque(range(self._slots))  # slots that no thread of this process holds
        self._idle.rotate(os.getpid())
        self._turn = threading.Lock()
        self._opened = False

    def forget(self) -> None:
        """In a forked copy of the process: close the lock files, whose locks belong to the original."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files = {}
        self._mark = None
        self._reset()

    @contextlib.contextmanager
    def slot(self) -> Iterator[Slot]:
        """Hold a slot while the block runs."""
        number = self._take()
        slot = Slot(None if number is None else partial(self._give_back, number))
        try:
            yield slot
        finally:
            slot.release()

    def _give_back(self, number: int) -> None:
        self._unlock(number)
        self._idle.appendleft(number)

    def _take(self) -> int | None:
        if not self._opened:
            with self._turn:
                self._open()
        slot = None if self._is_waited_for() else self._free_slot()
        return self._wait() if slot is None else slot

    def _wait(self) -> int | None:
        deadline = time.monotonic() + MAX_WAIT_S
        if not self._turn.acquire(timeout=MAX_WAIT_S):
            return None
        queued = False
        try:
            while True:
                queued = queued or self._lock(QUEUE)
                if queued:
                    self._write_mark(time.monotonic())
                slot = self._free_slot() if queued else None
                if slot is not None or time.monotonic() >= deadline:
                    return slot
                time.sleep(RETRY_S)
        finally:
            if queued:
                self._write_mark(0.0)
                self._unlock(QUEUE)
            self._turn.release()

    def _is_waited_for(self) -> bool:
        return self._mark is not None and 0 <= time.monotonic() - TIME.unpack_from(self._mark)[0] < RECENT_S

    def _write_mark(self, now: float) -> None:
        if self._mark is not None:
            TIME.pack_into(self._mark, 0, now)

    def _free_slot(self) -> int | None:
        for _ in range(self._slots):
            try:
                slot = self._idle.popleft()
            except IndexError:
                return None
            if self._lock(slot):
                return slot
            self._idle.append(slot)
        return None

    def _lock(self, which: int) -> bool:
        """Lock a file unless another process has; without a file there is no other process to ask."""
        descriptor = self._files.get(which)
        if descriptor is None:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def _unlock(self, which: int) -> None:
        descriptor = self._files.get(which)
        if descriptor is not None:
            try:  # faster than contextlib.suppress
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            except OSError:
                return

    def _open(self) -> None:
        if self._opened:
            return
        with contextlib.suppress(OSError, ValueError):
            self._open_files()
        self._opened = True

    def _open_files(self) -> None:
        if sys.platform == "win32":
            return
        folder = self._folder or os.path.join(tempfile.gettempdir(), f"quintain-programs-{os.getuid()}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        about = os.lstat(folder)
        if about.st_uid != os.getuid() or about.st_mode & 0o777 != 0o700:
            return  # somebody else's: they could hold its locks for ever
        for which in (QUEUE, *range(self._slots)):
            name = os.path.join(folder, "queue" if which == QUEUE else f"slot-{which}")
            self._files[which] = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.ftruncate(self._files[QUEUE], TIME.size)
        self._mark = mmap.mmap(self._files[QUEUE], TIME.size)


machine_budget = Budget(os.cpu_count() or 1)
"""The budget of this machine."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=machine_budget.forget)
