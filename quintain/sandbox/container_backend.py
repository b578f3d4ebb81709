"""Snippets in temporary containers of docker or podman, under gVisor where it is installed.

A separate kernel (gVisor's, in user space) is the point of this backend; a container start costs a few hundred
milliseconds. The snippet's status comes from the engine's exit code and the host's clock; its report is a claim.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import threading
import time
from typing import Any

from quintain.errors import CapabilityError, SandboxError, SandboxUnavailable
from quintain.sandbox.backend import BackendSettings, Snippet
from quintain.sandbox.budget import machine_budget
from quintain.sandbox.jail.values import UnsupportedValueError, decode_value, encode_value
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Exceeded, Result, Status, plain_text
from quintain.sandbox.session import Session

__all__ = ["DEFAULT_IMAGE", "ContainerBackend", "make_backend"]

DEFAULT_IMAGE = "python:3.12-slim"
ENGINES = ("docker", "podman")
START_S = 60.0
"""Maximum seconds for a container to start; fetching an image takes longer, see ``ContainerBackend.warm``."""
SHARED = ("values", "program")
"""Modules of the jail whose text the runner is given, since nothing of Quintain is in the image."""

RUNNER = """
import json, os, sys, types
snippet = json.loads(sys.stdin.buffer.readline())
os.write(2, snippet["mark"].encode())
for name, content in snippet["files"].items():
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    open(name, "wb").write(bytes.fromhex(content))
values, program = types.ModuleType("values"), types.ModuleType("program")
for module in (values, program):
    exec(snippet[module.__name__], module.__dict__)
import random, threading
if snippet["seed"] is not None:
    random.seed(snippet["seed"])
main = types.ModuleType("__main__")
sys.modules["__main__"] = main
report, streams = {"claim": "ok"}, (sys.stdout, sys.stderr)
try:
    body, last = program.compile_program(snippet["code"], "<snippet>")
    if body is not None:
        exec(body, main.__dict__)
    value = None if last is None else eval(last, main.__dict__)
    if value is not None:
        report["repr"] = program.shorten(repr(value), 65472)
    if snippet["function"] is not None:
        try:
            arguments = [values.decode_value(item) for item in snippet["args"]]
            report["value"] = values.encode_value(main.__dict__[snippet["function"]](*arguments))
        except values.UnsupportedValueError as error:
            report["unsupported"] = str(error)
except SystemExit as error:
    code = error.code
    if type(code) is str:
        print(code, file=streams[1])
    report = {"claim": "exited", "exit_code": (code if type(code) is int else int(code is not None)) & 255}
except MemoryError:
    report = {"claim": "memory"}
except BaseException as error:
    streams[1].write(program.describe_error(error, main.__dict__))
    report = {"claim": "error", "detail": type(error).__name__}
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        threading._shutdown()
        break
for stream in streams:
    if not stream.closed:
        stream.flush()
