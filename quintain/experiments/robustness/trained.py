"""Files of trained attacks: weights as plain arrays, without pickle, and facts about the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer
from quintain.attacks.contract import Trained
from quintain.errors import RecordError
from quintain.files import load_arrays, save_arrays

__all__ = ["load_trained", "save_trained"]


def save_trained(trained: Trained, path: Path) -> None:
    """Write a trained network atomically as an ``.npz`` file."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, layer in enumerate(trained.network.layers):
        arrays |= {f"{i}.weight": layer.weight, f"{i}.bias": layer.bias}
    about = {"activations": [layer.activation for layer in trained.network.layers], "facts": dict(trained.facts)}
    save_arrays(path, arrays, about)


def load_trained(path: Path) -> Trained:
    """Read a trained network.

    Raises:
        RecordError: If the file is damaged.
    """
    try:
        arrays, about = load_arrays(path)
        layers = [Layer(arrays[f"{i}.weight"], arrays[f"{i}.bias"], a) for i, a in enumerate(about["activations"])]
    except (RecordError, KeyError) as error:
        raise RecordError(f"{str(path)!r} is damaged ({error}); delete it, and it is trained again") from error
    return Trained(MLP(layers), about["facts"])
