"""The attacks that the sandbox has to withstand, one per row of the threat table.

A snippet prints ``ESCAPED`` if its attack succeeds. Each is also run without confinement, as a positive control: an
attack that fails there too is not a test of the sandbox. Controls are harmless: they send signals 0 and SIGCONT only,
are bounded, connect to loopback, and write temporary files.

``$name`` in a snippet is a path, address or process id of the ``targets`` fixture.
"""

from __future__ import annotations

import os

from quintain.sandbox import Limits
from tests.sandbox.attack import bare, prepared
from tests.sandbox.resource_attacks import RESOURCES

FILES = [
    prepared(1, "shadow", "attempt(lambda: open('/etc/shadow').read())", control="root"),
    prepared(2, "ssh-key", "attempt(lambda: open('$home/.ssh/id_ed25519').read())"),
    prepared(3, "readable-file", "attempt(lambda: open('$public').read())"),
    prepared(4, "list-home", "attempt(lambda: os.listdir('$home'))"),
    prepared(4, "list-root", "attempt(lambda: 'etc' in os.listdir('/'))"),
    prepared(5, "stat", "attempt(lambda: os.stat('$secret').st_size)", open_at="C"),
    prepared(6, "write-outside", "attempt(lambda: open('$outside/written', 'w').close())", effect="$outside/written"),
    *[
        prepared(
            7,
            f"write-{place.strip('/').replace('/', '-')}",
            f"open('{place}/$token', 'w').close()",
            effect=f"{place}/$token",
        )
        for place in ("/tmp", "/var/tmp", "/dev/shm")
    ],
    prepared(8, "stdlib-module", "attempt(lambda: open('$stdlib/$token.py', 'w').close())", control="root"),
    prepared(9, "stdlib-pyc", "attempt(lambda: open('$stdlib/__pycache__/$token.pyc', 'w').close())", control="root"),
    prepared(10, "symlink", "attempt(lambda: (os.symlink('$secret', 'link'), open('link').read()))"),
    prepared(
        11, "hard-link", "attempt(lambda: (os.link('$samefs/secret', '$samefs/linked'), open('$samefs/linked').read()))"
    ),
    prepared(12, "traversal", "attempt(lambda: open('../' * 30 + '$secret'[1:]).read())"),
    prepared(13, "chmod", "attempt(lambda: os.chmod('$outside/file', 0o777))"),
    prepared(13, "chown", "attempt(lambda: os.chown('$outside/file', os.getuid(), os.getgid()))"),
    prepared(13, "utime", "attempt(lambda: os.utime('$outside/file', (1, 1)))"),
    prepared(
        13, "setxattr", "attempt(lambda: os.setxattr('$outside/file', 'user.q', b'1'))", optional="extended attributes"
    ),
    prepared(14, "rename", "attempt(lambda: os.rename('$outside/file', '$outside/moved'))", effect="$outside/moved"),
    prepared(14, "delete", "attempt(lambda: os.unlink('$outside/file'))"),
    prepared(15, "truncate", "attempt(lambda: os.truncate('$outside/file', 0))"),
    prepared(18, "mknod", "attempt(lambda: os.mknod('$outside/null', 0o020666, os.makedev(1, 3)))", control="root"),
    prepared(
        18,
        "mount",
        "attempt(lambda: libc.unshare(0x20000) == 0 and libc.mount(b'none', b'/', None, 0x44000, None) == 0\n"
        "    and libc.mount(b'tmpfs', b'$outside', b'tmpfs', 0, None) == 0)",
        control="root",
    ),
    prepared(19, "chroot", "attempt(lambda: os.chroot('$outside'))", control="root"),
    prepared(
        19, "umount", "attempt(lambda: reached((libc.umount2(b'$outside', 2), ctypes.get_errno())))", control="root"
    ),
    prepared(19, "open-tree", "attempt(lambda: reached(call(428, 428, -100, b'/', 0)))"),
    prepared(
        20,
        "file-handle",
        "b = ctypes.create_string_buffer((120).to_bytes(4, 'little') + bytes(124))\n"
        "m = ctypes.c_int()\n"
        "attempt(lambda: reached(call(303, 264, -100, b'$secret', b, ctypes.byref(m), 0)))",
    ),
    prepared(
        21,
        "fill-disk",
        "def fill():\n"
        "    for i in range(5):\n"
        "        with open(f'big{i}', 'wb') as f:\n"
        "            for _ in range(10):\n"
        "                f.write(bytes(1 << 20))\n"
        "attempt(fill)",
    ),
    prepared(22, "sparse-file", "attempt(lambda: open('sparse', 'wb').truncate(20 << 20))"),
    prepared(
        22,
        "sparse-tebibyte",
        "attempt(lambda: open('s', 'wb').truncate(1 << 40))",
        control_limits=Limits(file_mb=1 << 24),
    ),
    prepared(23, "inodes", "attempt(lambda: [open(f'i{i}', 'w').close() for i in range(600)])"),
]

