"""Compile the system-call policy into a seccomp BPF filter for this architecture, and install it."""

from __future__ import annotations

import ctypes
import errno

from .bpf import JUMP_EQUAL, JUMP_GREATER_EQUAL, Instruction, assemble, jump_if, load, mask, return_, search
from .kernel import MACHINE, prctl, syscall
from .numbers import AUDIT_ARCH, NUMBERS
from .policy import ALLOWED, ARGUMENT_CHECKED, REFUSED, SUBPROCESS_ALLOWED

__all__ = ["SeccompFilter", "argument_rules", "build_program", "forbid_new_privileges", "supported"]

# Return values of a filter (linux/seccomp.h). The last three make the system call fail with an errno.
ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
PERMISSION = ERRNO | errno.EPERM
ACCESS = ERRNO | errno.EACCES
MISSING = ERRNO | errno.ENOSYS

OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGUMENTS = 0, 4, 16  # fields of struct seccomp_data, in bytes
X32_BIT = 0x40000000  # set in the numbers of x86-64's second ABI, x32, which would bypass the rules below

SET_MODE_FILTER = 1  # operation of seccomp(2)
# Options of prctl(2), PR_SET_NO_NEW_PRIVS and so on.
SET_NO_NEW_PRIVS, GET_NO_NEW_PRIVS, GET_SECCOMP, SET_NAME, GET_NAME = 38, 39, 21, 15, 16

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020080  # all CLONE_NEW* flags
AF_UNIX = 1
HARMLESS_IOCTLS = (0x5401, 0x541B, 0x5413, 0x5450, 0x5451, 0x5421)  # TCGETS FIONREAD TIOCGWINSZ FIO[N]CLEX FIONBIO
# F_DUPFD to F_SETLKW, F_OFD_*LK*, F_DUPFD_CLOEXEC, F_GETPIPE_SZ; not F_SETOWN, F_SETSIG, F_SETLEASE or F_NOTIFY.
HARMLESS_FCNTLS = (*range(8), 36, 37, 38, 1030, 1032)

OWN_PID = 0x7FFFFFFF
"""Placeholder in the filter, replaced by the id of the sandboxed process when the filter is installed."""


def supported() -> bool:
    """Return whether there is a policy for this machine's architecture."""
    return MACHINE in AUDIT_ARCH


def _argument(index: int) -> int:
    return OFFSET_ARGUMENTS + 8 * index


def _one_of(index: int, values: tuple[int, ...], refusal: int) -> list[Instruction]:
    code = [load(_argument(index))]
    for value in values:
        code += jump_if(value, then=[return_(ALLOW)])
    return [*code, return_(refusal)]


def argument_rules(allow_subprocess: bool) -> dict[str, list[Instruction]]:
    """Return the BPF instructions for each system call of ``ARGUMENT_CHECKED``, by name."""
    if allow_subprocess:
        checked, required = CLONE_NAMESPACES, 0  # anything without new namespaces
    else:
        checked, required = CLONE_NAMESPACES | CLONE_THREAD, CLONE_THREAD  # threads only
    allow_if_zero = jump_if(0, then=[return_(ALLOW)])
    return {
        "clone": [load(_argument(0)), mask(checked), *jump_if(required, then=[return_(ALLOW)]), return_(MISSING)],
        "kill": _one_of(0, (OWN_PID,), PERMISSION),
        "tgkill": _one_of(0, (OWN_PID,), PERMISSION),
        "prlimit64": [load(_argument(0)), *allow_if_zero, return_(PERMISSION)],
        "socketpair": _one_of(0, (AF_UNIX,), ACCESS),
        "socket": [return_(ACCESS)],
        "ioctl": _one_of(1, HARMLESS_IOCTLS, MISSING),
        "prctl": _one_of(0, (SET_NAME, GET_NAME, GET_NO_NEW_PRIVS, GET_SECCOMP), PERMISSION),
        "fcntl": _one_of(1, HARMLESS_FCNTLS, PERMISSION),
    }


def build_program(machine: str, *, allow_subprocess: bool = False) -> list[Instruction]:
    """Compile the policy for one architecture.

    Args:
        machine: Architecture as in ``platform.machine()``, a key of ``NUMBERS``.
        allow_subprocess: Whether the snippet may start other processes. Default: false.
    """
    numbers = NUMBERS[machine]
    rules: dict[int, list[Instruction]] = {}
    for name in REFUSED & numbers.keys():
        rules[numbers[name]] = [return_(PERMISSION)]
    for name in ALLOWED & numbers.keys():
        rules[numbers[name]] = [return_(ALLOW)]
    checked = argument_rules(allow_subprocess)
    assert checked.keys() == set(ARGUMENT_CHECKED)
    for name, code in checked.items():
        rules[numbers[name]] = code
    if allow_subprocess:
        for name in SUBPROCESS_ALLOWED & numbers.keys():
            rules[numbers[name]] = [return_(ALLOW)]

    # Neighbouring numbers with equal code are merged into ranges, for a short filter with binary search.
    missing = [return_(MISSING)]
    ranges: list[tuple[int, list[Instruction]]] = [(0, rules.get(0, missing))]
    for number in range(1, max(rules) + 2):
        code = rules.get(number, missing)
        if code != ranges[-1][1]:
            ranges.append((number, code))

    return [
        load(OFFSET_ARCH),
        Instruction(JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        return_(KILL_PROCESS),
        load(OFFSET_NUMBER),
        *jump_if(X32_BIT, then=[return_(KILL_PROCESS)], code=JUMP_GREATER_EQUAL),
        *search(ranges),
    ]


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class SeccompFilter:
    """A compiled policy. It is compiled once, so that installing it in a child process takes little time."""

    def __init__(self, *, allow_subprocess: bool = False) -> None:
        """Compile for this machine, and record the offsets of the ``OWN_PID`` placeholders."""
        program = build_program(MACHINE, allow_subprocess=allow_subprocess)
        code = assemble(program)
        self._code = ctypes.create_string_buffer(code, len(code))
        self._own_pid_at = [8 * i + 4 for i, word in enumerate(program) if word.value == OWN_PID]
        self._program = _Program(len(program), ctypes.addressof(self._code))
        self._number = NUMBERS[MACHINE]["seccomp"]
        self.length = len(program)

    def install(self, own_pid: int) -> None:
        """Install the filter in this process, irrevocably."""
        for offset in self._own_pid_at:
            ctypes.memmove(ctypes.addressof(self._code) + offset, own_pid.to_bytes(4, "little"), 4)
        syscall("seccomp", self._number, SET_MODE_FILTER, 0, ctypes.byref(self._program))


def forbid_new_privileges() -> None:
    """Set ``no_new_privs``: exec can no longer raise privileges. seccomp and Landlock require it without root."""
    prctl(SET_NO_NEW_PRIVS, 1)
