"""Model surgery: change one behaviour of a language model by adding a probe's direction to a few of its gate rows.

Source: Wang et al. 2024, arXiv 2407.08770. In a gated feed-forward layer x = W2 (act(W1 h) * W3 h), each row of the
gate matrix W1 decides by its dot product with h whether its value vector takes part. The rows most opposed to the
direction W of the unwanted behaviour, by cosine over all layers together, are silent where the behaviour shows. Adding
alpha * W to them wakes them there, and their value vectors push the hidden state away from it. Weights are edited once;
nothing is trained and nothing hooks into the model.

The sign surprises: rows most *opposed* to the unwanted direction, *plus* alpha times that direction. W is not
normalised, so alpha means nothing without the norms: see :attr:`Surgery.relative_step`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.language.behaviour_probe import BehaviourProbe

__all__ = ["Matrix", "Selection", "Surgery", "SurgerySettings", "plan_surgery"]

#: Matrices that can be edited; the paper edits the gate, the others are its ablations.
Matrix = Literal["gate", "up", "down", "q", "k", "v", "o"]
#: Which vectors are edited: those with the lowest cosines, with the highest, or any.
Selection = Literal["opposed", "aligned", "random"]

_PLACES = {name: "mlp" if name in ("gate", "up", "down") else "self_attn" for name in get_args(Matrix)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgerySettings:
    """Which vectors are edited, and how far.

    Attributes:
        alpha: Factor of the probe's direction; negative to strengthen the behaviour instead. Default: 1 (paper: 1.08
            for toxicity, 1 for refusals and for tone).
        fraction: Share of the vectors of all chosen layers together that is edited, in (0, 1]. Default: 0.0465
            (paper: 16,384 of 352,256).
        matrix: The matrix whose vectors are edited. Default: ``"gate"`` (paper).
        selection: ``"opposed"`` for the lowest cosines with the direction, ``"aligned"`` for the highest, ``"random"``
            for any. Default: ``"opposed"`` (paper).
        layers: The layers whose vectors may be edited, from 0. Default: all.

    Raises:
        ConfigurationError: If a setting is out of range.
    """

    alpha: float = 1.0
    fraction: float = 0.0465
    matrix: Matrix = "gate"
    selection: Selection = "opposed"
    layers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("alpha", self.alpha)
        check_number("fraction", self.fraction, above=0, high=1)
        for name, value, known in (
            ("matrix", self.matrix, get_args(Matrix)),
            ("selection", self.selection, get_args(Selection)),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} must be one of {', '.join(known)}, got {value!r}")


@dataclass(frozen=True, slots=True)
class Surgery:
    """A planned edit: vectors of one kind of matrix, and what is added to each. Making it changes nothing.

    Attributes:
        settings: Which vectors, and how far.
        layers: Layer of each edited vector, shape ``(k,)``.
        rows: Its index in the layer's matrix, shape ``(k,)``: a row where rows have the width of the hidden state, else
            a column.
        cosines: Its cosine with the probe's direction, shape ``(k,)``.
        direction: What is added, times alpha, shape ``(width,)``: the probe's row of the unwanted class.
        mean_norm: Mean norm of all vectors of the matrix in the chosen layers.
        candidates: Number of these vectors.
    """

    settings: SurgerySettings
    layers: NDArray[np.int64]
    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]
    direction: NDArray[np.float32]
    mean_norm: float
    candidates: int

    @property
    def relative_step(self) -> float:
        """Length of the edit in units of the mean vector: alpha * ||W|| / mean norm. Signed as alpha."""
        return self.settings.alpha * float(np.linalg.norm(self.direction)) / self.mean_norm

    @property
    def random_band(self) -> float:
        """Standard deviation of the cosine of random vectors of this width: 1 / sqrt(width)."""
        return float(len(self.direction) ** -0.5)

    def with_alpha(self, alpha: float) -> Self:
        """Return the same edit with another factor."""
        return replace(self, settings=replace(self.settings, alpha=alpha))

    def with_random_direction(self, seed: int = 0) -> Self:
        """Return an edit of the same vectors by a random direction of the same norm: the paper's "random probe"."""
        random = SeedStream(seed, "random direction").generator().standard_normal(len(self.direction))
        scaled = random * (np.linalg.norm(self.direction) / np.linalg.norm(random))
        return replace(self, direction=scaled.astype(np.float32))

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts of the edit: settings, size, cosines and the step relative to the vectors."""
        layers, counts = np.unique(self.layers, return_counts=True)
        return {
            "alpha": self.settings.alpha,
            "fraction": self.settings.fraction,
            "matrix": self.settings.matrix,
            "selection": self.settings.selection,
            "edited": len(self.rows),
            "candidates": self.candidates,
            "cosine_range": [round(float(self.cosines.min()), 4), round(float(self.cosines.max()), 4)],
            "random_band": round(self.random_band, 4),
            "direction_norm": round(float(np.linalg.norm(self.direction)), 4),
            "mean_norm": round(self.mean_norm, 4),
            "relative_step": round(self.relative_step, 4),
            "edited_by_layer": {int(layer): int(count) for layer, count in zip(layers, counts, strict=True)},
        }


def plan_surgery(
    engine: Engine, probe: BehaviourProbe, settings: SurgerySettings | None = None, *, seed: int = 0
) -> Surgery:
    """Choose the vectors to edit; the model is not changed, so this is the dry run.

    Vectors are ranked over all chosen layers together, not layer by layer.

    Args:
        engine: An engine with the capability ``"training"``, of a Llama-like model.
        probe: A probe that was trained on this model's hidden states.
        settings: Which vectors, and how far. Default: :class:`SurgerySettings` as it is.
        seed: Seed of a random selection. Default: 0.

    Raises:
        CapabilityError: If the engine gives no access to the weights.
        ConfigurationError: If the model has no such matrices or layers, or the probe is of another width.
    """
    settings = settings or SurgerySettings()
    direction = probe.weight[1]
    with engine.exclusive() as model:
        matrices = {k: vectors_of(each, len(direction)) for k, each in find_matrices(model, settings).items()}
        norms = {layer: vectors.float().norm(dim=1).cpu().numpy() for layer, vectors in matrices.items()}
        products = {
            layer: (vectors.float() @ vectors.new_tensor(direction).float()).cpu().numpy()
            for layer, vectors in matrices.items()
        }
    lengths = np.concatenate(list(norms.values()))
    length = float(np.linalg.norm(direction))
    cosines = np.concatenate(list(products.values())) / np.maximum(lengths * length, 1e-12)
    layers = np.concatenate([np.full(len(each), layer) for layer, each in norms.items()])
    rows = np.concatenate([np.arange(len(each)) for each in norms.values()])
    number = max(1, round(settings.fraction * len(rows)))
    if settings.selection == "random":
        chosen = SeedStream(seed, "random rows").generator().permutation(len(rows))[:number]
    else:
        order = np.argsort(cosines, kind="stable")
        chosen = order[:number] if settings.selection == "opposed" else order[::-1][:number]
    return Surgery(
        settings,
        layers[chosen].astype(np.int64),
        rows[chosen].astype(np.int64),
        cosines[chosen].astype(np.float32),
        np.asarray(direction, dtype=np.float32),
        float(lengths.mean()),
        len(rows),
    )


def find_matrices(model: Any, settings: SurgerySettings) -> dict[int, Any]:
    """Return the weights of one kind of matrix by layer, of the chosen layers.

    Raises:
        ConfigurationError: If the model has none, or a chosen layer does not exist.
    """
    name = f"{_PLACES[settings.matrix]}.{settings.matrix}_proj"
    found: dict[int, Any] = {}
    for parameter_name, parameter in model.named_parameters():
        if match := re.search(rf"\.(\d+)\.{re.escape(name)}\.weight$", parameter_name):
            found[int(match[1])] = parameter
    if not found:
        raise ConfigurationError(
            f"{type(model).__name__} has no weights named '*.LAYER.{name}.weight': surgery edits models with gated "
            "feed-forward layers named as in Llama, Mistral, Qwen or SmolLM"
        )
    wanted: Sequence[int] = sorted(found) if settings.layers is None else settings.layers
    for layer in wanted:
        if layer not in found:
            raise ConfigurationError(f"the model has layers 0 to {max(found)}, got layer {layer!r}")
    return {layer: found[layer] for layer in sorted(wanted)}


def vectors_of(weight: Any, width: int) -> Any:
    """Return a view of a matrix whose rows are vectors of the hidden state's width: its rows, else its columns.

    Raises:
        ConfigurationError: If neither have that width.
    """
    if weight.shape[1] == width:
        return weight.detach()
    if weight.shape[0] == width:
        return weight.detach().T
    raise ConfigurationError(
        f"the probe has width {width}, the model's matrices are {tuple(weight.shape)}: train a probe on this model"
    )
