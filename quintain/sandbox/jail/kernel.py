"""System calls that Python has no name for, through ctypes."""

from __future__ import annotations

import ctypes
import os
import platform

__all__ = ["MACHINE", "checked", "libc", "mount", "prctl", "syscall"]

MACHINE = platform.machine()

libc = ctypes.CDLL(None, use_errno=True)
_syscall = libc.syscall
_syscall.restype = ctypes.c_long


def checked(name: str, result: int) -> int:
    """Return ``result``, or raise the ``OSError`` that the C library left behind when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def syscall(name: str, number: int, *arguments: object) -> int:
    """Make a raw system call; integers are passed as machine words."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(name, int(_syscall(ctypes.c_long(number), *words)))


def prctl(option: int, *arguments: int) -> int:
    """Call ``prctl`` with up to four words; the rest are zero, as newer options demand."""
    words = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return checked(f"prctl({option})", int(libc.prctl(ctypes.c_int(option), *words)))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Call ``mount(2)``."""

    def text(value: str | None) -> ctypes.c_char_p:
        return ctypes.c_char_p(None if value is None else os.fsencode(value))

    result = libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data))
    checked(f"mount {target}", int(result))
