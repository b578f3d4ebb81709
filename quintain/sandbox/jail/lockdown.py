"""The order in which a child gives up everything, and the record of what it gave up.

Each step either takes effect or raises; the child exits before reading its job if one raises. The order matters:
mounting needs capabilities, Landlock forbids mounting, changing the user clears the parent-death signal, and seccomp
forbids most of the other steps.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import landlock, namespaces, privileges
from .seccomp import SeccompFilter, forbid_new_privileges

__all__ = ["Plan", "SetupFailed", "lock_down", "prepare", "run_step"]

CHANNEL = 3
RULESET = 4
FIRST_THROWAWAY_UID = 61184
THROWAWAY_UIDS = 4000
"""systemd's range for dynamic users, the one least likely to own a file anywhere."""


class SetupFailed(Exception):
    """A protection could not be put in force."""

    def __init__(self, step: str, error: OSError) -> None:
        """Keep which step and which errno."""
        self.step = step
        self.errno = error.errno or 0
        super().__init__(f"{step}: {error}")


@dataclass
class Plan:
    """What the fork server prepared for its children, once."""

    level: str
    allow_subprocess: bool
    processes: int
    fault: str | None
    base_memory: int = 0
    own_pid: int = 0
    ruleset: landlock.Ruleset | None = None
    rules: list[tuple[int, int]] = field(default_factory=list)
    landlock_abi: int = 0
    seccomp: SeccompFilter | None = None
    protections: list[str] = field(default_factory=list)

    @property
    def private_world(self) -> bool:
        """Whether namespaces surround the fork server."""
        return self.level in ("A", "B")

    @property
    def confined(self) -> bool:
        """Whether Landlock and seccomp apply."""
        return self.level != "none"


def run_step(plan: Plan, name: str, action: Callable[[], None]) -> None:
    """Put one protection in force.

    ``Plan.fault`` names a step that fails on purpose, which is how the tests prove that each failure is fatal.

    Raises:
        SetupFailed: If the step did not take effect.
    """
    try:
        if plan.fault == name:
            raise OSError(errno.EPERM, "made to fail on purpose")
        action()
    except OSError as error:
        raise SetupFailed(name, error) from error


def prepare(plan: Plan, readable: list[tuple[str, int]]) -> None:
    """Compile the Landlock rules and the seccomp filter that all children share.

    Args:
        plan: Receives them.
        readable: Paths with their Landlock rights.
    """

    def build_ruleset() -> None:
        for path, rights in readable:
            if os.path.exists(path):
                plan.rules.append((os.open(path, os.O_PATH | os.O_CLOEXEC), rights))
        plan.landlock_abi = landlock.abi_version()
        if plan.landlock_abi < 3:
            raise OSError(errno.EOPNOTSUPP, f"Landlock ABI {plan.landlock_abi}, 3 is needed")
        plan.ruleset = landlock.Ruleset(plan.rules, plan.landlock_abi)

    run_step(plan, "landlock rules", build_ruleset)

    def compile_filter() -> None:
        plan.seccomp = SeccompFilter(allow_subprocess=plan.allow_subprocess)

    run_step(plan, "seccomp filter", compile_filter)


def _duplicate(descriptor: int) -> int:
    """Copy a descriptor to a number that the final arrangement does not use."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 2 * RULESET)


def lock_down(plan: Plan, job: dict[str, Any], descriptors: list[int], parent: int, counter: int) -> list[str]:
    """Confine this freshly forked child; return the protections now in force.

    Args:
        plan: What the fork server prepared.
        job: The size of the scratch directory (``scratch_mb``, ``scratch_files``).
        descriptors: stdin, stdout, stderr, channel, and optionally a scratch directory made by the host.
        parent: The fork server's process id as seen from the child.
        counter: A number no other living child of this server has.
    """
    done = list(plan.protections)

    def step(name: str, action: Callable[[], None]) -> None:
        run_step(plan, name, action)
        done.append(name)

    ruleset = plan.ruleset
    scratch_rule: int | None = None

    def arrange_descriptors() -> None:
        nonlocal ruleset, scratch_rule
        high = [_duplicate(descriptor) for descriptor in descriptors]
        if len(high) > 4:
            scratch_rule = high[4]
            os.fchdir(scratch_rule)
            if plan.confined:
                rules = [*plan.rules, (scratch_rule, landlock.SCRATCH if job["writable"] else landlock.READ)]
                ruleset = landlock.Ruleset(rules, plan.landlock_abi)
        keep = -1 if ruleset is None else _duplicate(ruleset.descriptor)
        for number in range(4):
            os.dup2(high[number], number, inheritable=number != CHANNEL)
        if ruleset is not None:
            os.dup2(keep, RULESET, inheritable=False)
            ruleset.descriptor = RULESET
        os.closerange(CHANNEL + 1 if ruleset is None else RULESET + 1, 1 << 20)

    step("closed descriptors", arrange_descriptors)
    step("own session", lambda: None if os.getpid() == os.getsid(0) else os.setsid())

    uid = FIRST_THROWAWAY_UID + counter % THROWAWAY_UIDS if plan.level == "A" else os.getuid()
    gid = uid if plan.level == "A" else os.getgid()
    if plan.private_world:
        size, files, programs = job["scratch_mb"], job["scratch_files"], plan.allow_subprocess
        step("scratch quota", lambda: namespaces.mount_scratch(size, files, uid, gid, executable=programs))
    own_count = plan.level == "A" or plan.allow_subprocess
    step("resource limits", lambda: privileges.limit_process(plan.processes if own_count else None))
    if plan.confined:
        step("no new privileges", forbid_new_privileges)
        if os.geteuid() == 0 or plan.level == "B":
            step("no bounding capabilities", privileges.drop_bounding_set)
        if plan.level == "A":
            step("throw-away user", lambda: privileges.switch_user(uid))
        step("no capabilities", privileges.drop_all_capabilities)
    step("dies with its server", lambda: privileges.die_with_parent(parent))
    if plan.confined:
        assert ruleset is not None
        assert plan.seccomp is not None
        step("landlock", ruleset.enforce)
        own_pid = os.getpid()
        filter_ = plan.seccomp
        step("seccomp", lambda: filter_.install(own_pid))
    return done
