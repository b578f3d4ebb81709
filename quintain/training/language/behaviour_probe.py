"""A linear probe that tells texts with an unwanted behaviour from others, by the hidden states of a language model.

Source: Wang et al. 2024, arXiv 2407.08770, section 3.1. The feature of a text is the mean over its tokens of the hidden
state after a transformer block. The classifier is softmax(W x + b) with W of two rows: ``W[0]`` is the direction of the
desired class, ``W[1]`` of the unwanted one.

Differences: training starts at W = 0 instead of random weights, whose share would remain where texts are few. As in the
released code, the last layer's states are taken after the model's final norm, those of other layers before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError, require
from quintain.evaluation.statistics import Interval, rate
from quintain.seeding import SeedStream

__all__ = ["BehaviourProbe", "ProbeSettings", "mean_states", "train_probe"]

States = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """How a probe is trained.

    Attributes:
        learning_rate: Adam's step size, > 0. Default: 0.01, for a few hundred texts (paper: 1e-4, for many thousands).
        epochs: Passes over the texts, >= 1. Default: 20 (paper: 20, of which the weights after 9 are used).
        batch_size: Number of texts of a step, >= 1. Default: 16 (paper).
        test_share: Share of the texts on which the probe is only tested, in (0, 0.9]. Default: 0.2.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    learning_rate: float = 0.01
    epochs: int = 20
    batch_size: int = 16
    test_share: float = 0.2

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("epochs", self.epochs, low=1, integer=True)
        check_number("batch_size", self.batch_size, low=1, integer=True)
        check_number("test_share", self.test_share, above=0, high=0.9)


@dataclass(frozen=True, slots=True)
class BehaviourProbe:
    """A trained probe.

    Attributes:
        weight: W, shape ``(2, width)``: row 0 for the desired class, row 1 for the unwanted one.
        bias: b, shape ``(2,)``.
        train_accuracy: Share of training texts classified rightly.
        test_accuracy: Share of test texts classified rightly.
    """

    weight: States
    bias: States
    train_accuracy: Interval
    test_accuracy: Interval

    def unwanted(self, states: States) -> States:
        """Return the probability of the unwanted class for features of shape ``(texts, width)``."""
        logits = states @ self.weight.T + self.bias
        return np.asarray(1 / (1 + np.exp(np.clip(logits[:, 0] - logits[:, 1], -700, 700))), dtype=np.float32)

    def inverse(self) -> Self:
        """Return the probe with both classes exchanged, for an edit that strengthens the behaviour."""
        return replace(self, weight=self.weight[::-1].copy(), bias=self.bias[::-1].copy())


def mean_states(engine: Engine, texts: Sequence[str], layer: int = -1, batch_size: int = 16) -> States:
    """Return the mean over tokens of each text's hidden states after a layer.

    Args:
        engine: An engine with the capability ``"hidden_states"``.
        texts: At least one, none of them empty.
        layer: Index into the hidden states: 0 for the embeddings, -1 for the last layer. Default: -1 (paper).
        batch_size: Number of texts of a forward pass, >= 1. Default: 16.

    Returns:
        Shape ``(texts, width)``. Padding does not count.

    Raises:
        CapabilityError: If the engine gives no access to hidden states.
        ConfigurationError: If there is no such layer.
    """
    engine.require({"hidden_states"})
    order = sorted(range(len(texts)), key=lambda k: len(texts[k]))  # little padding
    rows: dict[int, Any] = {}
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        result = engine.forward([texts[k] for k in places], hidden_states=True, logits=False)
        states: Any = result.hidden_states
        if not -len(states) <= layer < len(states):
            raise ConfigurationError(f"layer must be in [{-len(states)}, {len(states) - 1}], got {layer!r}")
        mask = result.mask[..., None]
        means = (states[layer].float() * mask).sum(1) / mask.sum(1)
        rows.update(zip(places, means.cpu().numpy(), strict=True))
    return np.stack([rows[k] for k in range(len(texts))])


def train_probe(
    states: States, unwanted: Sequence[bool], settings: ProbeSettings | None = None, *, seed: int = 0
) -> BehaviourProbe:
    """Train a probe on features of labelled texts, by cross-entropy with Adam.

    Args:
        states: Features, shape ``(texts, width)``; see :func:`mean_states`.
        unwanted: For each text, whether it shows the unwanted behaviour. Both kinds must occur at least twice.
        settings: How it is trained. Default: :class:`ProbeSettings` as it is.
        seed: Seed of the division into training and test texts, and of the order of training. Default: 0.

    Raises:
        ConfigurationError: If there are fewer than two texts of a kind.
        ValueError: If there is not one label for each text.
    """
    torch: Any = require("torch", "llm", "training a probe")
    settings = settings or ProbeSettings()
    labels = np.asarray(unwanted, dtype=np.int64)
    if labels.shape != (len(states),):
        raise ValueError(f"expected a label for each of {len(states)} texts, got {labels.shape}")
    rng = SeedStream(seed, "behaviour probe").generator()
    test = _test_texts(labels, settings.test_share, rng)
    inputs, targets = torch.from_numpy(np.asarray(states, dtype=np.float32)), torch.from_numpy(labels)
    weight = torch.zeros(2, inputs.shape[1], requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=settings.learning_rate)
    train = np.flatnonzero(~test)
    for _ in range(settings.epochs):
        order = torch.from_numpy(rng.permutation(train))
        for rows in order.split(settings.batch_size):
            loss = torch.nn.functional.cross_entropy(inputs[rows] @ weight.T + bias, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = weight.detach().numpy(), bias.detach().numpy()
    right = (np.asarray(states) @ found[0].T + found[1]).argmax(1) == labels
    accuracies = [rate(int(right[part].sum()), int(part.sum()), unit="texts") for part in (~test, test)]
    return BehaviourProbe(*found, *accuracies)


def _test_texts(labels: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose the same share of both kinds for the test, at least one text of each and not all."""
    test = np.zeros(len(labels), dtype=bool)
    for kind in (0, 1):
        places = np.flatnonzero(labels == kind)
        if len(places) < 2:
            raise ConfigurationError(
                f"a probe needs at least two texts with the behaviour and two without, got {len(places)} of one kind"
            )
        number = min(len(places) - 1, max(1, math.floor(share * len(places))))
        test[rng.permutation(places)[:number]] = True
    return test
