"""Nano models: language models of 0.1 to 10 million parameters that read and write characters.

They are ordinary model folders of ``transformers`` (``LlamaForCausalLM``, a tokenizer, a chat template), so engines,
agents, environments and trainers treat them as they treat any model. A CPU pre-trains one on a narrow task in minutes
and takes a step of reinforcement learning in about a second: they are the size at which effects of training can be
measured, with several seeds, on a laptop.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.arguments import nearest
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.language.trl_trainer import save_model

__all__ = ["CHARACTERS", "SIZES", "NanoSize", "make_nano", "nano_tokenizer"]

#: Every character that a nano model reads and writes; any other is read as ``<unknown>``.
CHARACTERS = "\n" + string.digits + string.ascii_letters + string.punctuation + " "
_SPECIAL = ("<pad>", "<end>", "<unknown>", "<system>", "<user>", "<assistant>")
#: A role token, the text and an end token for each message.
_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@dataclass(frozen=True, slots=True)
class NanoSize:
    """Width and depth of a model.

    Attributes:
        hidden_size: Width of the residual stream, >= 1.
        layers: Number of layers, >= 1.
        heads: Number of attention heads; divides ``hidden_size``.
    """

    hidden_size: int
    layers: int
    heads: int


#: Sizes by their number of parameters.
SIZES = {
    "0.1M": NanoSize(64, 2, 4),
    "0.3M": NanoSize(96, 3, 4),
    "1M": NanoSize(128, 4, 4),
    "3M": NanoSize(192, 6, 6),
    "10M": NanoSize(320, 8, 8),
}


def nano_tokenizer(words: Sequence[str] = ()) -> Any:
    """Return a tokenizer of ``transformers`` with one token per character, and the chat template of nano models.

    Args:
        words: Strings that are one token each, such as numbers: they make texts shorter. Default: none.

    Raises:
        MissingDependencyError: Without the extra ``llm``.

    Example:
        >>> tokenizer = nano_tokenizer()
        >>> len(tokenizer("7+5=12")["input_ids"]), tokenizer.decode(tokenizer("7+5=12")["input_ids"])
        (6, '7+5=12')
    """
    tokenizers: Any = require("tokenizers", "llm", "nano models")
    transformers: Any = require("transformers", "llm", "nano models")
    vocabulary = {text: number for number, text in enumerate([*_SPECIAL, *CHARACTERS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unknown>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    raw.decoder = tokenizers.decoders.Fuse()
    raw.add_special_tokens(list(_SPECIAL))
    raw.add_tokens([tokenizers.AddedToken(word, normalized=False) for word in words])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="<end>", unk_token="<unknown>"
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def make_nano(
    folder: str | Path, size: str = "0.3M", *, words: Sequence[str] = (), context: int = 512, seed: int = 0
) -> Path:
    """Write an untrained nano model as a model folder, and return the folder.

    Args:
        folder: Folder to which model and tokenizer are written.
        size: A name of :data:`SIZES`. Default: ``"0.3M"``.
        words: Strings that are one token each; see :func:`nano_tokenizer`. Default: none.
        context: Context window, in tokens, >= 1. Default: 512.
        seed: Seed of the weights. Default: 0.

    Raises:
        ConfigurationError: If there is no such size.
        MissingDependencyError: Without the extra ``llm``.
    """
    if size not in SIZES:
        raise ConfigurationError(f"there is no size {size!r}; choose one of {', '.join(SIZES)}{nearest(size, SIZES)}")
    torch: Any = require("torch", "llm", "nano models")
    transformers: Any = require("transformers", "llm", "nano models")
    tokenizer, shape = nano_tokenizer(words), SIZES[size]
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=8 * shape.hidden_size // 3,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SeedStream(seed, "nano").seed)
        model = transformers.LlamaForCausalLM(config)
    save_model(model, tokenizer, Path(folder))
    return Path(folder)
