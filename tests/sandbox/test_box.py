"""Running snippets: results, statuses, sessions, threads and event loops."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quintain.errors import ConfigurationError, SandboxError, SandboxUnavailable
from quintain.sandbox import Limits, Sandbox, shared, supervise
from quintain.sandbox.levels import LEVELS, detect
from tests.sandbox.conftest import box_at

FAST = Limits(wall_s=0.4)


def test_result_has_stdout_and_the_last_expressions_value(box: Sandbox) -> None:
    result = box.run("print(6 * 7)\nx = 3\nx + 1")
    assert (result.status, result.stdout, result.value_repr, result.stderr) == ("ok", "42\n", "4", "")
    assert result.level == box.describe()["level"]
    assert {"seccomp", "landlock", "resource limits"} <= set(result.protections)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", "2"),
        ("x = 5", None),
        ("None", None),
        ("print('a')", None),
        ("[1,\n 2]", "[1, 2]"),
        ("(\n1,\n)", "(1,)"),
        ("'''a\nb'''", "'a\\nb'"),
        ("def f():\n    return 1", None),
        ("def f():\n    return 1\nf()", "1"),
        ("if True:\n    5", None),
        ("x = [\n1\n]\nx  # a comment", "[1]"),
        ("x = 1; x", "1"),
        ("'x = 1'", "'x = 1'"),
        ("x = 4\nx == 4", "True"),
        ("import math\nmath.pi > 3", "True"),
        ("s = '''\n1 + 1\n'''", None),
        ("s = 1 + \\\n1", None),
        ("", None),
        ("# only a comment", None),
        ("from __future__ import annotations\n1", "1"),
    ],
)
def test_value_of_the_last_expression(code: str, value: str | None) -> None:
    result = box_at(detect().available[0]).run(code)
    assert (result.status, result.value_repr) == ("ok", value), result.stderr


def test_traceback_has_the_format_of_the_python_interpreter(box: Sandbox) -> None:
    result = box.run("def f():\n    return 1 / 0\n\nf()")
    assert result.status == "error"
    assert 'File "<snippet>", line 4, in <module>\n    f()' in result.stderr
    assert result.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "harness" not in result.stderr


def test_syntax_error_names_the_snippets_line(box: Sandbox) -> None:
    result = box.run("x = 1\ny = = 2")
    assert result.status == "error"
    assert 'File "<snippet>", line 2' in result.stderr
    assert "SyntaxError" in result.stderr


def test_stdin_files_and_the_standard_library_are_available(box: Sandbox) -> None:
    code = "import csv, sys\nprint(input(), list(csv.reader(open('data/t.csv'))))\nprint(repr(sys.stdin.read()))"
    result = box.run(code, stdin="first\nrest", files={"data/t.csv": "a,b\n"})
    assert result.stdout == "first [['a', 'b']]\n'rest'\n", result.stderr


def test_large_stdin_and_large_source_are_accepted(box: Sandbox) -> None:
    text = "é" * 500_000
    result = box.run(f"import sys\nx = {'1' * 400_000!r}\nprint(len(sys.stdin.read()), len(x))", stdin=text)
    assert result.stdout == "500000 400000\n", result.stderr


def test_numpy_and_sympy_can_be_imported(box: Sandbox) -> None:
    code = "import numpy as np, sympy\nprint(np.linalg.det(np.eye(2)), sympy.factor(sympy.Symbol('x')**2 - 1))"
    assert box.run(code).stdout == "1.0 (x - 1)*(x + 1)\n"


def test_the_working_directory_is_writable_if_described_so(box: Sandbox) -> None:
    result = box.run("import tempfile\nopen('a', 'w').write('x')\nprint(open('a').read(), tempfile.mkdtemp() != '')")
    if box.describe()["writable_scratch"]:
        assert result.stdout == "x True\n", result.stderr
    else:
        assert "PermissionError" in result.stderr


def test_snippets_can_use_asyncio_and_threads(box: Sandbox) -> None:
    code = "import asyncio, threading\nasync def f(): await asyncio.sleep(0); return 5\nprint(asyncio.run(f()))\n"
    code += "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()"
    assert box.run(code).stdout == "5\nthread\n"


def test_undecodable_output_is_escaped(box: Sandbox) -> None:
    code = "import sys\nsys.stdout.buffer.write(b'\\x1b[31m\\0\\xff\\xfe')\nprint('\\ud800')\n'\\udfff'"
    result = box.run(code)
    assert result.stdout == "\x1b[31m\0\\xff\\xfe\\ud800\n"
    result.stdout.encode()
    json.dumps(result.as_dict())
    assert result.value_repr == "'\\udfff'"


def test_source_with_surrogates_or_nul_gives_a_result_not_an_exception(box: Sandbox) -> None:
    assert box.run("print('\ud800')").status == "ok"
    assert box.run("x = 1\0").status == "error"


def test_snippets_do_not_see_state_of_earlier_snippets(box: Sandbox) -> None:
    box.run("import builtins, json\nbuiltins.left = 'needle'\njson.dumps = None\nopen('/tmp/left', 'w')")
    code = (
        "import builtins, gc, json, os\n"
        "found = [o for o in gc.get_objects() if isinstance(o, dict) and 'left' in o and o is not globals()]\n"
        "print(hasattr(builtins, 'left'), len(found), json.dumps([1]), os.path.exists('/tmp/left'))"
    )
    assert box.run(code).stdout == "False 0 [1] False\n"
    with box.session() as session:  # positive control: within one session they do
        box.run("import builtins\nbuiltins.left = 'needle'", session=session)
        assert box.run("import builtins\nhasattr(builtins, 'left')", session=session).value_repr == "True"


def test_random_numbers_differ_unless_seeded(box: Sandbox) -> None:
    code = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    runs = {box.run(code).stdout for _ in range(4)}
    assert len(runs) == 4
    assert len({box.run(code, seed=7).stdout for _ in range(3)}) == 1


def test_hash_randomisation_is_off() -> None:
    outputs = set()
    for _ in range(2):
        with Sandbox(workers=1) as box:
            outputs.add(box.run("print({str(i) for i in range(50)})").stdout)
    assert len(outputs) == 1


def test_each_exceeded_limit_has_its_own_status(box: Sandbox) -> None:
    assert box.run("while True: pass", limits=FAST).status == "timeout"
    assert box.run("x = bytearray(400 << 20)").status == "memory"
    assert box.run("x = [0] * 10**10").status == "memory"
    assert box.run("while True: print('x' * 100)").status == "output_limit"
    assert box.run("import os; os._exit(3)").exit_code == 3
    assert box.run("import sys; sys.exit('bye')").stderr == "bye\n"
    crashed = box.run("import ctypes; ctypes.string_at(0)")
    assert (crashed.status, crashed.signal) == ("crashed", "SIGSEGV")


def test_output_before_a_timeout_is_kept(box: Sandbox) -> None:
    assert box.run("print('early')\nwhile True: pass", limits=FAST).stdout == "early\n"


def test_result_reports_cpu_time_and_memory(box: Sandbox) -> None:
    result = box.run("x = bytearray(40 << 20)\nfor _ in range(10**6): pass")
    assert result.ok
    assert result.max_rss_mb > 40
    assert 0.001 < result.cpu_s <= 2 * result.wall_s + 0.1
    assert (result.exit_code, result.signal) == (None, None)


REPORT = "import os\nb = b'{\"claim\":\"ok\"}'\nos.write(3, len(b).to_bytes(4, 'big') + b)\n"


@pytest.mark.parametrize(
    "then", ["os._exit(5)", "os.kill(os.getpid(), 11)", "while True: pass", "os.write(3, b'????')"]
)
def test_the_status_is_final_once_the_child_has_reported(box: Sandbox, then: str) -> None:
    """If the child has exited before it could be measured, its fork server reports CPU time and memory."""
    for _ in range(5):
        result = box.run("for _ in range(10**5): pass\n" + REPORT + then)
        assert (result.status, result.exit_code, result.signal) == ("ok", None, None)
        assert result.cpu_s > 0
        assert result.max_rss_mb > 1


def test_threads_of_a_finished_run_are_killed(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    code = (
        "import threading, time\n"
        "def beat():\n"
        f"    with open({str(beat)!r}, 'a', buffering=1) as file:\n"
        "        while True: file.write('x\\n')\n"
        "threading.Thread(target=beat, daemon=True).start()\n"
        "time.sleep(0.05)"
    )
    assert box_at("none").run(code).ok
    time.sleep(0.02)  # time for a write in progress
    written = beat.stat().st_size
    assert written > 0
    time.sleep(0.1)
    assert beat.stat().st_size == written


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_session_keeps_variables_and_tracebacks_show_earlier_source(box: Sandbox) -> None:
    with box.session() as session:
        assert box.run("def f(x):\n    return 1 / x", session=session).ok
        assert box.run("f(2)", session=session).value_repr == "0.5"
        failed = box.run("f(0)", session=session)
        assert failed.status == "error"
        assert "return 1 / x" in failed.stderr
        assert box.run("_ + 1", session=session).value_repr == "1.5"
        assert box.run("input()", session=session, stdin="typed").value_repr == "'typed'"


def test_every_cell_of_a_session_has_its_own_standard_input(box: Sandbox) -> None:
    read = "import sys\nsys.stdin.read()"
    with box.session() as session:
        assert box.run(read, session=session).value_repr == "''"
        assert box.run(read, session=session, stdin="one").value_repr == "'one'"
        assert box.run(read, session=session).value_repr == "''"
        box.run("sys.stdin.close()", session=session)
        assert box.run(read, session=session).value_repr == "''"
        box.run("import io; sys.stdin = io.StringIO('left behind')", session=session)
        assert box.run(read, session=session).value_repr == "''"


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_output_written_just_before_the_report_is_kept(box: Sandbox, monkeypatch, size) -> None:
    read = supervise._Supervision._read_channel

    def late(self):
        time.sleep(0.05)  # the snippet prints and reports while the host handles its first message
        return read(self)

    monkeypatch.setattr(supervise._Supervision, "_read_channel", late)
    with box.session() as session:
        result = box.run(f"print('x' * {size})", session=session, limits=Limits(output_kb=16))
        assert (result.status, len(result.stdout)) == (("ok", 11) if size == 10 else ("output_limit", 16 * 1024))


def test_a_session_keeps_its_state_after_an_interruptible_timeout(box: Sandbox) -> None:
    with box.session() as session:
        box.run("x = 41", session=session)
        stopped = box.run("while True: pass", session=session, limits=FAST)
        assert (stopped.status, stopped.state_lost) == ("timeout", False)
        assert box.run("x + 1", session=session).value_repr == "42"


@pytest.mark.parametrize(
    "code",
    ["import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass", "sum(range(10**12))"],
)
def test_an_uninterruptible_timeout_restarts_the_session_and_sets_state_lost(box: Sandbox, code: str) -> None:
    with box.session() as session:
        box.run("x = 41", session=session)
        stopped = box.run(code, session=session, limits=FAST)
        assert (stopped.status, stopped.state_lost) == ("timeout", True)
        assert box.run("'x' in globals()", session=session).value_repr == "False"
        assert session.restarts == 1


def test_sessions_do_not_share_names_or_files(box: Sandbox) -> None:
    with box.session() as one, box.session() as two:
        box.run("x = 1\ntry: open('mine', 'w').close()\nexcept OSError: pass", session=one)
        assert (
            box.run("import os\n'x' in globals(), os.path.exists('mine')", session=two).value_repr == "(False, False)"
        )
    with pytest.raises(SandboxError, match="closed"):
        box.run("1", session=one)


def test_a_forged_report_is_not_taken_for_the_next_snippets(box: Sandbox) -> None:
    with box.session() as session:
        forged = b'{"claim":"setup_failed"}'
        box.run(f"import os\nf = {forged!r}\nos.write(3, len(f).to_bytes(4, 'big') + f)", session=session)
        following = box.run("print('mine')", session=session)
        assert following.status != "setup_failed"


# -- concurrency -------------------------------------------------------------------------------------------------------


def test_concurrent_runs_from_threads_get_their_own_output(box: Sandbox) -> None:
    with ThreadPoolExecutor(8) as threads:
        outputs = list(threads.map(lambda i: box.run(f"print({i} * 3)").stdout, range(60)))
    assert outputs == [f"{i * 3}\n" for i in range(60)]


def test_arun_does_not_block_the_event_loop() -> None:
    async def main() -> tuple[list[str], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with asyncio.timeout(30):
            results = await asyncio.gather(*[box.arun(f"import time; time.sleep(0.1); print({i})") for i in range(6)])
        ticking.cancel()
        return [result.stdout for result in results], ticks

    with Sandbox(workers=3) as box:
        outputs, ticks = asyncio.run(main())
    assert outputs == [f"{i}\n" for i in range(6)]
    assert ticks >= 8


def test_time_in_the_queue_does_not_count_towards_the_time_limit() -> None:
    with Sandbox(workers=1) as box, ThreadPoolExecutor(4) as threads:
        box.start()
        results = list(threads.map(lambda _: box.run("import time; time.sleep(0.3)", limits=FAST), range(4)))
    assert [result.status for result in results] == ["ok"] * 4


# -- shared sandbox and description ------------------------------------------------------------------------------------


def test_shared_returns_one_sandbox_and_a_new_one_after_close() -> None:
    box = shared()
    assert shared() is box
    box.close()
    assert shared() is not box
    assert shared().run("1").ok


def test_describe_is_json_serialisable() -> None:
    with Sandbox() as box:
        box.run("1")
        description = json.loads(json.dumps(box.describe()))
    assert description["backend"] == "fork"
    assert description["level"] in LEVELS
    assert "seccomp" in description["protections"]


def test_importing_the_sandbox_imports_no_heavy_library() -> None:
    code = "import sys; sys.path.insert(0, '.'); import importlib; before = set(sys.modules)\n"
    code += "import quintain.sandbox; print([m for m in ('numpy', 'sympy', 'pydantic_monty') if m in sys.modules])"
    code = (
        "import sys, types\nsys.modules['quintain'] = p = types.ModuleType('quintain'); p.__path__ = ['quintain']\n"
        + code
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert run.stdout == "[]\n", run.stderr


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [{"backend": "docker"}, {"require": "D"}, {"level": "none"}, {"workers": 0}],
)
def test_invalid_arguments_raise_configuration_error(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Sandbox(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../b", "", "a\0b", "a//b", "."])
def test_file_names_must_be_relative_paths_without_dots(name: str) -> None:
    with pytest.raises(ConfigurationError, match="relative"):
        box_at(detect().available[-1]).run("1", files={name: "x"})


@pytest.mark.parametrize(
    "limits", [{"wall_s": 0}, {"cpu_s": -1}, {"memory_mb": 1.5}, {"wall_s": float("nan")}, {"open_files": 3}]
)
def test_invalid_limits_raise_value_error(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Limits(**limits)  # type: ignore[arg-type]


def test_no_available_level_raises_sandbox_unavailable_with_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.levels._try_level", lambda level, user: ("no Landlock", (), 0))
    with Sandbox() as box, pytest.raises(SandboxUnavailable, match=r"no Landlock.*remedies.*monty"):
        box.run("print(1)")


def test_a_level_below_the_required_one_raises_sandbox_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    real = {level: detect((level,)) for level in LEVELS}
    monkeypatch.setattr(
        "quintain.sandbox.levels._try_level",
        lambda level, user: ("", (), 7) if level == "C" and real else ("not here", (), 0),
    )
    with Sandbox(require="B") as box, pytest.raises(SandboxUnavailable, match="level B"):
        box.run("print(1)")
