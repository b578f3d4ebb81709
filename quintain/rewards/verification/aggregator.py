"""Score a sequence of step states by a small LSTM; training it takes torch, using it does not.

Source: Liu et al. 2025, arXiv 2506.04592: one-hot states, two layers of 64 units, a linear layer on the last output.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError
from quintain.files import load_arrays, save_arrays
from quintain.rewards.verification.evidence import StepState

__all__ = ["Aggregator", "one_hot"]

Array = NDArray[np.float32]
_ORDER = tuple(StepState)


def one_hot(states: Sequence[StepState]) -> Array:
    """Return the states as rows of zeros with a single one, shape ``(len(states), 4)``, in the order of the enum."""
    return np.eye(len(_ORDER), dtype=np.float32)[[_ORDER.index(state) for state in states]]


class Aggregator:
    """A trained score: the probability that a solution is right, given the states of its steps.

    Args:
        weights: Arrays named as in ``torch.nn.LSTM``, ``weight_ih_l0`` and so on, and ``out.weight``, ``out.bias`` of
            the linear layer.
        facts: JSON-able facts about the training. Default: none.

    Raises:
        ConfigurationError: If weights are missing or do not fit together.
    """

    def __init__(self, weights: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> None:
        self.weights: dict[str, Array] = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        self.facts = dict(facts or {})
        self.layers = sum(name.startswith("weight_ih_l") for name in self.weights)
        try:
            self([_ORDER[0]])
        except (KeyError, ValueError, IndexError) as error:
            raise ConfigurationError(f"these are not the weights of an aggregator: {error!r}") from error

    def __call__(self, states: Sequence[StepState]) -> float:
        """Return the score, in [0, 1]; 0 without any step, as for a solution whose time ran out."""
        if not states:
            return 0.0
        rows = one_hot(states)
        for layer in range(self.layers):
            rows = self._layer(rows, layer)
        logit = (self.weights["out.weight"] @ rows[-1] + self.weights["out.bias"]).item()
        return float(1 / (1 + np.exp(-logit)))

    def _layer(self, rows: Array, layer: int) -> Array:
        """Run one layer; torch orders its gates input, forget, cell, output."""
        w, u = self.weights[f"weight_ih_l{layer}"], self.weights[f"weight_hh_l{layer}"]
        bias = self.weights[f"bias_ih_l{layer}"] + self.weights[f"bias_hh_l{layer}"]
        size = u.shape[1]
        h, c = np.zeros(size, np.float32), np.zeros(size, np.float32)
        outputs = []
        for row in rows:
            gates = w @ row + u @ h + bias
            i, f, o = (_sigmoid(gates[k * size : (k + 1) * size]) for k in (0, 1, 3))
            c = f * c + i * np.tanh(gates[2 * size : 3 * size])
            h = o * np.tanh(c)
            outputs.append(h)
        return np.stack(outputs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights and facts to a file (``.npz``), atomically."""
        save_arrays(Path(path), self.weights, {"kind": "quintain-aggregator", **self.facts})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that :meth:`save` wrote.

        Raises:
            RecordError: If there is no such file, or it is damaged.
            ConfigurationError: If it holds something else.
        """
        arrays, about = load_arrays(Path(path))
        if about.pop("kind", None) != "quintain-aggregator":
            raise ConfigurationError(f"{os.fspath(path)!r} is no aggregator's file; Aggregator.save writes one")
        return cls(arrays, about)


def _sigmoid(x: Array) -> Array:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
