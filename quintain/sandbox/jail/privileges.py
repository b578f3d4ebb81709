"""Drop privileges: capabilities, user id, resource limits, and access by debuggers."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Iterable

from .kernel import MACHINE, prctl, syscall
from .numbers import NUMBERS

__all__ = [
    "KEPT_BY_SERVER",
    "die_with_parent",
    "drop_all_capabilities",
    "drop_bounding_set",
    "drop_kept_capabilities",
    "limit_process",
    "limit_resources",
    "release_headroom",
    "switch_user",
]

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP = 1, 4, 23, 24
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522

KEPT_BY_SERVER = (5, 6, 7, 8, 21)
"""CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP and CAP_SYS_ADMIN: what the fork server needs to confine a child."""

MEBIBYTE = 1 << 20
HEADROOM = 32 * MEBIBYTE
"""What the harness may use beyond the snippet's limit to report that the snippet ran out of memory."""


def drop_bounding_set(keep: Iterable[int]) -> None:
    """Remove all capabilities but those kept from what any later exec could gain."""
    for capability in set(range(last_capability() + 1)).difference(keep):
        if prctl(PR_CAPBSET_READ, capability):
            prctl(PR_CAPBSET_DROP, capability)


def last_capability() -> int:
    """Return the highest capability that the running kernel knows."""
    for capability in range(31, 64):
        try:
            prctl(PR_CAPBSET_READ, capability)
        except OSError:
            return capability - 1
    return 63


def drop_kept_capabilities() -> None:
    """In a child: remove from the bounding set what the fork server kept there."""
    for capability in KEPT_BY_SERVER:
        prctl(PR_CAPBSET_DROP, capability)


def drop_all_capabilities() -> None:
    """Empty the permitted, effective, inheritable and ambient sets."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    number = NUMBERS[MACHINE]["capset"]
    syscall("capset", number, ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))


def switch_user(uid: int) -> None:
    """Become a user that owns nothing."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, and keep other processes from looking inside.

    Args:
        parent: The parent's id as seen from here, to notice that it has ended already.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        os._exit(0)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Lower one limit, never above the hard limit in force."""
    ceiling = resource.getrlimit(kind)[1]
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted = min(wanted, ceiling)
    resource.setrlimit(kind, (min(soft, wanted), wanted))


def limit_process(processes: int | None) -> None:
    """Set the limits that are the same for every snippet.

    Args:
        processes: Limit on processes of this user id, or ``None`` where the id is shared with the host's.
    """
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        _limit(kind, 0)
    _limit(resource.RLIMIT_STACK, 8 * MEBIBYTE)
    if processes is not None:
        _limit(resource.RLIMIT_NPROC, processes)


def limit_resources(base: int, memory_mb: int, cpu_s: float | None, file_mb: int, open_files: int) -> None:
    """Set the resource limits of one run.

    The soft CPU limit equals the hard one, because process 1 of a namespace ignores SIGXCPU.

    Args:
        base: Address space of the interpreter before the snippet, in bytes.
        memory_mb: Address space that the snippet may add.
        cpu_s: CPU time, or ``None`` when the host alone watches it.
        file_mb: Maximum size of a file, in MiB.
        open_files: Maximum number of open file descriptors.
    """
    limit = base + memory_mb * MEBIBYTE
    _limit(resource.RLIMIT_AS, limit, limit + HEADROOM)
    if cpu_s is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
    _limit(resource.RLIMIT_FSIZE, file_mb * MEBIBYTE)
    _limit(resource.RLIMIT_NOFILE, open_files)


def release_headroom() -> None:
    """Let the harness use the memory kept back for its report."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
