"""The worker thread that drives vLLM: requests become vLLM requests, and their outputs become replies."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quintain.engines.choices import draw_choices
from quintain.engines.engine import FinishReason, Reply, Request
from quintain.errors import ConfigurationError, ContextOverflowError, EngineError, QuintainError
from quintain.seeding import SeedStream

__all__ = ["Worker", "start"]

_MAX_LABELS = 128  # tokens whose log-probability vLLM returns at one position
_MAX_RESTARTS = 2  # without a finished request in between


@dataclass(slots=True, eq=False)
class PendingRequest:
    """A request that is not settled yet. vLLM serves it in parts: one per reply, or one per choice."""

    request: Request
    future: Future[list[Reply]] = field(default_factory=Future)
    parts: dict[str, Any] = field(default_factory=dict)  # vLLM's request id -> its output, once finished
    branches: list[list[int]] = field(default_factory=list)
    shared: int = 0
    prompt_tokens: int = 0
    prompt_token_ids: list[int] = field(default_factory=list)

    def settle(self, outcome: list[Reply] | BaseException) -> None:
        with contextlib.suppress(InvalidStateError):  # the caller has gone
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)


class Worker:
    """The thread that submits requests to vLLM, steps it, and restarts it after a crash.

    Args:
        llm: A ``vllm.LLM``, from :func:`start`.
        arguments: The arguments of :func:`start`, for a restart.
        tokenizer: Tokenizer of the model, from ``transformers``.
        context: Context window, in tokens (prompt + completion).
        template_kwargs: Variables of the model's chat template. Default: none.
    """

    def __init__(
        self,
        llm: Any,
        arguments: Mapping[str, Any],
        tokenizer: Any,
        context: int,
        template_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        from quintain.engines.codec import Codec

        self._llm: Any = llm
        self._arguments = arguments
        self._codec = Codec(tokenizer, template_kwargs)
        self._context = context
        self._inbox: deque[PendingRequest] = deque()
        self._live: dict[str, PendingRequest] = {}
        self._jobs: deque[tuple[str, Future[None]]] = deque()  # files of weights to load
        self._weights: str | None = None  # file of the newest weights, which a restarted vLLM needs too
        self._folder = tempfile.TemporaryDirectory(prefix="quintain-vllm-")
        self._ids = itertools.count()
        self._deaths = 0
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="quintain-vllm", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> Future[list[Reply]]:
        """Queue a request.

        Raises:
            EngineError: If the engine is closed.
        """
        pending = PendingRequest(request)
        with self._wake:
            if self._closed:
                raise EngineError("the engine is closed; make a new one")
            self._inbox.append(pending)
            self._wake.notify()
        return pending.future

    def load_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace the model's weights between two decoding steps.

        Raises:
            ConfigurationError: If vLLM refuses them.
            EngineError: If the engine is closed.
        """
        from safetensors.torch import save_file

        path = str(Path(self._folder.name) / f"{next(self._ids)}.safetensors")
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights}, path)
        done: Future[None] = Future()
        with self._wake:
            if self._closed:
                raise EngineError("the engine is closed; make a new one")
            self._jobs.append((path, done))
            self._wake.notify()
        done.result()

    def close(self) -> None:
        """Fail running requests and end vLLM's processes."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()
        self._folder.cleanup()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._inbox or self._live or self._jobs or self._closed):
                    self._wake.wait()
                requests, jobs = list(self._inbox), list(self._jobs)
                self._inbox.clear()
                self._jobs.clear()
                if self._closed:
                    break
            for path, done in jobs:
                self._load(path, done)
            try:
                self._turn(requests)
            except Exception as error:  # vLLM died: fail its requests, and restart it for the next one
                self._fail(requests, EngineError(f"vLLM failed: {error!r}"[:500]))
                _stop(self._llm)
                self._llm = None
                self._deaths += 1
        for _, done in jobs:
            done.set_exception(EngineError("the engine was closed"))
        self._fail(requests, EngineError("the engine was closed"))
        _stop(self._llm)
        self._llm = None

    def _turn(self, requests: Sequence[PendingRequest]) -> None:
        if self._llm is None:
            if self._deaths > _MAX_RESTARTS:
                raise EngineError(f"vLLM died {self._deaths} times in a row and is not started again")
            self._llm = start(self._arguments)
            if self._weights is not None:
                load(self._llm, self._weights)
        for pending in requests:
            self._begin(pending)
        engine = self._llm.llm_engine
        gone = [part for part, pending in self._live.items() if pending.future.done()]
        if gone:
            engine.abort_request(gone)
            for part in gone:
                del self._live[part]
        if engine.has_unfinished_requests():
            for output in engine.step():
                if output.finished and output.request_id in self._live:
                    self._finish(output.request_id, self._live[output.request_id], output)
        elif self._live:
            raise EngineError("vLLM lost track of its requests")

    def _load(self, path: str, done: Future[None]) -> None:
        """Load weights into vLLM, which need not run: it starts with them."""
        try:
            if self._llm is not None:
                load(self._llm, path)
        except Exception as error:
            done.set_exception(ConfigurationError(f"vLLM refuses the weights: {error}"[:500]))
            return
        if self._weights is not None:
            Path(self._weights).unlink(missing_ok=True)
        self._weights = path
        done.set_result(None)

    def _begin(self, pending: PendingRequest) -> None:
        """Submit a request's parts to vLLM; a request that cannot be served must not fail the others."""
        if pending.future.done():
            return
        try:
            parts = self._split(pending)
        except QuintainError as error:
            pending.settle(error)
            return
        except Exception as error:
            pending.settle(EngineError(f"the request could not be tokenised: {error!r}"))
            return
        for tokens, params in parts:
            part = f"quintain-{next(self._ids)}"
            try:
                self._llm.llm_engine.add_request(part, {"prompt_token_ids": tokens}, params)
            except (ValueError, TypeError) as error:  # refused; any other error means that vLLM died
                pending.settle(EngineError(f"vLLM refuses the request: {error}"[:500]))
                return  # its submitted parts are aborted in the next turn
            pending.parts[part] = None
            self._live[part] = pending

    def _split(self, pending: PendingRequest) -> list[tuple[list[int], Any]]:
        """Tokenise a request and return its parts: tokens and sampling parameters."""
        request = pending.request
        prompt = self._codec.encode(request)
        width = max((len(b) for b in prompt.branches), default=1)
        if len(prompt.tokens) + width > self._context:
            raise ContextOverflowError(prompt.length, self._context - width)
        pending.branches, pending.shared, pending.prompt_tokens = prompt.branches, len(prompt.tokens), prompt.length
        pending.prompt_token_ids = prompt.tokens
        if _labels(prompt.branches):
            return [(prompt.tokens, _scoring([token for [token] in prompt.branches]))]
        if prompt.branches:
            # vLLM returns log-probabilities of prompt tokens only with at least one generated token.
            return [(prompt.tokens + branch, _scoring()) for branch in prompt.branches]
        return [(prompt.tokens, _sampling(request, index)) for index in range(request.n)]

    def _finish(self, part: str, pending: PendingRequest, output: Any) -> None:
        del self._live[part]
        pending.parts[part] = output
        if any(other is None for other in pending.parts.values()):
            return
        self._deaths = 0
        outputs = list(pending.parts.values())
        if _labels(pending.branches):
            found = outputs[0].outputs[0].logprobs[0]
            pending.settle(_chosen(pending, [[float(found[token].logprob)] for [token] in pending.branches]))
        elif pending.branches:
            scores = [
                [float(output.prompt_logprobs[pending.shared + i][token].logprob) for i, token in enumerate(branch)]
                for output, branch in zip(outputs, pending.branches, strict=True)
            ]
            pending.settle(_chosen(pending, scores))
        else:
            pending.settle([_reply(output.outputs[0], pending) for output in outputs])

    def _fail(self, requests: Sequence[PendingRequest], error: EngineError) -> None:
        for pending in {*requests, *self._live.values()}:
            pending.settle(error)
        self._live.clear()


