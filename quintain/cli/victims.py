"""Victims of ``quintain robustness``: names of reference victims, and files, as subjects of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintain.errors import ConfigurationError

if TYPE_CHECKING:
    from quintain.experiments.robustness import Subject

__all__ = ["Chosen"]


class Chosen:
    """What a user named on the command line.

    Args:
        names: Names of reference victims, and paths of policies.
        env: Environment of the policies.
        scenario: Scenario of Tabletop tasks.
        env_kwargs: Further arguments of the environments.
        normaliser: ``VecNormalize`` statistics of a Stable-Baselines3 file.
        intention: File of a policy that shows what the attacker wants.
        steps: Training steps of reference victims instead of the recipes'.
        seeds: Seeds for which reference victims are trained; none for one victim in all repetitions.

    Raises:
        ConfigurationError: If a file has no environment, or options fit none of the victims.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        env: str | None,
        scenario: str | None,
        env_kwargs: Mapping[str, Any],
        normaliser: Path | None,
        intention: Path | None,
        steps: int | None,
        seeds: Sequence[int],
    ) -> None:
        files = [name for name in names if name.endswith((".npz", ".zip"))]
        if files and env is None:
            raise ConfigurationError(f"say which environment {files[0]!r} was trained on: --env ID")
        if not files and (env is not None or normaliser is not None):
            raise ConfigurationError("--env and --normaliser are for victims that are files; reference victims know")
        self._names, self._files, self._env = names, set(files), env or ""
        self._scenario, self._kwargs = scenario, dict(env_kwargs)
        self._normaliser, self._intention, self._steps, self._seeds = normaliser, intention, steps, tuple(seeds)

    def sketches(self) -> list[Subject]:
        """Return the subjects without training any: enough to see whether attacks fit."""
        return [self._one(name, sketch=True) for name in self._names]

    def subjects(self) -> list[Subject]:
        """Return the subjects; reference victims that the cache does not hold are trained, with a bar."""
        return [self._one(name, sketch=False) for name in self._names]

    def _one(self, name: str, *, sketch: bool) -> Subject:
        from quintain.experiments.robustness import load_subject, reference_subject
        from quintain.experiments.robustness.progress import show_progress
        from quintain.experiments.robustness.subjects import read_policy

        intention = None if self._intention is None else read_policy(self._intention)
        if name in self._files:
            kwargs = {**({"scenario": self._scenario} if self._scenario else {}), **self._kwargs}
            return load_subject(name, self._env, env_kwargs=kwargs, normaliser=self._normaliser, intention=intention)
        with show_progress(0, show=False if sketch else None) as bars:
            return reference_subject(
                name, scenario=self._scenario, env_kwargs=self._kwargs, intention=intention, seeds=self._seeds,
                steps=self._steps, progress=bars.training, sketch=sketch,
            )  # fmt: skip
