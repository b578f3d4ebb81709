"""``quintain potential``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quintain.cli.console import console, print_json, say
from quintain.cli.folders import new_folder
from quintain.cli.options import check_resumed, json_or_word
from quintain.cli.players import names_of

__all__ = ["potential"]

_STYLES = "all-text,all-code,code-interpreter,codesteer"


def potential(
    env: Annotated[str, typer.Argument(help="Id of an environment that judges success.")] = "CodeReason-v0",
    agents: Annotated[
        str,
        typer.Option(help=f"Agents, joined by commas; by default {_STYLES.replace(',', ', ')}.", show_default=False),
    ] = _STYLES,
    engine: Annotated[str, typer.Option(help="Language model of the agents.")] = "transformers",
    items: Annotated[int, typer.Option("--items", "-n", min=1, help="Number of problems.")] = 50,
    answers: Annotated[int, typer.Option(min=1, help="Answers of each agent to each problem.")] = 5,
    tasks: Annotated[str, typer.Option(help="Task names, joined by commas, or all.")] = "all",
    suite: Annotated[str | None, typer.Option(help="Only this suite's tasks.")] = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "train",
    difficulty: Annotated[str | None, typer.Option(help="Name of a level, or parameters as JSON.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest reply, in tokens.")] = 512,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes that are live at once.")] = 16,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the runs and potential.jsonl. Default: a new one in runs/."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the items as JSON and nothing else.")] = False,
) -> None:
    """Measure the improvement potential of problems: 4 p (1 - p) over the answers of several agent styles.

    Problems that are sometimes solved teach a policy most; those always or never solved teach it nothing. The items
    are sorted into four groups, and stage s of a curriculum trains on groups 1 to s. A trainer reads potential.jsonl.

    Examples:
        quintain potential --tasks letters,game24 -n 20 -o runs/potential
        quintain potential --agents random,oracle --tasks letters -n 10
    """
    from collections import Counter

    from quintain.agents.registry import make_agent, needs_engine
    from quintain.cli.tables import simple_table
    from quintain.engines import make_engine
    from quintain.training.language.curriculum import GROUPS, measure_potential

    check_resumed(out, resume=resume)
    folder = out or new_folder("potential")
    names = names_of(agents)
    shared = make_engine(engine) if any(map(needs_engine, names)) else None
    made = {
        name: make_agent(name, engine=shared, max_tokens=max_tokens) if needs_engine(name) else make_agent(name)
        for name in names
    }
    env_kwargs = {"tasks": tasks, "split": split} | ({"suite": suite} if suite else {})
    if difficulty is not None:
        env_kwargs["difficulty"] = json_or_word(difficulty, "--difficulty")
    table = measure_potential(
        env, made, items=items, answers=answers, seed=seed, env_kwargs=env_kwargs, concurrency=concurrency, out=folder,
        resume=resume, on_run=lambda name, number: say(f"{name}, answer {number + 1} of {answers}", "dim"),
    )  # fmt: skip
    if as_json:
        import dataclasses

        print_json([dataclasses.asdict(item) for item in table])
        return
    counts = Counter(item.group for item in table)
    view = simple_table("", "group", "potential", "problems", "trained on in stages")
    highs = (1.0, *GROUPS)
    for group, low in enumerate(GROUPS, 1):
        view.add_row(str(group), f"{low:.2f} to {highs[group - 1]:.2f}", str(counts[group]), f"{group} to 4")
    screen = console()
    screen.print(view)
    styles = simple_table("", "agent", "right", "answers", "share")
    for name in names:
        right, scored = (sum(item.by_agent[name][k] for item in table) for k in (0, 1))
        styles.add_row(name, str(right), str(scored), f"{right / scored:.1%}" if scored else "-")
    screen.print()
    screen.print(styles)
    if len(table) < items:
        say(f"left out, for want of an answer that could be scored: {items - len(table)} of {items} items", "yellow")
    say(f"\nitems: {folder / 'potential.jsonl'}", "dim")