def start(arguments: Mapping[str, Any]) -> Any:
    """Start vLLM with the arguments of ``vllm.LLM``."""
    import vllm

    llm = vllm.LLM(**arguments, disable_log_stats=True)
    core = llm.llm_engine.engine_core
    if hasattr(core, "outputs_queue") and hasattr(core, "resources"):
        threading.Thread(target=_watch, args=(weakref.ref(core),), name="quintain-vllm-watch", daemon=True).start()
    return llm


def load(llm: Any, path: str) -> None:
    """Load a file of weights in all of vLLM's processes, and forget what was computed with others."""
    llm.collective_rpc("load_quintain_weights", args=(path,))
    llm.reset_prefix_cache()


def _watch(reference: weakref.ref[Any]) -> None:
    """Wake the worker when vLLM's process has died: vLLM 0.32 detects it and still waits for output forever."""
    while (core := reference()) is not None:
        if core.resources.engine_dead:
            core.outputs_queue.put_nowait(RuntimeError("vLLM's process died"))
            return
        del core
        time.sleep(0.5)


def _stop(llm: Any) -> None:
    """End vLLM's processes, ignoring errors of one that is dead already."""
    if llm is not None:
        with contextlib.suppress(Exception):
            llm.llm_engine.engine_core.shutdown()


def _sampling(request: Request, index: int) -> Any:
    from vllm import SamplingParams

    return SamplingParams(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        # vLLM's own seeds for several replies are seed + i, which other requests may have.
        seed=None if request.seed is None else SeedStream(request.seed, "reply", index).seed,
        logprobs=0 if request.logprobs or request.tokens else None,
    )


def _labels(branches: Sequence[Sequence[int]]) -> bool:
    """Return whether all choices are single tokens, whose log-probabilities take one prefill of the prompt."""
    from vllm import SamplingParams

    known = "logprob_token_ids" in inspect.signature(SamplingParams).parameters  # not in versions of 2025
    return known and 0 < len(branches) <= _MAX_LABELS and all(len(branch) == 1 for branch in branches)


def _scoring(labels: Sequence[int] = ()) -> Any:
    from vllm import SamplingParams

    wanted = {"logprob_token_ids": list(labels)} if labels else {"prompt_logprobs": 0}
    return SamplingParams(max_tokens=1, temperature=0.0, detokenize=False, **wanted)


def _chosen(pending: PendingRequest, scores: Sequence[Sequence[float]]) -> list[Reply]:
    return draw_choices(pending.request, pending.prompt_tokens, pending.branches, scores)


def _reply(output: Any, pending: PendingRequest) -> Reply:
    request = pending.request
    finish: FinishReason = "length" if output.finish_reason == "length" else "stop"
    ids = tuple(int(token) for token in output.token_ids)
    logprobs = None
    if request.logprobs or request.tokens:
        logprobs = tuple(float(at[token].logprob) for at, token in zip(output.logprobs, ids, strict=True))
    return Reply(
        text=output.text,
        finish_reason=finish,
        prompt_tokens=pending.prompt_tokens,
        completion_tokens=len(ids),
        stop_string=output.stop_reason if isinstance(output.stop_reason, str) else None,
        token_ids=ids,
        logprobs=logprobs,
        prompt_token_ids=tuple(pending.prompt_token_ids) if request.tokens else None,
    )
