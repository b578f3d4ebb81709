"""Train the aggregator on state sequences of solutions that are known to be right or wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from quintain.arguments import check_number
from quintain.errors import ConfigurationError, require
from quintain.rewards.verification.aggregator import Aggregator, one_hot
from quintain.rewards.verification.evidence import StepState

__all__ = ["AggregatorSettings", "Epoch", "TrainedAggregator", "train_aggregator"]


@dataclass(frozen=True, slots=True)
class AggregatorSettings:
    """Hyper-parameters; the defaults are the paper's.

    Attributes:
        hidden: Units of a layer, >= 1. Default: 64.
        layers: Number of layers, >= 1. Default: 2.
        learning_rate: Adam's learning rate, > 0. Default: 1e-4.
        epochs: Maximum number of passes over the training part, >= 1. Default: 200.
        batch_size: Number of sequences of a gradient step, >= 1. Default: 32.
        test_share: Share of the sequences that choose the checkpoint, in (0, 1). Default: 0.2.
        patience: Training ends after this many epochs in a row that overfit: accuracy in training above 0.9, and above
            that on the test part by more than 0.2. Default: 5.

    Raises:
        ConfigurationError: If a value is out of range.
    """

    hidden: int = 64
    layers: int = 2
    learning_rate: float = 1e-4
    epochs: int = 200
    batch_size: int = 32
    test_share: float = 0.2
    patience: int = 5

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("hidden", "layers", "epochs", "batch_size", "patience"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("test_share", self.test_share, above=0, high=0.9)


class Epoch(NamedTuple):
    """What an epoch reached.

    Attributes:
        loss: Mean weighted loss on the training part.
        train: Balanced accuracy on the training part, in [0, 1].
        test: Balanced accuracy on the test part, in [0, 1].
    """

    loss: float
    train: float
    test: float


class TrainedAggregator(NamedTuple):
    """The result of a training.

    Attributes:
        aggregator: That of the epoch with the highest balanced accuracy on the test part, of several the first.
        curve: The epochs, in order.
    """

    aggregator: Aggregator
    curve: list[Epoch]


def train_aggregator(
    sequences: Sequence[Sequence[StepState]],
    labels: Sequence[bool],
    settings: AggregatorSettings = AggregatorSettings(),
    *,
    seed: int = 0,
) -> TrainedAggregator:
    """Train with Adam and a cross-entropy that weighs both classes alike.

    Differences from the released code: a score of 1/2 divides the classes, not a logit of 1/2.

    Args:
        sequences: The states of each solution; those without steps are left out.
        labels: Whether each solution's final answer is right.
        settings: Hyper-parameters.
        seed: Seed of the split, the first weights and the order.

    Raises:
        MissingDependencyError: If torch is not installed.
        ConfigurationError: If fewer than two solutions of either class are left.
    """
    require("torch", "llm", "training an aggregator")
    import torch

    data = [(one_hot(states), bool(label)) for states, label in zip(sequences, labels, strict=True) if states]
    rng = np.random.default_rng(seed)
    train, test = _split(data, settings.test_share, rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = _network(settings)
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        best, chosen = -1.0, copy.deepcopy(network.state_dict())
        curve: list[Epoch] = []
        overfit = 0
        for _ in range(settings.epochs):
            loss = _epoch(network, optimizer, train, settings.batch_size, rng)
            curve.append(Epoch(loss, _balanced_accuracy(network, train), _balanced_accuracy(network, test)))
            if curve[-1].test > best:
                best, chosen = curve[-1].test, copy.deepcopy(network.state_dict())
            overfit = overfit + 1 if curve[-1].train > 0.9 and curve[-1].train - curve[-1].test > 0.2 else 0
            if overfit >= settings.patience:
                break
    weights = {name.removeprefix("lstm."): value.numpy() for name, value in chosen.items()}
    facts = {"settings": asdict(settings), "seed": seed, "solutions": len(data), "balanced_accuracy": best}
    return TrainedAggregator(Aggregator(weights, facts), curve)


def _split(data: list[Any], test_share: float, rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    """Divide solutions by class, so that both parts have both."""
    parts: tuple[list[Any], list[Any]] = ([], [])
    for label in (False, True):
        rows = [row for row in data if row[1] is label]
        if len(rows) < 2:
            raise ConfigurationError(
                f"training needs at least two {'right' if label else 'wrong'} solutions with steps"
            )
        count = min(max(1, round(test_share * len(rows))), len(rows) - 1)
        order = rng.permutation(len(rows))
        parts[0].extend(rows[k] for k in order[count:])
        parts[1].extend(rows[k] for k in order[:count])
    return parts


def _network(settings: AggregatorSettings) -> Any:
    import torch

    network = torch.nn.Module()
    network.lstm = torch.nn.LSTM(len(StepState), settings.hidden, settings.layers, batch_first=True)
    network.out = torch.nn.Linear(settings.hidden, 1)
    return network


def _logits(network: Any, rows: Sequence[Any]) -> Any:
    """Return the logit of each row; sequences are padded on the right, and their last real output counts."""
    import torch

    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(states) for states, _ in rows], batch_first=True)
    last = torch.tensor([len(states) - 1 for states, _ in rows])
    outputs, _ = network.lstm(padded)
    return network.out(outputs[torch.arange(len(rows)), last])[:, 0]


def _epoch(network: Any, optimizer: Any, rows: list[Any], batch_size: int, rng: np.random.Generator) -> float:
    import torch

    positive = sum(label for _, label in rows) / len(rows)
    order, total = rng.permutation(len(rows)), 0.0
    for start in range(0, len(rows), batch_size):
        batch = [rows[k] for k in order[start : start + batch_size]]
        labels = torch.tensor([float(label) for _, label in batch])
        weights = torch.where(labels > 0, 0.5 / positive, 0.5 / (1 - positive))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(_logits(network, batch), labels, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(batch)
    return total / len(rows)


def _balanced_accuracy(network: Any, rows: list[Any]) -> float:
    """Return the mean of the shares of right and of wrong solutions on the right side of 1/2."""
    import torch

    with torch.no_grad():
        positive = (_logits(network, rows) > 0).tolist()
    hits = {
        label: [p == label for p, (_, at) in zip(positive, rows, strict=True) if at is label] for label in (False, True)
    }
    return float(np.mean([np.mean(found) for found in hits.values()]))
