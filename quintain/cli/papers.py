"""``quintain papers``: the papers that Quintain reproduces, what was found again, and the programs that repeat it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

import quintain
from quintain.cli.console import console, literal, print_json
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["VERDICTS", "Paper", "app", "load_papers", "markdown_table", "papers_folder"]

#: Outcomes of a reproduction at small scale, from best to none.
VERDICTS = ("found again", "found in part", "not found", "not tried")


@dataclass(frozen=True)
class Paper:
    """One paper of the index.

    Attributes:
        key: Name of the folder below ``papers/``, whose ``run.py`` is the program and whose ``published.json`` holds
            the published values, and of the page below ``docs/papers/``. A paper that is not tried has neither
            ``run.py`` nor a page.
        title: Title of the paper.
        authors: Authors and year, as in a citation.
        arxiv: arXiv identifier, without the version.
        rooms: Parts of the package that the method belongs to, below ``quintain/``; planned ones included.
        verdict: Outcome of the reproduction, one of :data:`VERDICTS`.
        finding: One or two sentences on the verdict; empty if nothing was tried.
    """

    key: str
    title: str
    authors: str
    arxiv: str
    rooms: tuple[str, ...]
    verdict: str
    finding: str

    @property
    def command(self) -> str:
        """Command that repeats the reproduction; empty if nothing was tried."""
        return "" if self.verdict == "not tried" else f"quintain papers run {self.key}"

    @property
    def page(self) -> str:
        """Page with the results, as a path in the source tree; empty if nothing was tried."""
        return "" if self.verdict == "not tried" else f"docs/papers/{self.key}.md"


def load_papers() -> list[Paper]:
    """Return the index, in the order of the keys."""
    entries = json.loads((files("quintain") / "papers.json").read_text(encoding="utf-8"))
    return [Paper(**(entry | {"rooms": tuple(entry["rooms"])})) for entry in entries]


def papers_folder() -> Path | None:
    """Return the folder ``papers/`` of the source tree, or ``None`` if only the package is installed.

    The tree around the package is searched first, then the current folder.
    """
    for root in (Path(quintain.__file__).parents[1], Path.cwd()):
        if (root / "papers" / "rat_targeted_attack" / "run.py").is_file():
            return root / "papers"
    return None


def markdown_table(papers: list[Paper]) -> str:
    """Return the index as a Markdown table, as ``docs/papers/index.md`` shows it."""
    lines = ["| paper | key | sub-packages | verdict | command |", "|---|---|---|---|---|"]
    for paper in papers:
        source = f"[{paper.authors}](https://arxiv.org/abs/{paper.arxiv}): {paper.title}"
        key = f"[{paper.key}]({paper.key}.md)" if paper.command else paper.key
        verdict = f"*{paper.verdict}*" + (f". {paper.finding}" if paper.finding else "")
        command = f"`{paper.command}`" if paper.command else "-"
        lines.append(f"| {source} | {key} | {', '.join(paper.rooms)} | {verdict} | {command} |")
    return "\n".join(lines) + "\n"


app = typer.Typer(invoke_without_command=True, rich_markup_mode="rich", help="List the papers, or reproduce one.")


@app.callback()
def papers(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON and nothing else.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print as a Markdown table, for a document.")] = False,
) -> None:
    """List the papers with their verdicts, or reproduce one of them.

    Verdicts: found again, found in part, not found, not tried.
    """
    if context.invoked_subcommand is not None:
        return
    index = load_papers()
    if as_json:
        print_json([asdict(paper) | {"command": paper.command, "page": paper.page} for paper in index])
        return
    if markdown:
        typer.echo(markdown_table(index), nl=False)
        return

    from quintain.cli.tables import simple_table

    table = simple_table("", "key", "paper", "arXiv", "verdict")
    table.columns[0].no_wrap = True  # a key is copied into commands
    for column in table.columns[1:]:
        column.justify = "left"
    for paper in index:
        style = "dim" if paper.verdict == "not tried" else ""
        table.add_row(*(literal(cell, style) for cell in (paper.key, paper.authors, paper.arxiv, paper.verdict)))
    screen = console()
    screen.print(table)
    for paper in index:
        if paper.command:
            screen.print(literal(f"\n{paper.title}\n{paper.finding}"))
            screen.print(literal(f"    {paper.command}\n    {paper.page}"))
    screen.print(literal("\nWith --smoke a program finishes in under a minute, and measures nothing.", "dim"))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context, key: Annotated[str, typer.Argument(help="Key of a paper; quintain papers lists them.")]
) -> None:
    """Run the program of a paper; every option after the key is the program's own.

    The programs are in the folder papers/ of the source tree. A second call continues an interrupted run.

    Examples:
        quintain papers run repeated_games --smoke
        quintain papers run r1_code_interpreter --engine openai --model NAME@http://host:8000/v1
        quintain papers run rat_targeted_attack -- --help
    """
    known = {paper.key: paper for paper in load_papers()}
    if key not in known:
        raise UnknownNameError("paper", key, known)
    if not known[key].command:
        raise ConfigurationError(f"paper {key!r} is not tried yet; quintain papers lists those that can be run")
    folder = papers_folder()
    if folder is None:
        raise ConfigurationError(
            "the programs of the papers are not part of the installed package; run this command in a clone of the "
            "repository, or unpack the source distribution: "
            f"pip download --no-deps --no-binary quintain quintain=={quintain.__version__}"
        )
    done = subprocess.run([sys.executable, str(folder / key / "run.py"), *context.args], check=False)
    raise typer.Exit(done.returncode)
