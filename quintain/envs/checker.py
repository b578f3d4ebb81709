"""``quintain.check``: test an environment, ours or anybody's, against Gymnasium's, PettingZoo's and our contracts."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium as gym

from quintain.envs.checks import GYMNASIUM_CHECKS, NotApplicable, Subject, pettingzoo_checks
from quintain.envs.conventions import ConventionAbsent
from quintain.envs.transcripts import Policy, default_policy
from quintain.errors import EnvironmentFault, UnknownNameError

__all__ = ["CheckReport", "check"]


@dataclass
class CheckReport:
    """The result of :func:`check`.

    Attributes:
        env_id: Id of the environment.
        passed: Names of the checks that passed.
        failed: Names of the checks that failed, with the error.
        skipped: Names of the checks that do not apply, with the reason.
        notes: Names of optional conventions that the environment does not follow, with the reason. Notes are no faults.
        warnings: Warnings of the checkers of Gymnasium and PettingZoo.
    """

    env_id: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def __str__(self) -> str:
        lines = [
            f"{self.env_id}: {len(self.passed)} passed, {len(self.failed)} failed, {len(self.notes)} noted, "
            f"{len(self.skipped)} skipped"
        ]
        lines += [f"  pass  {name}" for name in self.passed]
        lines += [f"  FAIL  {name}: {why}" for name, why in self.failed.items()]
        lines += [f"  note  {name}: {why}" for name, why in self.notes.items()]
        lines += [f"  skip  {name}: {why}" for name, why in self.skipped.items()]
        lines += [f"  warn  {text}" for text in self.warnings]
        return "\n".join([*lines, *(f"  {line}" for line in self.legend)])

    @property
    def legend(self) -> list[str]:
        """Explain failures and notes, one sentence each; empty if there are none."""
        lines = []
        if self.failed:
            lines.append(
                "Checks whose names begin with gymnasium or pettingzoo are those libraries' own; "
                "the others are Quintain's: results are reproducible and comparable only if they pass."
            )
        if self.notes:
            lines.append("Notes are no faults: the environment runs, and its records have fewer fields.")
        return lines


def check(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    policy: Policy | None = None,
    skip: Sequence[str] = (),
    strict: bool | None = None,
    raise_on_failure: bool = True,
) -> CheckReport:
    """Check an environment against Gymnasium's, PettingZoo's and our own contracts.

    Our contract: same seed, same episode; different seeds differ, unless ``metadata["deterministic"]`` declares that
    nothing is random, and then they must not; single, lock-step and completion-order vectors agree; instances do not
    influence each other or the global generators; the spec, wrappers included, rebuilds the environment from JSON.

    Our optional conventions: malformed actions are outcomes; rewards are the sum of their named terms; ``success`` is a
    bool; a text environment has a vector environment that is safe for text. An environment that does not follow one
    gets a note; one that follows it only sometimes fails.

    Args:
        env_id: An id in Gymnasium's or PettingZoo's registry (or both: both are checked).
        env_kwargs: Arguments for the environment; plain JSON-able data.
        policy: Chooses actions, ``policy(env, rng)``; by default random ones and, where the environment has a
            ``solution``, right ones.
        skip: Names of checks to skip.
        strict: Whether a convention that is not followed counts as a failure; by default only in Quintain's own
            environments.
        raise_on_failure: Whether to raise if a check fails.

    Returns:
        The checks that passed, failed, were skipped or noted.

    Raises:
        UnknownNameError: If the id is in neither registry.
        EnvironmentFault: If a check fails; the message lists all failures.
    """
    report = CheckReport(env_id)
    name = env_id.partition(":")[2] or env_id
    checks = _checks(env_id, name, dict(env_kwargs or {}), policy or default_policy)
    if strict is None:
        strict = name in gym.registry and str(gym.registry[name].entry_point).startswith("quintain.")
    for title, run in checks.items():
        if title in skip:
            report.skipped[title] = "skipped on request"
        else:
            _run(title, run, report, strict)
    if report.failed and raise_on_failure:
        raise EnvironmentFault(str(report))
    return report


def _checks(env_id: str, name: str, kwargs: dict[str, Any], policy: Policy) -> dict[str, Callable[[], None]]:
    """Collect the checks of every registry that has the environment."""
    import pettingzoo

    checks: dict[str, Callable[[], None]] = {}
    if name in gym.registry:
        subject = Subject(env_id, kwargs, policy)
        checks |= {title: partial(run, subject) for title, run in GYMNASIUM_CHECKS.items()}
    for kind, registry in (("parallel", pettingzoo.parallel_registry), ("aec", pettingzoo.aec_registry)):
        if name in registry:
            checks |= pettingzoo_checks(kind, name, kwargs)
    if not checks:
        known = {*gym.registry, *pettingzoo.parallel_registry, *pettingzoo.aec_registry}
        raise UnknownNameError("environment", env_id, known)
    return checks


def _run(title: str, run: Callable[[], None], report: CheckReport, strict: bool) -> None:
    """Run one check and enter its result into the report."""
    try:
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("always")
            run()
    except NotApplicable as reason:
        report.skipped[title] = str(reason)
    except ConventionAbsent as absent:
        (report.failed if strict else report.notes)[title] = str(absent)
    except Exception as error:
        report.failed[title] = f"{type(error).__name__}: {error}"
    else:
        report.passed.append(title)
    messages = [f"{title}: {w.message}" for w in caught if issubclass(w.category, UserWarning)]
    report.warnings += dict.fromkeys(messages)
