"""An engine with scripted replies: for tests, baselines and measuring the harness without a model."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from quintain.engines.engine import Engine, EngineCapability, FinishReason, Reply, Request
from quintain.engines.stops import cut_at_stop
from quintain.errors import EngineError

__all__ = ["Script", "ScriptedEngine"]

Line = str | Reply
# One line answers all n replies of a request; a list answers them one by one.
Script = Callable[[Request], Line | Sequence[Line]]

_WORD = re.compile(r"\s*\S+|\s+$")


class ScriptedEngine(Engine):
    """Serves scripted replies with no latency.

    A string is treated like model output: it is cut at the first stop string and after ``max_tokens`` tokens, where a
    token is a word with the blanks before it; for a constrained choice it must be one of the choices. A
    :class:`Reply` is returned unchanged.

    Args:
        script: Replies in order of the requests' arrival, or a function of the request. With a function, equal requests
            get equal replies, in any order of arrival. Default: ``"ok"``.
        cycle: Whether to start a list over after its last reply; otherwise the next request is an :class:`EngineError`.
            Default: true.
        fail_after: Number of requests to serve before every further one fails, as with a dead server; ``None`` for no
            failure.
        capabilities: Additional capabilities to declare (such as ``"logprobs"``), if the script's replies support them.

    Raises:
        ValueError: If ``script`` is an empty list.
    """

    name = "scripted"

    def __init__(
        self,
        script: Script | Iterable[Line] | str = "ok",
        *,
        cycle: bool = True,
        fail_after: int | None = None,
        capabilities: Iterable[EngineCapability] = (),
    ) -> None:
        self._function: Script | None = script if callable(script) else None
        self._lines: list[Line] = [] if callable(script) else [script] if isinstance(script, str) else list(script)
        if self._function is None and not self._lines:
            raise ValueError("a scripted engine needs at least one reply")
        self._cycle = cycle
        self._fail_after = fail_after
        self._served = 0
        self._given = 0
        self._lock = threading.Lock()
        base: set[EngineCapability] = {"chat", "prompt", "choices", "prefill", "stop", "stop_string"}
        if self._function is not None or (cycle and len(self._lines) == 1):
            base.add("seed")  # a reply is a function of its request
        self.capabilities = frozenset(base | set(capabilities))

    @property
    def served(self) -> int:
        """Requests served so far."""
        return self._served

    def describe(self) -> dict[str, Any]:
        """Return the kind of script and its length."""
        script = "function" if self._function is not None else f"{len(self._lines)} replies"
        return {"engine": self.name, "script": script}

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return [self._serve(request) for request in requests]

    def _serve(self, request: Request) -> list[Reply]:
        with self._lock:
            if self._fail_after is not None and self._served >= self._fail_after:
                raise EngineError(f"the scripted engine fails after {self._fail_after} requests, as fail_after says")
            lines = self._next_lines(request.n) if self._function is None else None
            self._served += 1
        if lines is None:
            assert self._function is not None
            answer = self._function(request)
            lines = [answer] * request.n if isinstance(answer, (str, Reply)) else list(answer)
            if len(lines) != request.n:
                raise EngineError(f"the script returned {len(lines)} replies to a request with n={request.n}")
        return [self._finish(line, request) for line in lines]

    def _next_lines(self, n: int) -> list[Line]:
        if not self._cycle and self._given + n > len(self._lines):
            raise EngineError(f"the scripted engine has used up its {len(self._lines)} replies")
        lines = [self._lines[(self._given + i) % len(self._lines)] for i in range(n)]
        self._given += n
        return lines

    def _finish(self, line: Line, request: Request) -> Reply:
        prompt_tokens = _count_words(request)
        if isinstance(line, Reply):
            reply = line if line.prompt_tokens else replace(line, prompt_tokens=prompt_tokens)
        elif request.choices is not None:
            reply = Reply(line, "choice", prompt_tokens, len(_WORD.findall(line)))
        else:
            words = _WORD.findall(line)
            text, stop = cut_at_stop("".join(words[: request.max_tokens]), request.stop)
            finish: FinishReason = "stop" if stop is not None or len(words) <= request.max_tokens else "length"
            reply = Reply(text, finish, prompt_tokens, min(len(words), request.max_tokens), stop)
        if request.choices is not None and reply.text not in request.choices:
            raise EngineError(f"the scripted reply {reply.text[:80]!r} is none of the choices {request.choices!r}")
        if request.logprobs and reply.logprobs is None:
            raise EngineError("the request needs log-probabilities and the scripted reply has none")
        if request.token_statistics and reply.token_statistics is None:
            raise EngineError("the request needs statistics of its tokens and the scripted reply has none")
        return reply


def _count_words(request: Request) -> int:
    texts = [request.prompt] if request.prompt is not None else [m["content"] for m in request.messages or ()]
    return sum(len(_WORD.findall(text)) for text in [*texts, request.prefill])
