"""The order in which a child drops its rights, and the record of the protections in force.

Each step either takes effect or raises; the child exits before reading its snippet if one raises. The order matters:
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

__all__ = ["NewChild", "Plan", "SetupFailed", "child_steps", "lock_down", "prepare", "run_step"]

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
    steps: list[Step] = field(default_factory=list)

    @property
    def has_namespaces(self) -> bool:
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
            raise OSError(errno.EPERM, "injected fault")
        action()
    except OSError as error:
        raise SetupFailed(name, error) from error


def prepare(plan: Plan, readable: list[tuple[str, int]]) -> None:
    """Compile the Landlock rules and the seccomp filter that all children share.

    Args:
        plan: The plan that stores rules and filter.
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


@dataclass
class NewChild:
    """A freshly forked child on its way to being confined.

    Attributes:
        plan: What the fork server prepared.
        request: Size of the scratch directory, or whether the one made by the host is writable.
        descriptors: stdin, stdout, stderr, channel, and optionally a scratch directory made by the host.
        parent: The fork server's process id as seen from here.
        counter: A number no other living child of this server has.
        ruleset: The Landlock rules that apply.
        channel: Where to report; it moves when the descriptors are put in order.
    """

    plan: Plan
    request: dict[str, Any]
    descriptors: list[int]
    parent: int
    counter: int
    ruleset: landlock.Ruleset | None
    channel: int

    @property
    def user(self) -> int:
        """The user and group it will run as."""
        return FIRST_THROWAWAY_UID + self.counter % THROWAWAY_UIDS


Step = tuple[str, Callable[[NewChild], object]]


def _close_descriptors(child: NewChild) -> None:
    plan = child.plan
    high = [_duplicate(descriptor) for descriptor in child.descriptors]
    if len(high) > CHANNEL + 1:
        scratch = high[CHANNEL + 1]
        os.fchdir(scratch)
        if plan.confined:
            rights = landlock.SCRATCH if child.request["writable"] else landlock.READ
            child.ruleset = landlock.Ruleset([*plan.rules, (scratch, rights)], plan.landlock_abi)
    ruleset = child.ruleset
    keep = -1 if ruleset is None else _duplicate(ruleset.descriptor)
    for number in range(CHANNEL + 1):
        os.dup2(high[number], number, inheritable=number != CHANNEL)
    if ruleset is not None:
        os.dup2(keep, RULESET, inheritable=False)
        ruleset.descriptor = RULESET
    child.channel = CHANNEL
    os.closerange(CHANNEL + 1 if ruleset is None else RULESET + 1, 1 << 20)


def _mount_scratch(child: NewChild) -> None:
    user, group = (child.user, child.user) if child.plan.level == "A" else (os.getuid(), os.getgid())
    size, files = child.request["scratch_mb"], child.request["scratch_files"]
    namespaces.mount_scratch(size, files, user, group, executable=child.plan.allow_subprocess)


def _limit_resources(child: NewChild) -> None:
    # A limit on processes counts those of the user: elsewhere the host's own would count too.
    own_count = child.plan.level == "A" or child.plan.allow_subprocess
    privileges.limit_process(child.plan.processes if own_count else None)


def _enforce_landlock(child: NewChild) -> None:
    assert child.ruleset is not None
    child.ruleset.enforce()


def _install_seccomp(child: NewChild) -> None:
    assert child.plan.seccomp is not None
    child.plan.seccomp.install(os.getpid())


def child_steps(plan: Plan) -> list[Step]:
    """Return the steps of a level, in the order in which they have to be taken."""
    steps: list[Step] = [
        ("closed descriptors", _close_descriptors),
        ("own process group", lambda child: os.setpgid(0, 0)),
    ]
    if plan.has_namespaces:
        steps.append(("scratch quota", _mount_scratch))
    steps.append(("resource limits", _limit_resources))
    if plan.confined:
        steps.append(("no new privileges", lambda child: forbid_new_privileges()))
    if plan.has_namespaces:
        steps.append(("no bounding capabilities", lambda child: privileges.drop_kept_capabilities()))
    if plan.level == "A":
        steps.append(("throw-away user", lambda child: privileges.switch_user(child.user)))
    if plan.confined:
        steps.append(("no capabilities", lambda child: privileges.drop_all_capabilities()))
    steps.append(("dies with its server", lambda child: privileges.die_with_parent(child.parent)))
    if plan.confined:
        steps += [("landlock", _enforce_landlock), ("seccomp", _install_seccomp)]
    return steps


def lock_down(child: NewChild) -> None:
    """Confine this process.

    Raises:
        SetupFailed: If a step did not take effect; the caller must end the process.
    """
    plan = child.plan
    for name, action in plan.steps:
        if plan.fault == name:
            raise SetupFailed(name, OSError(errno.EPERM, "injected fault"))
        try:
            action(child)
        except OSError as error:
            raise SetupFailed(name, error) from error
