"""The command group: imports a command when it is called, and turns exceptions into messages and exit codes."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from quintain.cli.commands import COMMANDS
from quintain.cli.console import fail, say
from quintain.cli.exit_codes import EXIT_INTERRUPTED, EXIT_USER_ERROR
from quintain.cli.folders import without_secrets
from quintain.errors import QuintainError
from quintain.provenance import called_as

__all__ = ["app", "main"]

_HELP = """Evaluate, attack and train agents in Gymnasium and PettingZoo environments.

Examples:
    quintain eval CodeReason-v0 --agent oracle --tasks letters -n 20
    quintain model fetch
    quintain eval CodeReason-v0 --agent code-interpreter --tasks letters -n 20

Help on a command: [cyan]quintain eval --help[/cyan]."""


# Typer's base classes changed from click's to its own copy of them, hence the loose types.
class LazyGroup(TyperGroup):
    """Lists every command of the table, and imports only the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command if it is imported, else a placeholder with its line of help."""
        if cmd_name in self.commands or cmd_name not in COMMANDS:
            return self.commands.get(cmd_name)
        entry = COMMANDS[cmd_name]
        return TyperCommand(cmd_name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is called."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = _load(args[0])
        else:  # for "did you mean"
            self.commands.update({name: self.get_command(ctx, name) for name in COMMANDS})
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Accept ``--debug`` anywhere on the line, and keep the line for messages that say how to resume."""
        if "--debug" in args:
            args = ["--debug", *(a for a in args if a != "--debug")]
        ctx.obj = [a for a in args if a != "--debug"]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and report a user's mistake as one message without a traceback."""
        from gymnasium.error import Error as GymnasiumError

        try:
            with called_as(["quintain", *without_secrets(ctx.obj or ())]):
                return super().invoke(ctx)
        except (QuintainError, GymnasiumError) as error:
            if ctx.params.get("debug") or os.environ.get("QUINTAIN_DEBUG"):
                raise
            fail(str(error))
            raise typer.Exit(EXIT_USER_ERROR) from error
        except KeyboardInterrupt as error:
            say("\ninterrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from error


def _load(name: str) -> Any:
    entry = COMMANDS[name]
    module, _, attribute = entry.target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        command: Any = typer.main.get_group(target)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(name, help=_laid_out(target.__doc__ or ""))(target)
        command = typer.main.get_command(single)
        for parameter in command.params:
            if parameter.name in entry.first:
                parameter.rich_help_panel = None  # the first panel
    command.name = name
    return command


def _laid_out(docstring: str) -> str:
    """Keep the line breaks of the examples, which Typer would join into one paragraph."""
    heading, _, rest = inspect.cleandoc(docstring).partition("Examples:\n")
    if not rest:
        return heading
    examples, _, tail = rest.partition("\n\n")
    lines = "\n".join(line.replace("    ", "  ", 1) for line in examples.splitlines())
    return f"{heading}\b\n[bold]Examples[/bold]\n{lines}\n\n{tail}"


app = typer.Typer(cls=LazyGroup, name="quintain", no_args_is_help=True, rich_markup_mode="rich",
                  pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        from quintain import __version__

        typer.echo(f"quintain {__version__}")
        raise typer.Exit


@app.callback(help=_laid_out(_HELP))
def quintain(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    # Modules that a user names (``mine:task``) lie in the current folder. It comes last, so that it shadows nothing.
    sys.path.append("")
    app(prog_name="quintain")
