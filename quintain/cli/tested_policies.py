"""Policies named on the command line of ``quintain robustness``: reference policies and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintain.arguments import nearest
from quintain.errors import ConfigurationError

if TYPE_CHECKING:
    from quintain.experiments.robustness import PolicyUnderTest

__all__ = ["TestedPolicies"]

_ARGUMENTS = ("algorithm", "normaliser")


@dataclass(frozen=True, slots=True)
class TestedPolicies:
    """Names and options of the policies to be tested.

    Attributes:
        names: Names of reference policies, and paths of policies.
        env: Id of the environment of the policies that are files.
        scenario: Scenario of Tabletop tasks.
        env_kwargs: Further arguments of the environments.
        normaliser: ``VecNormalize`` statistics of a Stable-Baselines3 file.
        intention: File of a policy whose actions the attacker wants to cause.
        steps: Training steps of reference policies; ``None`` takes the recipes'.
        seeds: Seeds for each of which reference policies are trained; empty uses one policy in all repetitions.
        arguments: Arguments of the policies that are files: ``"algorithm"`` and ``"normaliser"``, as ``quintain eval``
            takes them. Default: none.

    Raises:
        ConfigurationError: If a file has no environment, an option applies to none of the policies, or an argument
            does not exist.
    """

    names: Sequence[str]
    env: str | None
    scenario: str | None
    env_kwargs: Mapping[str, Any]
    normaliser: Path | None
    intention: Path | None
    steps: int | None
    seeds: tuple[int, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = [name for name in self.names if _is_file(name)]
        if files and self.env is None:
            raise ConfigurationError(f"say which environment {files[0]!r} was trained on: --env ID")
        if not files and (self.env is not None or self.normaliser is not None or self.arguments):
            raise ConfigurationError(
                "--env, --agent-arg and --normaliser are for policies that are files; reference policies have their own"
            )
        for name in self.arguments:
            if name not in _ARGUMENTS:
                known = ", ".join(_ARGUMENTS)
                raise ConfigurationError(
                    f"a policy has no argument {name!r}{nearest(name, _ARGUMENTS)}; known: {known}"
                )
        if self.normaliser is not None and "normaliser" in self.arguments:
            raise ConfigurationError("--normaliser and --agent-arg normaliser=... are the same; give one of them")

    def sketches(self) -> list[PolicyUnderTest]:
        """Return the policies without training any, to check which attacks are applicable."""
        return [self._one(name, sketch=True) for name in self.names]

    def load(self) -> list[PolicyUnderTest]:
        """Return the policies; reference policies that the cache does not hold are trained, with a progress bar."""
        return [self._one(name, sketch=False) for name in self.names]

    def _one(self, name: str, *, sketch: bool) -> PolicyUnderTest:
        from quintain.evaluation.progress import progress_bar
        from quintain.experiments.robustness import load_policy_under_test, reference_policy_under_test
        from quintain.experiments.robustness.policy_under_test import read_policy

        intention = None if self.intention is None else read_policy(self.intention)
        if _is_file(name):
            kwargs = {**({"scenario": self.scenario} if self.scenario else {}), **self.env_kwargs}
            given = {"normaliser": self.normaliser, **self.arguments}
            return load_policy_under_test(name, self.env or "", env_kwargs=kwargs, intention=intention, **given)
        with progress_bar(0, show=False if sketch else None) as bar:
            return reference_policy_under_test(
                name, scenario=self.scenario, env_kwargs=self.env_kwargs, intention=intention, seeds=self.seeds,
                steps=self.steps, progress=bar.subtask, sketch=sketch,
            )  # fmt: skip


def _is_file(name: str) -> bool:
    return name.endswith((".npz", ".zip"))
