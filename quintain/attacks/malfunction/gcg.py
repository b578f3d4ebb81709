"""Gradient-optimised strings: a suffix of the request after which a model most likely writes a given text.

Source: Greedy Coordinate Gradient, Zou et al. 2023, arXiv 2307.15043, algorithm 1 and, for several prompts, algorithm 2
without its curriculum. Zhang et al. 2025, arXiv 2407.20859, transfer such strings to models that they cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.engines.transformers_engine import TransformersEngine
from quintain.errors import ConfigurationError, require
from quintain.messages import Message
from quintain.seeding import SeedStream

__all__ = ["GCGSettings", "OptimisedSuffix", "optimise_suffix", "suffix_loss"]

#: Stands for the suffix while a conversation is rendered.
_MARK = "[suffix-to-optimise]"
#: What the looping agent of the demonstrations says, the default target.
_TARGET = "I am confused by this. I repeat the previous action until you confirm."


@dataclass(frozen=True, slots=True)
class GCGSettings:
    """Settings of the search, with the names of the paper.

    Attributes:
        length: Number of tokens of the suffix, >= 1. Default: 20, as in the paper.
        steps: Number of steps T, >= 1. Default: 500, as in the paper.
        top_k: Number of candidate tokens per position k, >= 1. Default: 256, as in the paper.
        batch_size: Number of candidates per step B, >= 1. Default: 512, as in the paper.
        start: Text of one token that fills the suffix at the start, with a blank before each where the model would
            merge it with its neighbours. Default: ``"!"``, as in the paper.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    length: int = 20
    steps: int = 500
    top_k: int = 256
    batch_size: int = 512
    start: str = "!"

    def __post_init__(self) -> None:
        for name in ("length", "steps", "top_k", "batch_size"):
            check_number(name, getattr(self, name), low=1, integer=True)


@dataclass(frozen=True, slots=True)
class OptimisedSuffix:
    """A suffix and how it was found.

    Attributes:
        text: The suffix with the lowest loss.
        loss: Its mean negative log-probability per token of the target, over the prompts, in nats.
        curve: The lowest loss so far: before the first step, and after each step.
    """

    text: str
    loss: float
    curve: tuple[float, ...]


