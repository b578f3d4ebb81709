"""Export of numeric trajectories to Minari, the format for offline reinforcement-learning data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.errors import ConfigurationError, require
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import make_env
from quintain.records import EpisodeRecord

__all__ = ["to_minari"]


def to_minari(run: Report | str | Path, dataset_id: str, *, description: str = "") -> Any:
    """Store a run's episodes as a Minari dataset.

    Episodes that failed for infrastructure reasons are left out. Observations and actions get the dtypes of the
    environment's spaces.

    Args:
        run: A report, or the folder of a run.
        dataset_id: Id of the new dataset, ``"namespace/name-vN"``.
        description: Description for the dataset's metadata; by default the summary of the run.

    Returns:
        The ``minari.MinariDataset``.

    Raises:
        ConfigurationError: If the run has no scored episode, is a game, or its spaces are not arrays or numbers.
        MissingDependencyError: If Minari is not installed.
    """
    minari = require("minari", "rl", "exporting trajectories")
    report = run if isinstance(run, Report) else Report.load(run)
    config = report.manifest.get("config", {})
    if not isinstance(config.get("env"), str) or not report.scored:
        raise ConfigurationError("only scored episodes of a registered environment can be exported")
    env = make_env(config["env"], config.get("env_kwargs"))
    try:
        numeric = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
        for space in (env.observation_space, env.action_space):
            if not isinstance(space, numeric):
                raise ConfigurationError(f"Minari takes arrays and numbers here, not {space}")
        return minari.create_dataset_from_buffers(
            dataset_id,
            [_buffer(minari, number, episode, env) for number, episode in enumerate(report.scored)],
            env=env.spec,
            algorithm_name=str(config.get("agent")),
            description=description or str(report),
        )
    finally:
        env.close()


def _buffer(minari: Any, number: int, episode: EpisodeRecord, env: Any) -> Any:
    steps = episode.steps
    if any("seat" in step for step in steps):
        raise ConfigurationError("games have several seats; Minari datasets have one")
    observations = [step["observation"] for step in steps] + [episode.final_observation]
    over = np.zeros(len(steps), dtype=np.bool_)
    over[-1:] = True
    return minari.data_collector.EpisodeBuffer(
        id=number,
        seed=episode.seed,
        observations=np.asarray(observations, dtype=env.observation_space.dtype),
        actions=np.asarray([step["action"] for step in steps], dtype=env.action_space.dtype),
        rewards=[step["reward"] for step in steps],
        terminations=list(over & (not episode.truncated)),
        truncations=list(over & episode.truncated),
        infos={},
    )
