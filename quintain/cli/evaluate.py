"""``quintain eval``: play, record, report."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quintain.agents.adapt import POLICY_FILES
from quintain.agents.registry import agent_names
from quintain.arguments import argument_names
from quintain.cli.agent_options import Agent, AgentArguments, AgentOptions, Engine, EngineArguments, Model
from quintain.cli.console import console, literal, print_json, say
from quintain.cli.exit_codes import EXIT_ALL_ERRORS, EXIT_INTERRUPTED
from quintain.cli.folders import clear_away, continuing, new_folder
from quintain.cli.item_options import Items, Limit, Repeats, parse_items
from quintain.cli.mujoco_warnings import warn_once
from quintain.cli.options import (
    Concurrency,
    Confidence,
    Executor,
    JsonOutput,
    MaxSteps,
    Out,
    ResetOptions,
    Resume,
    RetryErrors,
    Seed,
    SeedBits,
    Workers,
    check_confidence,
    check_resumed,
    pairs,
    read_value,
)
from quintain.errors import ConfigurationError, MissingDependencyError, RepeatedItemsWarning

if TYPE_CHECKING:
    from quintain.evaluation.report import Report
    from quintain.records import EpisodeRecord

__all__ = ["evaluate"]

_SHIPPED = agent_names()


_ENV, _RUN, _OUTPUT = "Environment", "Run", "Output"

_Env = Annotated[
    str,
    typer.Argument(help="Id, such as CartPole-v1, or module:Id of your own environment."),
]
_Tasks = Annotated[
    str | None,
    typer.Option(
        help="Tasks, joined by commas, or a file of questions such as qa.csv.",
        rich_help_panel=_ENV,
    ),
]
_Suite = Annotated[str | None, typer.Option(help="Only tasks of this suite.", rich_help_panel=_ENV)]
_Split = Annotated[str | None, typer.Option(help="train or test, or a split of the data set.", rich_help_panel=_ENV)]
_Difficulty = Annotated[str | None, typer.Option(help="A level, or its parameters as JSON.", rich_help_panel=_ENV)]
_EnvArguments = Annotated[
    list[str] | None,
    typer.Option("--env-arg", "-e", metavar="K=VALUE", help="Environment argument. Repeatable.", rich_help_panel=_ENV),
]
_NoCode = Annotated[
    bool, typer.Option("--no-code", help="Do not run programs (implied by all-text).", rich_help_panel=_ENV)
]
_Episodes = Annotated[
    int | None,
    typer.Option(
        "--episodes",
        "-n",
        min=1,
        metavar="N",
        help="Number of episodes. Default: 100, or each row of a data set once.",
        rich_help_panel=_RUN,
    ),
]
_NoReport = Annotated[bool, typer.Option("--no-report", help="Do not write report.html.", rich_help_panel=_OUTPUT)]
_Observations = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="How to store observations: json, npz or none.",
        rich_help_panel=_OUTPUT,
    ),
]
_Videos = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="Episodes to film: 3, the list 0,7 or failures:3.",
        rich_help_panel=_OUTPUT,
    ),
]


def evaluate(
    ctx: typer.Context,
    env: _Env,
    agent: Agent,
    engine: Engine = None,
    model: Model = None,
    tasks: _Tasks = None,
    suite: _Suite = None,
    split: _Split = None,
    difficulty: _Difficulty = None,
    no_code: _NoCode = False,
    env_arg: _EnvArguments = None,
    reset_option: ResetOptions = None,
    agent_arg: AgentArguments = None,
    engine_arg: EngineArguments = None,
    episodes: _Episodes = None,
    repeats: Repeats = 1,
    limit: Limit = None,
    items: Items = None,
    seed: Seed = 0,
    seed_bits: SeedBits = None,
    concurrency: Concurrency = 16,
    max_steps: MaxSteps = None,
    out: Out = None,
    resume: Resume = False,
    retry_errors: RetryErrors = False,
    executor: Executor = "inline",
    workers: Workers = 2,
    confidence: Confidence = 0.95,
    videos: _Videos = None,
    observations: _Observations = None,
    no_report: _NoReport = False,
    as_json: JsonOutput = False,
) -> None:
    """Run an agent in an environment and report scores with confidence intervals.

    Examples:
        quintain eval CartPole-v1 -a model.zip -n 100 --videos 3
        quintain eval QuestionAnswering-v0 -a chat --tasks qa.csv -e scorer=number
        quintain eval CodeReason-v0 -a code-interpreter --tasks letters -o runs/a
        quintain eval CodeReason-v0 -a chat --engine openai --model M@http://host/v1

    After Ctrl-C the command that continues the run is printed.
    Exit codes: 1 error, 2 wrong usage, 3 every episode failed, 130 interrupted.
    """
    check_resumed(out, resume=resume, retry_errors=retry_errors)
    check_confidence(confidence)
    named: dict[str, Any] = {"tasks": tasks, "suite": suite, "split": split, "code": False if no_code else None}
    if difficulty is not None:
        named["difficulty"] = read_value(difficulty, "--difficulty")
    env_kwargs = _merge(named, pairs(env_arg, "--env-arg"))
    if videos is not None:
        from quintain.evaluation.videos import prepare_display

        prepare_display()
    _try_to_make(env, env_kwargs)  # also imports a module that may register agents
    if "mujoco" in sys.modules:
        warn_once()
    if agent in agent_names() and agent not in _SHIPPED and ":" in env:
        agent = f"{env.partition(':')[0]}:{agent}"  # so that other processes find it
    source = AgentOptions(engine, model, agent_arg, engine_arg).describe(agent)
    folder = out or new_folder(env, Path(agent).stem if agent.endswith(POLICY_FILES) else agent)
    call = _Call(ctx, folder)
    report = call.run(
        env, source, episodes=episodes, seed=seed, seed_bits=seed_bits, concurrency=concurrency,
        env_kwargs=env_kwargs, reset_options=pairs(reset_option, "--reset-option") or None,
        resume=resume, retry_errors=retry_errors, executor=executor, workers=workers, confidence=confidence,
        repeats=repeats, limit=limit, items=parse_items(items), errors="record", videos=videos,
        observations=observations,
        **({} if max_steps is None else {"max_steps": max_steps or None}),
    )  # fmt: skip
    if videos is not None:
        _say_videos(folder)
    _show(report, call, with_page=not no_report, as_json=as_json)
    if report.episodes and not report.scored:
        say("every episode failed; see the errors above", "bold red")
        raise typer.Exit(EXIT_ALL_ERRORS)


def _merge(named: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in named.items() if value is not None}
    if twice := sorted(given.keys() & others.keys()):
        raise typer.BadParameter(
            f"{twice[0]!r} is given twice, by an option of its own and here", param_hint="--env-arg"
        )
    return given | others


class _Call:
    """One call of the command: runs, counts the new episodes, and if interrupted prints the command that resumes.

    Rates per second count only the tokens of new episodes, not of those that a resumed run already had.
    """

    def __init__(self, ctx: typer.Context, folder: Path) -> None:
        self.folder = folder
        self.episodes = 0
        self.tokens = 0
        self._words: list[str] = ctx.find_root().obj or []
        self._start = time.perf_counter()

    @property
    def wall_s(self) -> float:
        """Seconds since the call began."""
        return round(time.perf_counter() - self._start, 3)

    def run(self, env: str, source: Any, **options: Any) -> Report:
        """Evaluate; if the run fails before its first episode, remove its folder."""
        from quintain.evaluation.runner import evaluate as run

        is_new = not self.folder.exists()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RepeatedItemsWarning)  # printed with the results
                return run(env, source, out=self.folder, on_episode=self._count, **options)
        except Exception:
            if is_new:
                clear_away(self.folder)
            raise
        except KeyboardInterrupt as error:
            say(f"\ninterrupted; {self.episodes} episodes of this call are safe in {self.folder}. Continue with:")
            say(f"  {continuing(self._words, self.folder)}")
            raise typer.Exit(EXIT_INTERRUPTED) from error

    def _count(self, record: EpisodeRecord) -> None:
        if not self.episodes:
            say(f"run folder: {self.folder}", "dim")
        self.episodes += 1
        self.tokens += record.completion_tokens


def _show(report: Report, call: _Call, *, with_page: bool, as_json: bool) -> None:
    page = _write_page(report) if with_page else None
    if report.repeats:
        say(f"warning: {report.repeats}", "yellow")
    if as_json:
        print_json(report.to_dict() | {"run": str(call.folder), "report": page and str(page), "wall_s": call.wall_s})
        return
    from quintain.cli.tables import print_report

    print_report(console(), report, wall_s=call.wall_s, tokens=call.tokens)
    if page is not None:
        console().print(literal("report: ") + literal(page, "bold"), soft_wrap=True)


def _say_videos(folder: Path) -> None:
    from quintain.evaluation.videos import read_videos

    found = read_videos(folder)
    for video in found:
        if not video.file:
            say(f"episode {video.episode}: {video.note}", "yellow")
    say(f"videos: {sum(bool(video.file) for video in found)} in {folder / 'videos'}", "dim")


def _try_to_make(env: str, env_kwargs: dict[str, Any]) -> None:
    """Make the environment once, so that a wrong name or argument is one clear message before anything starts."""
    from gymnasium.error import Error

    from quintain.envs.making import make_env

    try:
        make_env(env, env_kwargs).close()
    except (ConfigurationError, MissingDependencyError, Error):
        raise
    except Exception as error:
        known = f"; its arguments: {', '.join(_arguments_of(env))}" if isinstance(error, TypeError) else ""
        raise ConfigurationError(f"environment {env!r} cannot be made with {env_kwargs}: {error}{known}") from error


def _arguments_of(env: str) -> tuple[str, ...]:
    import gymnasium as gym
    from gymnasium.envs.registration import load_env_creator

    entry = gym.spec(env).entry_point
    return argument_names(load_env_creator(entry) if isinstance(entry, str) else entry) if entry else ()


def _write_page(report: Report) -> Path | None:
    from quintain.evaluation.html import write_report

    try:
        return write_report(report)
    except (MissingDependencyError, OSError) as error:
        say(f"no report.html: {error}")
        return None
