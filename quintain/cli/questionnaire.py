"""``quintain questionnaire``: how reliable personality tests are on language models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quintain.cli.agent_options import EngineArguments
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.folders import new_folder, resumable
from quintain.cli.options import pairs
from quintain.cli.robustness_options import words

__all__ = ["questionnaire"]


def questionnaire(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Engines: transformers, transformers:NAME, openai:NAME@http://host:port/v1 ...; perhaps LABEL=ENGINE.",
            show_default=False,
        ),
    ],
    instrument: Annotated[
        list[str] | None,
        typer.Option(
            "--instrument", "-i", help="ipip-100, scenarios-160, content-free or a .json file; default: the first two."
        ),
    ] = None,
    readout: Annotated[
        str, typer.Option(help="choice (probabilities of the labels), text (what the model writes), or both.")
    ] = "choice",
    template: Annotated[list[str] | None, typer.Option("--template", "-t", help="Templates; by default all.")] = None,
    orders: Annotated[str, typer.Option(help="single, published (two), latin or all.")] = "published",
    personas: Annotated[bool, typer.Option("--personas", help="Also ask personas of both poles.")] = False,
    no_paraphrases: Annotated[bool, typer.Option("--no-paraphrases", help="Leave paraphrases out.")] = False,
    traits: Annotated[list[str] | None, typer.Option("--trait", help="Traits; by default all.")] = None,
    per_trait: Annotated[int | None, typer.Option(help="Items of each trait; by default all.")] = None,
    engine_arg: EngineArguments = None,
    temperature: Annotated[float, typer.Option(help="Temperature of written answers.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(help="Tokens of a written answer.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed of sampled answers and of the random planted respondents.")] = 0,
    confidence: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    concurrency: Annotated[int, typer.Option(help="Items at once.")] = 16,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder; by default below runs/.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON and nothing else.")] = False,
) -> None:
    """Put personality tests to language models in several wordings and orders, and show whether they measure anything.

    Planted respondents, whose answers are known, come first. The page compares the models.

    Examples:
        quintain questionnaire transformers
        quintain questionnaire small=transformers large=openai:NAME@http://host:8000/v1 -i scenarios-160 --personas
        quintain questionnaire transformers --readout choice,text --per-trait 5
    """
    from quintain.experiments.questionnaire import QuestionnaireExperiment, run_questionnaire
    from quintain.experiments.questionnaire.tables import self_test_table

    experiment = QuestionnaireExperiment(
        _named(models, engine_arg),
        instruments=words(instrument or ["ipip-100,scenarios-160"]),
        readouts=words([readout]),
        templates=words(template) if template else None,
        orders=orders, personas=personas, paraphrases=not no_paraphrases, traits=words(traits) if traits else None,
        per_trait=per_trait, seed=seed, temperature=temperature, max_tokens=max_tokens, confidence=confidence,
        concurrency=concurrency,
    )  # fmt: skip
    experiment.check()
    folder = out or new_folder("questionnaire")
    say(f"run folder: {folder}", "dim")

    def show_self_test(checks: Any) -> None:
        failed = sum(not check.passed for check in checks)
        if not as_json:
            _print(self_test_table(checks))
        found = f"self-test: {len(checks) - failed} of {len(checks)} planted answers recovered"
        say(found, "yellow" if failed else "dim")

    with resumable(ctx.find_root().obj or ["questionnaire", *models], folder):
        audit = run_questionnaire(experiment, out=folder, resume=resume, on_self_test=show_self_test)
    if as_json:
        print_json({"run": str(folder), **audit.to_dict()})
        return
    from quintain.experiments.questionnaire import audit_tables

    for table in audit_tables(audit).values():
        _print(table)
    if audit.errors:
        say(f"{audit.errors} answers are missing for infrastructure reasons", "yellow")
    for name in ("audit.md", "scores.csv", "report.html"):
        if (folder / name).exists():
            console().print(str(folder / name), soft_wrap=True, markup=False)


def _named(models: list[str], engine_arg: list[str] | None) -> dict[str, Any]:
    """Return the engines by name: the label before ``=``, or the engine itself."""
    from quintain.engines import make_engine

    found: dict[str, Any] = {}
    for model in models:
        label, equals, after = model.partition("=")
        name, engine = (label, after) if equals and ":" not in label else (model, model)
        if name in found:
            raise typer.BadParameter(f"{name!r} is given twice; name them: LABEL={model}", param_hint="MODEL")
        found[name] = make_engine(engine, **pairs(engine_arg, "--engine-arg"))
    return found


def _print(table: Any) -> None:
    from quintain.cli.tables import simple_table

    shown = simple_table(table.title, *table.head)
    for row in table.texts():
        shown.add_row(*map(literal, row))
    console().print(shown)
    console().print()
