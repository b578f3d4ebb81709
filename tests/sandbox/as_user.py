"""Run the sandbox's tests again as an ordinary user: ``python -m tests.sandbox.as_user [pytest arguments]``.

Needs root. Nothing is created on the machine: the process takes an unused user id, and a private mount namespace makes
the interpreter and the project readable if they are below a home directory that other users cannot enter.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from quintain.sandbox.jail.kernel import mount
from quintain.sandbox.jail.namespaces import MS_BIND, MS_PRIVATE, MS_REC, NEWNS, unshare

USER = 61000
PROJECT = Path(__file__).resolve().parents[2]


def _closed_ancestor(path: Path) -> Path | None:
    """Return the outermost ancestor of ``path`` without execute permission for others."""
    for ancestor in [*reversed(path.parents), path]:
        if not ancestor.stat().st_mode & 0o001:
            return ancestor
    return None


def make_reachable(path: Path) -> None:
    """Make ``path`` accessible to all users, in this mount namespace only."""
    path = path.resolve()
    closed = _closed_ancestor(path)
    if closed is None:
        return
    source = os.open(path, os.O_PATH)
    mount("tmpfs", str(closed), "tmpfs", 0, "mode=755")
    path.mkdir(parents=True, exist_ok=True)
    mount(f"/proc/self/fd/{source}", str(path), None, MS_BIND | MS_REC)
    os.close(source)


def main(arguments: list[str]) -> None:
    """Drop root privileges and run pytest."""
    if os.geteuid() != 0:
        sys.exit("as_user: needs root, to change the user")
    unshare(NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    for path in (sys.base_prefix, sys.prefix, PROJECT):
        make_reachable(Path(path))
    home = tempfile.mkdtemp(prefix="quintain-user-")
    os.chown(home, USER, USER)
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    os.chdir(PROJECT)
    environment = {
        "HOME": home,
        "TMPDIR": home,
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PROJECT),
        "HYPOTHESIS_STORAGE_DIRECTORY": f"{home}/hypothesis",
    }
    command = [sys.executable, "-m", "pytest", f"--basetemp={home}/pytest", *(arguments or ["tests/sandbox"])]
    os.execve(sys.executable, command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])
