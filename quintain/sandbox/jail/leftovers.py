"""Cleanup of threads and timers that a snippet leaves running.

They end with their snippet, so that nothing is printed into the output of a later one, at a moment that the clock
decides. Threads that a program would wait for at its end are waited for. The others are stopped and silenced, but for
the idle workers of an executor, to which a later snippet may give work.
"""

from __future__ import annotations

import _thread
import ctypes
import io
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where there are threads: imported here, it would register a hook for every fork
    from threading import Thread

__all__ = ["has_threads", "stop", "wait_for_threads"]

POLL_S = 0.002
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)

_silenced: dict[int, Thread | None] = {}


def has_threads() -> bool:
    """Whether any thread runs beside the main one."""
    return _thread._count() > 0


def wait_for_threads() -> None:
    """Wait until every thread that is no daemon has ended, or is the worker of an executor and has nothing to do."""
    while busy := [thread for thread in _threads() if not thread.daemon and not _is_idle(thread)]:
        busy[0].join(POLL_S)


def _threads() -> list[Thread]:
    import threading

    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


def _is_idle(thread: Thread) -> bool:
    """Whether a thread is the worker of an executor that waits for work, which it may do for ever."""
    module = sys.modules.get("concurrent.futures.thread")
    queue = getattr(module, "_threads_queues", {}).get(thread)
    frame = sys._current_frames().get(thread.ident or 0)
    if module is None or queue is None or frame is None:
        return False
    return frame.f_code is module._worker.__code__ and queue.empty() and "work_item" not in frame.f_locals


def stop(*streams: io.TextIOWrapper) -> None:
    """Cancel the timers, and end the threads that are left; drop what they write to ``streams`` until then."""
    for timer in TIMERS:
        signal.setitimer(timer, 0)
    if not (has_threads() or _silenced):
        return
    known = {thread.ident: thread for thread in _threads()}
    kept = {ident for ident, thread in known.items() if _is_idle(thread)} | {_thread.get_ident()}
    _silenced.clear()
    _silenced.update({ident: known.get(ident) for ident in sys._current_frames().keys() - kept})
    for stream in streams:
        if "write" not in vars(stream):
            stream.write = _unless_silenced(stream.write)  # type: ignore[method-assign]
    for ident in _silenced:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))


def _unless_silenced(write: Callable[[str], int]) -> Callable[[str], int]:
    import threading

    def guarded(text: str) -> int:
        ident = _thread.get_ident()
        # A new thread may have the number of one that has ended.
        if ident in _silenced and threading._active.get(ident) is _silenced[ident]:  # type: ignore[attr-defined]
            return len(text)
        return write(text)

    return guarded
