"""Sessions behave like a notebook: values, exits, streams, and cleanup after each cell."""

from __future__ import annotations

import pytest

from quintain.sandbox import Limits, Sandbox
from quintain.sandbox.jail.program import shorten

SHORT = Limits(wall_s=0.6, cpu_s=5.0)


@pytest.mark.parametrize("code", ["5;", "x = 5; x;", "x = 5\nx; # quiet", "[1,\n 2];"])
def test_a_semicolon_hides_the_value(box: Sandbox, code: str) -> None:
    result = box.run(code)
    assert (result.status, result.value_repr) == ("ok", None)


@pytest.mark.parametrize("code", ["'a;'", "'''\n;'''", "5 # no; value?", "x = 5; x"])
def test_other_semicolons_do_not_hide_the_value(box: Sandbox, code: str) -> None:
    assert box.run(code).value_repr is not None


def test_a_long_value_is_truncated_in_the_middle(box: Sandbox) -> None:
    value = box.run("'a' * 100_000 + 'END'").value_repr
    assert value is not None
    assert value.startswith("'aaa")
    assert value.endswith("aEND'")
    assert len(value) <= 65_536
    kept = sum(map(len, value.split("\n")[::2]))
    assert f"[... {100_005 - kept:,} characters omitted ...]" in value


def test_shortening_twice_reports_all_omitted_characters() -> None:
    whole = "0123456789" * 100
    assert shorten(shorten(whole, 100), 10) == "012345\n[... 990 characters omitted ...]\n6789"
    assert shorten("short", 5) == "short"


@pytest.mark.parametrize(
    ("code", "exit_code", "stderr"),
    [
        ("exit()", 0, ""),
        ("quit()", 0, ""),
        ("exit(3)", 3, ""),
        ("quit('bye')", 1, "bye\n"),
        ("raise SystemExit", 0, ""),
    ],
)
def test_exit_and_quit_end_the_cell_with_their_exit_code(box: Sandbox, code: str, exit_code: int, stderr: str) -> None:
    assert box.run(f"print(1)\n{code}\nprint(2)").stdout == "1\n"
    with box.session() as session:
        box.run("x = 41", session=session)
        result = box.run(code, session=session)
        assert (result.status, result.exit_code, result.stderr) == ("exited", exit_code, stderr)
        assert not result.state_lost
        assert box.run("x + 1, input", session=session).value_repr.startswith("(42,")  # type: ignore[union-attr]


def test_help_is_available(box: Sandbox) -> None:
    assert "Return the number of items" in box.run("help(len)").stdout


@pytest.mark.parametrize(
    "code",
    [
        "import io, sys\nsys.stdout = sys.stderr = io.StringIO()",
        "import contextlib, io\ncontextlib.redirect_stdout(io.StringIO()).__enter__()",
        "import sys\nsys.stdout.close(); sys.stderr.close()",
        "import sys\nkept = sys.stdout.detach(), sys.stderr.detach()",
        "import sys\ndel sys.stdout, sys.stderr",
        "import sys\nsys.stdout = sys.stderr = None",
    ],
)
def test_replaced_streams_are_restored_for_the_next_cell(box: Sandbox, code: str) -> None:
    with box.session() as session:
        assert box.run(code, session=session).ok
        after = box.run("import sys\nprint('out')\nprint('err', file=sys.stderr)", session=session)
        assert (after.status, after.stdout, after.stderr) == ("ok", "out\n", "err\n")


def test_output_to_a_replaced_stream_is_not_captured(box: Sandbox) -> None:
    code = "import io, sys\nsys.stdout = io.StringIO()\nprint('kept')\nsys.stdout.getvalue()"
    result = box.run(code)
    assert (result.stdout, result.value_repr) == ("", "'kept\\n'")


# -- threads and timers ------------------------------------------------------------------------------------------------


