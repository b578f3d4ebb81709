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

from quintain.envs.checks import GYMNASIUM_CHECKS, NotApplicable, Subject
from quintain.envs.conventions import ConventionAbsent
from quintain.envs.game_checks import Game, game_checks
from quintain.envs.making import EnvLike, as_factory, env_name, find_spec, make_env, unknown_environment
from quintain.envs.transcripts import Policy, default_policy
from quintain.errors import EnvironmentFault

__all__ = ["CheckReport", "check"]


@dataclass
class CheckReport:
    """The result of :func:`check`.

    Attributes:
        env_id: Id of the environment, or the name of its class or function.
        passed: Names of the checks that passed.
        failed: Names of the checks that failed, with the error.
        skipped: Names of the checks that do not apply, with the reason.
        notes: Names of optional conventions that the environment does not follow, with the reason.
            Notes are not failures.
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
            lines.append("Notes are not failures: the environment works, but reports will contain less.")
        return lines


def check(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    policy: Policy | None = None,
    skip: Sequence[str] = (),
    strict: bool | None = None,
    raise_on_failure: bool = True,
) -> CheckReport:
    """Check an environment against Gymnasium's, PettingZoo's and our own contracts.

    Our contract, in PettingZoo's games too: every step of several episodes gives members of the spaces, finite rewards,
    flags that are bools, and new objects; same seed, same episode, whatever was played before; resets without a seed go
    on drawing; seeds as large as ours are taken; instances do not influence each other or the global generators of
    ``random``, numpy and torch; single, lock-step and completion-order vectors agree; the spec, wrappers included,
    rebuilds the environment from JSON; a restored state goes on as the original did. Every action that is played is in
    the action space and allowed by the mask.

    Our optional conventions: malformed actions are outcomes; rewards are the sum of their named terms; ``success`` is a
    bool; a text environment has a vector environment that is safe for text; an environment in which nothing is random
    says so with ``metadata["deterministic"]``; episodes end or are truncated; the entry point is ``"module:name"``. An
    environment that does not follow one gets a note; one that follows it only sometimes fails.

    Args:
        env: An id in Gymnasium's or PettingZoo's registry (or both: both are checked), as ``"module:Id-v0"`` if
            importing the module registers it; a Gymnasium spec; a class; a function without arguments that makes an
            environment; or an environment. Of an environment the ones that are played are made from its spec, wrappers
            included, or are deep copies; it is itself neither stepped nor closed.
        env_kwargs: Arguments for an environment that is given by id, spec or class; plain JSON-able data. The checks of
            a registry whose entry of the id does not take them, while another one does, are skipped.
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
        ConfigurationError: If nothing can be made of ``env``, or its module cannot be imported.
        EnvironmentFault: If a check fails; the message lists all failures.
    """
    report = CheckReport(env_name(env))
    kwargs, policy = dict(env_kwargs or {}), policy or default_policy
    find_spec(env)  # imports the module of "module:Id-v0"
    if isinstance(env, str):
        name = env.rpartition(":")[2]
        checks = _checks(env, name, kwargs, policy, report)
    else:
        checks = _gymnasium_checks(Subject(_factory(env, kwargs), policy))
    if strict is None:
        strict = isinstance(env, str) and _is_ours(name)
    for title, run in checks.items():
        if title in skip:
            report.skipped[title] = "skipped on request"
        else:
            _run(title, run, report, strict)
    if report.failed and raise_on_failure:
        raise EnvironmentFault(str(report))
    return report


def _checks(
    env_id: str, name: str, kwargs: dict[str, Any], policy: Policy, report: CheckReport
) -> dict[str, Callable[[], None]]:
    """Collect the checks of every registry that has the environment, and enter those that cannot be made as skipped."""
    import pettingzoo

    makers: list[tuple[Callable[[dict[str, Any]], Any], dict[str, Callable[[], None]]]] = []
    if name in gym.registry:
        subject = Subject(as_factory(env_id, kwargs), policy, env_id, kwargs)
        makers.append((partial(make_env, env_id), _gymnasium_checks(subject)))
    for kind, registry in (("parallel", pettingzoo.parallel_registry), ("aec", pettingzoo.aec_registry)):
        if name in registry:
            makers.append((partial(_make_game, kind, name), game_checks(kind, name, kwargs)))
    if not makers:
        known = {*gym.registry, *pettingzoo.parallel_registry, *pettingzoo.aec_registry}
        raise unknown_environment(env_id, known)
    if len(makers) == 1 or not kwargs:
        return {title: run for _, checks in makers for title, run in checks.items()}
    # An id may be in both registries with different arguments: Quintain's games have an opponent in Gymnasium alone.
    errors = [_error_of(make, kwargs) for make, _ in makers]
    chosen: dict[str, Callable[[], None]] = {}
    for (make, checks), error in zip(makers, errors, strict=True):
        if error and not all(errors) and not _error_of(make, {}):
            report.skipped |= dict.fromkeys(
                checks, f"the arguments are for another registry's entry of this id: {error}"
            )
        else:
            chosen |= checks
    return chosen


def _gymnasium_checks(subject: Subject) -> dict[str, Callable[[], None]]:
    return {title: partial(run, subject) for title, run in GYMNASIUM_CHECKS.items()}


def _factory(env: EnvLike, kwargs: dict[str, Any]) -> Callable[[], gym.Env[Any, Any]]:
    """Return the function that makes an environment, once it has been tried: a failure is none of a check."""
    make = as_factory(env, kwargs)
    make().close()
    return make


def _is_ours(name: str) -> bool:
    return name in gym.registry and str(gym.registry[name].entry_point).startswith("quintain.envs.")


def _make_game(kind: str, name: str, kwargs: dict[str, Any]) -> Any:
    return Game(kind, name, kwargs).make()


def _error_of(make: Callable[[dict[str, Any]], Any], kwargs: dict[str, Any]) -> str:
    """Return the error of making an environment, or ``""``."""
    try:
        make(kwargs).close()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


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
