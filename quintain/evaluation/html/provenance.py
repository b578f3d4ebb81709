"""The head of a run's page: environment, agent and facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quintain.evaluation.manifest import agent_title, env_title
from quintain.evaluation.report import Report

__all__ = ["Provenance", "provenance"]


@dataclass(frozen=True)
class Provenance:
    """Contents of the head of the page.

    Attributes:
        env: Id of the environment.
        agent: Name of the agent; in games, the names of all seats' agents.
        facts: Label and value of further facts, such as model, seed and version.
        protections: Names of the sandbox's protections.
        details: The other parts of the manifest: heading and JSON text.
        oracle: Whether the agent was given the environment's right answers.
    """

    env: str
    agent: str
    facts: dict[str, str] = field(default_factory=dict)
    protections: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict)
    oracle: bool = False


def provenance(report: Report) -> Provenance:
    """Collect the facts from a report's manifest; missing parts are left out."""
    manifest = report.manifest
    config, facts = _mapping(manifest.get("config")), _mapping(manifest.get("facts"))
    env, source = config.get("env", ""), _mapping(config.get("agent"))
    engine = _mapping(_mapping(facts.get("agent")).get("engine"))
    sandbox = _mapping(_mapping(facts.get("env")).get("sandbox"))
    versions, platform = _mapping(manifest.get("versions")), _mapping(manifest.get("platform"))
    level = sandbox.get("level")
    shown = {
        "model": engine.get("title") or engine.get("model"),
        "engine": engine.get("engine") or source.get("engine"),
        "seed": config.get("seed"),
        "sandbox": f"level {level} ({sandbox.get('backend')})" if level else None,
        "observations": {"none": "not recorded", "npz": "in observations/*.npz"}.get(manifest.get("observations", "")),
        "quintain": versions.get("quintain"),
        "python": platform.get("python"),
        "started": str(manifest.get("created", "")).replace("T", " ").replace("+00:00", " UTC"),
    }
    details = {
        "Environment": config.get("env_kwargs") or (env if isinstance(env, Mapping) else None),
        "Agent": facts.get("agent") or config.get("agent"),
        "Sandbox": sandbox,
        "Versions": versions,
        "Platform": platform,
    }
    return Provenance(
        env=env_title(env),
        agent=agent_title(source),
        facts={label: str(value) for label, value in shown.items() if value not in (None, "")},
        protections=tuple(map(str, sandbox.get("protections") or ())),
        details={k: json.dumps(v, indent=2, ensure_ascii=False) for k, v in details.items() if v},
        oracle=any(_mapping(each).get("uses_solution") is True for each in (source, facts.get("agent"))),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
