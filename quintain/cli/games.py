"""``quintain games``: list games, solve them, sweep over them, or play one in the browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.agent_options import (
    AddedAgent,
    AgentArguments,
    AgentOptions,
    Engine,
    EngineArguments,
    Model,
)
from quintain.cli.console import console, literal, say
from quintain.cli.folders import new_folder
from quintain.cli.options import Concurrency, Executor, Out, Resume, RetryErrors, Seed, Workers, check_resumed
from quintain.cli.people import people, play

if TYPE_CHECKING:
    from quintain.experiments.games import Match, ScheduledMatch

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Repeated games: list, solve, sweep, play, compare people."
)


@app.command("list")
def list_games(
    ordinal: Annotated[bool, typer.Option("--ordinal", help="Also the 144 strict ordinal 2x2 games.")] = False,
) -> None:
    """List the games by name."""
    from quintain.cli.tables import simple_table
    from quintain.envs.games import game_names, load_game

    table = simple_table("", "game", "players", "options", "family")
    for name in game_names():
        game = load_game(name)
        if ordinal or not game.family:
            options = " x ".join(map(str, game.shape))
            table.add_row(literal(name), str(game.players), options, game.family or "-")
    console().print(table)


@app.command()
def solve(game: Annotated[str, typer.Argument(help="Name of a game; quintain games list shows them.")]) -> None:
    """Show a game's payoffs, its equilibria and the security level of each player.

    Examples:
        quintain games solve battle_of_the_sexes
    """
    import numpy as np

    from quintain.envs.games import load_game
    from quintain.experiments.games import (
        correlated_equilibrium,
        infinitely_many,
        minimax_value,
        nash_equilibria,
        pure_nash,
    )

    stage = load_game(game)
    screen = console()
    for seat in range(stage.players):
        screen.print(literal(f"payoffs of player_{seat}:"))
        screen.print(literal(np.array2string(stage.payoffs[seat], precision=17, floatmode="maxprec")))
        value, mix = minimax_value(stage, seat)
        screen.print(literal(f"guarantees itself {value:.10g} with {np.round(mix, 4)}"))
    screen.print(literal(f"pure equilibria: {pure_nash(stage) or 'none'}"))
    if stage.players == 2:
        profiles = nash_equilibria(stage)
        for profile in profiles:
            earned = ", ".join(f"{v:.10g}" for v in profile.payoffs(stage))
            screen.print(
                literal(f"equilibrium {np.round(profile.first, 4)} {np.round(profile.second, 4)}: pays {earned}")
            )
        if infinitely_many(profiles):
            screen.print(
                literal(
                    "infinitely many equilibria: the listed ones are the extreme ones, and two of them that share a "
                    "strategy can be mixed"
                )
            )
        screen.print(literal("correlated equilibrium of greatest welfare:"))
        screen.print(literal(np.array2string(np.round(correlated_equilibrium(stage), 4))))


@app.command()
def sweep(
    players: Annotated[str, typer.Option(help="Players studied, joined by commas.")] = "tit-for-tat",
    agent: AddedAgent = None,
    engine: Engine = None,
    model: Model = None,
    agent_arg: AgentArguments = None,
    engine_arg: EngineArguments = None,
    opponents: Annotated[str, typer.Option(help="Their opponents, joined by commas.")] = "best-response",
    games: Annotated[int, typer.Option(min=1, max=144, help="How many of the 144 ordinal games.")] = 144,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds per match.")] = 10,
    repetitions: Annotated[int, typer.Option(min=1, help="Matches per cell.")] = 1,
    seed: Seed = 0,
    concurrency: Concurrency = 16,
    out: Out = None,
    resume: Resume = False,
    retry_errors: RetryErrors = False,
    executor: Executor = "inline",
    workers: Workers = 2,
) -> None:
    """Play the ordinal 2x2 games in both seats: the study's normalised scores by family, beside the published ones.

    Examples:
        quintain games sweep --players tit-for-tat,best-response --games 36
        quintain games sweep -a llm-player --players tit-for-tat --games 12 -o runs/sweep
    """
    from quintain.cli.players import names_of
    from quintain.experiments.games import failed_matches, sample_games, write_run_page
    from quintain.experiments.games import sweep as run
    from quintain.records import read_episodes

    check_resumed(out, resume=resume, retry_errors=retry_errors)
    folder = out or new_folder("sweep")
    studied, agents = AgentOptions(engine, model, agent_arg, engine_arg).players(names_of(players), agent)
    matches = run(
        studied, sample_games(games, seed), opponents=names_of(opponents), agents=agents,
        rounds=rounds, repetitions=repetitions, seed=seed, concurrency=concurrency, out=folder, resume=resume,
        retry_errors=retry_errors, executor=executor, workers=workers,
    )  # fmt: skip
    _print_scores(matches, failed_matches(read_episodes(folder)), studied, list(agents))
    say(f"\nreport: {write_run_page(folder)}", "dim")


def _print_scores(
    matches: Sequence[Match], failed: Sequence[ScheduledMatch], players: Sequence[str], models: Sequence[str]
) -> None:
    """Print the position-bias audit of language models, then scores by family beside the published ones."""
    from quintain.cli.tables import simple_table
    from quintain.envs.games import FAMILIES
    from quintain.experiments.games import PUBLISHED, audit_lines, missing_lines, score_by_family

    screen = console()
    for line in audit_lines(matches, models, failed):
        screen.print(literal(line, "bold yellow"), soft_wrap=True)
    letters = ["all", *FAMILIES]  # the headline first
    table = simple_table(f"Normalised score: {len(matches):,} matches", "", *letters)
    for column in table.columns[1:]:
        column.no_wrap = True

    def add(name: str, values: Mapping[str, float], style: str = "") -> None:
        cells = (literal(f"{values.get(letter, math.nan):.3f}".replace("nan", "-"), style) for letter in letters)
        table.add_row(literal(name, style), *cells)

    for name in players:
        scores = score_by_family(matches, name)
        add(name, {letter: found.estimate for letter, found in scores.items()})
        add("  95% interval, from", {letter: found.low for letter, found in scores.items()}, "dim")
        add("  to", {letter: found.high for letter, found in scores.items()}, "dim")
        if any(name in match.agents for match in failed):
            worst = score_by_family(matches, name, failed=failed)
            add("  worst case", {letter: found.estimate for letter, found in worst.items()})
    for model, published in PUBLISHED.items():
        add(f"{model} (published)", published)
    screen.print(table)
    for line in missing_lines(matches, failed):
        screen.print(literal(line, "yellow"), soft_wrap=True)
    families = ", ".join(f"{letter} {family}" for letter, family in FAMILIES.items())
    screen.print(literal(f"Families: {families}. All: without T, as published.", "dim"))


app.command("play")(play)
app.command("people")(people)
