"""The four baselines of R1-Code-Interpreter (Chen et al. 2025) on twelve families of CodeReason-v0.

Every agent answers the same questions with the same language model. The tables are in Markdown: accuracy by suite with
its interval, share of episodes with code, turns and tokens; success by family; outcomes. Runs are recorded below
``--out``, and the same command continues an interrupted run. With the embedded model it takes about forty minutes of
one core.

    python papers/r1_code_interpreter/run.py
    python papers/r1_code_interpreter/run.py --smoke       # a scripted engine, in seconds; measures nothing
    python papers/r1_code_interpreter/run.py --report      # only the tables of the recorded episodes
    python papers/r1_code_interpreter/run.py --engine openai --model NAME@http://host:8000/v1 --max-tokens 2048
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import quintain
from quintain.engines.engine import Request
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import RecordError
from quintain.evaluation.report import Report
from quintain.evaluation.significance import holm
from quintain.experiments.study_tables import Percent, StudyTables

AGENTS = ("all-text", "all-code", "code-interpreter", "codesteer")
OUTCOMES = ("success", "failure", "parse_error")
TASKS = (
    "letters,number_multiply,statistical_counting,string_deletion_and_modification,"
    "boolean_expressions,navigate,object_counting,web_of_lies,chain_sum,gcd,coin_flip,leg_counting"
)


def scripted(request: Request) -> str:
    """Reply as a tiny model could: choose the first option, else write a program, then an answer once it has run."""
    if request.choices is not None:
        return request.choices[0]
    has_run = request.messages is not None and "Code Execution Results" in str(request.messages[-1]["content"])
    return "<<<1>>>" if has_run else "```python\nprint(1)\n```"


def settings(agent: str, options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keyword arguments of the environment, and the agent's name with its arguments."""
    env: dict[str, Any] = {"tasks": options.tasks, "difficulty": options.difficulty, "max_turns": options.max_turns}
    described: dict[str, Any] = {"name": agent, "temperature": 0, "max_tokens": options.max_tokens}
    if options.model is not None:
        described["engine"] = f"{options.engine or 'transformers'}:{options.model}"
    elif options.engine is not None:
        described["engine"] = options.engine
    if agent == "codesteer":
        described |= {"rounds": options.rounds, "max_tokens": options.max_tokens * 2 // 3}
    return env, described


def by_suite(reports: Mapping[str, Report]) -> list[list[Any]]:
    """Return the rows of the table of suites."""
    rows = []
    for suite in sorted({key[0] for report in reports.values() for key in report.by("suite")}):
        for agent, report in reports.items():
            part = report.by("suite")[(suite,)]
            code = part.share(lambda e: e.info["metrics"]["code_calls"] > 0)
            turns = part.metric("turns") if part.metric_names else None  # every episode may have failed
            tokens = round(part.completion_tokens / len(part.episodes))
            rows.append([suite, agent, Percent(part.success), _count(part), Percent(code), turns, tokens])
    return rows


def by_family(reports: Mapping[str, Report]) -> list[list[Any]]:
    """Return the rows of the table of families; each cell is the success rate with its interval."""
    families = sorted({task for report in reports.values() for task in report.by_task})
    rows: list[list[Any]] = []
    for family in families:
        parts = [report.by_task[family] for report in reports.values()]
        rows.append([family, _count(parts[0]), *(Percent(part.success) for part in parts)])
    rows.append(
        ["all", _count(next(iter(reports.values()))), *(Percent(report.success) for report in reports.values())]
    )
    return rows


def outcomes(reports: Mapping[str, Report]) -> list[list[Any]]:
    """Return the rows of the table of outcomes: shares of scored episodes, and the number of errors."""
    return [
        [agent, *(Percent(report.share(lambda e, kind=kind: e.outcome == kind)) for kind in OUTCOMES), report.errors]
        for agent, report in reports.items()
    ]


def differences(reports: Mapping[str, Report]) -> list[list[Any]]:
    """Return the rows of the paired comparisons of all pairs of agents, with p-values corrected by Holm."""
    pairs = list(combinations(reports, 2))
    found = [quintain.compare(reports[one], reports[other]) for one, other in pairs]
    adjusted = holm([comparison.success.p_value for comparison in found])
    return [
        [f"{one} - {other}", Percent(comparison.success, p)]
        for (one, other), comparison, p in zip(pairs, found, adjusted, strict=True)
    ]


def _count(report: Report) -> str:
    """Return the number of episodes, and of different questions where some were drawn more than once."""
    interval = report.success
    return f"{interval.n}" if interval.clusters is None else f"{interval.n} ({interval.clusters} different)"


def show(reports: Mapping[str, Report]) -> StudyTables:
    """Print all tables and return them."""
    tables = StudyTables()
    tables.show(
        "Accuracy by suite, per cent [95 % interval over questions]; tokens are those generated in an episode",
        ["suite", "agent", "accuracy", "n", "code use", "turns", "tokens"],
        by_suite(reports),
    )
    tables.show(
        "Accuracy by family, per cent [95 % interval over questions]", ["family", "n", *reports], by_family(reports)
    )
    tables.show(
        "How the episodes ended, per cent of those without an error", ["agent", *OUTCOMES, "errors"], outcomes(reports)
    )
    if len(reports) > 1:
        rows = differences(reports)
        tables.show(
            f"Accuracy, points, paired by question; p by Holm for {len(rows)} comparisons",
            ["difference", "accuracy"],
            rows,
        )
    return tables


def main() -> None:
    """Run the episodes that are not recorded yet and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the runs (default: runs/papers/r1_code_interpreter)")
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=AGENTS)
    parser.add_argument("--tasks", default=TASKS, help="families, joined by commas")
    parser.add_argument("--difficulty", default="easy")
    parser.add_argument(
        "--episodes", type=int, default=300, help="episodes of each agent; families are drawn at random"
    )
    parser.add_argument("--seed", type=int, default=7, help="root seed of the questions")
    parser.add_argument("--concurrency", type=int, default=32, help="episodes that run at the same time")
    parser.add_argument("--engine", help="name of the engine (default: transformers)")
    parser.add_argument("--model", help="the engine's model (default: the embedded one)")
    parser.add_argument("--max-tokens", type=int, default=96, help="tokens of a reply; codesteer gets two thirds")
    parser.add_argument("--max-turns", type=int, default=4, help="turns of an episode (paper: 8 code calls)")
    parser.add_argument("--rounds", type=int, default=1, help="revisions that codesteer's guide may request (paper: 5)")
    parser.add_argument("--report", action="store_true", help="play nothing, print the tables of the recorded episodes")
    parser.add_argument("--smoke", action="store_true", help="a scripted engine and eight episodes of each agent")
    options = parser.parse_args()
    options.out = options.out or Path("runs/papers/r1_code_interpreter" + "-smoke" * options.smoke)
    if options.smoke:
        options.engine, options.tasks, options.episodes = (
            ScriptedEngine(scripted),
            "letters,number_multiply,coin_flip",
            8,
        )
    reports: dict[str, Report] = {}
    for agent in options.agents:
        folder = options.out / agent
        env_kwargs, described = settings(agent, options)
        if options.report:
            try:
                reports[agent] = Report.load(folder)
            except RecordError as error:
                print(f"{agent} is left out: {error}")
            continue
        reports[agent] = quintain.evaluate(
            "CodeReason-v0", described, episodes=options.episodes, seed=options.seed, concurrency=options.concurrency,
            out=folder, env_kwargs=env_kwargs, resume=folder.exists(),
        )  # fmt: skip
    if reports:
        show(reports).save(options.out / "results.json")


if __name__ == "__main__":
    main()
