"""Linux namespaces: private process ids, mounts, network, and a read-only root with only what Python needs."""

from __future__ import annotations

import ctypes
import os

from .kernel import MACHINE, checked, libc, mount, syscall
from .numbers import NUMBERS

__all__ = [
    "SCRATCH_PARENT",
    "SCRATCH_PATH",
    "enter_namespaces",
    "enter_private_root",
    "mount_scratch",
    "new_pid_namespace",
    "new_user_and_pid_namespace",
    "unshare",
]

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
AT_RECURSIVE, AT_FDCWD = 0x8000, -100

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")

HOST_NAME = b"sandbox"
"""Name of the machine as snippets see it, since the host's own may name its user."""

STAGING = "/proc"
"""Where the new root is assembled. Nothing that a snippet needs is ever below it, so covering it hides no source."""

SCRATCH_PARENT = "/box"
SCRATCH_PATH = "/box/tmp"
"""Landlock skips a directory hidden by a mount but asks its parent: one rule there covers every later mount."""


def unshare(flags: int) -> None:
    """Call ``unshare(2)``."""
    checked("unshare", int(libc.unshare(ctypes.c_int(flags))))


def new_user_and_pid_namespace(*, user: bool) -> None:
    """Leave the host's user (if asked) and process namespaces; the next fork becomes process 1."""
    uid, gid = os.getuid(), os.getgid()
    unshare(NEWPID | (NEWUSER if user else 0))
    if user:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)


def enter_namespaces() -> None:
    """Leave the host's mounts, network, System V objects, host name and cgroup view."""
    unshare(NEWNS | NEWNET | NEWIPC | NEWUTS | NEWCGROUP)
    checked("sethostname", int(libc.sethostname(HOST_NAME, ctypes.c_size_t(len(HOST_NAME)))))
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def new_pid_namespace(own: int) -> None:
    """Make the next fork process 1 of a fresh namespace.

    Args:
        own: Descriptor of the caller's own process namespace; without returning to it first, a second ``unshare``
            fails with EINVAL.
    """
    checked("setns", int(libc.setns(ctypes.c_int(own), ctypes.c_int(NEWPID))))
    unshare(NEWPID)


def _set_attributes(path: str, attributes: int, *, recursive: bool) -> None:
    words = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    number = NUMBERS[MACHINE]["mount_setattr"]
    flags = AT_RECURSIVE if recursive else 0
    syscall("mount_setattr", number, AT_FDCWD, ctypes.c_char_p(os.fsencode(path)), flags, ctypes.byref(words), 32)


def _bind(source: str, root: str, attributes: int) -> None:
    target = root + source
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "wb").close()
    mount(source, target, None, MS_BIND | MS_REC)
    _set_attributes(target, attributes, recursive=True)


def enter_private_root(readable: list[str], hidden: list[str]) -> None:
    """Replace the root by a read-only tree that holds only ``readable``.

    Args:
        readable: Absolute paths that stay visible, at the same place, read-only.
        hidden: Directories below them that appear empty.
    """
    root = STAGING
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV
    placed: list[str] = []
    for path in sorted({name for given in readable for name in (os.path.normpath(given), os.path.realpath(given))}):
        if not any(path == done or path.startswith(done + "/") for done in placed):
            _bind(path, root, attributes)
            placed.append(path)
    for path in hidden:
        if os.path.isdir(root + path):
            mount("tmpfs", root + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=755")
    for device in DEVICES:
        _bind(device, root, ATTR_NOSUID | ATTR_NOEXEC)
    os.makedirs(root + SCRATCH_PATH)
    if not os.path.lexists(root + "/tmp"):  # it exists, read-only, where libraries lie below it
        os.symlink(SCRATCH_PATH, root + "/tmp")
    os.chdir(root)
    number = NUMBERS[MACHINE]["pivot_root"]
    syscall("pivot_root", number, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    checked("umount2", int(libc.umount2(ctypes.c_char_p(b"."), ctypes.c_int(MNT_DETACH))))
    os.chdir("/")
    _set_attributes("/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, recursive=False)


def mount_scratch(size_mb: int, files: int, uid: int, gid: int, *, executable: bool) -> None:
    """Give this process a private, empty, size-limited directory and move there."""
    unshare(NEWNS)
    flags = MS_NOSUID | MS_NODEV | (0 if executable else MS_NOEXEC)
    # The directory itself takes the first inode.
    data = f"size={size_mb}m,nr_inodes={files + 1},mode=700,uid={uid},gid={gid}"
    mount("tmpfs", SCRATCH_PATH, "tmpfs", flags, data)
    os.chdir(SCRATCH_PATH)
