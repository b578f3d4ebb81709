"""P(IK), "I know": the probability, told from the question alone, that a model will answer it rightly.

Source: Kadavath et al. 2022, arXiv 2207.05221, section 5. Each question is answered several times at temperature 1
(paper: 30). A scalar head reads the hidden state of the question's last token, and is trained by cross-entropy on one
label a sample; with the share of right samples as a soft target the gradient is the same, and one pass serves them all.

Two variants: ``"full"`` trains all weights of a copy of the model with the head, as the paper does; ``"frozen"`` is a
linear probe on the model as it is, which is *not* the paper's P(IK) and is named as such in :attr:`PIK.facts`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.engines.engine import Engine, Request
from quintain.errors import ConfigurationError, require
from quintain.evaluation.requests import requests_of
from quintain.messages import Message
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["PIK", "KnownQuestions", "PIKSettings", "known_questions", "train_p_ik", "with_context"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KnownQuestions:
    """Questions, and how often the model answered them rightly.

    Attributes:
        requests: The request that posed each question first, without its sampling.
        known: Share of right answers to each, in [0, 1].
        samples: Number of answers to each.
    """

    requests: tuple[Request, ...]
    known: Floats
    samples: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PIKSettings:
    """How the head is trained.

    Attributes:
        method: ``"frozen"`` for a linear probe on the model as it is; ``"full"`` for head and all weights (paper).
            Default: ``"frozen"``.
        l2: Frozen: weight of the squared norm, > 0, over standardised states. Default: 0.01.
        learning_rate: Full: AdamW's step size, > 0 (paper: a third of that of pre-training). Default: 1e-5.
        epochs: Full: passes over the questions, >= 1. Default: 3.
        batch_size: Questions of a step, >= 1 (paper: 7,680 samples). Default: 16.

    Raises:
        ConfigurationError: If a setting is out of range.
    """

    method: Literal["frozen", "full"] = "frozen"
    l2: float = 0.01
    learning_rate: float = 1e-5
    epochs: int = 3
    batch_size: int = 16

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.method not in ("frozen", "full"):
            raise ConfigurationError(f"method must be 'frozen' or 'full', got {self.method!r}")
        check_number("l2", self.l2, above=0)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("epochs", self.epochs, low=1, integer=True)
        check_number("batch_size", self.batch_size, low=1, integer=True)


class PIK:
    """A trained head.

    Args:
        engine: The engine whose model reads the questions.
        weight: Weights of the head on the state of the last token, shape ``(width,)``.
        bias: Its bias.
        trunk: The model's own copy that was trained with the head; ``None`` to read the engine's model.
        settings: How it was trained.

    Attributes:
        facts: JSON-able settings; ``variant`` says whether it is the paper's.
    """

    def __init__(self, engine: Engine, weight: Floats, bias: float, trunk: Any, settings: PIKSettings) -> None:
        self._engine, self._weight, self._bias, self._trunk = engine, weight, bias, trunk
        self._batch_size = settings.batch_size
        named = {"full": "value head with all weights fine-tuned", "frozen": "linear probe on the frozen model"}
        self.facts: Mapping[str, Any] = {**asdict(settings), "variant": named[settings.method]}

    def predict(self, requests: Sequence[Request]) -> Floats:
        """Return P(IK) of each question, in [0, 1], shape ``(n,)``."""
        states = _states(self._engine, _rows(self._engine, requests), self._trunk, self._batch_size)
        found: Floats = _sigmoid(states @ self._weight + self._bias)
        return found


def known_questions(episodes: Iterable[EpisodeRecord], texts: Mapping[str, str] | None = None) -> KnownQuestions:
    """Gather questions from the recorded episodes of a run that posed each several times (``repeats``).

    Episodes that failed for infrastructure reasons do not count.

    Args:
        episodes: The records of a language agent, such as ``report.episodes``.
        texts: The entry ``"texts"`` of the run's manifest. Default: none.

    Raises:
        ConfigurationError: If no episode has a request and a verdict.
    """
    first: dict[int, Request] = {}
    right: dict[int, list[bool]] = {}
    for episode in episodes:
        if episode.outcome in ("error", "finished"):
            continue
        item = episode.index if episode.item is None else episode.item
        asked = next(iter(requests_of(episode, texts)), None) if item not in first else None
        if asked is not None:
            first[item] = Request(messages=asked.messages, prompt=asked.prompt)
        right.setdefault(item, []).append(episode.outcome == "success")
    items = [item for item in right if item in first]
    if not items:
        raise ConfigurationError("no episode has a request to a model and a verdict")
    shares = np.array([np.mean(right[item]) for item in items])
    return KnownQuestions(tuple(first[i] for i in items), shares, np.array([len(right[i]) for i in items]))


def train_p_ik(engine: Any, questions: KnownQuestions, settings: PIKSettings | None = None, *, seed: int = 0) -> PIK:
    """Train a head that predicts from a question whether the model will answer it rightly.

    The labels may come from another model than the engine's, as in the paper's exchange of two models' labels.

    Args:
        engine: The engine ``transformers``. Its model is not changed.
        questions: Questions and the shares of right answers; see :func:`known_questions`.
        settings: How it is trained. Default: :class:`PIKSettings` as it is.
        seed: Seed of the order of training. Default: 0.

    Raises:
        CapabilityError: If the engine gives no access to tokens and hidden states.
    """
    settings = settings or PIKSettings()
    engine.require({"tokens", "hidden_states", "training"})
    rows = _rows(engine, questions.requests)
    if settings.method == "full":
        return _train_all(engine, rows, questions, settings, seed)
    states = _states(engine, rows, None, settings.batch_size)
    weight, bias = _fit(states, questions.known, questions.samples, settings.l2)
    return PIK(engine, weight, bias, None, settings)


def with_context(request: Request, before: str = "", after: str = "") -> Request:
    """Return a request whose last message, or raw prompt, has text before or after it: source material, or a hint.

    Args:
        request: The request that poses the question.
        before: Text before the question. Default: none.
        after: Text after it. Default: none.
    """
    if request.prompt is not None:
        return replace(request, prompt=before + request.prompt + after)
    *earlier, last = request.messages or ()
    changed: Message = {**last, "content": before + last["content"] + after}
    return replace(request, messages=(*earlier, changed))


def _fit(states: Floats, known: Floats, samples: NDArray[np.int64], l2: float) -> tuple[Floats, float]:
    """Fit a logistic regression on standardised states to soft targets; return it in units of the states."""
    from scipy.optimize import minimize

    centre, scale = states.mean(0), np.maximum(states.std(0), 1e-6)
    x, share = (states - centre) / scale, samples / samples.sum()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = x @ parameters[:-1] + parameters[-1]
        error = share * (_sigmoid(logits) - known)
        value = share @ (np.logaddexp(0, logits) - known * logits) + l2 / 2 * float(parameters[:-1] @ parameters[:-1])
        return float(value), np.append(x.T @ error + l2 * parameters[:-1], error.sum())

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    weight = found[:-1] / scale
    return weight, float(found[-1] - weight @ centre)


def _train_all(engine: Any, rows: list[list[int]], questions: KnownQuestions, settings: PIKSettings, seed: int) -> PIK:
    """Train a copy of the whole model with a head on top."""
    torch: Any = require("torch", "llm", "training P(IK)")
    with engine.exclusive() as model:
        trunk = copy.deepcopy(model.base_model).float().requires_grad_(True)
    head = torch.nn.Linear(model.config.hidden_size, 1).to(model.device)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.AdamW([*trunk.parameters(), *head.parameters()], lr=settings.learning_rate)
    targets = torch.tensor(questions.known, dtype=torch.float32, device=model.device)
    counts = torch.tensor(questions.samples / questions.samples.mean(), dtype=torch.float32, device=model.device)
    rng = SeedStream(seed, "p(ik)").generator()
    for _ in range(settings.epochs):
        order = rng.permutation(len(rows))
        for places in np.split(order, range(settings.batch_size, len(rows), settings.batch_size)):
            logits = head(_last_states(trunk, [rows[k] for k in places]))[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets[places], counts[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weight = head.weight.detach()[0].double().cpu().numpy()
    return PIK(engine, weight, float(head.bias.detach()), trunk.requires_grad_(False), settings)


def _rows(engine: Any, requests: Sequence[Request]) -> list[list[int]]:
    """Return the token ids of each question, as the model reads it before it answers."""
    return [engine.encode_turn(request, "")[0] for request in requests]


def _states(engine: Any, rows: list[list[int]], trunk: Any, batch_size: int) -> Floats:
    """Return the last layer's state of the last token of each row, shape ``(rows, width)``."""
    torch: Any = require("torch", "llm", "P(IK)")
    found = []
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        if trunk is None:
            states: Any = engine.forward(batch, hidden_states=True, logits=False).hidden_states[-1]
            last = states[range(len(batch)), [len(row) - 1 for row in batch]].float()
        else:
            with torch.inference_mode():
                last = _last_states(trunk, batch)
        found.append(last.double().cpu().numpy())
    return np.concatenate(found)


def _last_states(trunk: Any, rows: Sequence[Sequence[int]]) -> Any:
    torch: Any = require("torch", "llm", "P(IK)")
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=trunk.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=trunk.device)
    states = trunk(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return states[range(len(rows)), [len(row) - 1 for row in rows]].float()


def _sigmoid(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(values, -700, 700)))
    return found
