"""``quintain doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.console import console, literal, print_json

if TYPE_CHECKING:
    from rich.text import Text

    from quintain.cli.diagnosis import Finding

__all__ = ["doctor"]

_MARKS = {"ok": ("ok ", "green"), "off": ("-  ", "dim"), "bad": ("!  ", "bold red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON and nothing else.")] = False,
) -> None:
    """Show what works on this machine, and what to install or set for the rest.

    Looks at Python and packages, the engines that serve language models, the GPU, the sandbox (every protection is
    tried, not assumed) and headless rendering.
    """
    from quintain.cli.diagnosis import examine

    if as_json:
        print_json({title: [f._asdict() for f in findings] for title, findings in examine()})
        return
    out = console()
    for title, findings in examine():
        out.print(literal(title, "bold"))
        for finding in findings:
            out.print(_line(finding), soft_wrap=True)
            if finding.remedy:
                out.print(literal(f"       {finding.remedy}", "cyan"), soft_wrap=True)
        out.print()


def _line(finding: Finding) -> Text:
    mark, style = _MARKS[finding.state]
    return (
        literal(f"  {mark}", style)
        + literal(f"{finding.what}: ", "bold" if style != "dim" else "")
        + literal(finding.found, "" if finding.state == "ok" else "dim" if finding.state == "off" else "red")
    )
