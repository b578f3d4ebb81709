"""The command line as Markdown, from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

_MARKUP = re.compile(r"\[/?(?:bold|dim|cyan|yellow|red|green|italic)[\w ]*\]")


def render() -> str:
    """Describe every command with its arguments and options, in the order of ``quintain --help``."""
    import typer

    from quintain.cli.app import app
    from quintain.cli.commands import COMMANDS

    group: Any = typer.main.get_command(app)
    context = group.make_context("quintain", [], resilient_parsing=True)
    lines: list[str] = []
    for name in COMMANDS:
        command = group.resolve_command(context, [name])[1]
        lines += [f"## quintain {name}", ""]
        lines += _described(command, f"quintain {name}", context)
        for inner in getattr(command, "commands", {}).values():
            lines += [f"### quintain {name} {inner.name}", ""]
            lines += _described(inner, f"quintain {name} {inner.name}", context)
    return "\n".join(lines)


def _described(command: Any, path: str, parent: Any) -> Iterator[str]:
    """Yield the lines of one command: usage, help, arguments, options by panel."""
    context = type(parent)(command, info_name=path, resilient_parsing=True)
    is_group = hasattr(command, "commands")
    if not is_group:
        pieces = [_usage(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
        yield from ("```text", " ".join([path, "[OPTIONS]", *pieces]), "```", "")
    yield from _help_of(command)
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        argument = parameter.param_type_name == "argument"
        panel = getattr(parameter, "rich_help_panel", None) or ("Arguments" if argument else "Options")
        panels.setdefault(panel, []).append((record[0], record[1]))
    for panel, records in panels.items():
        yield from (f"| {panel} | |", "| --- | --- |")
        yield from (f"| `{shown}` | {_cell(text)} |" for shown, text in records)
        yield ""


def _usage(parameter: Any) -> str:
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _help_of(command: Any) -> Iterator[str]:
    """Yield the text of the help: paragraphs, and the examples as code."""
    text = _MARKUP.sub("", inspect.cleandoc(command.help or "")).replace("\b", "")
    before, _, rest = text.partition("Examples\n")
    yield from (_prose(before), "")
    if rest:
        examples, _, after = rest.partition("\n\n")
        yield from ("```text", inspect.cleandoc(examples), "```", "", _prose(after), "")


def _prose(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").strip()


def _cell(text: str) -> str:
    """Write a description as one cell of a table."""
    text = _MARKUP.sub("", text).replace("\\[", "[")
    return _prose(" ".join(text.split())).replace("|", "\\|")
