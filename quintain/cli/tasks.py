"""``quintain tasks``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import read_value

if TYPE_CHECKING:
    from quintain.envs.text.task import Task

__all__ = ["tasks"]


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show this task: a sample, its answer, its parameters.")] = None,
    suite: Annotated[str | None, typer.Option(help="Only this suite's tasks.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which sample.")] = 0,
    difficulty: Annotated[str, typer.Option(help="Name of a level, or parameters as JSON.")] = "medium",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON and nothing else.")] = False,
) -> None:
    """List the reasoning tasks of CodeReason-v0, or show one of them.

    Examples:
        quintain tasks
        quintain tasks letters --seed 3 --difficulty hard
    """
    from quintain.envs.code_reason.registry import load_task, loader_only, suite_of, task_names

    if name is not None:
        _show(load_task(name, read_value(difficulty, "--difficulty")), suite_of(name), seed, as_json)
        return
    names = task_names(suite)
    if as_json:
        print_json([{"name": task, "suite": suite_of(task)} for task in names])
        return

    from quintain.cli.tables import simple_table

    table = simple_table(f"{len(names)} tasks", "task", "suite")
    table.columns[1].justify = "left"
    for task in names:
        table.add_row(literal(task), literal(suite_of(task)))
    console().print(table)
    if rest := loader_only(suite):
        said = f"\n{len(rest)} more families were written by people and need items that you bring: {', '.join(rest)}."
        console().print(literal(said, "dim"))
    console().print("\nquintain tasks NAME shows a sample.", style="dim")


def _show(task: Task[Any], suite: str, seed: int, as_json: bool) -> None:
    from quintain.envs.text.task import sample_problem

    problem = sample_problem(task, "test", seed)
    parameters = {f.name: getattr(task, f.name) for f in dataclasses.fields(task)}
    levels = {"medium": {}, **task.LEVELS}
    if as_json:
        print_json(
            {"name": task.name, "suite": suite, "prompt": problem.prompt, "answer": problem.answer,
             "parameters": parameters, "levels": {k: dict(v) for k, v in levels.items()}}
        )  # fmt: skip
        return

    from quintain.cli.tables import simple_table

    out = console()
    out.print(literal(f"{task.name}  ({suite})", "bold"))
    out.print(literal((type(task).__doc__ or "").strip().partition("\n")[0], "dim"))
    out.print()
    out.print(literal(problem.prompt), soft_wrap=True)
    out.print()
    out.print(literal("answer: ", "dim") + literal(problem.answer), soft_wrap=True)
    out.print()
    table = simple_table("Parameters", "", "here", *levels)
    for key, value in parameters.items():
        defaults = {f.name: f.default for f in dataclasses.fields(task)}
        row = [str(level.get(key, defaults[key])) for level in levels.values()]
        table.add_row(literal(key), literal(value, "bold"), *map(literal, row))
    out.print(table)
    out.print(
        "\nUse: --difficulty LEVEL, or --difficulty '{\"name\": value}' with a single task.", style="dim", markup=False
    )
