"""The part of ``quintain robustness`` that attacks language agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from quintain.cli import robustness_options as options
from quintain.cli.agent_options import AgentOptions
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.folders import new_folder, resumable
from quintain.cli.options import pairs

if TYPE_CHECKING:
    from quintain.experiments.malfunction import MalfunctionTable

__all__ = ["LANGUAGE_OPTIONS", "check_options", "is_given", "is_language", "run_language"]

#: Parameters of the command that only language agents have.
LANGUAGE_OPTIONS = (
    "surface", "guard", "ratio", "attack_arg", "guard_arg", "guard_engine", "engine", "model", "engine_arg",
    "concurrency",
)  # fmt: skip
#: Parameters that only policies have.
_POLICY_OPTIONS = (
    "epsilon", "space", "norm", "attack_steps", "train_at", "no_random", "no_reach", "scenario", "normaliser",
    "intention", "policy_steps", "policy_per_seed", "videos",
)  # fmt: skip


def is_given(ctx: Any, name: str) -> bool:
    """Return whether a parameter was given on the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def check_options(given: Mapping[str, Any], others: Sequence[str], who: str) -> None:
    """Check that no option was given that others have.

    Args:
        given: The parameters that were given on the command line.
        others: Names of parameters that may not be among them.
        who: Whose parameters these are, for the message.

    Raises:
        typer.BadParameter: If there is one.
    """
    for name in others:
        if name in given:
            raise typer.BadParameter(f"this is an option of {who}", param_hint=f"--{name.replace('_', '-')}")


def is_language(names: Sequence[str]) -> bool:
    """Return whether names are those of language agents, registered or as ``module:name``.

    Raises:
        typer.BadParameter: If some are and others are not.
    """
    from quintain.agents.registry import AGENTS

    found = {name in AGENTS or ":" in name for name in names}
    if len(found) > 1:
        raise typer.BadParameter("policies and language agents are attacked in different ways: one run for each")
    return True in found


def run_language(
    names: Sequence[str],
    given: Mapping[str, Any],
    folder: Path | None,
    command: Sequence[str],
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Attack language agents, and print the results, or after Ctrl-C the command that continues the run.

    Args:
        names: Names of the agents.
        given: The parameters that were given on the command line, by name.
        folder: Run folder; ``None`` for a new one.
        command: The words of the command.
        resume: Whether to continue the run in the folder.
        as_json: Whether to print the results as JSON and nothing else.

    Raises:
        typer.BadParameter: If an option is one of policies, or a value is malformed.
        ConfigurationError: If the parts do not fit together.
    """
    check_options(given, _POLICY_OPTIONS, "policies")
    from quintain.agents.registry import as_agent
    from quintain.experiments.malfunction import MalfunctionExperiment, run_malfunction

    plan = {key: given[key] for key in ("env", "episodes", "confidence", "concurrency") if key in given}
    plan |= {
        "attacks": options.words(given.get("attack") or ["loop"]),
        "surfaces": options.words([given.get("surface", "user")]),
        "guards": options.words(given.get("guard") or []),
        "ratios": options.numbers(given["ratio"], float, "--ratio") if "ratio" in given else (None,),
        "seeds": options.numbers(given.get("seeds", "0"), int, "--seeds"),
        "env_kwargs": pairs(given.get("env_arg"), "--env-arg"),
        "attack_options": pairs(given.get("attack_arg"), "--attack-arg"),
        "guard_options": pairs(given.get("guard_arg"), "--guard-arg"),
        "guard_engine": given.get("guard_engine"),
    }
    model = AgentOptions(*(given.get(name) for name in ("engine", "model", "agent_arg", "engine_arg")))
    described = model.describe_all(options.words(names))
    experiment = MalfunctionExperiment({name: as_agent(each) for name, each in described.items()}, **plan)
    experiment.check()
    folder = folder or new_folder("robustness")
    say(f"run folder: {folder}", "dim")
    where = {key: given[key] for key in ("executor", "workers") if key in given}
    with resumable(command, folder):
        table = run_malfunction(experiment, out=folder, resume=resume, **where)
    if as_json:
        print_json({"run": str(folder), **table.to_dict()})
    else:
        _print_table(table)
        for name in ("leaderboard.md", "leaderboard.csv", "breakdown.csv", "report.html"):
            if (folder / name).exists():
                console().print(str(folder / name), soft_wrap=True, markup=False)


def _print_table(table: MalfunctionTable) -> None:
    """Print the leaderboard, agent by agent and guard by guard."""
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.experiments.malfunction.condition import UNGUARDED

    for agent in table.agents:
        for guard in table.guards(agent):
            heads = ["failure", "net of clean", "interval", "loops", "irrelevant", "stopped", "calls"]
            title = agent if guard == UNGUARDED else f"{agent} behind {guard}"
            if guard != UNGUARDED:
                heads.insert(3, "effect of the guard")
            shown = simple_table(title, "", *heads)
            for row in table.leaderboard():
                if (row.condition.agent, row.condition.guard) != (agent, guard):
                    continue
                one, net = row.rates, row.rates.net
                cells = [
                    number(one.failure.estimate, "rate"), "-" if net is None else number(net.estimate, "rate"),
                    "-" if net is None else bounds(net, "rate"),
                    *(number(each.estimate, "rate") for each in (one.loops, one.irrelevant, one.detected)),
                    "-" if isnan(one.amplification) else f"x {one.amplification:.2f}",
                ]  # fmt: skip
                if guard != UNGUARDED:
                    cells.insert(3, "-" if row.guard_effect is None else number(row.guard_effect.estimate, "rate"))
                shown.add_row(literal(row.condition.label), *cells)
            console().print(shown)
            console().print()
    if table.errors:
        say(f"{table.errors} episodes ended in an error and are left out", "yellow")
