"""Fork servers: replacement after a crash, fork of the host, recycling, and cleanup."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quintain.errors import SandboxError
from quintain.sandbox import Limits, Sandbox
from tests.sandbox.conftest import ALL_LEVELS, AVAILABLE


def _server_pid(box: Sandbox) -> int:
    return box._impl._pools["bare"].server._process.pid  # type: ignore[union-attr]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _descendants(pid: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found, size = {pid}, 0
    while len(found) > size:
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


@pytest.mark.parametrize("level", ALL_LEVELS)
def test_a_killed_fork_server_raises_once_and_is_replaced(level: str, tmp_path: Path) -> None:
    with Sandbox(level=level, workers=2) as box:
        assert box.run("1").ok
        errors: list[BaseException] = []

        def run() -> None:
            try:
                box.run("import time; time.sleep(20)", limits=Limits(wall_s=30))
            except SandboxError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.5)
        # Under namespaces the server is the first child of the process that was started.
        os.kill(_server_pid(box) if level == "C" else min(_children(_server_pid(box))), signal.SIGKILL)
        thread.join(10)
        assert len(errors) == 1
        assert "not repeated" in str(errors[0])
        assert box.run("print('again')").stdout == "again\n"


def test_a_server_whose_death_one_run_noticed_gets_no_other_run() -> None:
    """The sockets of a dying process close one after the other: the one for requests may still be open."""
    with Sandbox(level="C", workers=2) as box:
        assert box.run("1").ok
        server = box._impl._pools["bare"].server  # type: ignore[union-attr]
        still_open, other_end = socket.socketpair()
        control, server._control = server._control, still_open
        assert server.alive
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(box.run, "import time; time.sleep(20)", limits=Limits(wall_s=30))
            time.sleep(0.3)
            os.kill(server._process.pid, signal.SIGKILL)
            with pytest.raises(SandboxError):
                running.result(20)
        assert not server.alive
        assert box.run("print('again')").stdout == "again\n"
        control.close()
        other_end.close()


@pytest.mark.parametrize("level", ALL_LEVELS)
def test_killing_the_host_process_kills_all_descendants(level: str) -> None:
    program = (
        "import os, sys, threading, time\n"
        "from quintain.sandbox import Limits, Sandbox\n"
        f"box = Sandbox(level={level!r}, workers=2)\n"
        "box.run('1')\n"
        "threading.Thread(target=lambda: box.run('while True: pass', limits=Limits(wall_s=60, cpu_s=60))).start()\n"
        "time.sleep(0.5)\n"
        "print('busy', flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root)
    assert host.stdout is not None
    assert host.stdout.readline() == b"busy\n"
    family = _descendants(host.pid)
    assert len(family) >= 2
    host.kill()
    host.wait()
    host.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_is_alive(pid) for pid in family):
        time.sleep(0.05)
    assert not [pid for pid in family if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_close_leaks_no_process_and_no_file_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    box = Sandbox(workers=2)
    with box:
        box.run("1")
        session = box.session()
        box.run("1", session=session)
        pid = _server_pid(box)
        assert _is_alive(pid)
        session.close()
    assert not _is_alive(pid)
    assert len(os.listdir("/proc/self/fd")) <= before
    with pytest.raises(SandboxError, match="closed"):
        box.run("1")
    box.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_host_starts_its_own_fork_servers() -> None:
    with Sandbox(workers=1) as box:
        assert box.run("1 + 1").value_repr == "2"
        parent = _server_pid(box)
        pid = os.fork()
        if pid == 0:
            good = box.run("2 + 2").value_repr == "4" and _server_pid(box) != parent
            box.close()
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert box.run("3 + 3").value_repr == "6"
        assert _server_pid(box) == parent


def test_fork_servers_are_recycled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.pool.RECYCLE_AFTER", 5)
    with Sandbox(workers=1) as box:
        box.run("1")
        first = _server_pid(box)
        assert all(box.run(f"{i}").value_repr == str(i) for i in range(8))
        assert _server_pid(box) != first
        assert not _is_alive(first)


def test_a_retired_fork_server_exits_when_its_session_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.pool.RECYCLE_AFTER", 5)
    with Sandbox(workers=2) as box, box.session() as session:
        box.run("x = 1", session=session)
        first = _server_pid(box)
        for i in range(8):
            box.run(f"{i}")
        assert _server_pid(box) != first
        assert _is_alive(first)  # its session is open
        assert box.run("x", session=session).value_repr == "1"
        session.close()
        assert not _is_alive(first)


def test_a_retired_fork_server_exits_after_its_current_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.pool.RECYCLE_AFTER", 5)
    with Sandbox(workers=2, pool_size=0) as box, ThreadPoolExecutor(1) as thread:
        box.run("1")
        first = _server_pid(box)
        slow = thread.submit(box.run, "import time; time.sleep(4)")
        time.sleep(0.2)
        for i in range(8):
            box.run(f"{i}")
        assert _is_alive(first)
        assert slow.result().ok
        assert not _is_alive(first)


@pytest.mark.skipif(AVAILABLE[0] not in ("A", "B"), reason="level C makes the scratch directory of each child itself")
def test_a_session_leaves_the_pool_full_for_the_next_one() -> None:
    with Sandbox(level=AVAILABLE[0], workers=1, pool_size=2) as box:
        for _ in range(2):
            with box.session() as session:
                assert box.run("1", session=session).ok
                assert len(box._impl._pools["bare"].ready) == 2  # type: ignore[union-attr]
