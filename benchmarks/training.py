"""What training costs: a step of GRPO beside a bare loop, and rollouts beside a plain batched sampler, in one run.

    python benchmarks/training.py --rounds 5

The model has 0.34 million parameters and random weights. ``step`` plays one batch of 256 episodes of one turn and takes
4 optimiser steps, through ``train_grpo`` and through a loop that does nothing else: sample, forward, backward, step.
``rollouts`` counts sampled tokens per CPU-second of the engine (lock-step, all requests at once) and of a sampler that
decodes one padded batch and drops finished rows. Figures are medians over alternating rounds of CPU seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from quintain.engines import Request, make_engine
from quintain.messages import user
from quintain.seeding import SeedStream
from quintain.spaces import UnicodeText
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.nano import make_nano
from quintain.training.language.settings import OptimizerSettings
from quintain.training.sources import Worlds

EPISODES, GROUP, MINIBATCHES, NEW_TOKENS, PROMPT = 256, 8, 4, 48, 14


class Words(gym.Env[str, str]):
    """One turn, any reply; the reward is a hash of its length, so that groups have a gradient."""

    observation_space = action_space = UnicodeText(1000)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        """Ask with a number."""
        super().reset(seed=seed)
        return f"{int(self.np_random.integers(10 ** (PROMPT - 1), 10**PROMPT))}", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Reward about half of the replies."""
        return "", float(sum(map(ord, action[:4])) % 2), True, False, {}


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


@torch.inference_mode()
def plain_sample(model: Any, prompts: list[list[int]], new: int, end: int) -> tuple[list[list[int]], int]:
    """Sample one batch of prompts of equal length with a growing cache; rows leave once they have ended."""
    model.eval()
    ids = torch.tensor(prompts)
    rows, replies = list(range(len(prompts))), [[] for _ in prompts]
    output = model(input_ids=ids, use_cache=True, logits_to_keep=1)
    cache = output.past_key_values
    for _ in range(new):
        token = torch.multinomial(output.logits[:, -1].softmax(-1), 1)
        for row, drawn in zip(rows, token[:, 0].tolist(), strict=True):
            replies[row].append(drawn)
        going = (token[:, 0] != end).nonzero()[:, 0]
        if len(going) == 0:
            break
        if len(going) < len(rows):
            rows = [rows[k] for k in going.tolist()]
            cache.batch_select_indices(going)
            token = token[going]
        output = model(input_ids=token, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
    return replies, sum(map(len, replies))


def bare_step(model: Any, optimizer: Any, prompts: list[list[int]], end: int, pad: int) -> None:
    """Sample, score by the same reward, and take the optimiser steps of one GRPO iteration."""
    replies, _ = plain_sample(model, prompts, NEW_TOKENS, end)
    rewards = np.array([sum(reply[:4]) % 2 for reply in replies], dtype=float).reshape(-1, GROUP)
    spread = rewards.std(1, ddof=1, keepdims=True) + 1e-4
    advantages = torch.tensor(((rewards - rewards.mean(1, keepdims=True)) / spread).ravel(), dtype=torch.float32)
    width = max(map(len, replies))
    tokens = torch.tensor([reply + [pad] * (width - len(reply)) for reply in replies])
    mask = torch.tensor([[1.0] * len(reply) + [0.0] * (width - len(reply)) for reply in replies])
    ids = torch.cat([torch.tensor(prompts), tokens], 1)
    attention = torch.cat([torch.ones(len(prompts), len(prompts[0])), mask], 1)
    old: Any = None
    model.train()
    for part in torch.randperm(len(ids)).chunk(MINIBATCHES):
        logits = model(input_ids=ids[part], attention_mask=attention[part], logits_to_keep=width + 1).logits[:, :-1]
        logprobs = logits.log_softmax(-1).gather(-1, tokens[part][..., None])[..., 0]
        ratio = (logprobs - (logprobs.detach() if old is None else old)).exp()
        gain = torch.min(ratio * advantages[part][:, None], ratio.clamp(0.8, 1.2) * advantages[part][:, None])
        loss = -((gain * mask[part]).sum(1) / mask[part].sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds")
    parser.add_argument("--iterations", type=int, default=4, help="GRPO iterations of a round")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = make_nano(tempfile.mkdtemp(), "0.3M")
    engine: Any = make_engine("transformers", model=str(folder), max_batch=EPISODES)
    end, pad = engine.tokenizer.eos_token_id, engine.tokenizer.pad_token_id
    settings = GRPOSettings(
        iterations=options.iterations, num_prompts=EPISODES // GROUP, num_generations=GROUP,
        steps_per_generation=MINIBATCHES, max_completion_length=NEW_TOKENS,
        optimizer=OptimizerSettings(learning_rate=1e-6),
    )  # fmt: skip
    texts = [str(10 ** (PROMPT - 1) + number) for number in range(EPISODES // GROUP) for _ in range(GROUP)]
    prompts = [engine.encode_turn(Request(messages=[user(text)]), "")[0] for text in texts]
    optimizer = torch.optim.AdamW(engine.model.parameters(), lr=1e-6, fused=True)
    seeds = SeedStream(0, "benchmark")

    def engine_sample() -> int:
        requests = [
            Request(messages=[user(text)], max_tokens=NEW_TOKENS, seed=seeds[k], tokens=True)
            for k, text in enumerate(texts)
        ]
        replies = asyncio.run(engine.generate(requests))
        return sum(reply[0].completion_tokens for reply in replies)

    def bare() -> None:
        for _ in range(options.iterations):
            bare_step(engine.model, optimizer, prompts, end, pad)
        engine.model.eval()

    train_grpo(engine, Worlds(Words), settings)  # imports and first allocations
    bare()
    found: dict[str, list[float]] = {"step": [], "bare step": [], "rollouts": [], "plain sampler": []}
    for _ in range(options.rounds):
        found["step"].append(cpu(lambda: train_grpo(engine, Worlds(Words), settings))[0] / options.iterations)
        found["bare step"].append(cpu(bare)[0] / options.iterations)
        seconds, tokens = cpu(engine_sample)
        found["rollouts"].append(tokens / seconds)
        seconds, (_, tokens) = cpu(lambda: plain_sample(engine.model, prompts, NEW_TOKENS, end))
        found["plain sampler"].append(tokens / seconds)
    step, bare_cpu, rollouts, plain = (statistics.median(values) for values in found.values())
    print(f"GRPO step: {step:.2f} CPU-s, bare loop {bare_cpu:.2f} CPU-s: ratio {step / bare_cpu:.2f} (bar: <= 1.25)")
    ratio = rollouts / plain
    print(f"rollouts: {rollouts:,.0f} tokens per CPU-s, plain sampler {plain:,.0f}: ratio {ratio:.2f} (bar: >= 0.6)")


if __name__ == "__main__":
    main()
