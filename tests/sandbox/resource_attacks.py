"""Attacks that exhaust memory, processors, disks or the output: rows of the table in ``attacks.py``."""

from __future__ import annotations

from quintain.sandbox import Limits
from tests.sandbox.attack import SHORT, bare, ended_as, prepared

RESOURCES = [
    prepared(54, "memory", "attempt(lambda: len([bytearray(10 << 20) for _ in range(30)]))"),
    prepared(55, "memory-mmap", "import mmap\nattempt(lambda: len(mmap.mmap(-1, 300 << 20)))"),
    prepared(56, "memory-memfd", "attempt(lambda: os.write(os.memfd_create('x'), bytes(1 << 20)))"),
    prepared(
        57, "memory-pipes", "attempt(lambda: [os.write(os.pipe()[1], bytes(65536)) for _ in range(100)] and None)"
    ),
    prepared(
        58, "loop", "t = time.process_time()\nwhile time.process_time() < t + 1: pass\nprint('ESCAPED')", limits=SHORT
    ),
    prepared(
        59,
        "loop-ignoring-signals",
        "import signal\n"
        "for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "t = time.process_time()\n"
        "while time.process_time() < t + 1: pass\n"
        "print('ESCAPED')",
        limits=SHORT,
    ),
    prepared(60, "sleep", "time.sleep(1)\nprint('ESCAPED')", limits=SHORT),
    prepared(
        60,
        "stop-itself",
        "os.kill(os.getpid(), 19); time.sleep(60)",
        limits=SHORT,
        control_limits=SHORT,
        works=ended_as("timeout"),
        contained=ended_as("timeout"),
    ),
    prepared(61, "power", "x = 7 ** 4_000_000\nprint('ESCAPED')", limits=SHORT),
    prepared(61, "long-str", "sys.set_int_max_str_digits(0); str(1 << 1_600_000)\nprint('ESCAPED')", limits=SHORT),
    prepared(61, "c-loop", "sum(range(10**8))\nprint('ESCAPED')", limits=SHORT),
    prepared(61, "regex", "import re; re.match('(a+)+$', 'a' * 26 + 'b')\nprint('ESCAPED')", limits=SHORT),
    prepared(
        62,
        "cpu",
        "t = time.process_time()\nwhile time.process_time() < t + 1: pass\nprint('ESCAPED')",
        limits=Limits(wall_s=20, cpu_s=0.3),
        contained=lambda r: r.status == "timeout" and "CPU" in r.detail,
    ),
    prepared(
        63,
        "recursion",
        "sys.setrecursionlimit(10**7)\ndef f(n): return n and f(n - 1)\nf(900_000)\nprint('ESCAPED')",
        limits=Limits(wall_s=3, memory_mb=64),
    ),
    prepared(
        64,
        "c-stack",
        "t = ()\nfor _ in range(10**6): t = (t,)\nsys.setrecursionlimit(10**9)\nrepr(t)\nprint('survived')",
        works=ended_as("crashed", "error"),
        contained=ended_as("crashed", "memory", "error"),
    ),
    prepared(65, "segfault", "ctypes.string_at(0)", works=ended_as("crashed"), contained=ended_as("crashed")),
    prepared(
        65,
        "abort",
        "os.abort()",
        works=ended_as("crashed"),
        # Process 1 of a namespace ignores the signal; the C library then runs into a trap.
        contained=ended_as("crashed"),
    ),
    prepared(
        66,
        "exit-hang",
        "import threading, atexit\natexit.register(time.sleep, 4)\n"
        "threading.Thread(target=time.sleep, args=(4,)).start()\nprint('ESCAPED')",
        limits=SHORT,
        control="plain",
        works=lambda r: r.wall_s > 3.5,
        contained=lambda r: r.status == "timeout" and r.wall_s < 3.5,
    ),
    *[
        prepared(
            67,
            f"endless-{stream}",
            f"for _ in range(3000): sys.{stream}.write('x' * 1000)\n",
            works=lambda r: len(r.stdout) + len(r.stderr) >= 3_000_000,
            contained=lambda r: r.status == "output_limit" and r.truncated and len(r.stdout) + len(r.stderr) <= 65536,
        )
        for stream in ("stdout", "stderr")
    ],
    bare(
        69,
        "repr-raises",
        "class R:\n    def __repr__(self): raise ValueError('no')\nR()",
        works=ended_as("error"),
        contained=ended_as("error"),
    ),
    bare(
        69,
        "repr-loops",
        "class R:\n    def __repr__(self):\n        while True: pass\nR()",
        limits=SHORT,
        control_limits=SHORT,
        works=ended_as("timeout"),
        contained=ended_as("timeout"),
    ),
    bare(
        69,
        "repr-huge",
        "class R:\n    def __repr__(self): return 'x' * (10 << 20)\nR()",
        works=lambda r: len(r.value_repr or "") >= 65_000,
        contained=lambda r: len(r.value_repr or "") <= 65536,
    ),
    prepared(70, "close-descriptors", "os.closerange(0, 100)", works=lambda r: not r.ok, contained=lambda r: not r.ok),
    bare(
        71,
        "hostile-stdout",
        "import sys\nclass H:\n    def __getattr__(self, n): raise SystemExit(0)\nsys.stdout = sys.stderr = H()",
        works=lambda r: True,
        contained=lambda r: r.status in ("ok", "exited"),
    ),
    bare(
        72,
        "stdin",
        "import sys\nprint(repr(sys.stdin.read()))",
        works=lambda r: r.stdout == "''\n",
        contained=lambda r: r.stdout == "''\n",
    ),
    bare(
        73,
        "subclasses",
        "w = next(c for c in object.__subclasses__() if c.__name__ == '_wrap_close')\n"
        "w.__init__.__globals__['system']('echo x > $outside/pwned')",
        effect="$outside/pwned",
    ),
    prepared(74, "import-project", "sys.path.insert(0, '$project/quintain')\nattempt(lambda: __import__('errors'))"),
    prepared(
        75,
        "descriptors",
        "def left():\n"
        "    found = []\n"
        "    for n in range(256):\n"
        "        try: os.fstat(n); found.append(n)\n"
        "        except OSError: pass\n"
        "    return len(found) > 4 and found\n"
        "attempt(left)",
        control="plain",
    ),
    bare(78, "os-exit", "import os\nos._exit(0)", works=lambda r: r.exit_code == 0, contained=lambda r: not r.ok),
    bare(79, "sys-exit", "import sys\nsys.exit(0)", works=lambda r: r.exit_code == 0, contained=ended_as("exited")),
    bare(79, "system-exit", "raise SystemExit(300)", works=ended_as("exited"), contained=ended_as("exited")),
    bare(
        80,
        "forged-report",
        'import os\nb = b\'{"claim":"ok","repr":"forged"}\'\nos.write(3, len(b).to_bytes(4, \'big\') + b)\nos._exit(0)',
        works=lambda r: r.value_repr == "forged",
        contained=lambda r: r.value_repr in ("forged", None),  # possible by construction, see test_grading
    ),
    bare(
        80,
        "forged-setup-failure",
        "import os\nb = b'{\"claim\":\"setup_failed\"}'\nos.write(3, len(b).to_bytes(4, 'big') + b)\nos._exit(0)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
    bare(
        81,
        "garbage-report",
        "import os\nos.write(3, b'\\xff' * 1000)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
    bare(
        81,
        "endless-report",
        "import os\nos.write(3, (4 << 20).to_bytes(4, 'big'))\nwhile True: os.write(3, b'x' * 65536)",
        limits=Limits(wall_s=2),
        control_limits=Limits(wall_s=2),
        works=ended_as("crashed", "timeout"),
        contained=ended_as("crashed", "timeout"),
    ),
    bare(
        81,
        "nested-report",
        "import os\nb = b'[' * 200000\nos.write(3, len(b).to_bytes(4, 'big') + b)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
]
