"""``quintain agents``."""

from __future__ import annotations

from typing import Annotated

import typer

from quintain.cli.console import console, literal, print_json

__all__ = ["agents"]


def agents(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON and nothing else.")] = False,
) -> None:
    """List the agents and the strategies of games by name, and the arguments of each.

    Examples:
        quintain agents
        quintain eval CodeReason-v0 -a code-interpreter --agent-arg temperature=0
    """
    from quintain.agents.games import strategy_arguments, strategy_names
    from quintain.agents.registry import agent_names, arguments_of, needs_engine

    kinds = {
        "Agents": [(name, needs_engine(name), arguments_of(name)) for name in agent_names()],
        "Strategies of games": [(name, False, strategy_arguments(name)) for name in strategy_names()],
    }
    if as_json:
        fields = ("name", "asks_model", "arguments")
        print_json({kind: [dict(zip(fields, row, strict=True)) for row in rows] for kind, rows in kinds.items()})
        return

    from quintain.cli.tables import simple_table

    screen = console()
    for kind, rows in kinds.items():
        table = simple_table(kind, "", "--agent-arg")
        table.columns[1].justify = "left"
        for name, asks, arguments in rows:
            mark = "* " if asks else ""
            table.add_row(literal(mark + name), literal(", ".join(arguments) or "-", "dim"))
        screen.print(table)
        screen.print()
    screen.print(literal("* asks a language model: --engine, --model", "dim"))
    own = "Yours: module:Class or module:name, or the file of a policy (.zip of Stable-Baselines3, .pt, .onnx, .npz)."
    screen.print(literal(own, "dim"))
