"""Run a proof checker on one file: a process of its own, with limits of time, memory and output."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quintain.arguments import check_number
from quintain.errors import SandboxError

__all__ = ["Checked", "CheckerLimits", "run_checker"]

_OUTPUT_BYTES = 1 << 18
_KEPT = ("PATH", "HOME", "ELAN_HOME", "LEAN_PATH", "COQPATH", "COQLIB", "LANG")


@dataclass(frozen=True, slots=True)
class CheckerLimits:
    """Limits of one run; the defaults are those of Safe.

    Attributes:
        wall_s: Wall time and CPU time, in seconds, > 0. Default: 60.
        memory_gb: Address space, in GB (10**9 bytes), > 0. Default: 10.

    Raises:
        ConfigurationError: If a limit is out of range.
    """

    wall_s: float = 60.0
    memory_gb: float = 10.0

    def __post_init__(self) -> None:
        """Check the limits."""
        check_number("wall_s", self.wall_s, above=0)
        check_number("memory_gb", self.memory_gb, above=0)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checker reported.

    Attributes:
        code: Exit status; negative for a signal.
        output: Standard output and error, together, up to 256 KB.
        timed_out: Whether time ran out; the process and its children were killed.
    """

    code: int
    output: str
    timed_out: bool = False


def run_checker(command: Sequence[str], name: str, text: str, limits: CheckerLimits, folder: Path | None) -> Checked:
    """Write a text to a file in an empty directory, and run ``command FILE``.

    The checker inherits a few variables of the environment, no input, and no file descriptors. It is not isolated from
    the file system or the network; see :mod:`quintain.rewards.verification.assistants` for what it may be given.

    Args:
        command: The program and its arguments.
        name: Name of the file.
        text: Its content.
        limits: Limits of the run.
        folder: Working directory, such as that of a Lean project; ``None`` takes the empty directory.

    Raises:
        SandboxError: If the program cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="quintain-proof-") as place:
        file, printed = Path(place) / name, Path(place) / "output"
        file.write_text(text, encoding="utf-8")
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | {"TMPDIR": place}
        with printed.open("wb") as stream:
            try:
                process = subprocess.Popen(
                    [*command, str(file)],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=folder or place,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise SandboxError(f"cannot start {command[0]!r}: {error}") from error
            _limit(process.pid, limits)
            try:
                code, timed_out = process.wait(limits.wall_s), False
            except subprocess.TimeoutExpired:
                code, timed_out = -signal.SIGKILL, True
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        with printed.open("rb") as stream:
            output = stream.read(_OUTPUT_BYTES).decode(errors="replace")
    return Checked(code, output, timed_out)


def _limit(process: int, limits: CheckerLimits) -> None:
    """Set resource limits of a process that has just started, and of those that it starts."""
    memory, seconds = round(limits.memory_gb * 1e9), max(1, round(limits.wall_s))
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 1 << 26),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            resource.prlimit(process, kind, (value, value))
