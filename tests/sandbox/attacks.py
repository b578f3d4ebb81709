"""The attacks that the sandbox has to withstand, one per row of the threat table.

A snippet prints ``ESCAPED`` if its attack succeeds. Each is also run without confinement, as a positive control: an
attack that fails there too is not a test of the sandbox. Controls are harmless: they send signals 0 and SIGCONT only,
are bounded, connect to loopback, and write temporary files.

``$name`` in a snippet is a path, address or process id of the ``targets`` fixture.
"""

from __future__ import annotations

import os
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


def _a(row: int, name: str, code: str, **more: object) -> Attack:
    return Attack(row, name, PRELUDE + code, **more)  # type: ignore[arg-type]


def _v(row: int, name: str, code: str, **more: object) -> Attack:
    """Return an attack without the prelude."""
    return Attack(row, name, code, **more)  # type: ignore[arg-type]


FILES = [
    _a(1, "shadow", "attempt(lambda: open('/etc/shadow').read())", control="root"),
    _a(2, "ssh-key", "attempt(lambda: open('$home/.ssh/id_ed25519').read())"),
    _a(3, "readable-file", "attempt(lambda: open('$public').read())"),
    _a(4, "list-home", "attempt(lambda: os.listdir('$home'))"),
    _a(4, "list-root", "attempt(lambda: 'etc' in os.listdir('/'))"),
    _a(5, "stat", "attempt(lambda: os.stat('$secret').st_size)", open_at="C"),
    _a(6, "write-outside", "attempt(lambda: open('$outside/written', 'w').close())", effect="$outside/written"),
    *[
        _a(
            7,
            f"write-{place.strip('/').replace('/', '-')}",
            f"open('{place}/$token', 'w').close()",
            effect=f"{place}/$token",
        )
        for place in ("/tmp", "/var/tmp", "/dev/shm")
    ],
    _a(8, "stdlib-module", "attempt(lambda: open('$stdlib/$token.py', 'w').close())", control="root"),
    _a(9, "stdlib-pyc", "attempt(lambda: open('$stdlib/__pycache__/$token.pyc', 'w').close())", control="root"),
    _a(10, "symlink", "attempt(lambda: (os.symlink('$secret', 'link'), open('link').read()))"),
    _a(
        11, "hard-link", "attempt(lambda: (os.link('$samefs/secret', '$samefs/linked'), open('$samefs/linked').read()))"
    ),
    _a(12, "traversal", "attempt(lambda: open('../' * 30 + '$secret'[1:]).read())"),
    _a(13, "chmod", "attempt(lambda: os.chmod('$outside/file', 0o777))"),
    _a(13, "chown", "attempt(lambda: os.chown('$outside/file', os.getuid(), os.getgid()))"),
    _a(13, "utime", "attempt(lambda: os.utime('$outside/file', (1, 1)))"),
    _a(13, "setxattr", "attempt(lambda: os.setxattr('$outside/file', 'user.q', b'1'))", optional="extended attributes"),
    _a(14, "rename", "attempt(lambda: os.rename('$outside/file', '$outside/moved'))", effect="$outside/moved"),
    _a(14, "delete", "attempt(lambda: os.unlink('$outside/file'))"),
    _a(15, "truncate", "attempt(lambda: os.truncate('$outside/file', 0))"),
    _a(18, "mknod", "attempt(lambda: os.mknod('$outside/null', 0o020666, os.makedev(1, 3)))", control="root"),
    _a(
        18,
        "mount",
        "attempt(lambda: libc.unshare(0x20000) == 0 and libc.mount(b'none', b'/', None, 0x44000, None) == 0\n"
        "    and libc.mount(b'tmpfs', b'$outside', b'tmpfs', 0, None) == 0)",
        control="root",
    ),
    _a(19, "chroot", "attempt(lambda: os.chroot('$outside'))", control="root"),
    _a(19, "umount", "attempt(lambda: reached((libc.umount2(b'$outside', 2), ctypes.get_errno())))", control="root"),
    _a(19, "open-tree", "attempt(lambda: reached(call(428, 428, -100, b'/', 0)))"),
    _a(
        20,
        "file-handle",
        "b = ctypes.create_string_buffer((120).to_bytes(4, 'little') + bytes(124))\n"
        "m = ctypes.c_int()\n"
        "attempt(lambda: reached(call(303, 264, -100, b'$secret', b, ctypes.byref(m), 0)))",
    ),
    _a(
        21,
        "fill-disk",
        "def fill():\n"
        "    for i in range(5):\n"
        "        with open(f'big{i}', 'wb') as f:\n"
        "            for _ in range(10):\n"
        "                f.write(bytes(1 << 20))\n"
        "attempt(fill)",
    ),
    _a(22, "sparse-file", "attempt(lambda: open('sparse', 'wb').truncate(20 << 20))"),
    _a(
        22,
        "sparse-tebibyte",
        "attempt(lambda: open('s', 'wb').truncate(1 << 40))",
        control_limits=Limits(file_mb=1 << 24),
    ),
    _a(23, "inodes", "attempt(lambda: [open(f'i{i}', 'w').close() for i in range(600)])"),
]

