"""The outcome of one run, and its status, derived from observations outside of the process."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, NamedTuple

from quintain.sandbox.jail.harness import HARNESS_FAILED
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Exceeded, Status

__all__ = ["Outcome", "Verdict", "judge", "name_of_signal"]


@dataclass
class Outcome:
    """What the supervisor observed of one run.

    Attributes:
        status: How the run ended, one of the values of ``Result.status``.
        exceeded: The limit that a ``timeout`` exceeded.
        detail: One-line explanation for the user.
        stdout: Standard output, in bytes, cut at the limit.
        stderr: Standard error, in bytes, cut at the limit.
        claim: The child's report, untrusted, or ``None``.
        truncated: Whether output was cut.
        wall_s: Wall-clock time of the run, in seconds.
        cpu_s: CPU seconds of the snippet.
        max_rss_mb: Peak resident memory, MiB; 0 for a session that continues.
        exit_code: Exit code if the program ended the process itself, else ``None``.
        signal: Name of the signal that ended the process, else ``None``.
        alive: Whether the child can run another snippet.
    """

    status: Status
    exceeded: Exceeded | None
    detail: str
    stdout: bytes
    stderr: bytes
    claim: dict[str, Any] | None
    truncated: bool
    wall_s: float
    cpu_s: float
    max_rss_mb: float
    exit_code: int | None
    signal: str | None
    alive: bool


class Verdict(NamedTuple):
    """How a run ended.

    Attributes:
        status: One of the values of ``Result.status``.
        detail: One-line explanation for the user.
        exceeded: The limit that a ``timeout`` exceeded.
    """

    status: Status
    detail: str
    exceeded: Exceeded | None = None


def judge(
    limits: Limits,
    exit_code: int | None,
    signal_name: str | None,
    cpu_s: float,
    *,
    killed_for: str,
    overflow: bool,
    claim: dict[str, Any] | None,
    in_setup: bool,
) -> Verdict:
    """Decide on the status and its one-line detail. Facts known from outside come before the child's own claim.

    A snippet that used more CPU time than its limit timed out even if it finished before the supervisor looked.

    Args:
        limits: Limits of the run.
        exit_code: Exit code of the process, if it has ended by itself.
        signal_name: Signal that ended it, if one did.
        cpu_s: CPU seconds of the snippet.
        killed_for: Why the supervisor killed or interrupted it: ``"output"``, ``"scratch"``, ``"wall"``, ``"cpu"`` or a
            violation of the protocol; empty if it did not.
        overflow: Whether more output was written than the limit allows.
        claim: The child's report, untrusted, or ``None``.
        in_setup: Whether no untrusted code can have run in the child yet, so that a failed set-up is believed.
    """
    if killed_for == "output" or overflow:
        return Verdict("output_limit", f"more than {limits.output_kb} KiB of output")
    if killed_for == "scratch":
        return Verdict("output_limit", f"more than {limits.scratch_mb} MiB or {limits.scratch_files} files written")
    by_kernel = signal_name == "SIGKILL" and claim is None and cpu_s >= 0.95 * limits.cpu_s
    if killed_for == "cpu" or cpu_s > limits.cpu_s or (not killed_for and by_kernel):
        return Verdict("timeout", f"CPU limit of {limits.cpu_s:g} s", "cpu")
    if killed_for == "wall":
        return Verdict("timeout", f"wall-clock limit of {limits.wall_limit_s:g} s", "wall")
    if killed_for:
        return Verdict("crashed", killed_for)
    if claim is not None:
        return _judge_claim(claim, limits, in_setup)
    if signal_name is not None:
        return Verdict("crashed", f"ended by {signal_name}")
    if exit_code == HARNESS_FAILED:
        return Verdict("crashed", "the harness in the child failed")
    return Verdict("exited", f"the process ended with code {exit_code} before the snippet was finished")


def _judge_claim(report: dict[str, Any], limits: Limits, in_setup: bool) -> Verdict:
    claim, detail = report.get("claim"), str(report.get("detail", ""))[:500]
    if claim == "setup_failed" and in_setup:
        return Verdict("setup_failed", detail)
    if claim == "ok":
        return Verdict("ok", "")
    if claim in ("error", "interrupted"):
        return Verdict("error", detail)
    if claim == "memory":
        return Verdict("memory", f"memory limit of {limits.memory_mb} MiB")
    if claim == "exited":
        return Verdict("exited", "it called sys.exit or raised SystemExit")
    return Verdict("crashed", "unknown report on the result channel")


def name_of_signal(number: int) -> str:
    """Return a signal's name, such as ``"SIGSEGV"``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
