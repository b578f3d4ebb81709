"""Paths that a Python interpreter needs to read; everything else stays hidden from snippets."""

from __future__ import annotations

import os
import sys
import sysconfig

__all__ = ["SITE_DIRECTORIES", "library_paths", "program_paths", "standard_library"]

SITE_DIRECTORIES = ("site-packages", "dist-packages")
LIBRARY_DIRECTORIES = ("/lib64", "/usr/lib64", "/lib/{0}", "/usr/lib/{0}")
TIME_ZONES = "/usr/share/zoneinfo"
PROGRAM_DIRECTORIES = ("/bin", "/usr/bin", "/usr/lib", "/lib", "/lib64")


def standard_library() -> list[str]:
    """Return the directories of the standard library (they contain the site directories, which callers hide)."""
    return sorted({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


def library_paths() -> list[str]:
    """Return where shared libraries live: the system's directories, and single files mapped from anywhere else."""
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    directories = {path for name in LIBRARY_DIRECTORIES if os.path.isdir(path := name.format(triplet).rstrip("/"))}
    directories -= {"/lib", "/usr/lib"}
    files = set()
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            path = fields[5].rstrip("\n") if len(fields) == 6 else ""
            if path.startswith("/") and ".so" in os.path.basename(path) and os.path.isfile(path):
                files.add(path)
    real = tuple(os.path.realpath(directory) + "/" for directory in directories)
    paths = directories | {path for path in files if not os.path.realpath(path).startswith(real)}
    if os.path.isdir(TIME_ZONES):
        paths.add(TIME_ZONES)
    return sorted(paths)


def program_paths() -> list[str]:
    """Return what running other programs needs beyond the libraries."""
    here = [os.path.realpath(sys.executable)]
    return here + [path for path in PROGRAM_DIRECTORIES if os.path.isdir(path)]
