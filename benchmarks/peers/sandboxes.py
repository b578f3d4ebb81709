"""Other sandboxes, measured beside ours where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["PEERS", "PRINT", "command", "measure", "repeated"]

PRINT = "print(sum(range(1000)))"
LIBRARIES = {
    "sandlock": (
        "import sys, time\nfrom sandlock import Sandbox\n"
        "readable = ['/usr', '/lib', '/lib64', '/etc', '/dev', sys.base_prefix, sys.prefix]\n"
        "box = Sandbox(fs_readable=readable, max_memory='256M')\n"
        "command = [sys.executable, '-I', '-S', '-c', CODE]\n"
        "def one():\n    r = box.run(command)\n    assert b'499500' in (r.stdout if isinstance(r.stdout, bytes) else"
        " r.stdout.encode()), r\n"
    ),
    "llm-sandbox": (
        "import time\nfrom llm_sandbox import SandboxSession, SandboxBackend\n"
        "session = SandboxSession(backend=SandboxBackend.BUBBLEWRAP, lang='python')\nsession.open()\n"
        "def one():\n    r = session.run(CODE)\n    assert '499500' in r.stdout, r\n"
    ),
    "monty": (
        "from pydantic_monty import CollectStreams, Monty\npool = Monty()\npool.__enter__()\n"
        "def one():\n    out = CollectStreams()\n    with pool.checkout() as s: s.feed_run(CODE, print_callback=out)\n"
        "    assert out.output[0][1] == '499500\\n'\n"
    ),
}
PEERS = ("bubblewrap", *LIBRARIES)
PEER_LOOP = """
import json, sys, time
CODE = {code!r}
{peer}
one()
walls = []
for _ in range({count}):
    start = time.perf_counter()
    one()
    walls.append(time.perf_counter() - start)
print('WALLS' + json.dumps(sorted(walls)))
"""


def repeated(action: Callable[[], object], count: int) -> list[float]:
    walls = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        walls.append(time.perf_counter() - start)
    return walls


def command(arguments: list[str], count: int) -> list[float]:
    def one() -> None:
        run = subprocess.run(arguments, capture_output=True, check=True)
        assert b"499500" in run.stdout

    one()
    return repeated(one, count)


def library(name: str, directory: Path | None, count: int) -> list[float] | str:
    """Return wall times of a library, or why there are none."""
    own = directory / name / "bin/python" if directory else None
    interpreter = str(own) if own is not None and own.exists() else sys.executable
    script = PEER_LOOP.format(code=PRINT, peer=LIBRARIES[name], count=count)
    run = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, timeout=300)
    if "WALLS" not in run.stdout:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        return f"skipped: {last[:80]}"
    return [float(wall) for wall in json.loads(run.stdout.rpartition("WALLS")[2])]


def bubblewrap(directory: Path | None, count: int) -> list[float] | str:
    path = shutil.which("bwrap")
    if path is None and directory is not None:
        path = next(
            (str(found) for found in (directory / "bubblewrap").rglob("bwrap") if os.access(found, os.X_OK)), None
        )
    if path is None:
        return "skipped: bwrap is not installed"
    binds = [
        part
        for name in ("/usr", "/lib", "/lib64", sys.base_prefix)
        if os.path.exists(name)
        for part in ("--ro-bind", name, name)
    ]
    wall = [path, *binds, "--dev", "/dev", "--unshare-all", "--clearenv", "--die-with-parent"]
    try:
        return command([*wall, os.path.realpath(sys.executable), "-I", "-c", PRINT], count)
    except (subprocess.CalledProcessError, OSError) as error:
        return f"skipped: {error}"


def measure(name: str, directory: Path | None, count: int) -> list[float] | str:
    """Return wall times of one of ``PEERS``, or why there are none."""
    return bubblewrap(directory, count) if name == "bubblewrap" else library(name, directory, count)
