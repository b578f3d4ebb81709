"""The default backend: fork servers, pools of confined children, sessions."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from queue import SimpleQueue
from typing import Any

from quintain.errors import SandboxError
from quintain.sandbox.backend import Snippet
from quintain.sandbox.budget import Slot, machine_budget
from quintain.sandbox.flavours import BARE, choose, importable, locate, science_with
from quintain.sandbox.host_facts import host_facts_hidden
from quintain.sandbox.jail.values import UnsupportedValueError, decode_value, encode_value
from quintain.sandbox.limits import Limits
from quintain.sandbox.outcome import Outcome
from quintain.sandbox.packages import versions
from quintain.sandbox.pool import ChildPool, scratch_request
from quintain.sandbox.result import Result, plain_text
from quintain.sandbox.scratch import HostScratch
from quintain.sandbox.server import Child, ForkServer, ServerSetupFailed
from quintain.sandbox.session import Session
from quintain.sandbox.supervise import NotStartedError, supervise

__all__ = ["ForkBackend"]

MAX_REPR = 1 << 16


def _tokens(workers: int) -> SimpleQueue[int]:
    """Return a semaphore of ``workers`` tokens, several times faster than the one in ``threading``."""
    tokens: SimpleQueue[int] = SimpleQueue()
    for number in range(workers):
        tokens.put(number)
    return tokens


class ForkBackend:
    """Run every snippet in a child that was forked from a warm interpreter and confined before it saw the snippet.

    Args:
        level: Level of protection: ``A``, ``B``, ``C``, or ``none`` (the ``unsafe-local`` backend).
        workers: Maximum number of snippets that run at the same time, >= 1.
        pool_size: Number of confined children kept waiting per flavour, >= 0.
        limits: Limits from which the waiting children take the size of their scratch directories.
        writable_scratch: Whether snippets may write files; at level C there is no quota for them.
        allow_subprocess: Whether snippets may start processes (levels A and B).
        processes: Maximum number of processes of a snippet, where it may start any.
        packages: Packages that snippets can import beside those of ``science``, installed.
        fault: Name of a set-up step that fails on purpose, for tests; ``None`` for none.
    """

    def __init__(
        self,
        level: str,
        *,
        workers: int,
        pool_size: int,
        limits: Limits | None = None,
        writable_scratch: bool | None = None,
        allow_subprocess: bool = False,
        processes: int = 64,
        packages: tuple[str, ...] = (),
        fault: str | None = None,
    ) -> None:
        self.level = level
        self.name = "unsafe-local" if level == "none" else "fork"
        self.has_namespaces = level in ("A", "B")
        self.writable_scratch = self.has_namespaces or level == "none" if writable_scratch is None else writable_scratch
        self.allow_subprocess = allow_subprocess
        self.packages = packages
        self._science = science_with(packages)
        self._workers = workers
        self._free = _tokens(workers)
        self._retired: list[ForkServer] = []
        self._retired_lock = threading.Lock()
        self._pools = {
            flavour.name: ChildPool(
                partial(
                    ForkServer,
                    flavour,
                    level,
                    allow_subprocess=allow_subprocess,
                    processes=processes,
                    fault=fault,
                ),
                retire=self._retire,
                request=scratch_request(limits or Limits()),
                size=pool_size,
            )
            for flavour in (BARE, self._science)
        }
        self._protections: tuple[str, ...] = ()
        self._closed = False

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, snippet: Snippet, session: Session | None) -> Result:
        """Run one snippet; see ``Sandbox.run``."""
        return self._execute(snippet, session)[0]

    def call(self, snippet: Snippet, session: Session | None) -> tuple[Result, Any]:
        """Run the snippet's code, if any, and call its function; return also the value that it returned, plain data."""
        result, outcome = self._execute(snippet, session)
        claim = outcome.claim if outcome is not None else None
        if not result.ok or claim is None:
            return result, None
        try:
            if "value" not in claim:
                raise UnsupportedValueError(plain_text(str(claim.get("unsupported", "no value")))[:300])
            return result, decode_value(claim["value"])
        except (UnsupportedValueError, RecursionError) as error:
            return replace(result, status="error", detail=f"not plain data: {error}"), None

    def _execute(self, snippet: Snippet, session: Session | None) -> tuple[Result, Outcome | None]:
        if session is not None:
            with session.lock:
                return self._when_free(lambda slot: self._in_session(snippet, session, slot))
        return self._when_free(lambda slot: self._run_once(snippet, slot))

    def _when_free(self, work: Callable[[Slot], tuple[Result, Outcome | None]]) -> tuple[Result, Outcome | None]:
        """Wait until fewer than ``workers`` snippets run and the machine has a slot, which counts against no limit."""
        free = self._free
        token = free.get()
        try:
            with machine_budget.slot() as slot:
                return work(slot)
        finally:
            free.put(token)

    def _run_once(self, snippet: Snippet, slot: Slot) -> tuple[Result, Outcome | None]:
        pool = self._pools[choose(snippet.code, self._science).name]
        scratch = self._host_scratch(snippet)
        try:
            try:
                return self._attempt(pool, snippet, scratch, slot)
            except NotStartedError:
                pool.close()
                return self._attempt(pool, snippet, scratch, slot)
        except ServerSetupFailed as failure:
            return self._setup_failed(str(failure)), None
        finally:
            if scratch is not None:
                scratch.remove()

    def _attempt(
        self, pool: ChildPool, snippet: Snippet, scratch: HostScratch | None, slot: Slot
    ) -> tuple[Result, Outcome]:
        child = pool.take_ready(snippet.limits, scratch)
        try:
            message = self._message(snippet, last=True, in_child=scratch is None, limits=snippet.limits)
            watched = self._watched(scratch)
            outcome = supervise(
                child, message, snippet.stdin, snippet.limits, last=True, scratch=watched, on_idle=slot.release
            )
            return self._result(outcome, child.server.protections), outcome
        finally:
            child.close()
            pool.refill()
            if self._retired:
                self._stop_retired()

    def _in_session(self, snippet: Snippet, session: Session, slot: Slot) -> tuple[Result, Outcome | None]:
        if session.closed:
            raise SandboxError("the session is closed")
        child: Child | None = session.interpreter
        if child is None:
            if session.flavour is None:
                session.flavour = choose(snippet.code, self._science).name
            scratch = None if self.has_namespaces else HostScratch({}, writable=self.writable_scratch)
            session.scratch = scratch
            try:
                child = self._pools[session.flavour].take_ready(session.limits, scratch)
            except ServerSetupFailed as failure:
                self.end_session(session)
                return self._setup_failed(str(failure)), None
            session.interpreter = child
        alive = False
        try:
            memory = None if child.snippets else session.limits
            # Where the snippet cannot write, it cannot plant links for the host to follow: the host writes the files.
            by_host = session.scratch is not None and not session.scratch.writable
            if by_host:
                session.scratch.add(snippet.files)
            message = self._message(snippet, last=False, in_child=not by_host, limits=memory)
            scratch = self._watched(session.scratch)
            outcome = supervise(child, message, b"", snippet.limits, last=False, scratch=scratch, on_idle=slot.release)
            alive = outcome.alive
            return self._result(outcome, child.server.protections, state_lost=not alive), outcome
        finally:
            if child.snippets == 1 and session.flavour is not None:  # the next session finds one that is ready
                self._pools[session.flavour].refill()
            if not alive:
                session.restarts += 1
                self.end_session(session)

    def end_session(self, session: Session) -> None:
        """Kill the session's child, if it has one."""
        child, session.interpreter = session.interpreter, None
        scratch, session.scratch = session.scratch, None
        if child is not None:
            child.close()
            if self._retired:
                self._stop_retired()
        if scratch is not None:
            scratch.remove()

    def _watched(self, scratch: HostScratch | None) -> HostScratch | None:
        """Return the directory if its size has to be checked because it has no quota."""
        return scratch if scratch is not None and scratch.writable and self.level != "none" else None

    def _host_scratch(self, snippet: Snippet) -> HostScratch | None:
        if self.has_namespaces or not (snippet.files or self.writable_scratch):
            return None
        return HostScratch(snippet.files, writable=self.writable_scratch)

    def _message(self, snippet: Snippet, *, last: bool, in_child: bool, limits: Limits | None) -> dict[str, Any]:
        message: dict[str, Any] = {}
        if snippet.seed is not None:
            message["seed"] = snippet.seed
        if snippet.code or snippet.function is None:
            message["code"] = snippet.code
        if snippet.function is not None:
            message |= {"function": snippet.function, "args": [encode_value(value) for value in snippet.arguments]}
        if in_child and snippet.files:
            message["files"] = {name: content.hex() for name, content in snippet.files.items()}
        if not last:
            message["stdin"] = snippet.stdin.hex()
        if limits is not None:
            message["limits"] = {
                "memory_mb": limits.memory_mb,
                "cpu_s": limits.cpu_s if last else None,
                "file_mb": limits.file_mb,
                "open_files": limits.open_files,
            }
        return message

    # -- results ---------------------------------------------------------------------------------------------------

    @cached_property
    def _hide_host_facts(self) -> Callable[[str], str]:
        return host_facts_hidden(locate(self._science).directories)

    def _shown(self, text: bytes | str) -> str:
        """Decode a snippet's text, and make it the same on every machine."""
        return self._hide_host_facts(plain_text(text))

    def _setup_failed(self, detail: str) -> Result:
        return Result("setup_failed", detail=detail, backend=self.name, level=self.level)

    def _result(self, outcome: Outcome, protections: tuple[str, ...], *, state_lost: bool = False) -> Result:
        self._protections = protections
        text = None
        if outcome.status == "ok" and outcome.claim is not None and isinstance(outcome.claim.get("repr"), str):
            text = self._shown(outcome.claim["repr"][:MAX_REPR])
        return Result(
            status=outcome.status,
            stdout=self._shown(outcome.stdout),
            stderr=self._shown(outcome.stderr),
            value_repr=text,
            truncated=outcome.truncated,
            wall_s=outcome.wall_s,
            cpu_s=outcome.cpu_s,
            max_rss_mb=outcome.max_rss_mb,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            exceeded=outcome.exceeded,
            state_lost=state_lost,
            detail=plain_text(outcome.detail),
            backend=self.name,
            level=self.level,
            protections=protections,
        )

    # -- life ------------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return level, protections and packages for the record of a run."""
        servers = [pool.server for pool in self._pools.values() if pool.server is not None]
        return {
            "backend": self.name,
            "level": self.level,
            "protections": list(self._protections),
            "landlock_abi": max((server.landlock_abi for server in servers), default=0),
            "allow_subprocess": self.allow_subprocess,
            "writable_scratch": self.writable_scratch,
            "workers": self._workers,
            "packages": versions(importable(self.packages)),
        }

    def warm(self, flavours: tuple[str, ...]) -> None:
        """Start the servers of these flavours and fill their pools."""
        for name in flavours:
            pool = self._pools[name]
            with contextlib.suppress(ServerSetupFailed):
                pool.take(Limits(), None).close()
                pool.refill()

    def _retire(self, server: ForkServer) -> None:
        """Stop a server that no pool uses any more, when its last busy child has ended."""
        with self._retired_lock:
            self._retired.append(server)
        self._stop_retired()

    def _stop_retired(self) -> None:
        with self._retired_lock:
            waiting = [old for old in self._retired if old.busy and not self._closed]
            for old in self._retired:
                if old not in waiting:
                    old.close()
            self._retired = waiting

    def forget(self) -> None:
        """Drop the servers in a forked copy of the host process."""
        self._free = _tokens(self._workers)
        self._retired_lock = threading.Lock()
        for server in self._retired:
            server.release()
        self._retired = []
        for pool in self._pools.values():
            pool.forget()

    def close(self) -> None:
        """Kill all children and stop all servers."""
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        with self._retired_lock:
            for server in self._retired:
                server.close()
            self._retired = []
