"""``quintain tournament``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quintain.cli.agent_options import (
    AddedAgent,
    AgentArguments,
    AgentOptions,
    Engine,
    EngineArguments,
    Model,
)
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.options import (
    Concurrency,
    Continuation,
    Executor,
    JsonOutput,
    Noise,
    Out,
    Resume,
    RetryErrors,
    Seed,
    Workers,
    check_resumed,
)

if TYPE_CHECKING:
    from quintain.experiments.games import Tournament

__all__ = ["tournament"]

_CLASSICS = (
    "always-cooperate,always-defect,tit-for-tat,tit-for-two-tats,suspicious-tit-for-tat,grim,win-stay-lose-shift,"
    "generous-tit-for-tat,joss,alternator,random"
)


def tournament(
    players: Annotated[
        str,
        typer.Option(
            help="Names joined by commas (quintain agents), or all: every strategy that needs no arguments.",
            show_default="eleven classics",
        ),
    ] = _CLASSICS,
    agent: AddedAgent = None,
    engine: Engine = None,
    model: Model = None,
    agent_arg: AgentArguments = None,
    engine_arg: EngineArguments = None,
    game: Annotated[str, typer.Option(help="Name of a two-player game.")] = "prisoners_dilemma_classic",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds per match.")] = 200,
    repetitions: Annotated[int, typer.Option(min=1, help="Matches per pair.")] = 10,
    noise: Noise = 0.0,
    continuation: Continuation = None,
    population: Annotated[
        int | None, typer.Option(min=2, help="Also evolve a population of this size: Moran and replicator dynamics.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write the ranking to this file, as comma-separated values.")
    ] = None,
    pairwise: Annotated[
        bool, typer.Option("--pairwise", help="Also print tests of every two players, with Holm's correction.")
    ] = False,
    seed: Seed = 0,
    concurrency: Concurrency = 16,
    out: Out = None,
    resume: Resume = False,
    retry_errors: RetryErrors = False,
    executor: Executor = "inline",
    workers: Workers = 2,
    as_json: JsonOutput = False,
) -> None:
    """Play a round robin of a repeated game, and rank the players with intervals.

    Strategies alone are played by the vectorised engine. With an agent, a model or --out, each match is played in the
    environment and recorded.

    Examples:
        quintain tournament
        quintain tournament --players tit-for-tat,grim,joss --noise 0.05 --population 100
        quintain tournament --players tit-for-tat,grim -a llm-player --rounds 10 -o runs/tournament
        quintain tournament --players tit-for-tat,grim --engine openai --model NAME@http://localhost:8000/v1
        quintain tournament --players mymodule:mine,tit-for-tat,random --csv ranking.csv --pairwise
    """
    from quintain.cli.players import all_strategies, names_of
    from quintain.experiments.games import tournament as run
    from quintain.experiments.games import write_run_page

    check_resumed(out, resume=resume, retry_errors=retry_errors)
    names = all_strategies() if players == "all" else names_of(players)
    names, agents = AgentOptions(engine, model, agent_arg, engine_arg).players(names, agent)
    result = run(
        names, game, rounds=rounds, repetitions=repetitions, noise=noise, continuation=continuation, seed=seed,
        agents=agents, concurrency=concurrency, out=out, resume=resume, retry_errors=retry_errors, executor=executor,
        workers=workers,
    )  # fmt: skip
    if csv is not None:
        result.to_csv(csv)
    if as_json:
        print_json(_as_data(result, game))
        return
    _print_ranking(result, game, list(agents))
    if pairwise:
        _print_pairwise(result)
    if population is not None:
        _evolve(result, population, seed)
    if out is not None:
        say(f"\nreport: {write_run_page(out)}", "dim")


def _as_data(result: Tournament, game: str) -> dict[str, Any]:
    worst = result.worst_case()
    return {
        "game": game,
        "matches": result.matches,
        "failed": len(result.failed),
        "ranking": [
            {"player": name, **interval.to_dict(), "worst_case": worst[name].to_dict() if worst else None}
            for name, interval in result.ranking()
        ],
        "payoffs": result.payoffs.tolist(),
        "cooperation": result.cooperation.tolist(),
        "worst_cooperation": result.worst_cooperation.tolist() if worst else None,
        "names": list(result.names),
    }


def _print_ranking(result: Tournament, game: str, models: list[str]) -> None:
    """Print the position-bias audit of language models, then the ranking."""
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.experiments.games import audit_lines, missing_lines
    from quintain.experiments.games.standings import CELLS

    screen = console()
    for line in audit_lines(result.played, models, result.failed):
        screen.print(literal(line, "bold yellow"), soft_wrap=True)
    worst = result.worst_case()
    summary, places = result.to_rows(), dict(result.ranking())
    rates = [key for key in ("cooperation", *(() if worst else CELLS)) if key in summary[0]]
    wins = ["wins"] if "wins" in summary[0] else []
    least = ["worst case"] if worst else []
    heading = ["payoff", "95% interval", *least, *wins, rates[0], *least, *rates[1:]]
    table = simple_table(f"{game}: {result.matches:,} matches, payoff per round", "", *heading)
    lowest = dict(zip(result.names, result.worst_cooperation.mean(axis=1), strict=True)) if worst else {}
    for row in summary:
        name, interval = row["player"], places[row["player"]]
        shares = ["-" if row[key] is None else f"{row[key]:.0%}" for key in rates]
        cells = [number(interval.estimate), bounds(interval, "mean")]
        if worst:
            cells.append(number(worst[name].estimate))
        cells += [*(number(row[key]) for key in wins), shares[0]]
        if worst:
            cells.append(f"{lowest[name]:.0%}")
        table.add_row(literal(name), *cells, *shares[1:])
    screen.print(table)
    for line in missing_lines(result.played, result.failed):
        screen.print(literal(line, "yellow"), soft_wrap=True)


def _print_pairwise(result: Tournament) -> None:
    """Print the difference of every two players."""
    from quintain.cli.tables import bounds, number, simple_table

    tests = result.pairwise()
    heading = ["difference in payoff", "95% interval", f"p (Holm, of {len(tests)})"]
    table = simple_table("Every two players, over repetitions", "", *heading)
    for test in tests:
        p = "-" if test.p_holm != test.p_holm else f"{test.p_holm:.2g}"
        names = literal(f"{test.first} - {test.second}")
        table.add_row(names, number(test.difference.estimate), bounds(test.difference), p)
    console().print()
    console().print(table)
    if any(test.p_holm != test.p_holm for test in tests):
        console().print(literal("-: the same difference in every repetition; nothing to test", "dim"))


def _evolve(result: Tournament, size: int, seed: int) -> None:
    """Print the outcome of a Moran process and of replicator dynamics on the payoff matrix."""
    from quintain.cli.tables import simple_table
    from quintain.experiments.games import moran_process, replicator_dynamics

    n = len(result.names)
    counts = [size // n + (k < size % n) for k in range(n)]
    path = moran_process(result.payoffs, counts, seed=seed)
    shares = replicator_dynamics(result.payoffs)
    title = f"Population of {size}: {len(path) - 1:,} births"
    table = simple_table(title, "", "start", "end of one Moran process", "replicator dynamics")
    for k in sorted(range(n), key=lambda k: -shares[-1][k]):
        table.add_row(literal(result.names[k]), str(counts[k]), str(path[-1][k]), f"{shares[-1][k]:.1%}")
    console().print()
    console().print(table)