def optimise_suffix(
    engine: TransformersEngine,
    conversations: Sequence[Sequence[Message]],
    target: str = _TARGET,
    settings: GCGSettings | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> OptimisedSuffix:
    """Search for one suffix of the last message of all conversations that makes the target likely as the reply.

    Only suffixes of printable characters are considered that, as part of the text of each conversation, are tokenised
    as they were searched. It goes into an attack as ``attack_language(env, "suffix", text=found.text)``, on this model
    or on another one.

    Args:
        engine: The model, whose weights are read.
        conversations: Conversations that end with a user message, at least one.
        target: Text that the reply should be. Default: a loop of asking for confirmation.
        settings: Settings of the search; ``None`` for those of the paper.
        seed: Seed of the candidates. Default: 0.
        progress: Called after each step with its number, from 1, and the lowest loss.

    Raises:
        ConfigurationError: If there is no conversation, it does not fit into the model's context, or the start is not
            tokenised as one token each.
    """
    torch: Any = require("torch", "llm", "gradient-optimised strings")
    settings = settings or GCGSettings()
    rng = SeedStream(seed, "gcg").generator()
    with engine.exclusive() as model:
        problem = _Problem(torch, model, engine.tokenizer, conversations, target, settings.length, engine.context)
        suffix = problem.start(settings.start)
        best, lowest = suffix, problem.losses([suffix])[0]
        curve = [lowest]
        for step in range(settings.steps):
            candidates = problem.candidates(suffix, problem.gradient(suffix), settings, rng)
            losses = problem.losses(candidates)
            place = int(np.argmin(losses))
            suffix = candidates[place]
            if losses[place] < lowest:
                best, lowest = suffix, losses[place]
            curve.append(lowest)
            if progress is not None:
                progress(step + 1, lowest)
    return OptimisedSuffix(problem.text(best), lowest, tuple(curve))


def suffix_loss(
    engine: TransformersEngine, conversations: Sequence[Sequence[Message]], suffix: str, target: str = _TARGET
) -> float:
    """Return the loss of a suffix on a model, such as one that it was not optimised on.

    Args:
        engine: The model.
        conversations: As :func:`optimise_suffix`.
        suffix: Text of the suffix.
        target: Text that the reply should be. Default: as :func:`optimise_suffix`.

    Returns:
        Mean negative log-probability per token of the target, over the conversations, in nats.

    Raises:
        ConfigurationError: As :func:`optimise_suffix`.
    """
    torch: Any = require("torch", "llm", "gradient-optimised strings")
    tokens = engine.tokenizer(suffix, add_special_tokens=False)["input_ids"]
    with engine.exclusive() as model:
        problem = _Problem(torch, model, engine.tokenizer, conversations, target, len(tokens), engine.context)
        return problem.loss_of(suffix)


class _Problem:
    """The loss of a suffix, its gradient, and the candidates of a step."""

    #: Number of rows that the model computes at once.
    rows = 64

    def __init__(
        self,
        torch: Any,
        model: Any,
        tokenizer: Any,
        conversations: Sequence[Sequence[Message]],
        target: str,
        length: int,
        context: int,
    ) -> None:
        self._torch, self._model, self._tokenizer, self._length = torch, model, tokenizer, length
        self._target = self._encoded(target)
        if not conversations or not self._target:
            raise ConfigurationError(
                "a suffix is optimised for at least one conversation and a target that is not empty"
            )
        self._texts = [self._frame(conversation) for conversation in conversations]
        self._frames = [(self._encoded(before), self._encoded(after)) for before, after in self._texts]
        longest = max(len(before) + len(after) for before, after in self._frames) + length + len(self._target)
        if longest > context:
            raise ConfigurationError(f"a conversation takes {longest} tokens, and the model reads {context}")
        self._allowed = self._printable()

    def start(self, text: str) -> list[int]:
        """Return the first suffix: one token, repeated.

        Raises:
            ConfigurationError: If the model does not read the text as one token each time.
        """
        for one in (text, f" {text}"):
            tokens = self._encoded(one)
            if len(tokens) == 1 and self.is_stable(tokens * self._length):
                return tokens * self._length
        raise ConfigurationError(f"start must be one token of the model that it does not merge, and {text!r} is not")

    def is_stable(self, suffix: Sequence[int]) -> bool:
        """Return whether the text of every conversation with the suffix is tokenised with these tokens."""
        text = self.text(suffix)
        return all(
            self._encoded(f"{before}{text}{after}") == [*tokens_before, *suffix, *tokens_after]
            for (before, after), (tokens_before, tokens_after) in zip(self._texts, self._frames, strict=True)
        )

    def text(self, suffix: Sequence[int]) -> str:
        """Return a suffix as text."""
        return str(self._tokenizer.decode(suffix))

    def losses(self, suffixes: Sequence[Sequence[int]]) -> list[float]:
        """Return the loss of each of several suffixes of equal length."""
        found = np.zeros(len(suffixes))
        for before, after in self._frames:
            found += self._row_losses([[*before, *suffix, *after] for suffix in suffixes])
        return [float(loss) / len(self._frames) for loss in found]

    def loss_of(self, text: str) -> float:
        """Return the loss of a suffix as the model reads it: tokenised together with the text around it."""
        rows = (self._encoded(f"{before}{text}{after}") for before, after in self._texts)
        return float(np.mean([self._row_losses([row])[0] for row in rows]))

    def _row_losses(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Return the loss after each of several prompts of equal length."""
        torch, found = self._torch, np.zeros(len(prompts))
        with torch.inference_mode():
            for start in range(0, len(prompts), self.rows):
                rows = [[*prompt, *self._target] for prompt in prompts[start : start + self.rows]]
                ids = torch.tensor(rows, device=self._model.device)
                logits = self._model(input_ids=ids, use_cache=False).logits
                found[start : start + self.rows] = self._loss(logits).cpu().numpy()
        return found

    def gradient(self, suffix: Sequence[int]) -> Any:
        """Return the gradient of the loss by the one-hot vectors of the suffix, shape ``(length, vocabulary)``."""
        torch = self._torch
        table = self._model.get_input_embeddings().weight
        hot = torch.nn.functional.one_hot(torch.tensor(suffix, device=table.device), table.shape[0]).to(table.dtype)
        total = torch.zeros_like(hot)
        for before, after in self._frames:
            leaf = hot.clone().requires_grad_(True)
            parts = [table[list(before)], leaf @ table, table[[*after, *self._target]]]
            logits = self._model(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits
            total += torch.autograd.grad(self._loss(logits).sum(), leaf)[0]
        return total

    def candidates(
        self, suffix: list[int], gradient: Any, settings: GCGSettings, rng: np.random.Generator
    ) -> list[list[int]]:
        """Return suffixes that differ in one token, drawn uniformly from the most promising ones of each position.

        Those that would be tokenised in another way in a conversation are left out; if none is left, the suffix itself
        is returned.
        """
        scores = (-gradient).float().cpu().numpy()
        scores[:, ~self._allowed] = -np.inf
        k = min(settings.top_k, int(self._allowed.sum()))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found = {}
        for _ in range(settings.batch_size):
            place = int(rng.integers(len(suffix)))
            changed = [*suffix[:place], int(best[place, rng.integers(k)]), *suffix[place + 1 :]]
            if changed != suffix and tuple(changed) not in found and self.is_stable(changed):
                found[tuple(changed)] = changed
        return list(found.values()) or [suffix]

    def _loss(self, logits: Any) -> Any:
        """Return the mean negative log-probability of the target's tokens, the last ones of each row."""
        count = len(self._target)
        logs = self._torch.log_softmax(logits[:, -count - 1 : -1].float(), dim=-1)
        ids = self._torch.tensor(self._target, device=logits.device).expand(len(logits), count)
        return -logs.gather(-1, ids[..., None])[..., 0].mean(-1)

    def _frame(self, conversation: Sequence[Message]) -> tuple[str, str]:
        """Return the text before and after the suffix."""
        if not conversation or conversation[-1]["role"] != "user":
            raise ConfigurationError("a conversation must end with a user message, whose suffix is optimised")
        last = {**conversation[-1], "content": f"{conversation[-1]['content']} {_MARK}"}
        messages = [*conversation[:-1], last]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        before, mark, after = text.rpartition(_MARK)
        if not mark:
            raise ConfigurationError("the model's chat template changes the text of messages")
        return before, after

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _printable(self) -> Any:
        """Return which tokens are printable ASCII text and no special tokens, shape ``(vocabulary,)``."""
        size, special = self._model.get_input_embeddings().weight.shape[0], set(self._tokenizer.all_special_ids)
        allowed = np.zeros(size, bool)
        for token in range(min(size, len(self._tokenizer))):
            text = self._tokenizer.decode([token])
            named = text.startswith("<") and text.endswith(">") and len(text) > 2  # such as a role of a chat template
            allowed[token] = token not in special and bool(text) and text.isascii() and text.isprintable() and not named
        return allowed
