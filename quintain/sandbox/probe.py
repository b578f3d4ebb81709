"""Which protections this machine offers, and how to get stronger ones."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from quintain.sandbox.levels import LEVELS, detect

__all__ = ["Missing", "Probe", "probe"]

MEANING = {
    "A": "root: private namespaces, a temporary user id, Landlock, seccomp, resource limits",
    "B": "user namespaces, Landlock, seccomp, resource limits",
    "C": "Landlock, seccomp and resource limits; snippets can see file metadata (stat)",
}


@dataclass(frozen=True)
class Missing:
    """A level or a backend that is not available here.

    Attributes:
        what: Name of the level or backend.
        reason: Why it is not available.
        remedy: How to make it available.
    """

    what: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Probe:
    """The available levels and back-ends of this machine.

    Attributes:
        level: The strongest level that works, or ``None``: then the ``fork`` backend refuses to run.
        meaning: Description of that level, in one line.
        protections: Protections of that level.
        levels: All levels that work, strongest first.
        backends: Names of available back-ends.
        missing: Unavailable levels and back-ends, with remedies.
        kernel: Release of the running kernel.
        landlock_abi: Version of its Landlock ABI; 0 without Landlock.
    """

    level: str | None
    meaning: str
    protections: tuple[str, ...]
    levels: tuple[str, ...]
    backends: tuple[str, ...]
    missing: tuple[Missing, ...] = field(default_factory=tuple)
    kernel: str = ""
    landlock_abi: int = 0

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return a JSON-able copy."""
        lists = {"protections", "levels", "backends"}
        data = {name: list(value) if name in lists else value for name, value in self.__dict__.items()}
        data["missing"] = [item.__dict__.copy() for item in self.missing]
        return data


def _setting(name: str) -> str | None:
    try:
        with open(f"/proc/sys/{name}") as file:
            return file.read().strip()
    except OSError:
        return None


def _remedy(level: str) -> str:
    if not sys.platform.startswith("linux"):
        return "run on Linux, or use the monty or container backend"
    if level == "A":
        return "run as root outside a container, or with CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID; level B is as strong"
    if level == "B":
        if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
            return (
                "this distribution restricts user namespaces: give the interpreter an AppArmor profile with 'userns,', "
                "or set kernel.apparmor_restrict_unprivileged_userns=0"
            )
        if _setting("kernel/unprivileged_userns_clone") == "0":
            return "set kernel.unprivileged_userns_clone=1"
        if _setting("user/max_user_namespaces") == "0":
            return "set user.max_user_namespaces to a positive number"
        return "allow user namespaces; a container's default seccomp profile forbids them"
    return "boot a kernel >= 6.2 with 'landlock' in the lsm= list, on x86-64 or aarch64, with seccomp filters enabled"


def probe() -> Probe:
    """Try every level, and look for the other back-ends. Takes a fraction of a second, once per process."""
    import shutil

    found = detect(LEVELS)
    missing = [Missing(f"level {level}", reason, _remedy(level)) for level, reason in found.reasons.items()]
    backends = ["fork"] if found.available else []
    if find_spec("pydantic_monty") is not None:
        backends.append("monty")
    else:
        missing.append(Missing("monty backend", "pydantic-monty is not installed", "pip install pydantic-monty"))
    engine = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if engine is not None:
        backends.append("container")
    else:
        missing.append(Missing("container backend", "neither docker nor podman is installed", "install podman"))
    level = found.available[0] if found.available else None
    return Probe(
        level=level,
        meaning="no confinement is possible here" if level is None else MEANING[level],
        protections=found.protections,
        levels=found.available,
        backends=tuple(backends),
        missing=tuple(missing),
        kernel=os.uname().release if hasattr(os, "uname") else platform.release(),
        landlock_abi=found.landlock_abi,
    )
