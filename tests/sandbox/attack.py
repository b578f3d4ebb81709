"""What an attack on the sandbox consists of, and how its success is detected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quintain.sandbox import Limits, Result

SMALL = Limits(wall_s=10, cpu_s=10)
SHORT = Limits(wall_s=0.5, cpu_s=5)
LONG = Limits(wall_s=30, cpu_s=30, memory_mb=4096, output_kb=65536, file_mb=256, open_files=1024)

PRELUDE = """
import ctypes, errno, os, platform, resource, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
def call(x86, arm, *args):
    ctypes.set_errno(0)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return libc.syscall(ctypes.c_long(x86 if X86 else arm), *words), ctypes.get_errno()
def attempt(*actions):
    for action in actions:
        try:
            value = action()
        except BaseException as error:
            print("refused:", type(error).__name__, error)
        else:
            if value is not False:
                print("ESCAPED", str(value)[:60])
def reached(result):
    value, code = result
    return value if value >= 0 or code not in (errno.EPERM, errno.ENOSYS, errno.EACCES) else False
"""


def escaped(result: Result) -> bool:
    return "ESCAPED" in result.stdout


def ended_as(*statuses: str) -> Callable[[Result], bool]:
    return lambda result: result.status in statuses


@dataclass(frozen=True)
class Attack:
    """One attack and how its success is detected.

    ``open_at`` lists levels at which it is documented to succeed; ``effect`` is a file that exists if it succeeded;
    ``works`` and ``contained`` decide from the result where printing is not enough; ``control`` is ``unsafe-local``,
    ``plain`` (a bare interpreter, for attacks that even ``unsafe-local`` prevents) or ``root`` (``unsafe-local`` as
    root); ``optional`` names a kernel feature without which the control may fail.
    """

    row: int
    name: str
    code: str
    limits: Limits = SMALL
    control_limits: Limits = LONG
    open_at: str = ""
    effect: str = ""
    works: Callable[[Result], bool] = escaped
    contained: Callable[[Result], bool] | None = None
    control: str = "unsafe-local"
    optional: str = ""

    @property
    def id(self) -> str:
        return f"{self.row:02d}-{self.name}"


def prepared(row: int, name: str, code: str, **more: object) -> Attack:
    """Return an attack whose code follows the prelude."""
    return Attack(row, name, PRELUDE + code, **more)  # type: ignore[arg-type]


def bare(row: int, name: str, code: str, **more: object) -> Attack:
    """Return an attack without the prelude."""
    return Attack(row, name, code, **more)  # type: ignore[arg-type]
