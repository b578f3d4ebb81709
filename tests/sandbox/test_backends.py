"""The monty and container backends keep the contract of the fork backend, within their capabilities."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quintain.errors import CapabilityError, ConfigurationError, SandboxError, SandboxUnavailable, UnknownNameError
from quintain.sandbox import Limits, Result, Sandbox, SandboxedFunction, grade
from quintain.sandbox.backend import BACKENDS, Snippet
from quintain.sandbox.container_backend import DEFAULT_IMAGE, ContainerBackend
from quintain.sandbox.grading import Case

needs_monty = pytest.mark.skipif(
    importlib.util.find_spec("pydantic_monty") is None, reason="backend monty unavailable: no pydantic-monty"
)

FAKE_ENGINE = """#!{python}
import os, resource, sys
arguments = sys.argv[1:]
if arguments[0] == "info":
    print("Runtimes: runc" + os.environ.get("FAKE_RUNTIME", ""))
elif arguments[0] == "run":
    if "FAKE_EXIT" in os.environ:
        print("no such image", file=sys.stderr)
        sys.exit(int(os.environ["FAKE_EXIT"]))
    at = arguments.index("python")
    os.chdir({scratch!r})
    os.execv(sys.executable, [sys.executable, *arguments[at + 1:]])
"""


IMAGE = os.environ.get("QUINTAIN_TEST_IMAGE", DEFAULT_IMAGE)


def _missing() -> str:
    """Return why no container can be started on this machine; empty if one can."""
    try:
        engine = ContainerBackend(1, None).engine
    except SandboxUnavailable as error:
        return str(error)
    found = subprocess.run([engine, "image", "inspect", IMAGE], capture_output=True).returncode == 0
    return "" if found else f"no image {IMAGE}; QUINTAIN_TEST_IMAGE names another, see scripts/container_image.sh"


MISSING = _missing()
needs_engine = pytest.mark.skipif(bool(MISSING), reason=f"backend container unavailable: {MISSING}")


@pytest.fixture
def fake_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a fake docker on the path, which runs the command without isolation: it tests the adapter only."""
    (tmp_path / "scratch").mkdir()
    engine = tmp_path / "docker"
    engine.write_text(FAKE_ENGINE.format(python=sys.executable, scratch=str(tmp_path / "scratch")))
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(
    params=[
        pytest.param("monty", marks=needs_monty),
        "fake container",
        pytest.param("container", marks=needs_engine),
    ]
)
def other(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param == "fake container":
        request.getfixturevalue("fake_engine")
    image = IMAGE if request.param == "container" else None
    with Sandbox("monty" if request.param == "monty" else "container", workers=2, image=image) as box:
        yield box


def test_other_backends_return_the_same_statuses_as_fork(other: Sandbox) -> None:
    result = other.run("print(6 * 7)\n1 + 1")
    assert (result.status, result.stdout, result.value_repr) == ("ok", "42\n", "2"), result
    failed = other.run("x = 1\nx / 0")
    assert failed.status == "error"
    assert "ZeroDivisionError" in failed.stderr
    assert '"<snippet>"' in failed.stderr
    assert other.run("x =").status == "error"
    assert other.run("x = 1\nx;").value_repr is None
    assert "characters omitted" in (other.run("'a' * 100_000").value_repr or "")
    assert other.run("while True: pass", limits=Limits(wall_s=0.5, cpu_s=0.5)).status in ("timeout", "crashed")
    flood = other.run("while True:\n    print('x' * 100)", limits=Limits(output_kb=4))
    assert (flood.status, flood.truncated) == ("output_limit", True)
    assert len(flood.stdout) <= 4096
    assert result.backend == other.backend
    assert other.describe()["protections"] == list(result.protections) != []


def test_other_backends_call_functions_and_grade_programs(other: Sandbox) -> None:
    result, value = other.call("f", [2, {"a": [1.5]}], code="def f(n, d):\n    return [n, d['a'][0]]")
    assert (result.status, value) == ("ok", [2, 1.5])
    assert grade("def f(n):\n    return n * n", [Case(9, (3,)), Case(16, (4,))], function="f", sandbox=other).correct
    assert grade("def f(n):\n    return n", [Case(9, (3,))], function="f", sandbox=other).passed == 0


@needs_monty
def test_monty_sessions_and_reward_functions() -> None:
    with Sandbox("monty") as box:
        with box.session(limits=Limits(wall_s=0.3)) as session:
            box.run("x = 41", session=session)
            assert box.run("x + 1", session=session).value_repr == "42"
            stopped = box.run("while True: pass", session=session)
            assert (stopped.status, stopped.state_lost) == ("timeout", True)
            assert box.run("x", session=session).status == "error"
        with SandboxedFunction("def reward(a):\n    return a * 2", "reward(a)", sandbox=box) as reward:
            assert reward(4).value == 8.0
        assert box.run("[0] * 10**9").status == "memory"
        assert box.run("open('/etc/passwd').read()").status == "error"
        with pytest.raises(CapabilityError, match="standard input"):
            box.run("1", stdin="x")


@pytest.mark.parametrize("engine", ["fake", pytest.param("real", marks=needs_engine)])
def test_container_stdin_files_exit_codes_and_tracebacks(engine: str, request: pytest.FixtureRequest) -> None:
    if engine == "fake":
        request.getfixturevalue("fake_engine")
    with Sandbox("container", image=IMAGE) as box:
        result = box.run("import sys\nprint(input(), open('d/a').read())", stdin="in", files={"d/a": "A"})
        assert result.stdout == "in A\n", result.stderr
        for end in ("import sys; sys.exit(3)", "exit(3)", "quit(3)"):
            assert (box.run(end).status, box.run(end).exit_code) == ("exited", 3)
        assert box.run("exit('bye')").stderr == "bye\n"
        late = "import threading, time\nthreading.Timer(0.1, print, ('late',)).start()\nprint('main')"
        assert box.run(late).stdout == "main\nlate\n"
        assert box.run("import os; os._exit(0)").status == "exited"
        assert box.run("import os; os._exit(139)").status == "crashed"
        with pytest.raises(CapabilityError, match="sessions"), box.session() as session:
            box.run("1", session=session)
        failed = box.run("def f():\n    return 1 / 0\nf()")
        assert failed.stderr.startswith('Traceback (most recent call last):\n  File "<snippet>", line 3, in <module>')
        assert "return 1 / 0" in failed.stderr
        assert box.run("print('a'").stderr.startswith('  File "<snippet>", line 1\n')
        assert box.run("import json\njson.loads('x')").stderr.count("File ") == 1


@pytest.mark.usefixtures("fake_engine")
@pytest.mark.parametrize("code", [125, 126, 127])
def test_an_engine_that_cannot_start_a_container_raises_sandbox_error(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EXIT", str(code))
    with Sandbox("container") as box, pytest.raises(SandboxError, match="no such image"):
        box.run("1")


def test_an_engine_whose_daemon_responds_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, answer in (("docker", "echo no daemon >&2; exit 1"), ("podman", "echo here")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert ContainerBackend(1, None).describe()["engine"] == "podman"
    (tmp_path / "podman").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SandboxUnavailable, match="docker is installed but does not answer: no daemon; podman"):
        ContainerBackend(1, None)


@needs_engine
def test_a_real_container_enforces_user_network_filesystem_and_resource_limits() -> None:
    with Sandbox("container", image=IMAGE) as box:
        seen = box.run("import os\nos.getuid(), open('/proc/self/status').read().count('CapEff:\\t0000000000000000')")
        assert seen.value_repr == "(65534, 1)"
        assert "Network is unreachable" in box.run("import socket\nsocket.create_connection(('192.0.2.1', 9))").stderr
        assert "Read-only file system" in box.run("open('/etc/new', 'w')").stderr
        assert "No space left" in box.run("open('a', 'wb').write(bytes(3 << 20))", limits=Limits(scratch_mb=1)).stderr
        assert box.run("open('a', 'w').write('x')").value_repr == "1"  # positive control: the directory is writable
        assert box.run("x = b'x' * (400 << 20)").status in ("memory", "error")
        ignoring = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        for code in ("while True: pass", ignoring + "while True: pass"):
            stopped = box.run(code, limits=Limits(wall_s=20, cpu_s=1))
            assert (stopped.status, stopped.detail) == ("timeout", "CPU limit of 1 s")
        assert box.run("import ctypes; ctypes.string_at(0)").status == "crashed"


@pytest.mark.usefixtures("fake_engine")
def test_container_command_has_the_isolation_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RUNTIME", " runsc")
    backend = ContainerBackend(1, None)
    command = " ".join(backend.command("name", Limits(memory_mb=100))[:-1])
    for flag in (
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "no-new-privileges",
        "--runtime runsc",
        "--memory 164m",
    ):
        assert flag in command
    assert backend.describe()["level"] == "gvisor"


def test_a_missing_container_engine_raises_sandbox_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Sandbox("container") as box, pytest.raises(SandboxUnavailable, match="docker or podman"):
        box.run("1")


def test_a_missing_monty_package_raises_sandbox_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with Sandbox("monty") as box, pytest.raises(SandboxUnavailable, match="pip install pydantic-monty"):
        box.run("1")


def test_options_that_a_backend_does_not_support_are_errors() -> None:
    with pytest.raises(ConfigurationError, match="do not apply"):
        Sandbox("monty", allow_subprocess=True)


def test_backends_are_looked_up_by_name_and_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud:
        name = "loud"

        def run(self, snippet: Snippet, session: Any) -> Result:
            return Result("ok", stdout=snippet.code.upper(), backend=self.name)

        def close(self) -> None:
            pass

    with pytest.raises(UnknownNameError, match="unknown sandbox backend 'frok'; did you mean 'fork'"):
        Sandbox("frok")
    entries = BACKENDS._entries
    monkeypatch.setattr(BACKENDS, "_entries", dict(entries))
    BACKENDS.add("loud", lambda settings: Loud())
    with Sandbox("loud") as box:
        assert box.run("hello").stdout == "HELLO"
