"""``quintain eval``: play, record, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quintain.agents.registry import POLICY_FILES, agent_names, arguments_of
from quintain.arguments import argument_names
from quintain.cli.console import console, print_json, say
from quintain.cli.folders import clear_away, continuing, new_folder
from quintain.cli.mujoco_warnings import warn_once
from quintain.cli.options import check_resumed, json_or_word, pairs
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError

if TYPE_CHECKING:
    from quintain.evaluation.report import Report
    from quintain.records import EpisodeRecord

__all__ = ["evaluate"]

_SHIPPED = agent_names()


def evaluate(
    ctx: typer.Context,
    env: Annotated[str, typer.Argument(help="Id of an environment, such as CodeReason-v0 or CartPole-v1.")],
    agent: Annotated[
        str,
        typer.Option(
            "--agent",
            "-a",
            help=f"Who plays: {', '.join(_SHIPPED)}; a strategy such as tit-for-tat; your own as module:Class or "
            "module:name; or a policy's .zip (Stable-Baselines3), .pt, .onnx or .npz file. quintain agents lists them.",
        ),
    ],
    engine: Annotated[
        str | None,
        typer.Option(
            help="Language model of agents that ask one: transformers (the default), openai, vllm, replay.",
            rich_help_panel="Agent",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The engine's model; for openai NAME@http://host:port/v1.", rich_help_panel="Agent"),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Task names, joined by commas, or all.", rich_help_panel="Environment")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="Only this suite's tasks.", rich_help_panel="Environment")] = None,
    split: Annotated[str | None, typer.Option(help="train or test.", rich_help_panel="Environment")] = None,
    difficulty: Annotated[
        str | None, typer.Option(help="Name of a level, or parameters as JSON.", rich_help_panel="Environment")
    ] = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Do not execute the agent's programs.", rich_help_panel="Environment")
    ] = False,
    env_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K=JSON", help="Any argument of the environment. Repeatable.", rich_help_panel="Environment"
        ),
    ] = None,
    agent_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="K=JSON", help="Any argument of the agent. Repeatable.", rich_help_panel="Agent"),
    ] = None,
    engine_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="K=JSON", help="Any argument of the engine. Repeatable.", rich_help_panel="Agent"),
    ] = None,
    episodes: Annotated[
        int, typer.Option("--episodes", "-n", min=1, help="Number of episodes.", rich_help_panel="Run")
    ] = 100,
    seed: Annotated[
        int, typer.Option(min=0, help="Root seed; equal seeds pose equal episodes.", rich_help_panel="Run")
    ] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Episodes that are live at once.", rich_help_panel="Run")
    ] = 16,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder. Default: a new one under runs/.", rich_help_panel="Output"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.", rich_help_panel="Run")] = False,
    retry_errors: Annotated[
        bool,
        typer.Option(
            "--retry-errors",
            help="With --resume: play only episodes again that infrastructure failed.",
            rich_help_panel="Run",
        ),
    ] = False,
    executor: Annotated[
        str, typer.Option(help="inline, or process for several processes.", rich_help_panel="Run")
    ] = "inline",
    workers: Annotated[int, typer.Option(min=1, help="Processes of the process executor.", rich_help_panel="Run")] = 2,
    confidence: Annotated[
        float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).", rich_help_panel="Output")
    ] = 0.95,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Do not write report.html.", rich_help_panel="Output")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON and nothing else.", rich_help_panel="Output")
    ] = False,
) -> None:
    """Let an agent play an environment, record every episode, and report with intervals.

    Examples:
        quintain eval CodeReason-v0 -a oracle --tasks letters,game24 -n 50
        quintain eval CodeReason-v0 -a code-interpreter -n 100 -o runs/first
        quintain eval CodeReason-v0 -a code-interpreter -n 100 -o runs/first --resume
        quintain eval CodeReason-v0 -a all-text --engine openai --model m@http://host/v1
        quintain eval CartPole-v1 -a random --env-arg sutton_barto_reward=true

    Ctrl-C keeps what is finished.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 every episode failed, 130 interrupted.
    """
    check_resumed(out, resume=resume, retry_errors=retry_errors)
    if not 0 < confidence < 1:
        raise typer.BadParameter(f"must be in (0, 1), got {confidence:g}", param_hint="--confidence")
    named = {"tasks": tasks, "suite": suite, "split": split}
    if difficulty is not None:
        named["difficulty"] = json_or_word(difficulty, "--difficulty")
    env_kwargs = _merge({k: v for k, v in named.items() if v is not None}, pairs(env_arg, "--env-arg"))
    if no_code:
        env_kwargs = _merge({"code": False}, env_kwargs)
    _try_to_make(env, env_kwargs)  # which also imports a module that may register agents
    if "mujoco" in sys.modules:
        warn_once()
    source = _agent_source(
        env, agent, engine, model, pairs(agent_arg, "--agent-arg"), pairs(engine_arg, "--engine-arg")
    )
    folder = out or new_folder(env, Path(agent).stem if agent.endswith(POLICY_FILES) else agent)
    fresh = not folder.exists()
    watch = _Watch(folder)

    from quintain.evaluation.runner import evaluate as run

    try:
        report = run(
            env, source, episodes=episodes, seed=seed, concurrency=concurrency, out=folder, env_kwargs=env_kwargs,
            resume=resume, retry_errors=retry_errors, executor=executor, workers=workers,  # type: ignore[arg-type]
            confidence=confidence, on_episode=watch.see,
        )  # fmt: skip
    except Exception:
        if fresh:
            clear_away(folder)
        raise
    except KeyboardInterrupt as error:
        say(f"\ninterrupted; {watch.seen} episodes of this call are safe in {folder}. Continue with:")
        say(f"  {continuing(ctx.find_root().obj or [], folder)}")
        raise typer.Exit(130) from error
    page = None if no_report else _write_page(report)
    if as_json:
        print_json(report.to_dict() | {"run": str(folder), "report": page and str(page), "wall_s": watch.wall_s})
    else:
        from quintain.cli.tables import print_report

        print_report(console(), report, wall_s=watch.wall_s, tokens=watch.tokens)
        if page is not None:
            console().print(f"report: [bold]{page}[/bold]" if "[" not in str(page) else str(page), soft_wrap=True)
    if report.episodes and not report.scored:
        say("infrastructure failed every episode; see the errors above", "bold red")
        raise typer.Exit(3)


class _Watch:
    """Counts what is new in this call: a resumed run's older tokens took no time now. Names the folder once it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen = 0
        self.tokens = 0
        self._start = time.perf_counter()

    def see(self, record: EpisodeRecord) -> None:
        if not self.seen:
            say(f"run folder: {self._folder}", "dim")
        self.seen += 1
        self.tokens += record.completion_tokens

    @property
    def wall_s(self) -> float:
        return round(time.perf_counter() - self._start, 3)