os.write(2, (snippet["mark"] + json.dumps(report)).encode())
os._exit(0)
"""


class ContainerBackend:
    """Run each snippet in a fresh container without network, capabilities or a writable root.

    Args:
        workers: Maximum number of containers that run at the same time, >= 1.
        image: Name of an image with Python that is present or can be pulled; ``None`` takes ``DEFAULT_IMAGE``.

    Raises:
        SandboxUnavailable: If no engine is installed or its service does not answer.
    """

    name = "container"

    def __init__(self, workers: int, image: str | None) -> None:
        self.engine, information = _find_engine()
        self.image = image or DEFAULT_IMAGE
        self._workers = workers
        self._free = threading.BoundedSemaphore(workers)
        self.gvisor = "runsc" in information

    @property
    def protections(self) -> tuple[str, ...]:
        """The protections that the engine enforces."""
        common = (
            "container",
            "no network",
            "read-only root",
            "no capabilities",
            "no new privileges",
            "unprivileged user",
        )
        return (*common, "memory limit", "process limit", *(("gVisor kernel",) if self.gvisor else ()))

    def command(self, name: str, limits: Limits) -> list[str]:
        """Return the command line that runs one container."""
        size = f"size={limits.scratch_mb}m,mode=1777"
        if os.path.basename(self.engine) == "docker":  # podman refuses the option
            size += f",nr_inodes={limits.scratch_files}"
        runtime = ["--runtime", "runsc"] if self.gvisor else []
        return [
            *[self.engine, "run", "--rm", "--interactive", "--name", name, *runtime],
            *["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
            *["--user", "65534:65534", "--pids-limit", "64", "--workdir", "/tmp", "--tmpfs", f"/tmp:{size}"],
            *["--memory", f"{limits.memory_mb + 64}m", "--memory-swap", f"{limits.memory_mb + 64}m", "--cpus", "1"],
            *[
                "--ulimit",
                f"cpu={_cpu_limit(limits)}:{_cpu_limit(limits) + 1}",
                "--ulimit",
                f"nofile={limits.open_files}",
            ],
            *["--ulimit", f"fsize={limits.file_mb << 20}", "--ulimit", "core=0", "--ulimit", "nproc=1024"],
            *["--env", "HOME=/tmp", "--env", "PYTHONHASHSEED=0", self.image, "python", "-s", "-P", "-c", RUNNER],
        ]

    def run(self, snippet: Snippet, session: Session | None) -> Result:
        """Run one snippet; see ``Sandbox.run``."""
        return self.call(snippet, session)[0]

    def call(self, snippet: Snippet, session: Session | None) -> tuple[Result, Any]:
        """Run the snippet's code and call its function, if any; return also the value that it returned, plain data."""
        if session is not None:
            raise CapabilityError("the container backend has no sessions; use the fork or monty backend")
        mark = f"\0quintain-{secrets.token_hex(16)}"
        message = {
            "code": snippet.code,
            "files": {name: content.hex() for name, content in snippet.files.items()},
            "function": snippet.function,
            "args": [encode_value(value) for value in snippet.arguments],
            "seed": snippet.seed,
            "mark": mark,
            **{name: _text_of(name) for name in SHARED},
        }
        with self._free, machine_budget.slot():
            return self._run_container(snippet, json.dumps(message).encode() + b"\n" + snippet.stdin, mark.encode())

    def _run_container(self, snippet: Snippet, data: bytes, mark: bytes) -> tuple[Result, Any]:
        name = f"quintain-{secrets.token_hex(8)}"
        process = subprocess.Popen(
            self.command(name, snippet.limits), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        writer = threading.Thread(target=_feed, args=(process, data), daemon=True)
        writer.start()
        output = _Output(process, mark, snippet.limits)
        reason = output.collect()
        wall_s = time.monotonic() - output.begun_at
        if reason:
            subprocess.run([self.engine, "kill", name], capture_output=True, timeout=60, check=False)
            process.kill()
        code = process.wait()
        writer.join(1)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        before, begun, rest = bytes(output.stderr).partition(mark)
        if not begun:  # not a byte of the snippet was run, whatever the exit code
            failure = plain_text(before).strip()[-300:] or reason or f"it ended with code {code}"
            raise SandboxError(f"the container engine failed to start a container: {failure}")
        limit = snippet.limits.output_bytes
        errors, found, tail = rest.partition(mark)
        streams = bytes(output.stdout[:limit]), errors[:limit]
        return self._result(snippet, *streams, tail if found else None, reason, code, wall_s)

    def _result(
        self, snippet: Snippet, stdout: bytes, stderr: bytes, tail: bytes | None, reason: str, code: int, wall_s: float
    ) -> tuple[Result, Any]:
        # At most one core, so that a process killed for its CPU time has lived at least as long.
        used_up = wall_s > _cpu_limit(snippet.limits)
        claim: dict[str, Any] = {}
        with contextlib.suppress(ValueError, RecursionError):
            parsed = json.loads(tail or b"{}")
            claim = parsed if isinstance(parsed, dict) else {}
        status: Status = "exited"
        exceeded: Exceeded | None = None
        detail, value = reason, None
        if reason:
            status, exceeded = ("timeout", "wall") if reason == "wall-clock limit" else ("output_limit", None)
        elif code == 128 + signal.SIGXCPU or (code == 137 and used_up):
            status, detail, exceeded = "timeout", f"CPU limit of {snippet.limits.cpu_s:g} s", "cpu"
        elif code == 137:
            status, detail = "memory", "killed by the engine, most likely for its memory"
        elif code > 128:
            status, detail = "crashed", f"ended by signal {code - 128}"
        elif tail is not None and code == 0:
            claimed = claim.get("claim")
            status = claimed if claimed in ("ok", "error", "memory", "exited") else "crashed"
            detail = str(claim.get("detail", ""))
        if status == "ok" and snippet.function is not None:
            try:
                if "value" not in claim:
                    raise UnsupportedValueError(str(claim.get("unsupported", "no value")))
                value = decode_value(claim["value"])
            except (UnsupportedValueError, RecursionError) as error:
                status, detail = "error", f"not plain data: {error}"
        shown = claim.get("repr")
        exit_code = claim.get("exit_code") if status == "exited" and tail is not None else code
        result = Result(
            status=status,
            stdout=plain_text(stdout),
            stderr=plain_text(stderr),
            value_repr=plain_text(shown) if isinstance(shown, str) and status == "ok" else None,
            truncated=reason == "output limit",
            wall_s=wall_s,
            exit_code=exit_code if isinstance(exit_code, int) else None,
            exceeded=exceeded,
            detail=plain_text(detail)[:500],
            backend=self.name,
            level="gvisor" if self.gvisor else "container",
            protections=self.protections,
        )
        return result, value

    def end_session(self, session: Session) -> None:
        """Do nothing: there are no sessions here."""

    def describe(self) -> dict[str, Any]:
        """Return facts for the record of a run."""
        level = "gvisor" if self.gvisor else "container"
        facts = {"backend": self.name, "level": level, "protections": list(self.protections)}
        return {**facts, "image": self.image, "engine": os.path.basename(self.engine), "workers": self._workers}

    def warm(self, flavours: tuple[str, ...]) -> None:
        """Fetch the image if it is missing."""
        subprocess.run([self.engine, "pull", self.image], capture_output=True, check=False)

    def forget(self) -> None:
        """In a forked copy of the host: forget running containers, which belong to the original."""
        self._free = threading.BoundedSemaphore(self._workers)

    def close(self) -> None:
        """Do nothing: every container ends with its run."""


def make_backend(settings: BackendSettings) -> ContainerBackend:
    """Make the ``container`` backend."""
    return ContainerBackend(settings.workers, settings.image)


@functools.cache
def _text_of(module: str) -> str:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jail", f"{module}.py")
    with open(path, encoding="utf-8") as file:
        return file.read()


def _cpu_limit(limits: Limits) -> int:
    """Return whole CPU seconds, which is what a resource limit counts."""
    return max(1, math.ceil(limits.cpu_s))


def _find_engine() -> tuple[str, str]:
    """Return the first engine that answers, and the output of its ``info`` command.

    Raises:
        SandboxUnavailable: If none is installed, or none answers.
    """
    silent = []
    for path in filter(None, map(shutil.which, ENGINES)):
        info = subprocess.run([path, "info"], capture_output=True, text=True, timeout=60, check=False)
        if info.returncode == 0:
            return path, info.stdout
        reason = info.stderr.strip().splitlines()[-1:] or ["no message"]
        silent.append(f"{os.path.basename(path)} is installed but does not answer: {reason[0]}")
    raise SandboxUnavailable("; ".join(silent) or "the container backend needs docker or podman on the PATH")


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.write(data)
        process.stdin.close()


class _Output:
    """Output of a container, and the time at which its snippet began.

    Args:
        process: The running command of the container engine (``podman run`` or ``docker run``).
        mark: Marker that the runner writes to standard error before it runs the snippet.
        limits: Limits of the snippet.
    """

    def __init__(self, process: subprocess.Popen[bytes], mark: bytes, limits: Limits) -> None:
        self.process = process
        self.mark = mark
        self.limits = limits
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.begun = False
        self.begun_at = time.monotonic()

    def collect(self) -> str:
        """Read both streams to their end, the deadline or the limit; return why reading stopped early."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        room = self.limits.output_bytes + (1 << 20)  # marks and report share a stream with the text
        deadline = self.begun_at + START_S
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ, self.stdout)
            selector.register(self.process.stderr, selectors.EVENT_READ, self.stderr)
            while selector.get_map():
                for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    key.data.extend(data)
                now = time.monotonic()
                if not self.begun and self.mark in self.stderr:
                    self.begun, self.begun_at, deadline = True, now, now + self.limits.wall_limit_s
                if len(self.stdout) > self.limits.output_bytes or len(self.stderr) > room:
                    return "output limit"
                if now >= deadline:
                    return "wall-clock limit" if self.begun else f"it did not start within {START_S:g} s"
        return ""
