"""How a run stores observations: as JSON in the records, as arrays in one ``.npz`` file per episode, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.requests import expand
from quintain.files import load_arrays, save_arrays
from quintain.records import EpisodeRecord

__all__ = ["OBSERVATIONS", "Observations", "check_observations", "load_observations", "without_observations"]

#: The ways of storing observations; the first is the default.
OBSERVATIONS = ("json", "npz", "none")
#: Name of the array in a file, and of the first part of its name where observations are dictionaries.
_NAME = "observation"


def check_observations(mode: Any, out: Any) -> None:
    """Check how the observations of a run are to be stored.

    Args:
        mode: One of :data:`OBSERVATIONS`, or ``None`` for the default.
        out: The run folder; ``None`` if nothing is written.

    Raises:
        ConfigurationError: If there is no such way, or ``"npz"`` lacks a folder.
    """
    if mode is not None and mode not in OBSERVATIONS:
        raise ConfigurationError(f"observations must be one of {', '.join(OBSERVATIONS)}, got {mode!r}")
    if mode == "npz" and out is None:
        raise ConfigurationError("observations='npz' writes files into the run folder: give out=...")


def load_observations(run: str | Path, episode: EpisodeRecord) -> list[Any]:
    """Return the observations of an episode: one before each action, and the last one.

    Args:
        run: The run folder, with ``episodes.jsonl`` and the stored arrays.
        episode: A record of the run.

    Returns:
        Arrays, or dictionaries of arrays, where they are stored as such; else the JSON data of the record.

    Raises:
        ConfigurationError: If the run did not record observations.
        RecordError: If the file with the observations is missing or damaged.

    Example:
        >>> load_observations(
        ...     "",
        ...     EpisodeRecord(
        ...         0, 1, "finished", {"agent": 1.0}, [{"observation": [1, 2], "action": 0, "reward": 1.0}], [3, 4]
        ...     ),
        ... )
        [[1, 2], [3, 4]]
    """
    path = _path(Path(run), episode.index)
    if path.is_file():
        arrays, _ = load_arrays(path)
        if _NAME in arrays:
            return list(arrays[_NAME])
        length = len(next(iter(arrays.values())))
        parts = {name.removeprefix(f"{_NAME}/"): part for name, part in arrays.items()}
        return [{name: part[t] for name, part in parts.items()} for t in range(length)]
    seen = [step["observation"] for step in episode.steps] + [episode.final_observation]
    if episode.steps and all(observation is None for observation in seen):
        raise ConfigurationError(
            f"episode {episode.index} has no observations: the run was recorded with observations='none', or its "
            f"folder {path.parent.name!r} is missing"
        )
    return seen


def without_observations(episode: EpisodeRecord) -> EpisodeRecord:
    """Return the record with ``None`` in place of every observation."""
    if episode.messages:
        episode = expand(episode, kinds="o")
    steps = [step.copy() for step in episode.steps]
    for step in steps:
        step["observation"] = None
    return replace(episode, steps=steps, final_observation=None)


class Observations:
    """Takes the observations out of records, and stores those that are arrays.

    Args:
        mode: ``"npz"`` stores arrays in files of the run folder, ``"none"`` drops all observations.
        folder: The run folder; ``None`` if nothing is written.
    """

    def __init__(self, mode: str, folder: Path | None) -> None:
        self._folder = folder if mode == "npz" else None

    def take(self, episode: EpisodeRecord) -> EpisodeRecord:
        """Return the record without its observations, once they are stored; texts stay where arrays are stored.

        Raises:
            RecordError: If they cannot be written.
        """
        if self._folder is None:
            return without_observations(episode)
        arrays = _arrays([step["observation"] for step in episode.steps] + [episode.final_observation])
        if arrays is None:
            return episode
        try:
            save_arrays(_path(self._folder, episode.index), arrays, {"episode": episode.index, "seed": episode.seed})
        except OSError as error:
            raise RecordError(f"cannot write observations into {str(self._folder)!r}: {error}") from error
        return without_observations(episode)


def _path(folder: Path, index: int) -> Path:
    return folder / "observations" / f"episode-{index}.npz"


def _arrays(observations: Sequence[Any]) -> dict[str, NDArray[Any]] | None:
    """Stack observations: one array, or one per key of a dictionary; ``None`` if they are no numbers.

    An episode that failed has no last observation.
    """
    seen = observations if observations[-1] is not None else observations[:-1]
    if not seen:
        return None
    if not isinstance(seen[0], Mapping):
        array = _stacked(seen)
        return None if array is None else {_NAME: array}
    found = {f"{_NAME}/{name}": _stacked([each[name] for each in seen]) for name in seen[0]}
    arrays = {name: array for name, array in found.items() if array is not None}
    return arrays if arrays and len(arrays) == len(found) else None


def _stacked(values: Sequence[Any]) -> NDArray[Any] | None:
    try:
        array = np.asarray(values)
    except ValueError:  # of different shapes
        return None
    return array if array.dtype.kind in "biuf" else None
