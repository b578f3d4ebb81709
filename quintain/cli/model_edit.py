"""The work of ``quintain model edit``."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from quintain.cli.console import say
from quintain.errors import ConfigurationError

__all__ = ["edit_model"]


def edit_model(
    source: str,
    folder: Path | None,
    model: str | None,
    alpha: float,
    fraction: float,
    layer: int,
    *,
    inverse: bool,
    dry_run: bool,
    seed: int,
) -> None:
    """Train a probe on labelled texts, edit the model with it and write the model, or only show the edit.

    Args:
        source: Data set of labelled texts.
        folder: Model folder to write; not needed with ``dry_run``.
        model: Model to edit; ``None`` for the embedded one.
        alpha: Factor of the probe's direction.
        fraction: Share of all gate rows that is edited, in (0, 1].
        layer: Layer whose hidden states the probe reads.
        inverse: Whether to strengthen the behaviour.
        dry_run: Whether to write nothing.
        seed: Seed of the probe's training.

    Raises:
        ConfigurationError: If there is no folder to write to, or it is not empty.
    """
    from quintain.engines import make_engine
    from quintain.training.language.labelled_texts import read_labelled_texts
    from quintain.training.language.surgery import SurgerySettings
    from quintain.training.language.surgery_edit import edit_behaviour, save_edited

    if not dry_run and folder is None:
        raise ConfigurationError("name the folder to write, or give --dry-run")
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty: name another folder")
    labelled, settings = read_labelled_texts(source), SurgerySettings(alpha=alpha, fraction=fraction)
    engine = make_engine("transformers", **({} if model is None else {"model": model}))
    try:
        probe, edit = edit_behaviour(engine, labelled, settings, layer=layer, inverse=inverse, seed=seed)
        facts = edit.surgery.describe()
        say(f"accuracy of the probe: {probe.train_accuracy} in training, {probe.test_accuracy} on other texts")
        say(
            f"{facts['edited']:,} of {facts['candidates']:,} gate rows, cosines {facts['cosine_range']} (random rows: "
            f"+-{facts['random_band']}), step {facts['relative_step']} of a mean row"
        )
        if dry_run or folder is None:
            typer.echo(json.dumps(facts))
        else:
            typer.echo(save_edited(engine, folder, [edit]))
    finally:
        engine.close()