NETWORK = [
    _a(24, "tcp", "attempt(lambda: socket.create_connection(('127.0.0.1', $tcp), 2))"),
    _a(25, "udp", "attempt(lambda: socket.socket(2, 2).sendto(b'x', ('127.0.0.1', $udp)))"),
    _a(26, "inet-socket", "attempt(lambda: socket.socket())"),
    _a(27, "unix-path", "attempt(lambda: socket.socket(1).connect('$unix'))"),
    _a(28, "unix-abstract", "attempt(lambda: socket.socket(1).connect('\\0$abstract'))"),
    _a(
        29,
        "listen",
        "s = None\ndef listen():\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\nattempt(listen)",
    ),
    _a(30, "netlink", "attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))"),
    _a(30, "ipv6", "attempt(lambda: socket.socket(socket.AF_INET6))", optional="IPv6"),
    _a(30, "packet", "attempt(lambda: socket.socket(17, 3, 0))", control="root", optional="packet sockets"),
    _a(30, "raw", "attempt(lambda: socket.socket(2, 3, 1))", control="root"),
    _a(30, "alg", "attempt(lambda: socket.socket(38, 5, 0))", optional="kernel crypto sockets"),
    _a(30, "vsock", "attempt(lambda: socket.socket(40, 1, 0))", optional="vsock"),
    _a(
        31,
        "io-uring",
        "attempt(lambda: reached(call(425, 425, 1, ctypes.create_string_buffer(120))))",
        optional="io_uring",
    ),
]

PROCESSES = [
    _a(
        32,
        "fork-bomb",
        "def bomb():\n"
        "    for _ in range(30):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(0.05); os._exit(0)\n"
        "    for _ in range(30):\n"
        "        os.wait()\n"
        "attempt(bomb)",
    ),
    _a(33, "fork", "def fork():\n    if os.fork() == 0:\n        os._exit(0)\n    os.wait()\nattempt(fork)"),
    _a(
        34,
        "daemon",
        "def daemon():\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(0.2); open('$outside/daemon', 'w').close()\n"
        "        os._exit(0)\n"
        "    os.wait(); time.sleep(0.6)\n"
        "attempt(daemon)",
        effect="$outside/daemon",
    ),
    _a(35, "subprocess", "import subprocess\nattempt(lambda: subprocess.run(['/bin/true'], check=True))"),
    _a(35, "shell", "attempt(lambda: os.system('true') == 0)"),
    _a(36, "exec", "attempt(lambda: os.execv('/bin/echo', ['echo', 'ESCAPED']))"),
    _a(37, "signal-process", "attempt(lambda: os.kill($victim, 0))"),
    _a(37, "signal-continue", "attempt(lambda: os.kill($victim, 18))"),
    _a(37, "signal-host", "attempt(lambda: os.kill($host, 0))"),
    _a(37, "signal-parent", "attempt(lambda: os.kill(os.getppid(), 0) if os.getppid() else False)"),
    _a(38, "signal-all", "attempt(lambda: os.kill(-1, 0))"),
    _a(39, "pidfd-open", "attempt(lambda: os.pidfd_open($victim))"),
    _a(39, "pidfd-getfd", "attempt(lambda: reached(call(438, 438, os.pidfd_open($victim), 0, 0)))"),
    _a(40, "ptrace", "attempt(lambda: reached((libc.ptrace(0x4206, $victim, None, None), ctypes.get_errno())))"),
    _a(
        41,
        "read-memory",
        "v = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)\n"
        "r = (ctypes.c_size_t * 2)(4096, 8)\n"
        "attempt(lambda: reached(call(310, 270, $victim, v, 1, r, 1, 0)))",
    ),
    _a(42, "environ", "attempt(lambda: b'hunter2' in open('/proc/$victim/environ', 'rb').read())"),
    _a(43, "own-environ", "attempt(lambda: 'hunter2' in os.environ.get('QUINTAIN_SECRET', ''))", control="plain"),
    _a(44, "proc-mem", "attempt(lambda: open('/proc/$victim/mem', 'rb').fileno())"),
    _a(44, "proc-root", "attempt(lambda: os.listdir('/proc/$victim/root/'))"),
    _a(
        44,
        "proc-1-root",
        "attempt(lambda: os.listdir('/proc/1/root/'))",
        control="root",
        optional="access to process 1",
    ),
    _a(45, "setgroups", "attempt(lambda: os.setgroups([]))", control="root"),
    _a(45, "setuid", "attempt(lambda: (os.setresuid(0, 0, 0), open('/etc/shadow').read()))", control="root"),
    _a(46, "user-namespace", "attempt(lambda: libc.unshare(0x10000000) == 0)", optional="user namespaces"),
    _a(
        47,
        "clone3",
        "a = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)\n"
        "def clone3():\n"
        "    pid, code = call(435, 435, a, 88)\n"
        "    if pid == 0:\n"
        "        os._exit(0)\n"
        "    return reached((pid, code))\n"
        "attempt(clone3)",
        optional="user namespaces",
    ),
    _a(48, "others-limits", "attempt(lambda: resource.prlimit($victim, resource.RLIMIT_CORE, (0, 0)))"),
    _a(
        48,
        "own-limits",
        "n = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "attempt(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n + 1, n + 1)))",
        control="root",
        optional="the right to raise limits",
    ),
    _a(
        49,
        "thread-bomb",
        "import threading\n"
        "def bomb():\n"
        "    done = threading.Event()\n"
        "    made = []\n"
        "    try:\n"
        "        for _ in range(150):\n"
        "            made.append(threading.Thread(target=done.wait)); made[-1].start()\n"
        "    finally:\n"
        "        done.set()\n"
        "attempt(bomb)",
    ),
    _a(
        50,
        "terminal",
        "import fcntl\ntry:\n    fcntl.ioctl(0, 0x5412, b'x')\nexcept OSError as e:\n"
        "    print('refused' if e.errno == errno.ENOSYS else 'ESCAPED', e)",
    ),
    _a(
        51,
        "keyctl",
        "attempt(lambda: call(250, 219, 0, -3, 0)[1] not in (errno.EPERM, errno.ENOSYS))",
        optional="keyrings",
    ),
    _a(51, "bpf", "attempt(lambda: reached(call(321, 280, 99, None, 0)))", control="root"),
    _a(51, "perf", "attempt(lambda: call(298, 241, None, 0, -1, -1, 0)[1] == errno.EFAULT)", control="root"),
    _a(51, "userfaultfd", "attempt(lambda: reached(call(323, 282, 1)))", control="root"),
    _a(
        51,
        "hostname",
        "n = socket.gethostname().encode()\nattempt(lambda: reached(call(170, 161, n, len(n))))",
        control="root",
    ),
    _v(
        52,
        "x32",
        "import ctypes\nctypes.set_errno(0)\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.syscall(ctypes.c_long(0x40000000 | 39)) > 0: print('ESCAPED')",
        optional="the x32 ABI",
    ),
    _a(53, "inotify", "attempt(lambda: reached(call(294, 26, 0)))"),
    _a(
        53,
        "dnotify",
        "import fcntl\nattempt(lambda: fcntl.fcntl(os.open('.', os.O_RDONLY), 1026, 1))",
        optional="dnotify",
    ),
]

