"""``quintain potential``."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.agent_options import AgentArguments, AgentOptions, Engine, EngineArguments, Model
from quintain.cli.console import console, print_json, say
from quintain.cli.folders import new_folder
from quintain.cli.options import Concurrency, JsonOutput, Out, Resume, Seed, check_resumed, read_value
from quintain.cli.players import names_of

if TYPE_CHECKING:
    from quintain.training.language.curriculum import ItemPotential

__all__ = ["potential"]

_STYLES = "all-text,all-code,code-interpreter,codesteer"
_OPTION = "--temperatures"
# About the 0.6 of R1-Code-Interpreter's evaluation; that paper varies them without naming the values.
_TEMPERATURES = "0.2,0.4,0.6,0.8,1.0"


def potential(
    env: Annotated[str, typer.Argument(help="Id of an environment that judges success.")] = "CodeReason-v0",
    agents: Annotated[
        str,
        typer.Option(help=f"Agents, joined by commas; by default {_STYLES.replace(',', ', ')}.", show_default=False),
    ] = _STYLES,
    engine: Engine = None,
    model: Model = None,
    agent_arg: AgentArguments = None,
    engine_arg: EngineArguments = None,
    items: Annotated[int, typer.Option("--items", "-n", min=1, help="Number of problems.")] = 50,
    answers: Annotated[int, typer.Option(min=1, help="Answers of each agent to each problem.")] = 5,
    tasks: Annotated[str, typer.Option(help="Task names, joined by commas, or all.")] = "all",
    suite: Annotated[str | None, typer.Option(help="Only this suite's tasks.")] = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "train",
    difficulty: Annotated[str | None, typer.Option(help="Name of a level, or parameters as JSON.")] = None,
    temperatures: Annotated[
        str,
        typer.Option(help="Temperature of each answer in turn, joined by commas; empty for each agent's own."),
    ] = _TEMPERATURES,
    max_tokens: Annotated[int, typer.Option(min=1, help="Maximum number of tokens of a reply.")] = 512,
    seed: Seed = 0,
    concurrency: Concurrency = 16,
    out: Out = None,
    resume: Resume = False,
    as_json: JsonOutput = False,
) -> None:
    """Measure the improvement potential of problems: 4 p (1 - p) over the answers of several agent styles.

    Problems that are sometimes solved teach a policy most; those always or never solved teach it nothing. The items
    are sorted into four groups, and stage s of a curriculum trains on groups 1 to s. A trainer reads potential.jsonl.
    Agents that write no programs answer in environments without code execution.

    Examples:
        quintain potential --tasks letters,game24 -n 20 -o runs/potential
        quintain potential --agents random,oracle --tasks letters -n 10
    """
    from quintain.agents.registry import arguments_of
    from quintain.training.language.curriculum import measure_potential

    check_resumed(out, resume=resume)
    folder = out or new_folder("potential")
    names = names_of(agents)
    env_kwargs = {"tasks": tasks, "split": split} | ({"suite": suite} if suite else {})
    if difficulty is not None:
        env_kwargs["difficulty"] = read_value(difficulty, "--difficulty")
    if any(pair.startswith("temperature=") for pair in agent_arg or ()):
        raise typer.BadParameter(
            f"each answer has a temperature of its own; give them by {_OPTION}", param_hint="--agent-arg"
        )
    described = AgentOptions(engine, model, agent_arg, engine_arg).describe_all(names)
    for name in names:
        if "max_tokens" in arguments_of(name):
            described[name] = {"max_tokens": max_tokens} | described[name]
    rows = measure_potential(
        env, described, items=items, answers=answers, temperatures=_numbers(temperatures),
        seed=seed, env_kwargs=env_kwargs, concurrency=concurrency, out=folder, resume=resume,
        on_run=lambda name, number: say(f"{name}, answer {number + 1} of {answers}", "dim"),
    )  # fmt: skip
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    _print_groups(rows)
    _print_agents(rows, names)
    if len(rows) < items:
        say(f"{items - len(rows)} of {items} items left out: none of their answers could be scored", "yellow")
    say(f"\nitems: {folder / 'potential.jsonl'}", "dim")


def _numbers(text: str) -> list[float]:
    """Read the temperatures."""
    try:
        numbers = [float(word) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers joined by commas, got {text!r}", param_hint=_OPTION) from error
    if not all(0 <= number < math.inf for number in numbers):
        raise typer.BadParameter(f"temperatures must be >= 0 and finite, got {text!r}", param_hint=_OPTION)
    return numbers


def _print_groups(rows: Sequence[ItemPotential]) -> None:
    """Print how many problems fall into each group of potential."""
    from quintain.cli.tables import simple_table
    from quintain.training.language.curriculum import GROUPS

    counts = Counter(row.group for row in rows)
    table = simple_table("", "group", "potential", "problems", "trained on in stages")
    highs = (1.0, *GROUPS)
    for group, low in enumerate(GROUPS, 1):
        table.add_row(str(group), f"{low:.2f} to {highs[group - 1]:.2f}", str(counts[group]), f"{group} to 4")
    console().print(table)


def _print_agents(rows: Sequence[ItemPotential], names: Sequence[str]) -> None:
    """Print the share of right answers of each agent."""
    from quintain.cli.tables import simple_table

    table = simple_table("", "agent", "right", "answers", "share")
    for name in names:
        right, scored = (sum(row.by_agent[name][k] for row in rows) for k in (0, 1))
        table.add_row(name, str(right), str(scored), f"{right / scored:.1%}" if scored else "-")
    console().print()
    console().print(table)
