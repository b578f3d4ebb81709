"""``quintain games play`` and ``quintain games people``: matches of people, and what they did under each condition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from quintain.cli.agent_options import AgentArguments, AgentOptions, Engine, EngineArguments, Model
from quintain.cli.console import console, literal, say
from quintain.cli.options import Continuation, JsonOutput, Noise
from quintain.errors import ConfigurationError

if TYPE_CHECKING:
    from quintain.experiments.games import People

__all__ = ["people", "play"]

_RECORDS = "Records"


def play(
    opponent: Annotated[
        str | None,
        typer.Option(
            "--opponent",
            "--agent",
            "-a",
            help="A strategy, or an agent such as llm-player. Default: tit-for-tat, or llm-player if a model is named.",
            show_default=False,
        ),
    ] = None,
    engine: Engine = None,
    model: Model = None,
    agent_arg: AgentArguments = None,
    engine_arg: EngineArguments = None,
    game: Annotated[str, typer.Option(help="Name of a two-player game.")] = "prisoners_dilemma",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of a match.")] = 10,
    noise: Noise = 0.0,
    continuation: Continuation = None,
    seat: Annotated[int, typer.Option(min=0, max=1, help="Your seat.")] = 0,
    order: Annotated[
        Literal["listed", "reversed", "shuffled"],
        typer.Option(help="Order of the options: as the game lists them, reversed, or drawn for each match."),
    ] = "listed",
    terminal: Annotated[bool, typer.Option("--terminal", help="Play here instead of on a page.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for finished matches.", rich_help_panel=_RECORDS)
    ] = None,
    condition: Annotated[
        str,
        typer.Option(
            help="Name of the condition in the records. Default: opponent and settings.",
            show_default=False,
            rich_help_panel=_RECORDS,
        ),
    ] = "",
    participant: Annotated[
        str,
        typer.Option(
            help="Anonymous id of the participant, with --terminal. Default: drawn at random.",
            show_default=False,
            rich_help_panel=_RECORDS,
        ),
    ] = "",
    consent: Annotated[
        Path | None,
        typer.Option(help="File with a text to which participants must agree first.", rich_help_panel=_RECORDS),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first match.")] = 0,
) -> None:
    """Play a repeated game on a local page or here, and guess whether the other was a machine. Ctrl-C ends it.

    Examples:
        quintain games play --opponent grim --rounds 5
        quintain games play --terminal --opponent tit-for-tat -o people.jsonl
        quintain games play --opponent joss --order shuffled --consent consent.txt --condition joss -o people.jsonl
        quintain games play --engine openai --model NAME@http://localhost:8000/v1 --agent-arg constrained=false
    """
    from quintain.experiments.games import GameServer, Study, play_at_terminal

    options = AgentOptions(engine, model, agent_arg, engine_arg)
    other = options.describe(opponent or ("llm-player" if options.name_a_model else "tit-for-tat"))
    env = {"game": game, "rounds": rounds, "noise": noise, "continuation": continuation}
    study: dict[str, Any] = {"seat": seat, "seed": seed, "out": out, "order": order, "condition": condition}
    study["consent"] = "" if consent is None else _text_of(consent)
    if terminal:
        try:
            played = play_at_terminal(Study(other, env, **study), participant=participant)
        except (EOFError, KeyboardInterrupt):
            say("\nended; an unfinished match is not recorded")
            return
        if out is not None and played:
            say(f"{played} {'match' if played == 1 else 'matches'} in {out}", "dim")
        return
    if participant:
        raise typer.BadParameter("the page draws an id for each visitor; give it with --terminal only",
                                 param_hint="--participant")  # fmt: skip
    server = GameServer(other, env=env, port=port, **study)
    say(f"play at {server.url}   (Ctrl-C ends)")
    server.serve()


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the text of --consent, {str(path)!r}: {error}") from error
    if not text.strip():
        raise ConfigurationError(f"the text of --consent, {str(path)!r}, is empty")
    return text


def people(
    files: Annotated[list[Path], typer.Argument(help="Files that quintain games play -o wrote.")],
    csv: Annotated[Path | None, typer.Option("--csv", help="Write one row per match to this file.")] = None,
    as_json: JsonOutput = False,
) -> None:
    """Compare what people did under each condition: cooperation, payoff, response time, and whom they took for human.

    Examples:
        quintain games people people.jsonl
        quintain games people grim.jsonl joss.jsonl --csv matches.csv
    """
    from quintain.cli.console import print_json
    from quintain.experiments.games import read_people

    found = read_people(*files)
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        print_json(_as_data(found))
        return
    _print(found)


def _as_data(found: People) -> dict[str, Any]:
    return {
        "matches": len(found.records),
        "conditions": {
            name: {measure: interval.to_dict() for measure, interval in by.items()}
            for name, by in found.by_condition().items()
        },
        "differences": [
            {"measure": t.measure, "first": t.first, "second": t.second, **t.difference.to_dict(),
             "p_holm": None if t.p_holm != t.p_holm else t.p_holm}
            for t in found.compare()
        ],
    }  # fmt: skip


def _print(found: People) -> None:
    from quintain.cli.tables import bounds, number, simple_table

    screen, kinds = console(), {"cooperation": "rate", "guessed_human": "rate"}
    for name, by in found.by_condition().items():
        matches = [record for record in found.records if record["condition"] == name]
        several = len({record["participant"] for record in matches})
        table = simple_table(f"{name}: {len(matches)} matches, {several} participants", "", "mean", "95% interval")
        for measure, interval in by.items():
            kind = kinds.get(measure, "mean")
            table.add_row(measure.replace("_", " "), number(interval.estimate, kind), bounds(interval, kind))
        screen.print(table)
        screen.print()
    tests = found.compare()
    if not tests:
        return
    table = simple_table("Differences", "", "first - second", "95% interval", f"p (Holm, of {len(tests)})")
    for test in tests:
        p = "-" if test.p_holm != test.p_holm else f"{test.p_holm:.2g}"
        kind = kinds.get(test.measure, "mean")
        names = literal(f"{test.measure.replace('_', ' ')}: {test.first} - {test.second}")
        table.add_row(names, number(test.difference.estimate, kind), bounds(test.difference, kind), p)
    screen.print(table)
