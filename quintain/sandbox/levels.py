"""Detect, by trying, how strongly this machine can confine a snippet."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass

from quintain.errors import ConfigurationError, SandboxError, SandboxUnavailable
from quintain.sandbox.backend import Backend, BackendSettings

__all__ = [
    "LEVELS",
    "Detection",
    "best_level",
    "confined_backend",
    "detect",
    "require_level",
    "unconfined_backend",
]

LEVELS = ("A", "B", "C")
"""From strong to weak. A: root, namespaces and a temporary user id. B: user namespaces. C: Landlock and seccomp."""

REMEDIES = (
    "remedies: run on Linux >= 6.2 with Landlock enabled, use Sandbox(backend='monty') for the portable subset of "
    "Python, or Sandbox(backend='container') with docker or podman; Sandbox(backend='unsafe-local') runs snippets "
    "without confinement"
)


@dataclass(frozen=True)
class Detection:
    """Which levels are available, and why the others are not.

    Attributes:
        available: Levels that started and blocked the canary attacks, strongest first.
        reasons: For every other level, why it failed.
        protections: Protections of the strongest level.
        landlock_abi: Version of the kernel's Landlock ABI; 0 without Landlock.
    """

    available: tuple[str, ...]
    reasons: dict[str, str]
    protections: tuple[str, ...]
    landlock_abi: int


@functools.lru_cache(maxsize=8)
def _try_level(level: str, user: int) -> tuple[str, tuple[str, ...], int]:
    """Start a server at ``level`` and attack it; return why it cannot be used, or an empty string."""
    from quintain.sandbox.canary import attack
    from quintain.sandbox.fork_backend import ForkBackend

    backend = ForkBackend(level, workers=1, pool_size=0)
    try:
        result = backend.run(attack(), None)
        escaped = result.stdout.split() if result.ok else []
        if result.status == "setup_failed":
            return result.detail, (), 0
        if not result.ok:
            return f"the canary ended as {result.status}: {result.detail or result.stderr[-300:]}", (), 0
        if escaped != ["done"]:
            return f"canary attacks succeeded: {', '.join(escaped)}", (), 0
        return "", result.protections, backend.describe()["landlock_abi"]
    except SandboxError as error:
        return str(error), (), 0
    finally:
        backend.close()


def detect(levels: tuple[str, ...] = LEVELS) -> Detection:
    """Try the given levels (once per process and user) and report."""
    available: list[str] = []
    reasons: dict[str, str] = {}
    protections: tuple[str, ...] = ()
    abi = 0
    for level in levels:
        if not sys.platform.startswith("linux"):
            reasons[level] = f"the fork backend needs Linux, this is {sys.platform}"
            continue
        reason, found, version = _try_level(level, os.geteuid())
        if reason:
            reasons[level] = reason
            continue
        if not available:
            protections, abi = found, version
        available.append(level)
    return Detection(tuple(available), reasons, protections, abi)


def best_level(minimum: str) -> str:
    """Return the strongest level that works here.

    Raises:
        SandboxUnavailable: If none of at least ``minimum`` does; the message names what is missing, with remedies.
    """
    reasons: dict[str, str] = {}
    for level in LEVELS[: LEVELS.index(minimum) + 1]:
        found = detect((level,))
        if found.available:
            return level
        reasons.update(found.reasons)
    missing = "; ".join(f"level {level}: {reason}" for level, reason in reasons.items())
    raise SandboxUnavailable(f"no protection of level {minimum} or better on this machine ({missing}); {REMEDIES}")


def require_level(level: str) -> str:
    """Return ``level`` if it works here.

    Raises:
        SandboxUnavailable: If it does not.
    """
    found = detect((level,))
    if level not in found.available:
        raise SandboxUnavailable(f"level {level} is not available on this machine: {found.reasons[level]}; {REMEDIES}")
    return level


def confined_backend(settings: BackendSettings) -> Backend:
    """Make the ``fork`` backend at the level that ``settings`` ask for.

    Raises:
        SandboxUnavailable: If this machine does not offer that level.
        ConfigurationError: If the level cannot limit subprocesses, which ``settings`` allow.
    """
    level = best_level(settings.require) if settings.level is None else require_level(settings.level)
    if settings.allow_subprocess and level == "C":
        raise ConfigurationError("allow_subprocess needs level A or B, which have a process namespace")
    if settings.allow_subprocess and level == "B" and os.geteuid() == 0:
        raise ConfigurationError("as root, allow_subprocess needs level A: the kernel sets root no process limit")
    return _fork_backend(level, settings)


def unconfined_backend(settings: BackendSettings) -> Backend:
    """Make the ``unsafe-local`` backend: the ``fork`` backend without any protection."""
    return _fork_backend("none", settings)


def _fork_backend(level: str, settings: BackendSettings) -> Backend:
    from quintain.sandbox.fork_backend import ForkBackend

    return ForkBackend(
        level,
        workers=settings.workers,
        pool_size=settings.pool_size,
        limits=settings.limits,
        writable_scratch=settings.writable_scratch,
        allow_subprocess=settings.allow_subprocess,
        packages=settings.packages,
        fault=settings.fault,
    )
