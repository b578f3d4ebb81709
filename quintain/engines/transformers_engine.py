"""The default engine: a causal language model of ``transformers`` in this process."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.engines import weights
from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.errors import ConfigurationError, EngineError, require
from quintain.provenance import versions

__all__ = ["Forward", "TransformersEngine"]

_BASE: frozenset[EngineCapability] = frozenset(
    {"prompt", "logprobs", "choices", "prefill", "stop", "stop_string", "seed", "hidden_states", "training"}
)


@dataclass(frozen=True, slots=True)
class Forward:
    """One pass over some texts. Tensors are on the engine's device; rows are padded on the right.

    Attributes:
        token_ids: Shape ``(texts, tokens)``.
        mask: Same shape; ``True`` where a token is real.
        logits: Float32, shape ``(texts, tokens, vocab)``: scores of the *next* token.
        hidden_states: Shape ``(layers + 1, texts, tokens, width)``, embeddings first, or ``None`` unless asked for.
    """

    token_ids: Any
    mask: Any
    logits: Any
    hidden_states: Any | None


class TransformersEngine(Engine):
    """Generates with continuous batching: see :mod:`quintain.engines.scheduler`.

    Replies do not depend on what else is in the batch, except for floating-point noise: each draws from a random stream
    of its own. A reply ends at the context window with finish reason ``"length"``; a prompt that does not fit it is a
    :class:`~quintain.errors.ContextOverflowError`. Special tokens written out in messages count as such, as with every
    engine of this kind.

    Args:
        model: A name that ``quintain model list`` shows, a Hugging Face model folder, or a hub id.
        device: Such as ``"cpu"`` or ``"cuda"``; ``None`` takes CUDA where present.
        dtype: ``"float32"``, ``"bfloat16"`` or ``"float16"``; ``None`` takes float32 on a CPU and bfloat16 on CUDA.
        threads: Threads of a CPU computation. Sets torch's process-wide number; ``None`` leaves it alone.
        max_batch: Most replies that decode together.
        prefix_rows: Finished replies to remember, so that a request that begins like one of them (the next turn of its
            episode, or another one with the same system prompt) computes only the rest. 0 turns that off, except
            among live ones.
        cache_gb: Most memory for keys and values, in gigabytes. With longer requests fewer finished replies are
            remembered, and then batches are smaller.

    Attributes:
        model: The ``transformers`` model. Take it inside :meth:`exclusive` while requests may be running.
        tokenizer: Its tokenizer.
        statistics: Counters of the worker: tokens read, reused and generated, steps.

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
    ) -> None:
        if max_batch < 1 or prefix_rows < 0 or not cache_gb > 0:
            raise ConfigurationError(
                "max_batch must be >= 1, prefix_rows >= 0 and cache_gb > 0, "
                f"got {max_batch!r}, {prefix_rows!r} and {cache_gb!r}"
            )
        torch = require("torch", "llm", "the transformers engine")
        require("transformers", "llm", "the transformers engine")
        if threads is not None:
            torch.set_num_threads(threads)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
        self._source = model
        self._folder = weights.resolve(model)
        self.model, self.tokenizer = _load(self._folder, device, dtype)
        self.capabilities = _BASE | ({"chat"} if self.tokenizer.chat_template else set())

        from quintain.engines.codec import Codec
        from quintain.engines.kv_cache import CachedDecoder
        from quintain.engines.scheduler import BatchScheduler

        decoder = CachedDecoder(self.model)
        self._scheduler = BatchScheduler(
            decoder,
            Codec(self.tokenizer),
            end_tokens=_end_tokens(self.model, self.tokenizer),
            max_batch=max_batch,
            prefix_rows=prefix_rows,
            cache_tokens=max(1, int(cache_gb * 1e9 / decoder.bytes_per_token)),
        )
        self.statistics = self._scheduler.statistics
        self._settings = {"device": device, "dtype": dtype, "threads": torch.get_num_threads(), "max_batch": max_batch}
        _close_at_exit(self)

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its reply together."""
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

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the model between two decoding steps, to train it or to read it::

            with engine.exclusive():
                engine.model.train()
                ...                      # a gradient step
                engine.model.eval()

        Requests wait meanwhile. Whatever the cache remembered of finished replies is forgotten.
        """  # noqa: D415 - the summary introduces the example
        return self._scheduler.exclusive()

    def forward(self, texts: Sequence[str], *, hidden_states: bool = False) -> Forward:
        """Run the model over whole texts, without gradients.

        Texts are tokenised as raw prompts (no chat template). For gradients call ``engine.model`` inside
        :meth:`exclusive`.

        Args:
            texts: At least one, none of them empty.
            hidden_states: Also return the hidden states of every layer.

        Raises:
            ValueError: If ``texts`` is empty or holds an empty text.
        """
        import torch

        if not texts or not all(texts):
            raise ValueError("forward needs at least one text, and none may be empty")
        with self._scheduler.exclusive(), torch.inference_mode():
            rows = [self.tokenizer(text)["input_ids"] for text in texts]
            width = max(map(len, rows))
            ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=self.model.device)
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.model.device)
            output = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=hidden_states, use_cache=False)
        states = torch.stack(output.hidden_states) if hidden_states else None
        return Forward(ids, mask.bool(), output.logits.float(), states)

    def close(self) -> None:
        """Fail what is running, end the worker and free the cache. The model stays usable."""
        self._scheduler.close()

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        futures = [asyncio.wrap_future(self._scheduler.submit(request)) for request in requests]
        try:
            return list(await asyncio.gather(*futures))
        finally:
            for future in futures:  # a caller that is cancelled, or fails, gives its places back
                future.cancel()


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
    """End the worker before the interpreter goes: torch must not run while it is torn down."""
    reference = weakref.ref(engine)

    def close() -> None:
        alive = reference()
        if alive is not None:
            with contextlib.suppress(EngineError):
                alive.close()

    atexit.register(close)
    weakref.finalize(engine, atexit.unregister, close)
