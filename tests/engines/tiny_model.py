"""Prompts and requests for the engine of a tiny random model."""

from __future__ import annotations

import asyncio
from typing import Any

from quintain.engines import Request

PROMPTS = [
    "the quick",
    "a model reads tokens, writes tokens and stops. the dog",
    "count",
    "user asks and assistant answers",
]


def ask(engine: Any, *requests: Request) -> Any:
    return asyncio.run(engine.generate(requests))


def generate(engine: Any, prompt: str, max_tokens: int) -> list[int]:
    """Return the tokens of the model's own greedy ``generate``."""
    import torch

    ids = engine.tokenizer(prompt, return_tensors="pt")
    with torch.inference_mode():
        output = engine.model.generate(**ids, max_new_tokens=max_tokens, do_sample=False)
    return output[0, ids["input_ids"].shape[1] :].tolist()
