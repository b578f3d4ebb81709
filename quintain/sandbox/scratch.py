"""Temporary directories on the host for one code snippet, for sandboxes that cannot mount a private tmpfs.

Once untrusted code has run there, the host does not resolve paths inside: it works on directory descriptors, does not
follow symbolic links, and flattens deep trees instead of descending into them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping

__all__ = ["PREFIX", "HostScratch"]

PREFIX = "quintain-"
"""What the names of the directories begin with."""

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _empty(top: int) -> None:
    """Remove everything below an open directory, without recursion and with a bounded number of descriptors."""
    counter = 0
    while entries := [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in os.scandir(top)]:
        for name, is_directory in entries:
            if not is_directory:
                os.unlink(name, dir_fd=top)
                continue
            inner = os.open(name, _OPEN_DIRECTORY, dir_fd=top)
            try:
                for entry in os.scandir(inner):
                    if entry.is_dir(follow_symlinks=False):
                        counter += 1
                        os.rename(
                            entry.name, f".removed-{counter}-{os.urandom(8).hex()}", src_dir_fd=inner, dst_dir_fd=top
                        )
                    else:
                        os.unlink(entry.name, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


class HostScratch:
    """A new temporary directory with the files of one snippet.

    Args:
        files: Contents by relative path.
        writable: Whether the snippet may write there. The kernel enforces no quota: the host has to poll :meth:`usage`.
    """

    def __init__(self, files: Mapping[str, bytes], *, writable: bool) -> None:
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        self.writable = writable
        self.descriptor = os.open(self.path, _OPEN_DIRECTORY)
        try:
            self.add(files)
        except BaseException:
            self.remove()
            raise

    def add(self, files: Mapping[str, bytes]) -> None:
        """Write files by path. Safe only before untrusted code runs, or if the directory is not writable."""
        for name, content in files.items():
            target = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(content)

    def usage(self) -> tuple[int, int]:
        """Return the bytes allocated on disk and the number of entries, without following symbolic links."""
        size = entries = 0
        for _, directories, files, inside in os.fwalk(".", dir_fd=self.descriptor, follow_symlinks=False):
            entries += len(directories) + len(files)
            for name in files:
                with contextlib.suppress(OSError):
                    size += os.stat(name, dir_fd=inside, follow_symlinks=False).st_blocks * 512
        return size, entries

    def remove(self) -> None:
        """Delete the directory and everything in it; a second call does nothing."""
        if self.descriptor < 0:
            return
        try:
            _empty(self.descriptor)
        finally:
            os.close(self.descriptor)
            self.descriptor = -1
            shutil.rmtree(self.path, ignore_errors=True)
