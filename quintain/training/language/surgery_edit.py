"""Carry out a model surgery on an engine's weights, undo it exactly, and store both with the edited model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError, require
from quintain.files import load_arrays, save_arrays
from quintain.training.language.behaviour_probe import BehaviourProbe, ProbeSettings, mean_states, train_probe
from quintain.training.language.labelled_texts import LabelledTexts
from quintain.training.language.surgery import Surgery, SurgerySettings, find_matrices, plan_surgery, vectors_of

__all__ = ["Edit", "apply_surgery", "edit_behaviour", "load_edit", "save_edited"]

#: The file of the edit beside an edited model. No name of weights: engines would load it.
_FILE = "surgery.npz"
_ARRAYS = ("layers", "rows", "cosines", "direction")


@dataclass(frozen=True)
class Edit:
    """A surgery that was carried out.

    Attributes:
        surgery: The surgery.
        before: The edited vectors before it, shape ``(k, width)``, in the model's precision (on the CPU).
    """

    surgery: Surgery
    before: Any  # Any: a tensor of a library that is imported only where it is used

    def undo(self, engine: Engine) -> None:
        """Restore the vectors bit by bit, between two decoding steps.

        Raises:
            ConfigurationError: If the vectors are not those that the surgery left: of several edits the last is undone
                first.
        """
        torch: Any = require("torch", "llm", "model surgery")
        with engine.exclusive() as model, torch.no_grad():
            if not torch.equal(_read(model, self.surgery), _edited(self.before, self.surgery)):
                raise ConfigurationError(
                    "the model's rows are not those that this surgery left; undo later edits first, or load the model "
                    "that it edited"
                )
            _write(model, self.surgery, self.before)


def apply_surgery(engine: Engine, surgery: Surgery) -> Edit:
    """Edit the model's weights in place, between two decoding steps: v <- v + alpha * direction.

    Requests that are being served wait meanwhile, and go on with the edited model.

    Args:
        engine: The engine for whose model the surgery was planned.
        surgery: The surgery.

    Raises:
        CapabilityError: If the engine gives no access to the weights.
        ConfigurationError: If the model is another one.
    """
    torch: Any = require("torch", "llm", "model surgery")
    with engine.exclusive() as model, torch.no_grad():
        before = _read(model, surgery)
        after = _edited(before, surgery)
        if not torch.isfinite(after).all():
            raise ConfigurationError(f"alpha={surgery.settings.alpha!r} overflows the model's {before.dtype}")
        _write(model, surgery, after)
    return Edit(surgery, before)


def edit_behaviour(
    engine: Engine,
    labelled: LabelledTexts,
    settings: SurgerySettings | None = None,
    *,
    probe_settings: ProbeSettings | None = None,
    layer: int = -1,
    inverse: bool = False,
    seed: int = 0,
) -> tuple[BehaviourProbe, Edit]:
    """Train a probe on the engine's model as it is now, and edit the model with it.

    Several behaviours are edited by calls one after another: each probe is then trained on the model that the edits
    before it made, as in the paper.

    Args:
        engine: An engine with the capabilities ``"hidden_states"`` and ``"training"``.
        labelled: Texts with and without the behaviour.
        settings: Which vectors, and how far. Default: those of the paper.
        probe_settings: How the probe is trained. Default: :class:`ProbeSettings` as it is.
        layer: Layer whose hidden states the probe reads; see :func:`mean_states`. Default: -1, the last.
        inverse: Whether the behaviour is strengthened instead: both classes of the probe are exchanged. Default: false.
        seed: Seed of the probe's texts and of a random selection. Default: 0.

    Returns:
        The probe, exchanged if ``inverse``, and the edit.

    Raises:
        CapabilityError: If the engine gives no access to hidden states and weights.
        ConfigurationError: If the model has no gate rows, or there are too few texts.
    """
    engine.require({"hidden_states", "training"})
    probe = train_probe(mean_states(engine, labelled.texts, layer), labelled.unwanted, probe_settings, seed=seed)
    probe = probe.inverse() if inverse else probe
    return probe, apply_surgery(engine, plan_surgery(engine, probe, settings, seed=seed))


def save_edited(engine: Any, folder: str | Path, edits: Sequence[Edit]) -> Path:
    """Write the edited model as a normal model folder, with its last edit, so that this can be undone.

    Args:
        engine: The engine ``transformers``, after the edits.
        folder: Folder to write.
        edits: The edits, at least one, in the order in which they were made.

    Returns:
        The folder.

    Raises:
        RecordError: If it cannot be written.
    """
    from quintain.training.language.trl_trainer import save_model

    target, last = Path(folder), edits[-1]
    with engine.exclusive() as model:
        save_model(model, engine.tokenizer, target)
    arrays = {name: getattr(last.surgery, name) for name in _ARRAYS}
    about = {
        "edits": [edit.surgery.describe() for edit in edits],
        "settings": asdict(last.surgery.settings),
        "mean_norm": last.surgery.mean_norm,
        "candidates": last.surgery.candidates,
    }
    save_arrays(target / _FILE, arrays | {"before": last.before.float().numpy()}, about)  # 16 bits fit into 32
    return target


def load_edit(folder: str | Path, engine: Engine) -> Edit:
    """Read the last edit of an edited model's folder, with which it can be undone.

    Args:
        folder: What :func:`save_edited` wrote.
        engine: The engine that has loaded this model.

    Raises:
        RecordError: If the folder holds no edit.
    """
    torch: Any = require("torch", "llm", "model surgery")
    arrays, about = load_arrays(Path(folder) / _FILE)
    stored = about["settings"]
    settings = SurgerySettings(**{**stored, "layers": stored["layers"] and tuple(stored["layers"])})
    layers, rows, cosines, direction = (arrays[name] for name in _ARRAYS)
    surgery = Surgery(settings, layers, rows, cosines, direction, about["mean_norm"], about["candidates"])
    with engine.exclusive() as model:
        return Edit(surgery, torch.from_numpy(arrays["before"]).to(model.dtype))


def _edited(before: Any, surgery: Surgery) -> Any:
    added = before.new_tensor(surgery.direction).float() * surgery.settings.alpha
    return (before.float() + added).to(before.dtype)


def _read(model: Any, surgery: Surgery) -> Any:
    torch: Any = require("torch", "llm", "model surgery")
    matrices = find_matrices(model, surgery.settings)
    found = None
    for layer, places, rows in _places(surgery):
        vectors = vectors_of(matrices[layer], len(surgery.direction))
        if found is None:
            found = torch.empty(len(surgery.rows), vectors.shape[1], dtype=vectors.dtype)
        found[places] = vectors[rows].cpu()
    return found


def _write(model: Any, surgery: Surgery, values: Any) -> None:
    matrices = find_matrices(model, surgery.settings)
    for layer, places, rows in _places(surgery):
        vectors = vectors_of(matrices[layer], len(surgery.direction))
        vectors[rows] = values[places].to(vectors.device)


def _places(surgery: Surgery) -> list[tuple[int, Any, Any]]:
    """Return for each layer the places of its vectors in the surgery, and their indices in the layer's matrix."""
    torch: Any = require("torch", "llm", "model surgery")
    places = {int(layer): np.flatnonzero(surgery.layers == layer) for layer in np.unique(surgery.layers)}
    return [(layer, torch.from_numpy(at), torch.from_numpy(surgery.rows[at])) for layer, at in places.items()]
