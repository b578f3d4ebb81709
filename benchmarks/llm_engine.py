"""Tokens per CPU-second of the transformers engine against `model.generate` on the same prompts, side by side.

    python benchmarks/llm_engine.py --repeats 3

Both draw tokens at temperature 1, on one thread, from the same loaded model. Two kinds of work: prompts of one length
with one token limit (the best case of a static batch), and prompts of mixed lengths with mixed limits (what episodes
look like), where the figure counts tokens within each limit. CPU seconds are the process's, so that other jobs on the
machine disturb little; order alternates between repeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import numpy as np
import torch

from quintain.engines import Request
from quintain.engines.transformers_engine import TransformersEngine


def workload(kind: str, batch: int, rng: np.random.Generator) -> list[tuple[list[int], int]]:
    """Return (prompt tokens, token limit) pairs."""
    lengths = [100] * batch if kind == "even" else rng.integers(40, 240, batch)
    limits = [64] * batch if kind == "even" else rng.integers(8, 120, batch)
    return [(rng.integers(100, 49_000, int(n)).tolist(), int(limit)) for n, limit in zip(lengths, limits, strict=True)]


def run_engine(engine: TransformersEngine, work: list[tuple[list[int], int]], seed: int) -> int:
    requests = [
        Request(prompt=engine.tokenizer.decode(tokens), max_tokens=limit, seed=seed + i)
        for i, (tokens, limit) in enumerate(work)
    ]
    replies = asyncio.run(engine.generate(requests))
    return sum(reply[0].completion_tokens for reply in replies)


def run_generate(engine: TransformersEngine, work: list[tuple[list[int], int]], seed: int) -> int:
    """One static batch, as `model.generate` does it; only tokens within each row's limit and reply count."""
    torch.manual_seed(seed)
    texts = [engine.tokenizer.decode(tokens) for tokens, _ in work]
    inputs = engine.tokenizer(texts, return_tensors="pt", padding=True, padding_side="left")
    with torch.inference_mode():
        output = engine.model.generate(
            **inputs, max_new_tokens=max(limit for _, limit in work), do_sample=True, temperature=1.0, top_k=0
        )
    end = engine.tokenizer.eos_token_id
    total = 0
    for row, (_, limit) in zip(output[:, inputs["input_ids"].shape[1] :].tolist(), work, strict=True):
        reply = row[: row.index(end) + 1] if end in row else row
        total += min(len(reply), limit)
    return total


def measure(run: Any, *args: Any) -> float:
    start = time.process_time()
    tokens = run(*args)
    return float(tokens / (time.process_time() - start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    engine = TransformersEngine(max_batch=max(options.batches))
    rng = np.random.default_rng(options.seed)
    print(json.dumps(engine.describe()))
    for kind in ("even", "mixed"):
        for batch in options.batches:
            figures: dict[str, list[float]] = {"engine": [], "generate": []}
            for repeat in range(options.repeats):
                sides = [("engine", run_engine), ("generate", run_generate)]
                for name, run in sides if repeat % 2 == 0 else sides[::-1]:
                    # Fresh prompts each time: the engine would find repeated ones in its cache.
                    figures[name].append(measure(run, engine, workload(kind, batch, rng), options.seed + repeat))
            ours, theirs = (statistics.median(figures[name]) for name in ("engine", "generate"))
            print(
                f"{kind:5s} batch {batch:2d}: engine {ours:6.1f} tok/cpu-s, model.generate {theirs:6.1f}, "
                f"ratio {ours / theirs:.2f}  (each of {options.repeats}: {_round(figures)})"
            )


def _round(figures: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(value, 1) for value in values] for name, values in figures.items()}


if __name__ == "__main__":
    main()
