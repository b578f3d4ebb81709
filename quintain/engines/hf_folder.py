"""Turn a Llama-type GGUF file into an ordinary Hugging Face model folder, without torch.

``transformers`` can read such files itself, but takes twenty seconds each time and needs two more libraries. The
folder written here loads in a few seconds, also in vLLM, and holds the *dequantised* weights, not the original ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quintain.engines.gguf import GGUFFile
from quintain.errors import ConfigurationError, require

__all__ = ["write_hf_folder"]

_BLOCK_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP_TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_CONTROL_TOKEN = 3


def write_hf_folder(gguf: GGUFFile, folder: Path) -> None:
    """Write ``config.json``, weights, tokenizer, chat template and generation config into ``folder``.

    Args:
        gguf: A file of architecture ``llama`` with a byte-level BPE tokenizer.
        folder: An existing, empty directory.

    Raises:
        ConfigurationError: If the architecture or the tokenizer is another one.
    """
    architecture, tokenizer = (gguf.metadata.get(k) for k in ("general.architecture", "tokenizer.ggml.model"))
    if architecture != "llama" or tokenizer != "gpt2":
        raise ConfigurationError(
            f"only Llama-type files with a BPE tokenizer are supported, got {architecture!r} with {tokenizer!r}"
        )
    save_file = require("safetensors.numpy", "llm", "writing model weights").save_file
    save_file(_weights(gguf), folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in {
        "config.json": {**_config(gguf.metadata), "tie_word_embeddings": "output.weight" not in gguf},
        "generation_config.json": _special_ids(gguf.metadata),
        "tokenizer.json": _tokenizer(gguf.metadata),
        "tokenizer_config.json": _tokenizer_config(gguf.metadata),
    }.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    template = gguf.metadata.get("tokenizer.chat_template")
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def _weights(gguf: GGUFFile) -> dict[str, npt.NDArray[np.float32]]:
    heads = int(gguf.metadata["llama.attention.head_count"])
    heads_of = {"attn_q": heads, "attn_k": int(gguf.metadata.get("llama.attention.head_count_kv", heads))}
    weights = {}
    for name in gguf:
        stem, _, kind = name.rpartition(".")
        values = gguf.tensor(name)
        if stem.startswith("blk."):
            _, layer, part = stem.split(".", 2)
            if part in heads_of:
                values = _undo_rope_permutation(values, heads_of[part])
            weights[f"model.layers.{layer}.{_BLOCK_TENSORS[part]}.{kind}"] = values
        else:
            weights[f"{_TOP_TENSORS[stem]}.{kind}"] = values
    return weights


def _undo_rope_permutation(weight: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """GGUF interleaves the two halves that rotary embedding pairs up; Hugging Face models keep them apart."""
    rows, columns = weight.shape
    paired = weight.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(paired.swapaxes(1, 2).reshape(rows, columns))


def _special_ids(meta: dict[str, Any]) -> dict[str, int]:
    return {
        f"{short}_token_id": meta[f"tokenizer.ggml.{long}_token_id"]
        for short, long in {"bos": "bos", "eos": "eos", "pad": "padding"}.items()
        if f"tokenizer.ggml.{long}_token_id" in meta
    }


def _config(meta: dict[str, Any]) -> dict[str, Any]:
    heads, width = meta["llama.attention.head_count"], meta["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "dtype": "float32",
        "head_dim": meta.get("llama.rope.dimension_count", width // heads),
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": meta["llama.feed_forward_length"],
        "max_position_embeddings": meta["llama.context_length"],
        "mlp_bias": False,
        "num_attention_heads": heads,
        "num_hidden_layers": meta["llama.block_count"],
        "num_key_value_heads": meta.get("llama.attention.head_count_kv", heads),
        "rms_norm_eps": meta["llama.attention.layer_norm_rms_epsilon"],
        "rope_parameters": {"rope_theta": meta.get("llama.rope.freq_base", 10000.0), "rope_type": "default"},
        "use_cache": True,
        "vocab_size": meta.get("llama.vocab_size", len(meta["tokenizer.ggml.tokens"])),
        **_special_ids(meta),
    }


def _tokenizer(meta: dict[str, Any]) -> dict[str, Any]:
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    byte_level: dict[str, Any] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    steps = [byte_level]
    if meta.get("tokenizer.ggml.pre") == "smollm":
        # These models were trained with every digit split off before anything else.
        steps.insert(0, {"type": "Digits", "individual_digits": True})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
            if kind == _CONTROL_TOKEN
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in meta["tokenizer.ggml.merges"]],
        },
    }


def _tokenizer_config(meta: dict[str, Any]) -> dict[str, Any]:
    tokens = meta["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": meta["llama.context_length"],
        **{key.removesuffix("_id"): tokens[index] for key, index in _special_ids(meta).items()},
    }
