"""The value model of ReST-MCTS*: from a question and a partial solution to its value.

Zhang et al. 2024 (arXiv 2406.03816): the logits of the last token pass a linear layer to one number, which is fitted by
the mean squared error. The layer begins at 0 with a bias of 0.5: the value of what is unknown.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from quintain.engines.engine import Engine, Request
from quintain.errors import RecordError
from quintain.files import write_atomically
from quintain.messages import user
from quintain.training.language.value_settings import ValueSettings

__all__ = ["ValueExample", "ValueModel", "chain_examples", "load_value_model"]

#: Prefixes of which the model is asked at once.
_BATCH = 64


class ValueExample(NamedTuple):
    """A prefix with its value.

    Attributes:
        question: The question.
        steps: The steps so far.
        value: Their value, in [0, 1].
    """

    question: str
    steps: tuple[str, ...]
    value: float


class ValueModel:
    """Estimates the value of partial solutions; called with a question and a text, it is a ``value`` of searches.

    Args:
        engine: Engine that encodes texts.
        model: Model of ``transformers``, which is copied; adapters are merged in the copy.
        settings: Settings of its training.
    """

    def __init__(self, engine: Engine, model: Any, settings: ValueSettings) -> None:
        self._engine, self._settings = engine, settings
        trunk: Any = copy.deepcopy(model)
        self._trunk = (trunk.merge_and_unload() if hasattr(trunk, "merge_and_unload") else trunk).eval()
        self._trunk.requires_grad_(True)
        self._head = torch.nn.Linear(model.config.vocab_size, 1).to(model.device, torch.float32)
        with torch.no_grad():
            self._head.weight.zero_()
            self._head.bias.fill_(0.5)
        self._known: dict[tuple[str, str], float] = {}

    def __call__(self, question: str, text: str) -> float:
        """Return the value of a partial solution, whose steps are lines, clipped to [0, 1]."""
        if (question, text) not in self._known:
            self._known[question, text] = self.values([(question, text)])[0]
        return self._known[question, text]

    def values(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the values of partial solutions to questions, each clipped to [0, 1]."""
        found: list[float] = []
        with torch.no_grad():
            for first in range(0, len(pairs), _BATCH):
                rows = [self._encode(*pair) for pair in pairs[first : first + _BATCH]]
                found += self._forward(rows).clamp(0.0, 1.0).tolist()
        return found

    def fit(self, examples: Sequence[ValueExample], rng: np.random.Generator) -> float:
        """Take the optimiser steps of a round towards the values of the examples; return the mean loss.

        Args:
            examples: At least one.
            rng: Generator of the batches.
        """
        settings, rows = self._settings, [self._encode(e.question, "\n".join(e.steps)) for e in examples]
        targets = torch.tensor([e.value for e in examples], device=self._head.weight.device)
        weights = [*self._trunk.parameters(), *self._head.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=settings.value_learning_rate, weight_decay=0.0)
        losses, order = [], list[int]()
        for _ in range(settings.value_steps):
            if not order:
                order = rng.permutation(len(rows)).tolist()
            part, order = order[: settings.value_batch_size], order[settings.value_batch_size :]
            loss = (self._forward([rows[k] for k in part]) - targets[part]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        self._known.clear()
        return float(np.mean(losses))

    def _encode(self, question: str, text: str) -> list[int]:
        prompt, reply = self._engine.encode_turn(Request(messages=(user(question),)), text)
        return [*prompt, *reply]

    def _forward(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        width, device = max(map(len, rows)), self._head.weight.device
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = (torch.arange(width, device=device)[None] < lengths[:, None]).long()
        logits = self._trunk(input_ids=ids, attention_mask=mask, use_cache=False).logits
        last = logits[torch.arange(len(rows), device=device), lengths - 1].float()
        found: torch.Tensor = self._head(last)[:, 0]
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return the weights."""
        return {"trunk": self._trunk.state_dict(), "head": self._head.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load weights."""
        self._trunk.load_state_dict(state["trunk"])
        self._head.load_state_dict(state["head"])
        self._known.clear()

    def save(self, path: Path) -> None:
        """Write the weights to a file.

        Raises:
            RecordError: If it cannot be written.
        """
        buffer = io.BytesIO()
        torch.save(self.state_dict(), buffer)
        try:
            write_atomically(path, buffer.getvalue())
        except OSError as error:
            raise RecordError(f"cannot write the value model into {str(path)!r}: {error}") from error


def load_value_model(engine: Engine, path: str | Path) -> ValueModel:
    """Return the value model that a training of ReST-MCTS* wrote.

    Args:
        engine: Engine with a model of the same shape; its weights are not changed.
        path: The file ``value.pt`` of the run folder.

    Raises:
        RecordError: If the file holds no such model.
    """
    with engine.exclusive() as model:
        made = ValueModel(engine, model, ValueSettings())
    try:
        made.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise RecordError(f"{str(path)!r} holds no value model for this engine's model: {error}") from error
    return made


def chain_examples(
    question: str, steps: Sequence[str], corrupt: Callable[[str], str] | None = None
) -> list[ValueExample]:
    """Return the first data of a value model from a right solution of K steps: k/K, and less for a false step.

    Args:
        question: The question.
        steps: The steps of a right solution.
        corrupt: Returns a false step in place of a right one, which is valued as a wrong step at its place: with d
            steps to the answer, max(0, v - (1 - v) / d). Default: no false steps.

    Example:
        >>> [e.value for e in chain_examples("q", ["a", "b"], str.upper)]
        [0.5, 0.0, 1.0, 0.0]
    """
    from quintain.agents.search.labels import next_value

    found, before = list[ValueExample](), 0.0
    for k, step in enumerate(steps):
        distance, prefix = len(steps) - k, tuple(steps[:k])
        value = next_value(before, distance, True)
        found.append(ValueExample(question, (*prefix, step), value))
        if corrupt is not None:
            found.append(ValueExample(question, (*prefix, corrupt(step)), next_value(before, distance, False)))
        before = value
    return found
