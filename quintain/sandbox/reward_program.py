"""Designed reward functions at work: a batch of steps in one sandboxed call, memory by episode, a fixed scale.

The runtime owns the scale (Li et al. 2024, Auto MC-Reward): a function returns a sparse and a dense number, of which
only the signs count, R = sgn(sparse) + 0.1 sgn(dense).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import SandboxError
from quintain.reward_signature import Columns, RewardSignature, pack
from quintain.sandbox.box import Sandbox, shared
from quintain.sandbox.limits import Limits
from quintain.sandbox.reward_source import BUILTINS, check_source
from quintain.sandbox.session import Session

__all__ = ["DENSE_SCALE", "RewardProgram", "Rewards"]

#: Weight of the dense sign; that of the sparse sign is 1.
DENSE_SCALE = 0.1
LIMITS = Limits(cpu_s=1.0, memory_mb=96, output_kb=16)
#: Code that runs beside the function: it takes the bytes apart, calls the function and collects its numbers.
_DRIVER = """
import math
_memories = {}
def _made(source, names):
    # The function sees its own namespace, not this one.
    space = {"__builtins__": {name: getattr(__import__("builtins"), name) for name in names}, "math": math}
    exec(source, space)
    return space["reward"]
class _Strict(dict):
    def __init__(self, items, names, where):
        dict.__init__(self, items); self._names = names; self._where = where
    def _know(self, key):
        if key not in self._names: raise KeyError("%s has no %r" % (self._where, key))
    def __getitem__(self, key): self._know(key); return dict.__getitem__(self, key)
    def __contains__(self, key): self._know(key); return dict.__contains__(self, key)
    def get(self, key, default=None): self._know(key); return dict.get(self, key, default)
def _unpack(data, n, layout, strict):
    xs = memoryview(data).cast("f").tolist(); at = 0; columns = []
    for name, kind, names, size in layout:
        if kind == "number": columns.append(xs[at:at + n]); at += n
        elif kind == "flag": columns.append([x != 0.0 for x in xs[at:at + n]]); at += n
        elif kind == "text": columns.append([names[int(x)] for x in xs[at:at + n]]); at += n
        elif kind == "vector":
            columns.append([tuple(xs[k:k + size]) for k in range(at, at + n * size, size)]); at += n * size
        else:
            counts = [int(x) for x in xs[at:at + n]]; at += n; m = sum(counts)
            keys = [names[int(x)] for x in xs[at:at + m]]; at += m
            if kind == "places": values = [tuple(xs[k:k + 3]) for k in range(at, at + 3 * m, 3)]; at += 3 * m
            else: values = [int(x) for x in xs[at:at + m]]; at += m
            pairs = list(zip(keys, values)); k = 0; column = []
            for c in counts:
                column.append(_Strict(pairs[k:k + c], names, name) if strict else dict(pairs[k:k + c])); k += c
            columns.append(column)
    return columns
def _rewards(data, n, layout, begun, strict):
    for k in begun: _memories[k] = {}
    sparse, dense, errors = [], [], []
    for k, row in enumerate(zip(*_unpack(data, n, layout, strict))):
        s = d = None; error = ""
        memory = _memories.get(k)
        if memory is None: error = "its memory was lost when an earlier call failed"
        else:
            try:
                s, d = _reward(*row, memory)
                if not (type(s) in (int, float, bool) and type(d) in (int, float, bool)):
                    error = "must return two numbers, sparse and dense, got %.80r" % ((s, d),); s = d = None
                else: s, d = float(s), float(d)
            except Exception as e:
                error = ("%s: %s" % (type(e).__name__, e))[:200]; s = d = None
        sparse.append(s); dense.append(d); errors.append(error)
    return [sparse, dense, errors]