RESOURCES = [
    _a(54, "memory", "attempt(lambda: len([bytearray(10 << 20) for _ in range(30)]))"),
    _a(55, "memory-mmap", "import mmap\nattempt(lambda: len(mmap.mmap(-1, 300 << 20)))"),
    _a(56, "memory-memfd", "attempt(lambda: os.write(os.memfd_create('x'), bytes(1 << 20)))"),
    _a(57, "memory-pipes", "attempt(lambda: [os.write(os.pipe()[1], bytes(65536)) for _ in range(100)] and None)"),
    _a(58, "loop", "t = time.process_time()\nwhile time.process_time() < t + 1: pass\nprint('ESCAPED')", limits=SHORT),
    _a(
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
    _a(60, "sleep", "time.sleep(1)\nprint('ESCAPED')", limits=SHORT),
    _a(
        60,
        "stop-itself",
        "os.kill(os.getpid(), 19); time.sleep(60)",
        limits=SHORT,
        control_limits=SHORT,
        works=ended_as("timeout"),
        contained=ended_as("timeout"),
    ),
    _a(61, "power", "x = 7 ** 4_000_000\nprint('ESCAPED')", limits=SHORT),
    _a(61, "long-str", "sys.set_int_max_str_digits(0); str(1 << 1_600_000)\nprint('ESCAPED')", limits=SHORT),
    _a(61, "c-loop", "sum(range(10**8))\nprint('ESCAPED')", limits=SHORT),
    _a(61, "regex", "import re; re.match('(a+)+$', 'a' * 26 + 'b')\nprint('ESCAPED')", limits=SHORT),
    _a(
        62,
        "cpu",
        "t = time.process_time()\nwhile time.process_time() < t + 1: pass\nprint('ESCAPED')",
        limits=Limits(wall_s=20, cpu_s=0.3),
        contained=lambda r: r.status == "timeout" and "CPU" in r.detail,
    ),
    _a(
        63,
        "recursion",
        "sys.setrecursionlimit(10**7)\ndef f(n): return n and f(n - 1)\nf(900_000)\nprint('ESCAPED')",
        limits=Limits(wall_s=3, memory_mb=64),
    ),
    _a(
        64,
        "c-stack",
        "t = ()\nfor _ in range(10**6): t = (t,)\nsys.setrecursionlimit(10**9)\nrepr(t)\nprint('survived')",
        works=ended_as("crashed", "error"),
        contained=ended_as("crashed", "memory", "error"),
    ),
    _a(65, "segfault", "ctypes.string_at(0)", works=ended_as("crashed"), contained=ended_as("crashed")),
    _a(
        65,
        "abort",
        "os.abort()",
        works=ended_as("crashed"),
        # Process 1 of a namespace ignores the signal; the C library then runs into a trap.
        contained=ended_as("crashed"),
    ),
    _a(
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
        _a(
            67,
            f"endless-{stream}",
            f"for _ in range(3000): sys.{stream}.write('x' * 1000)\n",
            works=lambda r: len(r.stdout) + len(r.stderr) >= 3_000_000,
            contained=lambda r: r.status == "output_limit" and r.truncated and len(r.stdout) + len(r.stderr) <= 65536,
        )
        for stream in ("stdout", "stderr")
    ],
    _v(
        69,
        "repr-raises",
        "class R:\n    def __repr__(self): raise ValueError('no')\nR()",
        works=ended_as("error"),
        contained=ended_as("error"),
    ),
    _v(
        69,
        "repr-loops",
        "class R:\n    def __repr__(self):\n        while True: pass\nR()",
        limits=SHORT,
        control_limits=SHORT,
        works=ended_as("timeout"),
        contained=ended_as("timeout"),
    ),
    _v(
        69,
        "repr-huge",
        "class R:\n    def __repr__(self): return 'x' * (10 << 20)\nR()",
        works=lambda r: len(r.value_repr or "") >= 65_000,
        contained=lambda r: len(r.value_repr or "") <= 65536,
    ),
    _a(70, "close-descriptors", "os.closerange(0, 100)", works=lambda r: not r.ok, contained=lambda r: not r.ok),
    _v(
        71,
        "hostile-stdout",
        "import sys\nclass H:\n    def __getattr__(self, n): raise SystemExit(0)\nsys.stdout = sys.stderr = H()",
        works=lambda r: True,
        contained=lambda r: r.status in ("ok", "exited"),
    ),
    _v(
        72,
        "stdin",
        "import sys\nprint(repr(sys.stdin.read()))",
        works=lambda r: r.stdout == "''\n",
        contained=lambda r: r.stdout == "''\n",
    ),
    _v(
        73,
        "subclasses",
        "w = next(c for c in object.__subclasses__() if c.__name__ == '_wrap_close')\n"
        "w.__init__.__globals__['system']('echo x > $outside/pwned')",
        effect="$outside/pwned",
    ),
    _a(74, "import-project", "sys.path.insert(0, '$project/quintain')\nattempt(lambda: __import__('errors'))"),
    _a(
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
    _v(78, "os-exit", "import os\nos._exit(0)", works=lambda r: r.exit_code == 0, contained=lambda r: not r.ok),
    _v(79, "sys-exit", "import sys\nsys.exit(0)", works=lambda r: r.exit_code == 0, contained=ended_as("exited")),
    _v(79, "system-exit", "raise SystemExit(300)", works=ended_as("exited"), contained=ended_as("exited")),
    _v(
        80,
        "forged-report",
        'import os\nb = b\'{"claim":"ok","repr":"forged"}\'\nos.write(3, len(b).to_bytes(4, \'big\') + b)\nos._exit(0)',
        works=lambda r: r.value_repr == "forged",
        contained=lambda r: r.value_repr in ("forged", None),  # possible by construction, see test_grading
    ),
    _v(
        80,
        "forged-setup-failure",
        "import os\nb = b'{\"claim\":\"setup_failed\"}'\nos.write(3, len(b).to_bytes(4, 'big') + b)\nos._exit(0)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
    _v(
        81,
        "garbage-report",
        "import os\nos.write(3, b'\\xff' * 1000)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
    _v(
        81,
        "endless-report",
        "import os\nos.write(3, (4 << 20).to_bytes(4, 'big'))\nwhile True: os.write(3, b'x' * 65536)",
        limits=Limits(wall_s=2),
        control_limits=Limits(wall_s=2),
        works=ended_as("crashed", "timeout"),
        contained=ended_as("crashed", "timeout"),
    ),
    _v(
        81,
        "nested-report",
        "import os\nb = b'[' * 200000\nos.write(3, len(b).to_bytes(4, 'big') + b)",
        works=ended_as("crashed"),
        contained=ended_as("crashed"),
    ),
]

ATTACKS = [*FILES, *NETWORK, *PROCESSES, *RESOURCES]

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