def test_non_daemon_threads_and_timers_are_waited_for(box: Sandbox) -> None:
    code = (
        "import threading, time\n"
        "def work():\n"
        "    time.sleep(0.05)\n"
        "    threading.Timer(0.05, print, ('second',)).start()\n"
        "    print('first')\n"
        "threading.Thread(target=work).start()\n"
        "print('main')"
    )
    assert box.run(code).stdout == "main\nfirst\nsecond\n"
    assert box.run(code + "\n1/0").stdout == "main\nfirst\nsecond\n"
    endless = "import threading, time\ndef f():\n    while True: time.sleep(0.01)\nthreading.Thread(target=f).start()"
    assert box.run(endless, limits=SHORT).status == "timeout"


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=chatter, daemon=True).start()",
        "import _thread; _thread.start_new_thread(chatter, ()); time.sleep(0.1)",
        "signal.signal(signal.SIGALRM, lambda *a: print('stray')); signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)",
        "signal.signal(signal.SIGALRM, lambda *a: print('stray')); signal.alarm(1); time.sleep(0.9)",
    ],
)
def test_output_of_leftover_threads_and_timers_does_not_reach_later_cells(box: Sandbox, start: str) -> None:
    code = f"""
import signal, threading, time
def chatter():
    while True:
        try:
            time.sleep(0.01)
            print('stray')
        except BaseException:
            pass  # it does not let itself be stopped
{start}
print('main')
"""
    with box.session() as session:
        assert box.run(code, session=session).ok
        for _ in range(2):
            later = box.run("time.sleep(0.2)\nprint('later')", session=session)
            assert (later.stdout, later.stderr) == ("later\n", "")
        # Output of a new thread is captured, also if its thread id was used before.
        mine = "t = threading.Thread(target=print, args=('mine',)); t.start(); t.join()"
        assert box.run(mine, session=session).stdout == "mine\n"


def test_leftover_threads_are_ended(box: Sandbox) -> None:
    code = "import threading, time\nn = 0\ndef f():\n    global n\n    while True: n += 1\n"
    with box.session() as session:
        box.run(code + "threading.Thread(target=f, daemon=True).start()", session=session)
        box.run("time.sleep(0.1)", session=session)
        before = box.run("n", session=session).value_repr
        assert box.run("time.sleep(0.1)\nn", session=session).value_repr == before
        assert box.run("threading.active_count()", session=session).value_repr == "1"


def test_idle_executor_workers_survive_the_cell(box: Sandbox) -> None:
    code = (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(2)\n"
        "jobs = [pool.submit(lambda i: (time.sleep(0.05 * i), print('job', i)), i) for i in (1, 2)]"
    )
    with box.session() as session:
        assert box.run(code, session=session).stdout == "job 1\njob 2\n"  # the cell waits for their jobs
        later = box.run("print(list(pool.map(abs, [-1, -2])))\npool.submit(print, 'heard').result()", session=session)
        assert later.stdout == "[1, 2]\nheard\n"


def test_an_error_in_a_thread_is_written_to_stderr(box: Sandbox) -> None:
    result = box.run("import threading\ndef f():\n    raise ValueError('inside')\nthreading.Thread(target=f).start()")
    assert result.stderr == (
        "Exception in thread Thread-1 (f):\n"
        "Traceback (most recent call last):\n"
        '  File "<snippet>", line 3, in f\n'
        "    raise ValueError('inside')\n"
        "ValueError: inside\n"
    )


# -- tracebacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import json\njson.loads('x')",
        "import numpy as np\nnp.linalg.inv(np.zeros((2, 2)))",
        "import functools, sympy\nsympy.sympify('1 +')",
        "import re\nre.sub('a', lambda m: 1 / 0, 'a')",
        "import json\ntry:\n    json.loads('x')\nexcept ValueError as error:\n    raise KeyError from error",
        "import json\ntry:\n    json.loads('x')\nexcept ValueError as e:\n    raise ExceptionGroup('g', [e])",
    ],
)
def test_tracebacks_contain_only_frames_of_the_snippet(box: Sandbox, code: str) -> None:
    result = box.run(code)
    assert result.status == "error"
    frames = [line for line in result.stderr.splitlines() if line.strip(" |").startswith("File ")]
    assert frames
    assert all('"<s' in frame for frame in frames), result.stderr


def test_tracebacks_contain_frames_of_the_snippets_exec_text_and_files() -> None:
    from tests.sandbox.conftest import box_at

    code = "namespace = {}\nexec('def f(): return 1 / 0', namespace)\nnamespace['f']()"
    assert 'File "<string>", line 1, in f' in box_at("none").run(code).stderr
    result = box_at("none").run("import sys; sys.path.insert(0, '.')\nimport own", files={"own.py": "1 / 0\n"})
    assert 'own.py", line 1, in <module>' in result.stderr


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("print('a'", "  File \"<snippet>\", line 1\n    print('a'\n         ^\nSyntaxError: "),
        ("if 1:\nprint(1)", '  File "<snippet>", line 2\n    print(1)\n    ^'),
    ],
)
def test_syntax_errors_have_the_format_of_the_interpreter(box: Sandbox, code: str, shown: str) -> None:
    assert box.run(code).stderr.startswith(shown)
