"""Resource limits of a snippet."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

__all__ = ["WALL_PER_CPU", "Limits"]

WALL_PER_CPU = 4.0
"""Default wall-clock limit over CPU limit. The CPU limit stops programs that compute; this one stops those that sleep.
It is generous because some waits cannot be told from sleep: for the disk, for a short-lived thread that waits for a
core, or for a core where the system does not count it. It is no larger because a sleeping program keeps a slot."""


@dataclass(frozen=True)
class Limits:
    """Resource limits of one run, enforced by the host or by the kernel.

    Attributes:
        wall_s: Wall-clock time in seconds, without the time that the program waits for a core; ``None`` takes
            ``WALL_PER_CPU`` times ``cpu_s``.
        cpu_s: CPU time over all threads, in seconds. It decides whether a program that computes is stopped, so that the
            verdict does not depend on what else the machine does. Default: 5.
        memory_mb: Address space beyond the interpreter's, in MiB. Thread stacks count: about 2 MiB each. Default: 256.
        output_kb: Maximum output on stdout, and on stderr, in KiB each; a snippet that writes more is killed. Default:
            64.
        scratch_mb: Size of the private scratch directory, in MiB. Default: 32.
        scratch_files: Maximum number of files and directories in it. Default: 512.
        file_mb: Maximum size of one file, in MiB. Default: 16.
        open_files: Maximum number of open file descriptors, >= 16. Default: 64.
    """

    wall_s: float | None = None
    cpu_s: float = 5.0
    memory_mb: int = 256
    output_kb: int = 64
    scratch_mb: int = 32
    scratch_files: int = 512
    file_mb: int = 16
    open_files: int = 64

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: If a value is not a positive finite number, or not whole where it must be.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None and item.name == "wall_s":
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value <= 0:
                raise ValueError(f"{item.name} must be a positive number, got {value!r}")
            if not item.name.endswith("_s") and not isinstance(value, int):
                raise ValueError(f"{item.name} must be a whole number, got {value!r}")
        if self.open_files < 16:
            raise ValueError(f"open_files must be at least 16 for an interpreter to work, got {self.open_files}")

    @property
    def wall_limit_s(self) -> float:
        """The wall-clock limit in force, in seconds."""
        return WALL_PER_CPU * self.cpu_s if self.wall_s is None else self.wall_s

    @property
    def output_bytes(self) -> int:
        """``output_kb`` in bytes."""
        return self.output_kb * 1024
