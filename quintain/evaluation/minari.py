"""Export of trajectories to Minari, the format for offline reinforcement-learning data."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from quintain.envs.making import make_env
from quintain.errors import ConfigurationError, require
from quintain.evaluation.observations import load_observations
from quintain.evaluation.report import Report
from quintain.records import EpisodeRecord
from quintain.registry import load_attribute

__all__ = ["portable_spec", "to_minari"]

_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
#: Maximum size of a part of an info that is kept, in bytes: HDF5 stores attributes of at most 64 KiB.
_MAX_BYTES = 60_000


def to_minari(run: Report | str | Path, dataset_id: str, *, description: str = "") -> Any:
    """Store a run's episodes as a Minari dataset.

    Episodes that failed for infrastructure reasons are left out. Observations and actions get the dtypes of the
    environment's spaces; images are stored without loss. What the run recorded of infos, which is the last one of each
    episode, becomes metadata of the episode, under ``"info"``: numbers, texts, arrays, and dictionaries of these.

    The environment can be made again from the dataset if it is registered by a ``"module:name"``, or by a class or
    function that can be imported, and its arguments are plain data.

    Args:
        run: A report, or the folder of a run.
        dataset_id: Id of the new dataset, ``"namespace/name-vN"``.
        description: Description for the dataset's metadata; by default the summary of the run.

    Returns:
        The ``minari.MinariDataset``.

    Raises:
        ConfigurationError: If the run has no scored episode, is a game, or has spaces or texts that Minari does not
            store.
        MissingDependencyError: If Minari is not installed.
    """
    minari = require("minari", "rl", "exporting trajectories")
    report = run if isinstance(run, Report) else Report.load(run)
    config = report.manifest.get("config", {})
    if not isinstance(config.get("env"), str) or not report.scored:
        raise ConfigurationError("only scored episodes of a registered environment can be exported")
    env = make_env(config["env"], config.get("env_kwargs"))
    try:
        buffers = [_buffer(minari, number, episode, env, report.path) for number, episode in enumerate(report.scored)]
        dataset = minari.create_dataset_from_buffers(
            dataset_id,
            buffers,
            env=portable_spec(env.spec),
            observation_space=env.observation_space,
            action_space=env.action_space,
            algorithm_name=str(config.get("agent")),
            description=description or str(report),
            jpeg_encoding=False,
        )
    finally:
        env.close()
    dataset.storage.update_episode_metadata([_metadata("info", episode.info) for episode in report.scored])
    return dataset


def portable_spec(spec: EnvSpec | None) -> EnvSpec | None:
    """Return a spec that survives JSON, with a class or function by its name; ``None`` if there is none."""
    if spec is None:
        return None
    entry = spec.entry_point
    if callable(entry):
        name = f"{entry.__module__}:{getattr(entry, '__qualname__', '<object>')}"
        if entry.__module__ == "__main__" or "<" in name or load_attribute(name) is not entry:
            return None
        spec = copy.deepcopy(spec)
        spec.entry_point = name
    try:
        spec.to_json()
    except (TypeError, ValueError):  # some argument is not plain data
        return None
    return spec


def _buffer(minari: Any, number: int, episode: EpisodeRecord, env: Any, run: Path | None) -> Any:
    steps = episode.steps
    if any("seat" in step for step in steps):
        raise ConfigurationError("games have several seats; Minari datasets have one")
    observations = load_observations(run or "", episode)
    over = np.zeros(len(steps), dtype=np.bool_)
    over[-1:] = True
    return minari.data_collector.EpisodeBuffer(
        id=number,
        seed=episode.seed,
        observations=_column(env.observation_space, observations),
        actions=_column(env.action_space, [step["action"] for step in steps]),
        rewards=[step["reward"] for step in steps],
        terminations=list(over & (not episode.truncated)),
        truncations=list(over & episode.truncated),
        infos={},
    )


def _column(space: spaces.Space[Any], values: Sequence[Any]) -> Any:
    """Return members of a space as Minari stores them: one array, list of texts, dictionary or tuple of these."""
    if isinstance(space, spaces.Dict):
        return {name: _column(part, [value[name] for value in values]) for name, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_column(part, [value[place] for value in values]) for place, part in enumerate(space))
    if isinstance(space, spaces.Text):
        for text in values:
            _check_text(text)
        return list(values)
    if isinstance(space, _ARRAYS):
        return np.asarray(values, dtype=space.dtype)
    raise ConfigurationError(f"Minari stores arrays, numbers, texts, and Dict and Tuple spaces of these, not {space}")


def _check_text(text: str) -> None:
    if not _is_storable(text):
        raise ConfigurationError(f"Minari stores texts in UTF-8 without null characters, not {text[:80]!r}")


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _metadata(path: str, value: Any) -> dict[str, Any]:
    """Return the parts of an info that HDF5 can hold as attributes, by path: ``{"info/metrics/distance": 0.1}``."""
    if isinstance(value, Mapping):
        parts = (_metadata(f"{path}/{str(name).replace('/', '_')}", part) for name, part in value.items())
        return {name: part for found in parts for name, part in found.items()}
    if isinstance(value, str):
        return {path: value} if len(value.encode(errors="ignore")) <= _MAX_BYTES and _is_storable(value) else {}
    try:
        array = np.asarray(value)
    except ValueError:  # a list of lists of different lengths
        return {}
    return {path: array[()]} if array.dtype.kind in "biuf" and array.nbytes <= _MAX_BYTES else {}