NETWORK = [
    prepared(24, "tcp", "attempt(lambda: socket.create_connection(('127.0.0.1', $tcp), 2))"),
    prepared(25, "udp", "attempt(lambda: socket.socket(2, 2).sendto(b'x', ('127.0.0.1', $udp)))"),
    prepared(26, "inet-socket", "attempt(lambda: socket.socket())"),
    prepared(27, "unix-path", "attempt(lambda: socket.socket(1).connect('$unix'))"),
    prepared(28, "unix-abstract", "attempt(lambda: socket.socket(1).connect('\\0$abstract'))"),
    prepared(
        29,
        "listen",
        "s = None\ndef listen():\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\nattempt(listen)",
    ),
    prepared(30, "netlink", "attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))"),
    prepared(30, "ipv6", "attempt(lambda: socket.socket(socket.AF_INET6))", optional="IPv6"),
    prepared(30, "packet", "attempt(lambda: socket.socket(17, 3, 0))", control="root", optional="packet sockets"),
    prepared(30, "raw", "attempt(lambda: socket.socket(2, 3, 1))", control="root"),
    prepared(30, "alg", "attempt(lambda: socket.socket(38, 5, 0))", optional="kernel crypto sockets"),
    prepared(30, "vsock", "attempt(lambda: socket.socket(40, 1, 0))", optional="vsock"),
    prepared(
        31,
        "io-uring",
        "attempt(lambda: reached(call(425, 425, 1, ctypes.create_string_buffer(120))))",
        optional="io_uring",
    ),
]

PROCESSES = [
    prepared(
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
    prepared(33, "fork", "def fork():\n    if os.fork() == 0:\n        os._exit(0)\n    os.wait()\nattempt(fork)"),
    prepared(
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
    prepared(35, "subprocess", "import subprocess\nattempt(lambda: subprocess.run(['/bin/true'], check=True))"),
    prepared(35, "shell", "attempt(lambda: os.system('true') == 0)"),
    prepared(36, "exec", "attempt(lambda: os.execv('/bin/echo', ['echo', 'ESCAPED']))"),
    prepared(37, "signal-process", "attempt(lambda: os.kill($victim, 0))"),
    prepared(37, "signal-continue", "attempt(lambda: os.kill($victim, 18))"),
    prepared(37, "signal-host", "attempt(lambda: os.kill($host, 0))"),
    prepared(37, "signal-parent", "attempt(lambda: os.kill(os.getppid(), 0) if os.getppid() else False)"),
    prepared(38, "signal-all", "attempt(lambda: os.kill(-1, 0))"),
    prepared(39, "pidfd-open", "attempt(lambda: os.pidfd_open($victim))"),
    prepared(39, "pidfd-getfd", "attempt(lambda: reached(call(438, 438, os.pidfd_open($victim), 0, 0)))"),
    prepared(40, "ptrace", "attempt(lambda: reached((libc.ptrace(0x4206, $victim, None, None), ctypes.get_errno())))"),
    prepared(
        41,
        "read-memory",
        "v = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)\n"
        "r = (ctypes.c_size_t * 2)(4096, 8)\n"
        "attempt(lambda: reached(call(310, 270, $victim, v, 1, r, 1, 0)))",
    ),
    prepared(42, "environ", "attempt(lambda: b'hunter2' in open('/proc/$victim/environ', 'rb').read())"),
    prepared(43, "own-environ", "attempt(lambda: 'hunter2' in os.environ.get('QUINTAIN_SECRET', ''))", control="plain"),
    prepared(44, "proc-mem", "attempt(lambda: open('/proc/$victim/mem', 'rb').fileno())"),
    prepared(44, "proc-root", "attempt(lambda: os.listdir('/proc/$victim/root/'))"),
    prepared(
        44,
        "proc-1-root",
        "attempt(lambda: os.listdir('/proc/1/root/'))",
        control="root",
        optional="access to process 1",
    ),
    prepared(45, "setgroups", "attempt(lambda: os.setgroups([]))", control="root"),
    prepared(45, "setuid", "attempt(lambda: (os.setresuid(0, 0, 0), open('/etc/shadow').read()))", control="root"),
    prepared(46, "user-namespace", "attempt(lambda: libc.unshare(0x10000000) == 0)", optional="user namespaces"),
    prepared(
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
    prepared(48, "others-limits", "attempt(lambda: resource.prlimit($victim, resource.RLIMIT_CORE, (0, 0)))"),
    prepared(
        48,
        "own-limits",
        "n = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "attempt(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n + 1, n + 1)))",
        control="root",
        optional="the right to raise limits",
    ),
    prepared(
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
    prepared(
        50,
        "terminal",
        "import fcntl\ntry:\n    fcntl.ioctl(0, 0x5412, b'x')\nexcept OSError as e:\n"
        "    print('refused' if e.errno == errno.ENOSYS else 'ESCAPED', e)",
    ),
    prepared(
        51,
        "keyctl",
        "attempt(lambda: call(250, 219, 0, -3, 0)[1] not in (errno.EPERM, errno.ENOSYS))",
        optional="keyrings",
    ),
    prepared(51, "bpf", "attempt(lambda: reached(call(321, 280, 99, None, 0)))", control="root"),
    prepared(51, "perf", "attempt(lambda: call(298, 241, None, 0, -1, -1, 0)[1] == errno.EFAULT)", control="root"),
    prepared(51, "userfaultfd", "attempt(lambda: reached(call(323, 282, 1)))", control="root"),
    prepared(
        51,
        "hostname",
        "n = socket.gethostname().encode()\nattempt(lambda: reached(call(170, 161, n, len(n))))",
        control="root",
    ),
    bare(
        52,
        "x32",
        "import ctypes\nctypes.set_errno(0)\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.syscall(ctypes.c_long(0x40000000 | 39)) > 0: print('ESCAPED')",
        optional="the x32 ABI",
    ),
    prepared(53, "inotify", "attempt(lambda: reached(call(294, 26, 0)))"),
    prepared(
        53,
        "dnotify",
        "import fcntl\nattempt(lambda: fcntl.fcntl(os.open('.', os.O_RDONLY), 1026, 1))",
        optional="dnotify",
    ),
]

ATTACKS = [*FILES, *NETWORK, *PROCESSES, *RESOURCES]

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
