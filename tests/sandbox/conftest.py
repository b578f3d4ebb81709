"""Fixtures: targets of attacks, and sandboxes at every available level."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest

import quintain
from quintain.sandbox import Sandbox, UnsafeSandboxWarning
from quintain.sandbox.levels import LEVELS, detect

AVAILABLE = detect().available


def needs_level(level: str) -> pytest.MarkDecorator:
    reason = f"level {level} unavailable: {detect((level,)).reasons.get(level, '')[:120]}"
    return pytest.mark.skipif(level not in AVAILABLE, reason=reason)


ALL_LEVELS = [pytest.param(level, marks=needs_level(level)) for level in LEVELS]


@dataclass
class Targets:
    """Paths, addresses and processes that a snippet must not reach, by name."""

    names: dict[str, object]

    def fill(self, text: str) -> str:
        return Template(text).safe_substitute(self.names)

    def reset(self) -> None:
        outside = Path(str(self.names["outside"]))
        for left in outside.iterdir():
            left.unlink()
        (outside / "file").write_text("content")
        (Path(str(self.names["samefs"])) / "linked").unlink(missing_ok=True)
        for place in ("/tmp", "/var/tmp", "/dev/shm", self.names["stdlib"]):
            for suffix in ("", ".py"):
                Path(f"{place}/{self.names['token']}{suffix}").unlink(missing_ok=True)
        Path(f"{self.names['stdlib']}/__pycache__/{self.names['token']}.pyc").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    root = tmp_path_factory.mktemp("targets")
    for name in ("home/.ssh", "outside"):
        (root / name).mkdir(parents=True)
    for name in ("home/.ssh/id_ed25519", "secret", "public", "outside/file"):
        (root / name).write_text("secret content")
    (root / "home/.ssh/id_ed25519").chmod(0o600)
    tcp, udp, unix, abstract = socket.socket(), socket.socket(2, 2), socket.socket(1), socket.socket(1)
    tcp.bind(("127.0.0.1", 0))
    tcp.listen()
    udp.bind(("127.0.0.1", 0))
    path = f"/tmp/q-{uuid.uuid4().hex[:8]}.sock"
    unix.bind(path)
    unix.listen()
    hidden = f"quintain-{uuid.uuid4().hex[:8]}"
    abstract.bind(f"\0{hidden}")
    abstract.listen()
    os.environ["QUINTAIN_SECRET"] = "hunter2"
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    targets = Targets(
        {
            "home": root / "home",
            "secret": root / "secret",
            "public": root / "public",
            "outside": root / "outside",
            "samefs": root,
            "token": f"q_{uuid.uuid4().hex[:12]}",
            "stdlib": sysconfig.get_path("stdlib"),
            "project": Path(quintain.__file__).parents[1],
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": path,
            "abstract": hidden,
            "victim": victim.pid,
            "host": os.getpid(),
        }
    )
    yield targets
    for listener in (tcp, udp, unix, abstract):
        listener.close()
    victim.kill()
    victim.wait()
    targets.reset()
    os.unlink(path)
    del os.environ["QUINTAIN_SECRET"]


_boxes: dict[str, Sandbox] = {}


def box_at(level: str) -> Sandbox:
    """Return the sandbox of a level, shared by all tests of the run; ``none`` means without confinement."""
    if level not in _boxes:
        if level == "none":
            with pytest.warns(UnsafeSandboxWarning):
                _boxes[level] = Sandbox("unsafe-local", workers=2).start()
        else:
            _boxes[level] = Sandbox(level=level, workers=2)
    return _boxes[level]


@pytest.fixture(params=ALL_LEVELS)
def box(request: pytest.FixtureRequest) -> Sandbox:
    return box_at(request.param)


@pytest.fixture(scope="session", autouse=True)
def _close_boxes() -> Iterator[None]:
    yield
    for box in _boxes.values():
        box.close()
    _boxes.clear()
