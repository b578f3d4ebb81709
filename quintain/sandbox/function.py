"""Reward functions written by a language model, called many times per second with plain data."""

from __future__ import annotations

import ast
import math
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from quintain.errors import ConfigurationError, SandboxError
from quintain.sandbox.box import Sandbox, shared
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Result, Status
from quintain.sandbox.session import Session

__all__ = ["FunctionResult", "FunctionStatus", "SandboxedFunction"]

#: How a call ended: as an execution does, or without a valid value.
FunctionStatus = Status | Literal["invalid", "nondeterministic"]
DEFAULT_LIMITS = Limits(cpu_s=1.0, memory_mb=128, output_kb=16)


@dataclass(frozen=True)
class FunctionResult:
    """The result of one call.

    Attributes:
        value: The number, or ``None`` unless ``status`` is ``ok``. A failure is never a score of 0.
        status: ``ok``; ``invalid`` (not a finite number in range); ``nondeterministic`` (another call with the same
            arguments returned another value); or the status of a run that did not finish, see ``Result``.
        detail: One line of explanation.
        stderr: Standard error of the call, tracebacks included.
        wall_s: Wall-clock time of the run, in seconds.
    """

    value: float | None
    status: FunctionStatus
    detail: str = ""
    stderr: str = ""
    wall_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the call returned a valid value."""
        return self.status == "ok"


def _parse_signature(signature: str) -> tuple[str, tuple[str, ...]]:
    problem = f"signature must read like 'reward(observation, action)', got {signature!r}"
    try:
        (definition,) = ast.parse(f"def {signature}: ...").body
    except (SyntaxError, ValueError) as error:
        raise ConfigurationError(problem) from error
    if not isinstance(definition, ast.FunctionDef):
        raise ConfigurationError(problem)
    given = definition.args
    if given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults:
        raise ConfigurationError(f"{problem}: plain parameters without defaults only")
    return definition.name, tuple(argument.arg for argument in given.args)


class SandboxedFunction:
    """An untrusted function of plain data that returns a finite number in a declared range.

    The source runs once per child, then the child is called again and again. A child that ran out of time or memory is
    replaced before the next call. Some calls are repeated in a second child with another history: a function whose
    value depends on chance, on the clock or on earlier calls is detected.

    Never pass a reference answer to a function that runs a policy's code: a completion is data here, and a function
    that wants to execute it needs a sandbox of its own.

    Args:
        source: Untrusted Python that defines the function.
        signature: Its name and parameters, such as ``"reward(observation, action)"``.
        low: Minimum allowed return value; outside [``low``, ``high``] the status is ``invalid``. Default: -1,000,000.
        high: Maximum allowed return value, > ``low``. Default: 1,000,000.
        limits: Limits of each call (``memory_mb`` of the child); ``None`` takes 1 s of CPU time, 128 MiB and 16 KiB
            of output.
        sandbox: The sandbox to run in; ``None`` takes the process-wide one.
        check_first: Number of calls, from the first on, that are repeated to check determinism, >= 0. Default: 2.
        check_every: Interval, in calls, at which later calls are repeated; 0 for never. Default: 100.

    Raises:
        ConfigurationError: If the signature cannot be parsed or the range is empty or not finite.
    """

    def __init__(
        self,
        source: str,
        signature: str,
        *,
        low: float = -1e6,
        high: float = 1e6,
        limits: Limits | None = None,
        sandbox: Sandbox | None = None,
        check_first: int = 2,
        check_every: int = 100,
    ) -> None:
        self.name, self.parameters = _parse_signature(signature)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigurationError(f"the range must be two finite numbers, low < high, got {low!r} and {high!r}")
        self.source = source
        self.low, self.high = low, high
        self.limits = limits or DEFAULT_LIMITS
        self.check_first, self.check_every = check_first, check_every
        self.counts: Counter[str] = Counter()
        self._sandbox = sandbox
        self._lock = threading.RLock()
        self._main: Session | None = None
        self._repeat: Session | None = None
        self._calls = 0

    def __call__(self, *arguments: Any, **named: Any) -> FunctionResult:  # Any: plain data
        """Call the function. Thread-safe; calls are made one after another.

        Raises:
            TypeError: If the arguments do not fit the signature.
            UnsupportedValueError: If an argument is not plain data.
            SandboxError: If the sandbox itself failed: not a result of the function.
        """
        ordered = self._bind(arguments, named)
        with self._lock:
            self._calls += 1
            result, self._main = self._one(self._main, ordered)
            _require_set_up(result)
            if result.ok and self._is_checked():
                again, self._repeat = self._one(self._repeat, ordered)
                _require_set_up(again)
                # How long a call takes depends on the machine, which says nothing about the function's value.
                if again.status != "timeout" and again.value != result.value:
                    values = (
                        f"{result.value!r}, then {again.value if again.ok else again.status!r} for the same arguments"
                    )
                    result = FunctionResult(None, "nondeterministic", values, result.stderr, result.wall_s)
            self.counts[result.status] += 1
        return result

    async def acall(self, *arguments: Any, **named: Any) -> FunctionResult:  # Any: plain data
        """Call the function without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self, *arguments, **named)

    def close(self) -> None:
        """End the children. The next call starts new ones."""
        with self._lock:
            for session in (self._main, self._repeat):
                if session is not None:
                    session.close()
            self._main = self._repeat = None

    def __enter__(self) -> SandboxedFunction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bind(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        rest = self.parameters[len(arguments) :]
        if len(arguments) > len(self.parameters) or set(rest) != set(named):
            expected = ", ".join(self.parameters)
            missing = [name for name in rest if name not in named]
            unknown = sorted(set(named) - set(rest))
            problems = [f"{len(arguments)} positional arguments given"] if len(arguments) > len(self.parameters) else []
            problems += [f"missing {', '.join(missing)}"] if missing else []
            problems += [f"unknown {', '.join(unknown)}"] if unknown else []
            raise TypeError(f"{self.name}({expected}): {'; '.join(problems)}")
        return [*arguments, *(named[name] for name in rest)]

    def _is_checked(self) -> bool:
        return self._calls <= self.check_first or bool(self.check_every and self._calls % self.check_every == 0)

    def _one(self, session: Session | None, arguments: list[Any]) -> tuple[FunctionResult, Session | None]:
        """Call in a session, opening one if needed; return the result and the session if it can be used again."""
        box = self._sandbox or shared()
        code = ""
        if session is None:
            session = box.session(limits=self.limits, science="numpy" in self.source or "sympy" in self.source)
            code = self.source
        run, value = box.call(self.name, arguments, code=code, limits=self.limits, session=session)
        keep = run.status in ("ok", "error") and not run.state_lost and not (code and run.status == "error")
        if not keep:
            session.close()
        return self._judge(run, value), session if keep else None

    def _judge(self, run: Result, value: Any) -> FunctionResult:
        if not run.ok:
            invalid = run.detail.startswith("not plain data")
            return FunctionResult(None, "invalid" if invalid else run.status, run.detail, run.stderr, run.wall_s)
        if isinstance(value, bool) or not isinstance(value, int | float):
            problem = f"returned {type(value).__name__}, not a number"
        elif not (isinstance(value, int) or math.isfinite(value)):
            problem = f"returned {value!r}"
        elif not self.low <= value <= self.high:
            problem = f"returned a value outside [{self.low:g}, {self.high:g}]"
        else:
            return FunctionResult(float(value), "ok", "", run.stderr, run.wall_s)
        return FunctionResult(None, "invalid", problem, run.stderr, run.wall_s)


def _require_set_up(result: FunctionResult) -> None:
    if result.status == "setup_failed":
        raise SandboxError(f"the sandbox could not be set up, so the function was not called: {result.detail}")
