"""The section "Reproduce this run" of every page: command, versions, seed, date and machine, as one block to copy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quintain.evaluation.job import DEFAULT_MAX_STEPS
from quintain.evaluation.manifest import run_title

__all__ = ["Reproduction", "reproduce"]

#: Arguments of environments for which ``quintain eval`` has options.
_OPTIONS = ("tasks", "suite", "split", "difficulty")
#: Functions that make runs of a kind, for runs that no command made.
_FUNCTIONS = {"": "quintain.evaluate", "play": "quintain.play"}


@dataclass(frozen=True)
class Reproduction:
    """How a run can be repeated.

    Attributes:
        command: The command that made the run, or one that repeats it; empty if none can.
        block: Text to copy: command, and as comments what else the results depend on.
    """

    command: str
    block: str


def reproduce(manifest: Mapping[str, Any], episodes: int) -> Reproduction:
    """Say how a run can be repeated, from its manifest; missing parts are left out.

    Args:
        manifest: The run's manifest, the content of its ``run.json``.
        episodes: Number of episodes of the run.
    """
    config, platform = _mapping(manifest.get("config")), _mapping(manifest.get("platform"))
    command = str(manifest.get("command") or _mapping(manifest.get("facts")).get("command") or "")
    if not command and not manifest.get("kind"):
        command = _command(config, episodes)
    created = str(manifest.get("created", "")).replace("T", " ").replace("+00:00", " UTC")
    machine = ", ".join(str(platform[key]) for key in ("system", "machine") if platform.get(key))
    versions = ", ".join(f"{name} {version}" for name, version in _mapping(manifest.get("versions")).items())
    facts = {
        "run": run_title(manifest) if config else "",
        "date": created,
        "seed": _seed(config),
        "python": platform.get("python"),
        "packages": versions,
        "machine": machine,
    }
    lines = [f"# {label}: {value}" for label, value in facts.items() if value not in (None, "")]
    lines += [command] if command else _from_python(manifest, config, episodes)
    return Reproduction(command, "\n".join(lines))


def _seed(config: Mapping[str, Any]) -> str:
    seeds = config.get("seeds", config.get("seed", ""))
    return ", ".join(map(str, seeds)) if isinstance(seeds, list) else str(seeds)


def _from_python(manifest: Mapping[str, Any], config: Mapping[str, Any], episodes: int) -> list[str]:
    """Describe a run that a program made: its call, with descriptions in place of objects."""
    if not config:
        return []
    kind = str(manifest.get("kind", ""))
    function = _FUNCTIONS.get(kind, f"a program's run of kind {kind!r}")
    arguments = {name: value for name, value in config.items() if name not in ("env", "agent")}
    if function.startswith("quintain"):
        arguments["episodes"] = episodes // int(config.get("repeats", 1))
    shown = {"env": config.get("env"), "agent": config.get("agent"), **arguments}
    return [f"# made from Python by {function} with", *(f"#   {k} = {_short(v)}" for k, v in shown.items())]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:297]}..."


def _command(config: Mapping[str, Any], episodes: int) -> str:
    """Return the command that repeats a run of :func:`quintain.evaluate`; empty if none can."""
    source, env = _mapping(config.get("agent")), config.get("env")
    if not isinstance(env, str) or "<" in env or not isinstance(source.get("name"), str):
        return ""
    words = ["quintain", "eval", env, "--agent", source["name"]]
    engine = source.get("engine")
    if isinstance(engine, str):
        words += ["--engine", engine]
    elif isinstance(engine, Mapping) and isinstance(engine.get("name"), str):
        words += ["--engine", engine["name"]]
        words += [w for key in engine if key != "name" for w in ("--engine-arg", f"{key}={json.dumps(engine[key])}")]
    for key, value in _mapping(config.get("env_kwargs")).items():
        if key in _OPTIONS and isinstance(value, str):
            words += [f"--{key}", value]
        elif (key, value) == ("code", False):
            words += ["--no-code"]
        else:
            words += ["--env-arg", f"{key}={json.dumps(value)}"]
    for key in sorted(source.keys() - {"name", "engine"}):
        words += ["--agent-arg", f"{key}={json.dumps(source[key])}"]
    repeats = int(config.get("repeats", 1))
    words += ["--episodes", str(episodes // repeats)] + (["--repeats", str(repeats)] if repeats > 1 else [])
    for key, value in _mapping(config.get("reset_options")).items():
        words += ["--reset-option", f"{key}={json.dumps(value)}"]
    return shlex.join([*words, "--seed", str(config.get("seed", 0)), *_settings(config)])


def _settings(config: Mapping[str, Any]) -> list[str]:
    """Return the options of settings that differ from today's defaults."""
    words = []
    if "max_steps" in config and config["max_steps"] != DEFAULT_MAX_STEPS:
        words += ["--max-steps", str(config["max_steps"] or 0)]
    return words if "seed_bits" in config else [*words, "--seed-bits", "53"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