"""


@dataclass(frozen=True)
class Rewards:
    """Rewards of a batch of steps.

    Attributes:
        value: R = sgn(sparse) + 0.1 sgn(dense), shape ``(n,)``; NaN where the function failed.
        sparse: Sign of the sparse part, shape ``(n,)``; NaN where the function failed.
        dense: Sign of the dense part, shape ``(n,)``; NaN where the function failed.
        errors: What went wrong, by step; empty where nothing did.
    """

    value: NDArray[np.float64]
    sparse: NDArray[np.float64]
    dense: NDArray[np.float64]
    errors: tuple[str, ...]


class RewardProgram:
    """A designed reward function that is called with batches of steps, one row per running episode.

    The function runs in the sandbox, in a process of its own that keeps one memory per row. It has seen the steps of
    its own episode so far, and never a later one. A call that runs out of time or memory fails for all its rows; their
    memories are lost, and the rows count as failed until their episodes begin anew.

    Args:
        source: Python source of the function; see :func:`~quintain.sandbox.reward_source.check_source`.
        signature: Its inputs.
        sandbox: The sandbox to run in; ``None`` takes the process-wide one.
        strict: Whether a look-up of a name that can never occur is an error, as in the checks of a draft.
            Default: false.

    Attributes:
        counts: Number of rows by how their call ended: ``ok``, ``error``, ``invalid``, ``timeout``, ``memory`` ...

    Raises:
        RewardSourceError: If the source is not a reward function.
    """

    def __init__(
        self, source: str, signature: RewardSignature, *, sandbox: Sandbox | None = None, strict: bool = False
    ) -> None:
        check_source(source, signature)
        self.source, self.signature, self.strict = source, signature, strict
        self.counts: Counter[str] = Counter()
        self._sandbox = sandbox
        self._layout = [[each.name, each.kind, list(each.names), each.size] for each in signature.inputs]
        self._session: Session | None = None

    def __call__(self, columns: Columns, n: int, begun: NDArray[np.bool_]) -> Rewards:
        """Compute the rewards of one step of ``n`` episodes.

        Args:
            columns: Inputs after the step.
            n: Number of rows.
            begun: Rows whose step is the first of its episode, shape ``(n,)``: their memory is emptied before it.

        Raises:
            SandboxError: If the sandbox itself failed: not a result of the function.
        """
        box = self._sandbox or shared()
        rows, code = np.flatnonzero(begun).tolist(), ""
        if self._session is None:
            self._session = box.session(limits=LIMITS, science=False)
            made = f"_reward = _made({self.source!r}, {sorted(BUILTINS)!r})"
            code = f"{_DRIVER}\n_layout = {self._layout!r}\n{_calling(self.strict)}\n{made}\n"
            first = box.run(code, session=self._session, limits=LIMITS)
            if not first.ok:
                return self._failed(n, first.status, first.detail or first.stderr.strip().rpartition("\n")[2])
        run, value = box.call("_call", [pack(columns, self.signature), n, rows], limits=LIMITS, session=self._session)
        if not run.ok or run.state_lost:
            return self._failed(n, run.status, run.detail)
        return self._judge(value, n)

    def close(self) -> None:
        """End the process. The next call starts a new one, with empty memories only for episodes that begin."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> RewardProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _failed(self, n: int, status: str, detail: str) -> Rewards:
        """Return the failure of a whole call; the process is ended with all memories."""
        self.close()
        if status == "setup_failed":
            raise SandboxError(f"the sandbox could not be set up, so the function was not called: {detail}")
        self.counts[status] += n
        nothing = np.full(n, np.nan)
        return Rewards(nothing, nothing, nothing, (f"{status}: {detail}",) * n)

    def _judge(self, value: Any, n: int) -> Rewards:
        """Turn what the process reports, which may be anything, into signs."""
        try:
            sparse, dense, errors = value
            pairs = list(zip(sparse, dense, map(str, errors), strict=True))
        except (TypeError, ValueError):
            pairs = []
        if len(pairs) != n:
            return self._failed(n, "invalid", "the function replaced the code that calls it")
        signs = np.full((n, 2), np.nan)
        said = []
        for k, (s, d, error) in enumerate(pairs):
            if not error and not (_finite(s) and _finite(d)):
                error = f"must return two finite numbers, got ({s!r}, {d!r})"[:200]
            if not error:
                signs[k] = np.sign(s), np.sign(d)
            self.counts["ok" if not error else "invalid" if "must return" in error else "error"] += 1
            said.append(error)
        return Rewards(signs[:, 0] + DENSE_SCALE * signs[:, 1], signs[:, 0], signs[:, 1], tuple(said))


def _calling(strict: bool) -> str:
    return f"def _call(data, n, begun): return _rewards(data, n, _layout, begun, {strict})"


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
