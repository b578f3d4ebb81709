"""The default engine: a causal language model of ``transformers`` in this process."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.arguments import check_number
from quintain.engines import weights
from quintain.engines.engine import Engine, EngineCapability, Forward, Reply, Request
from quintain.engines.head_masks import HeadMask, masked_heads
from quintain.errors import ConfigurationError, EngineError, require
from quintain.provenance import versions

__all__ = ["TransformersEngine"]

_BASE: frozenset[EngineCapability] = frozenset(
    {
        "prompt",
        "logprobs",
        "token_statistics",
        "contrast_layers",
        "choices",
        "prefill",
        "stop",
        "stop_string",
        "seed",
        "tokens",
        "weights",
        "hidden_states",
        "training",
    }
)


class TransformersEngine(Engine):
    """Serves a causal language model with continuous batching, see :mod:`quintain.engines.scheduler`.

    Each reply has its own random stream, so replies do not depend on the rest of the batch, except for floating-point
    noise. A reply that fills the context window ends with finish reason ``"length"``; a prompt that does not fit raises
    :class:`~quintain.errors.ContextOverflowError`. Special tokens spelled out in messages are tokenised as special
    tokens.

    Args:
        model: A name that ``quintain model list`` shows, a Hugging Face model folder, or a hub id.
        device: A torch device, such as ``"cpu"`` or ``"cuda"``; ``None`` takes CUDA where present.
        dtype: ``"float32"``, ``"bfloat16"`` or ``"float16"``; ``None`` takes float32 on a CPU and bfloat16 on CUDA.
        threads: Number of CPU threads of torch. This is process-wide state: it is set when the engine is made
            (``torch.set_num_threads``) and not restored by :meth:`close`. ``None`` leaves it unchanged. Default: 1.
        max_batch: Maximum number of replies that decode together, >= 1. Default: 32.
        prefix_rows: Number of finished replies whose keys and values stay cached, >= 0. A request with the same prefix
            (the next turn of the episode, or another episode with the same system prompt) computes only the rest. With
            0, prefixes are shared among running replies only. Default: 64.
        cache_gb: Memory limit of the key-value cache, in gigabytes (10**9 bytes). Longer requests leave fewer prefix
            rows, then a smaller batch. Default: 4.
        chat_template_kwargs: Variables of the model's chat template, such as ``{"enable_thinking": False}`` for models
            that reason by default. Default: none.

    Attributes:
        model: The ``transformers`` model. Use it inside :meth:`exclusive` while requests may be running.
        tokenizer: Tokenizer of the model, from ``transformers``.
        statistics: Counters of the worker: prompt, reused and generated tokens, decoding steps.

    Raises:
        MissingDependencyError: If torch, transformers or the weights are not installed.
        ConfigurationError: If the model cannot be loaded or batched, or an option is out of range.
    """

    name = "transformers"

    def __init__(
        self,
        model: str = weights.DEFAULT_MODEL,
        *,
        device: str | None = None,
        dtype: str | None = None,
        threads: int | None = 1,
        max_batch: int = 32,
        prefix_rows: int = 64,
        cache_gb: float = 4.0,
        chat_template_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        check_number("max_batch", max_batch, low=1, integer=True)
        check_number("prefix_rows", prefix_rows, low=0, integer=True)
        check_number("cache_gb", cache_gb, above=0)
        if threads is not None:
            check_number("threads", threads, low=1, integer=True)
        torch = require("torch", "llm", "the transformers engine")
        require("transformers", "llm", "the transformers engine")
        if threads is not None:
            torch.set_num_threads(threads)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
        self._source = model
        self._folder = weights.resolve(model)
        self.model, self.tokenizer = _load(self._folder, device, dtype)
        from quintain.engines.codec import Codec, check_template_kwargs

        template = dict(chat_template_kwargs) if isinstance(chat_template_kwargs, Mapping) else chat_template_kwargs
        if template is not None:
            check_template_kwargs(self.tokenizer, template)
        chat = str(self.tokenizer.chat_template or "")
        self.capabilities = _BASE | ({"chat"} if chat else set())
        if re.search(r"\btools\b", chat):
            self.capabilities |= {"tools"}

        from quintain.engines.kv_cache import CachedDecoder
        from quintain.engines.scheduler import BatchScheduler

        decoder = CachedDecoder(self.model)
        self._codec, self._end_tokens = Codec(self.tokenizer, template), _end_tokens(self.model, self.tokenizer)
        self._scheduler = BatchScheduler(
            decoder,
            Codec(self.tokenizer, template),
            end_tokens=self._end_tokens,
            max_batch=max_batch,
            prefix_rows=prefix_rows,
            cache_tokens=max(1, int(cache_gb * 1e9 / decoder.bytes_per_token)),
        )
        self.statistics = self._scheduler.statistics
        self._settings = {"device": device, "dtype": dtype, "threads": torch.get_num_threads(), "max_batch": max_batch}
        if template:
            self._settings["chat_template_kwargs"] = template
        _close_at_exit(self)

    @property
    def context(self) -> int:
        """Context window, in tokens (prompt + completion)."""
        return self._scheduler.context

    def describe(self) -> dict[str, Any]:
        """Return model, file hash, settings and library versions."""
        known = next((m for m in weights.list_models() if m.name == self._source.lower()), None)
        return {
            "engine": self.name,
            "model": known.title if known else self._source,
            "sha256": known.sha256 if known else _weights_hash(Path(self._folder)),
            "context": self.context,
            **self._settings,
            "versions": versions("torch", "transformers", "tokenizers"),
        }

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Any]:
        """Hold the model between two decoding steps, to train or inspect it::

            with engine.exclusive() as model:
                model.train()
                ...                      # a gradient step
                model.eval()

        Requests wait meanwhile. Cached prefixes of finished replies are dropped afterwards.
        """  # noqa: D415 - the summary introduces the example
        with self._scheduler.exclusive():
            yield self.model

    def load_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Copy other weights of the same architecture into the model, between two decoding steps."""
        import torch

        with self._scheduler.exclusive(), torch.no_grad():
            own = dict(self.model.named_parameters(remove_duplicate=False))
            given = dict(weights)
            wrong = [n for n, tensor in given.items() if n not in own or own[n].shape != tensor.shape]
            filled = {id(own[name]) for name in given if name in own}
            wrong += [name for name, parameter in own.items() if id(parameter) not in filled]
            if wrong:
                raise ConfigurationError(
                    f"the weights are not those of this model: {len(wrong)} differ, {wrong[0]!r} among them; give the "
                    "engine a model of the same architecture"
                )
            for name, tensor in given.items():
                own[name].copy_(tensor)

    def forward(
        self,
        texts: Sequence[str | Sequence[int]],
        *,
        hidden_states: bool = False,
        logits: bool = True,
        heads: HeadMask | None = None,
    ) -> Forward:
        """Run the model over whole texts, without gradients; for gradients use :meth:`exclusive`.

        Args:
            texts: At least one, none of them empty; as text, or as token ids, such as a prompt's of
                :meth:`encode_turn`.
            hidden_states: Also return the hidden states of every layer. Default: false.
            logits: Whether to compute logits; without them the output layer is saved. Default: true.
            heads: Attention heads that are switched off in this pass. Default: none.

        Raises:
            ConfigurationError: If the model has no such heads.
            ValueError: If ``texts`` is empty or holds an empty text.
        """
        import torch

        if not texts or not all(texts):
            raise ValueError("forward needs at least one text, and none may be empty")
        with self._scheduler.exclusive(), torch.inference_mode():
            rows = [self.tokenizer(text)["input_ids"] if isinstance(text, str) else list(text) for text in texts]
            width = max(map(len, rows))
            ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=self.model.device)
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.model.device)
            with masked_heads(self.model, heads):
                model = self.model if logits else self.model.base_model
                output = model(input_ids=ids, attention_mask=mask, output_hidden_states=hidden_states, use_cache=False)
        states = torch.stack(output.hidden_states) if hidden_states else None
        return Forward(ids, mask.bool(), output.logits.float() if logits else None, states)

    def encode_turn(self, request: Request, reply: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a request's prompt, and of a reply to it with its end token."""
        return self._codec.encode_turn(request, reply, self._end_tokens)

    def close(self) -> None:
        """Fail running requests, end the worker and free the cache. The model stays usable."""
        self._scheduler.close()

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        futures = [asyncio.wrap_future(future) for future in self._scheduler.submit(requests)]
        try:
            return list(await asyncio.gather(*futures))
        finally:
            for future in futures:  # a cancelled or failed call frees its places in the batch
                future.cancel()

    async def _generate_each(self, batches: Sequence[Sequence[Request]]) -> Sequence[list[list[Reply]] | BaseException]:
        submitted = self._scheduler.submit([request for batch in batches for request in batch])
        futures = [asyncio.wrap_future(future) for future in submitted]
        try:
            outcomes = iter(await asyncio.gather(*futures, return_exceptions=True))
        finally:
            for future in futures:
                future.cancel()
        served = [[next(outcomes) for _ in batch] for batch in batches]
        return [next((o for o in batch if isinstance(o, BaseException)), batch) for batch in served]  # type: ignore[misc]


def _load(source: str, device: str, dtype: str) -> tuple[Any, Any]:
    import torch
    import transformers

    with _quiet(transformers):
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(source)
            model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype))
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"cannot load model {source!r} with dtype {dtype!r}: {error}; give a name from `quintain model list`, "
                "a Hugging Face model folder or a hub id"
            ) from error
    return model.to(device).eval(), tokenizer


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Load without progress bars, and leave the user's setting as it was."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(int(i) for i in (*ids, tokenizer.eos_token_id) if i is not None)


def _weights_hash(folder: Path) -> str | None:
    """Return one hash over the weight files of a local folder; ``None`` for a hub id."""
    import hashlib

    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _close_at_exit(engine: TransformersEngine) -> None:
    """End the worker before the interpreter exits: torch must not run while modules are torn down."""
    reference = weakref.ref(engine)

    def close() -> None:
        alive = reference()
        if alive is not None:
            with contextlib.suppress(EngineError):
                alive.close()

    atexit.register(close)
    weakref.finalize(engine, atexit.unregister, close)
