"""File and network confinement that an ordinary process puts on itself (Linux 5.13 and later).

Landlock does not cover ``stat``, ``chmod``, ``chown``, ``utime``, extended attributes, UDP or Unix sockets; the
seccomp policy closes those, except ``stat``.
"""

from __future__ import annotations

import ctypes
import os
import struct

from .kernel import MACHINE, syscall
from .numbers import NUMBERS

__all__ = ["EXECUTE", "READ", "READ_FILE_ONLY", "READ_WRITE_FILE", "SCRATCH", "Ruleset", "abi_version", "handled"]

CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE = 1 << 13, 1 << 14

READ = READ_FILE | READ_DIR
READ_FILE_ONLY = READ_FILE
READ_WRITE_FILE = READ_FILE | WRITE_FILE
SCRATCH = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER | TRUNCATE

SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1, 2


def abi_version() -> int:
    """Return the kernel's Landlock ABI; 0 where there is none."""
    if MACHINE not in NUMBERS:
        return 0
    try:
        number = NUMBERS[MACHINE]["landlock_create_ruleset"]
        return syscall("landlock_create_ruleset", number, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def handled(abi: int) -> bytes:
    """Return ``struct landlock_ruleset_attr`` for everything that this ABI can restrict.

    Its size grows with the ABI: file rights, then TCP (4), then scopes (6).
    """
    files = (1 << 13) - 1
    if abi >= 2:
        files |= REFER
    if abi >= 3:
        files |= TRUNCATE
    if abi >= 5:
        files |= 1 << 15  # ioctl on device files
    words = [files]
    if abi >= 4:
        words.append(0b11)  # bind and connect TCP
    if abi >= 6:
        words.append(SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL)
    return struct.pack(f"={len(words)}Q", *words)


class Ruleset:
    """Allow some files; everything else is refused once the rules are enforced.

    Args:
        rules: ``(open descriptor, rights)`` pairs. The descriptor may be closed afterwards.
        abi: The kernel's Landlock ABI.
    """

    def __init__(self, rules: list[tuple[int, int]], abi: int) -> None:
        attributes = handled(abi)
        known = struct.unpack_from("=Q", attributes)[0]
        numbers = NUMBERS[MACHINE]
        self.descriptor = syscall(
            "landlock_create_ruleset",
            numbers["landlock_create_ruleset"],
            ctypes.c_char_p(attributes),
            len(attributes),
            0,
        )
        for descriptor, rights in rules:
            rule = ctypes.c_char_p(struct.pack("=Qi", rights & known, descriptor))
            number = numbers["landlock_add_rule"]
            syscall("landlock_add_rule", number, self.descriptor, RULE_PATH_BENEATH, rule, 0)

    def enforce(self) -> None:
        """Apply the rules to this process, irrevocably, and close the ruleset."""
        number = NUMBERS[MACHINE]["landlock_restrict_self"]
        syscall("landlock_restrict_self", number, self.descriptor, 0)
        os.close(self.descriptor)
