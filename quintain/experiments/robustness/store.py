"""Trained networks on disk: plain arrays in one file, without pickle, with facts about how they were made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer
from quintain.attacks.threat import Trained
from quintain.errors import RecordError
from quintain.records import to_json

__all__ = ["load_trained", "save_trained"]


def save_trained(trained: Trained, path: Path) -> None:
    """Write a trained network as an ``.npz`` file; a file is there whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, layer in enumerate(trained.network.layers):
        arrays |= {f"{i}.weight": layer.weight, f"{i}.bias": layer.bias}
    about = {"activations": [layer.activation for layer in trained.network.layers], "facts": dict(trained.facts)}
    arrays["about"] = np.frombuffer(to_json(about).encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)


def load_trained(path: Path) -> Trained:
    """Read a trained network.

    Raises:
        RecordError: If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            layers = [Layer(stored[f"{i}.weight"], stored[f"{i}.bias"], a) for i, a in enumerate(about["activations"])]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecordError(f"{str(path)!r} is damaged ({error}); delete it, and it is trained again") from error
    return Trained(MLP(layers), about["facts"])
