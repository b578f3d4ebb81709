"""Working directories: made by the host where the child cannot mount its own, limited in size, always removed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quintain.errors import ConfigurationError
from quintain.sandbox import Limits, Sandbox
from quintain.sandbox.scratch import HostScratch
from tests.sandbox.conftest import ALL_LEVELS, AVAILABLE, box_at, needs_level

NAMESPACED = [pytest.param(level, marks=needs_level(level)) for level in ("A", "B")]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make ``tempfile`` use a directory of this test alone."""
    with tempfile.TemporaryDirectory(prefix="quintain-scratch-") as path:
        os.chmod(path, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", path)
        yield Path(path)


def test_removal_does_not_follow_symlinks_and_handles_deep_trees(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    scratch = HostScratch({"a/b": b"x"}, writable=True)
    os.symlink(precious, f"{scratch.path}/link")
    here = os.open(scratch.path, os.O_RDONLY)
    for _ in range(1500):  # deeper than the recursion limit and the maximum length of a path
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    scratch.remove()
    assert not os.path.exists(scratch.path)
    assert (precious / "file").read_text() == "keep"
    scratch.remove()


@needs_level("C")
def test_level_c_limits_the_size_of_a_writable_directory(temporary: Path) -> None:
    with Sandbox(level="C", writable_scratch=True, workers=1) as box:
        assert box.run("open('a', 'w').write('x')\nprint(open('a').read())").stdout == "x\n"
        fill = "import time\nfor i in range(20):\n    open(f'f{i}', 'wb').write(bytes(4 << 20)); time.sleep(0.05)"
        assert box.run(fill).status == "output_limit"
        many = "import time\nfor i in range(2000):\n    open(f'f{i}', 'w').close(); time.sleep(0.001)"
        assert box.run(many, limits=Limits(scratch_files=100)).status == "output_limit"
        with box.session() as session:
            box.run("import os; os.symlink('/etc', 'link')", session=session)
            assert box.run("open('given').read()", session=session, files={"given": "x"}).value_repr == "'x'"
    assert not list(temporary.iterdir())


@needs_level("C")
def test_level_c_removes_a_directory_that_threads_are_still_writing_to(temporary: Path) -> None:
    code = (
        "import itertools, threading, time\n"
        "def fill():\n"
        "    for i in itertools.count(): open(f'f{i % 500}', 'w').close()\n"
        "for _ in range(3): threading.Thread(target=fill, daemon=True).start()\n"
        "time.sleep(0.03)"
    )
    with Sandbox(level="C", writable_scratch=True, workers=1) as box:
        for _ in range(10):
            assert box.run(code).ok
            assert not list(temporary.iterdir())


@needs_level("C")
def test_level_c_provides_read_only_files(temporary: Path) -> None:
    with Sandbox(level="C", workers=1) as box, box.session() as session:
        assert box.run("open('a').read()", session=session, files={"a": "1"}).value_repr == "'1'"
        assert box.run("open('b').read()", session=session, files={"b": "2"}).value_repr == "'2'"
        assert "PermissionError" in box.run("open('c', 'w')", session=session).stderr
        assert "PermissionError" in box.run("open('a', 'w')", files={"a": "1"}).stderr
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("level", NAMESPACED)
def test_scratch_size_limit_applies_per_run(level: str) -> None:
    with Sandbox(level=level, workers=1) as box:
        write = "open('a', 'wb').write(bytes(3 << 20))"
        assert box.run(write).value_repr == str(3 << 20)
        assert "No space left" in box.run(write, limits=Limits(scratch_mb=1)).stderr


@pytest.mark.parametrize("level", NAMESPACED)
def test_allow_subprocess_permits_bounded_subprocesses_and_kills_daemons(level: str, tmp_path: Path) -> None:
    if level == "B" and os.geteuid() == 0:
        with Sandbox(level="B", allow_subprocess=True) as box, pytest.raises(ConfigurationError, match="level A"):
            box.run("1")
        return
    mark = tmp_path / "daemon"
    with Sandbox(level=level, workers=1, allow_subprocess=True) as box:
        code = "import subprocess\nprint(subprocess.run(['/bin/echo', 'hi'], capture_output=True, text=True).stdout)"
        result = box.run(code)
        assert result.stdout == "hi\n\n", result.stderr
        bomb = (
            "import os, time\nn = 0\ntry:\n    for _ in range(500):\n"
            "        if os.fork() == 0: time.sleep(30); os._exit(0)\n"
            "        n += 1\nexcept OSError as e:\n    print(n < 100, type(e).__name__)"
        )
        assert box.run(bomb).stdout == "True BlockingIOError\n"
        daemon = f"import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(0.5); open({str(mark)!r}, 'w')\n"
        assert box.run(daemon).status == "ok"
        assert (
            "Operation not permitted"
            in box.run(
                "import ctypes, os\nl = ctypes.CDLL(None, use_errno=True)\n"
                "l.unshare(0x10000000)\nprint(os.strerror(ctypes.get_errno()))"
            ).stdout
        )
        assert box.run("import socket\nsocket.socket()").status == "error"
    assert not mark.exists()


def _can_read_another_snippets_directory(box: Sandbox) -> bool:
    """Row 16 of the threat table: while a session uses its directory, another snippet tries to read a file there."""
    with box.session() as session:
        place = box.run(
            "import os\ntry: open('mine', 'w').write('private')\nexcept OSError: pass\nprint(os.getcwd()[::-1])",
            session=session,
        ).stdout.strip()[::-1]  # backwards, because the host's name of the directory would be replaced
        return "private" in box.run(f"print(open({place + '/mine'!r}).read())").stdout


def _can_read_files_of_an_earlier_snippet(box: Sandbox) -> bool:
    """Row 17 of the threat table: one snippet writes files wherever it can, and the next one count_polls for them."""
    places = "[f'{d}/quintain-left' for d in ('.', '/tmp', '/var/tmp', '/dev/shm', os.getcwd())]"
    leave = f"import os\nfor p in {places}:\n    try: open(p, 'w').close()\n    except OSError: pass"
    box.run(leave)
    found = box.run(f"import os\nprint(sum(os.path.exists(p) for p in {places}))").stdout != "0\n"
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        Path(place, "quintain-left").unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("level", ALL_LEVELS)
@pytest.mark.parametrize("writable", [None, True])
def test_scratch_directories_are_private_and_removed(level: str, writable: bool | None) -> None:
    with Sandbox(level=level, writable_scratch=writable, workers=2) as box:
        assert not _can_read_another_snippets_directory(box)
        assert not _can_read_files_of_an_earlier_snippet(box)


def test_scratch_directories_leak_without_confinement() -> None:
    assert _can_read_another_snippets_directory(box_at("none"))
    assert _can_read_files_of_an_earlier_snippet(box_at("none"))


@needs_level("C")
def test_subprocesses_need_a_process_namespace() -> None:
    with Sandbox(level="C", allow_subprocess=True) as box, pytest.raises(ConfigurationError, match="level A or B"):
        box.run("1")


def test_limits_of_the_sandbox_are_the_default_of_its_runs() -> None:
    with Sandbox(level=AVAILABLE[0], limits=Limits(wall_s=0.3), workers=1) as box:
        assert box.run("while True: pass").status == "timeout"