def _merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    twice = sorted(first.keys() & second.keys())
    if twice:
        raise typer.BadParameter(
            f"{twice[0]!r} is given twice, by an option of its own and here", param_hint="--env-arg"
        )
    return {**first, **second}


def _agent_source(
    env: str, agent: str, engine: str | None, model: str | None, options: dict[str, Any], engine_options: dict[str, Any]
) -> Any:
    if agent in agent_names() and agent not in _SHIPPED and ":" in env:
        agent = f"{env.partition(':')[0]}:{agent}"  # so that other processes find it, too
    arguments_of(agent)  # an unknown name is said before anything starts
    if model is not None:
        engine = engine or "transformers"
        if ":" in engine:
            raise typer.BadParameter(f"--engine {engine} names a model already", param_hint="--model")
        engine = f"{engine}:{model}"
    served: Any = engine
    if engine_options:
        served = {"name": engine or "transformers", **engine_options}
    return {"name": agent, **({"engine": served} if served else {}), **options}


def _try_to_make(env: str, env_kwargs: dict[str, Any]) -> None:
    """Make the environment once, so that a wrong name or argument is one clear message before anything starts."""
    import gymnasium as gym
    from gymnasium.error import Error, NameNotFound, NamespaceNotFound, VersionNotFound

    from quintain.evaluation.rollout import make_env

    try:
        make_env(env, env_kwargs).close()
    except (NameNotFound, NamespaceNotFound, VersionNotFound) as error:
        raise UnknownNameError("environment", env, gym.registry) from error
    except ModuleNotFoundError as error:
        missing = error.name or getattr(error.__cause__, "name", None)  # Gymnasium's own error does not say
        raise ConfigurationError(
            f"environment {env!r} needs module {missing!r}, which is neither installed nor in this folder"
        ) from error
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
    except MissingDependencyError as error:
        say(f"no report.html: {error}")
    except OSError as error:
        say(f"no report.html: {error}")
    return None
