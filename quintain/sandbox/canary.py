"""A few attacks, run once per process before a level of protection is trusted."""

from __future__ import annotations

import os

from quintain.sandbox.backend import Snippet
from quintain.sandbox.limits import Limits

__all__ = ["attack"]

_SNIPPET = """
import ctypes, os, socket

def escaped(action):
    try:
        return action() is not False
    except Exception:
        return False

attacks = {{
    "read": lambda: open({readable!r}).read(),
    "list": lambda: os.listdir({directory!r}),
    "write": lambda: open({writable!r}, "w").close(),
    "socket": lambda: socket.socket(),
    "unix-socket": lambda: socket.socket(socket.AF_UNIX),
    "signal": lambda: os.kill({host}, 0),
    "signal-parent": lambda: os.kill(os.getppid() or 1, 0) if os.getpid() != 1 else False,
    "environ": lambda: open("/proc/{host}/environ").read(),
    "fork": lambda: os.fork() or os._exit(0),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "ptrace": lambda: ctypes.CDLL(None).ptrace(16, {host}, 0, 0) == 0,
    "unshare": lambda: ctypes.CDLL(None).unshare(0x10000000) == 0,
    "chmod": lambda: os.chmod("/", 0o700),
}}
for name, action in attacks.items():
    if escaped(action):
        print(name)
print("done")
"""


def attack() -> Snippet:
    """Return a snippet that prints the name of every attack that succeeded, then ``done``."""
    here = os.path.abspath(__file__)
    snippet = _SNIPPET.format(
        readable=here,
        directory=os.path.dirname(here),
        writable=f"/var/tmp/quintain-canary-{os.getpid()}",
        host=os.getpid(),
    )
    return Snippet(code=snippet, limits=Limits(cpu_s=10))
