"""``quintain view``: the report of a run, or one transcript in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quintain.cli.console import console, literal
from quintain.cli.options import check_confidence
from quintain.errors import ConfigurationError

if TYPE_CHECKING:
    from quintain.records import EpisodeRecord

__all__ = ["view"]

_LONGEST = 20_000


def view(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    episode: Annotated[int | None, typer.Option(min=0, help="Print this episode's transcript instead.")] = None,
    confidence: Annotated[
        float | None,
        typer.Option(help="Confidence level of the intervals, in (0, 1).", show_default="the run's, or 0.95"),
    ] = None,
) -> None:
    """Write (or refresh) report.html of a run and print its path, or print one transcript.

    The run may be of any kind: quintain eval, tournament, games sweep, robustness, quintain.play and others.

    Examples:
        quintain view runs/first --open
        quintain view runs/first --episode 3
    """
    check_confidence(confidence)
    from quintain.experiments.kinds import write_run_page
    from quintain.records import EpisodeFile

    if episode is not None:
        episodes = EpisodeFile(run)
        if episode not in episodes.indices:
            have = f"0 to {episodes.indices[-1]}" if episodes else "none"
            raise ConfigurationError(f"{str(run)!r} has no episode {episode}; it has {have}")
        _print_transcript(episodes[episodes.indices.index(episode)])
        return

    path = write_run_page(run, confidence=confidence)
    typer.echo(path)
    if open_:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())


def _print_transcript(record: EpisodeRecord) -> None:
    out = console()
    task = record.info.get("task_id", "")
    out.print(literal(f"episode {record.index}  {task}  seed {record.seed}", "bold"), soft_wrap=True)
    for step in record.steps:
        seat = step.get("seat", "agent")
        for who, key, style in (("environment", "observation", "cyan"), (seat, "action", "green")):
            out.print()
            out.rule(literal(who, style), align="left", style="dim")
            out.print(literal(_text(step.get(key))), soft_wrap=True)
        out.print(f"reward {step.get('reward', 0.0):.3g}", style="dim")
    out.print()
    out.rule(literal(record.outcome, "bold"), align="left", style="dim")
    facts: dict[str, Any] = {"return": ", ".join(f"{k} {v:.4g}" for k, v in record.returns.items())}
    facts |= {key: record.info[key] for key in ("answer", "expected", "detail") if record.info.get(key)}
    if record.error is not None:
        facts |= record.error
    for name, value in facts.items():
        out.print(literal(f"{name}: ", "dim") + literal(_text(value)), soft_wrap=True)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half:,} characters not shown ...]\n{text[-half:]}"
    return text
