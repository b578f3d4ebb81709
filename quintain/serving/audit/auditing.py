"""``audit``: finds what a target is, asks all questions that apply, and writes the results."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import pettingzoo

from quintain.envs.game_checks import Game
from quintain.envs.making import find_spec, unknown_environment
from quintain.errors import ConfigurationError
from quintain.evaluation.html.frame import fill
from quintain.files import write_atomically
from quintain.provenance import versions
from quintain.redaction import redact_settings
from quintain.serving.audit.environments import Target, environment_rows
from quintain.serving.audit.reasoning_gym import family_rows
from quintain.serving.audit.rows import AuditReport

__all__ = ["audit", "write_audit"]

_FAMILY = "reasoning-gym:"


def audit(target: str, env_kwargs: Mapping[str, Any] | None = None) -> AuditReport:
    """Ask an environment whether it keeps its contract; it need not be one of Quintain.

    Faults are what makes results wrong, not reproducible or too high. Notes are what users should know and what may be
    meant. Right actions are asked of ``solution()``, where the environment has it.

    Args:
        target: An id in Gymnasium's or PettingZoo's registry, as ``"module:Id-v0"`` if importing the module registers
            it; the URL of an OpenEnv server; or ``"reasoning-gym:FAMILY"``.
        env_kwargs: Arguments of the environment; plain data.

    Returns:
        One row a question.

    Raises:
        UnknownNameError: If there is no such environment or family.
        ConfigurationError: If the environment cannot be made, or a family is given arguments.
        ServerError: If the server cannot be reached or its schemas cannot be used.

    Example:
        ``print(audit("CartPole-v1"))``
    """
    kwargs = dict(env_kwargs or {})
    arguments, shown = redact_settings(kwargs), redact_settings(target)  # learns their secrets, before any row is made
    began = time.process_time()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if target.startswith(_FAMILY):
            if kwargs:
                raise ConfigurationError("a family of reasoning-gym is audited with its own defaults")
            report = AuditReport(target, "reasoning-gym", list(family_rows(target.removeprefix(_FAMILY))))
        else:
            kind, found = _target(target, kwargs)
            report = AuditReport(shown, kind, list(environment_rows(found)))
    report.cpu_s = time.process_time() - began
    report.facts = {"arguments": arguments} if kwargs else {}
    report.facts |= versions("quintain", "gymnasium", "pettingzoo", "reasoning-gym")
    return report


def _target(target: str, kwargs: dict[str, Any]) -> tuple[str, Target]:
    if target.startswith(("http://", "https://", "ws://", "wss://")):
        return "openenv", Target("OpenEnv-v0", {"url": target, **kwargs}, is_remote=True)
    find_spec(target)  # imports the module of "module:Id-v0"
    name = target.rpartition(":")[2]
    games = {*pettingzoo.parallel_registry, *pettingzoo.aec_registry}
    if name not in gym.registry and name not in games:
        raise unknown_environment(target, {*gym.registry, *games})
    found = Target(target, kwargs)
    if name not in gym.registry:
        kind = "parallel" if name in pettingzoo.parallel_registry else "aec"
        try:
            Game(kind, name, kwargs).make().close()
        except Exception as error:  # a package that is missing, or arguments that do not fit, are no faults
            raise ConfigurationError(f"cannot make {target!r}: {error}") from error
        return "pettingzoo", found
    found.make().close()
    return "gymnasium", found


def write_audit(report: AuditReport, folder: str | Path) -> Path:
    """Write ``audit.json`` and the page ``audit.html``; return the page's path.

    Args:
        report: What the audit found.
        folder: The folder, which is made if need be.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    write_atomically(home / "audit.json", report.to_json() + "\n")
    write_atomically(home / "audit.html", fill("audit.html", package="quintain.serving.audit", report=report))
    return home / "audit.html"
