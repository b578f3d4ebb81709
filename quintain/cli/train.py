"""``quintain train``: change a policy by what it learns from an environment or from recorded episodes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from quintain.cli.console import say
from quintain.cli.folders import new_folder
from quintain.cli.options import EnvArguments, Out, Resume, pairs
from quintain.errors import ConfigurationError
from quintain.records import OUTCOMES

__all__ = ["train"]

#: Outcomes that are no infrastructure failure.
_EVERY = tuple(outcome for outcome in OUTCOMES if outcome != "error")

_TRAINING, _SOURCE = "Training", "What to learn from"

_Policy = Annotated[str, typer.Option("--policy", "-p", metavar="MODEL", help="Model folder, name or hub id.")]
_From = Annotated[
    list[Path] | None,
    typer.Option(
        "--from", metavar="RUN", help="For sft: run folder to imitate. Repeatable.", rich_help_panel=_SOURCE
    ),
]  # fmt: skip
_EveryOutcome = Annotated[
    bool, typer.Option("--every-outcome", help="For sft: imitate failed episodes, too.", rich_help_panel=_SOURCE)
]
_Problems = Annotated[
    Path | None,
    typer.Option(
        "--problems", metavar="FOLDER", rich_help_panel=_SOURCE,
        help="For grpo: problems that `quintain potential` measured, instead of all of the environment.",
    ),
]  # fmt: skip
_Stage = Annotated[
    int | None,
    typer.Option(
        min=1, max=4, help="Stage of the curriculum; s trains on groups 1 to s (default: 4).", rich_help_panel=_SOURCE
    ),
]
_Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--settings", "-s", metavar="K=VALUE", rich_help_panel=_TRAINING,
        help="Setting of the method, such as learning_rate=3e-4. Repeatable.",
    ),
]  # fmt: skip
_Prompt = Annotated[str, typer.Option(help="System prompt of the agent that is trained.", rich_help_panel=_TRAINING)]
_MaxTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Maximum number of tokens of a reply.", rich_help_panel=_TRAINING)
]
_EvalArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--eval-arg", metavar="K=VALUE", rich_help_panel=_TRAINING,
        help="Measure every eval_every iterations with these changes to --env-arg.",
    ),
]  # fmt: skip
_Smoke = Annotated[
    bool,
    typer.Option(
        "--smoke", rich_help_panel=_TRAINING,
        help="Train for seconds, to see that it runs: a tiny untrained model where --policy is missing.",
    ),
]  # fmt: skip
_Seed = Annotated[int, typer.Option(min=0, help="Root seed.", rich_help_panel=_TRAINING)]


def train(
    method: Annotated[
        str,
        typer.Argument(
            help="Trainer of a language model: grpo (reinforcement learning), score (self-correction), b-star "
            "(self-training), self (own refined answers), rest-mcts (search trees), cot-monitor "
            "(deception), spc (a critic by games) or sft (imitation); ppo, q-learning, reinforce: of a new policy of "
            "numbers."
        ),
    ],
    env: Annotated[str | None, typer.Argument(help="Environment to learn in; none for sft.")] = None,
    policy: _Policy = "",
    env_arg: EnvArguments = None,
    records: _From = None,
    every_outcome: _EveryOutcome = False,
    problems: _Problems = None,
    stage: _Stage = None,
    settings: _Settings = None,
    prompt: _Prompt = "",
    max_tokens: _MaxTokens = 256,
    eval_arg: _EvalArguments = None,
    smoke: _Smoke = False,
    seed: _Seed = 0,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Train a language model, and write it as a model folder; or a policy of numbers, as policy.npz.

    The run folder holds the metrics, the episodes with their tokens, checkpoints from which --resume continues, and the
    trained model, which other commands take as --model. An environment with a train and a test split is trained on
    split=train and measured on split=test, unless --env-arg and --eval-arg say otherwise.

    Examples:
        quintain model train-nano arithmetic nano
        quintain train grpo CodeReason-v0 -p nano --env-arg tasks=mini_sum --env-arg rules=false --env-arg code=false
        quintain train sft -p smollm2-135m-instruct --from runs/teacher -s learning_rate=2e-5
        quintain train score SelfCorrect-v0 -p nano --env-arg env_kwargs='{"tasks": "mini_sum", "rules": false}'
        quintain train b-star --smoke
        quintain train cot-monitor Deception-v0 -p MODEL --env-arg reward=goal --env-arg condition=drawn
        quintain train ppo Tabletop/Reach-v0 -s steps=100000 -s n_envs=8 -o runs/reach
        accelerate launch --num_processes 4 -m quintain.cli train grpo CodeReason-v0 -p MODEL -o runs/four-processes
    """
    from quintain.registry import load_attribute
    from quintain.training import TRAINERS
    from quintain.training.settings_text import settings_from

    facts = TRAINERS.facts(method)
    if not facts.language and facts.learns_from != "environment":
        known = (*TRAINERS.names(language=True), *TRAINERS.names(language=False, learns_from="environment"))
        raise ConfigurationError(f"{method!r} is a function of Python; this command has {', '.join(known)}")
    values, env_kwargs = pairs(settings, "--settings"), pairs(env_arg, "--env-arg")
    if not facts.language:
        if policy or prompt or records or every_outcome or problems or eval_arg or smoke:
            raise ConfigurationError(
                f"{method} makes a new policy of numbers; --policy, --prompt, --from, --every-outcome, --problems, "
                "--eval-arg and --smoke are for language models"
            )
        numbers = settings_from(load_attribute(facts.settings), values)
        _train_numbers(method, env, env_kwargs, numbers, seed=seed, out=out, resume=resume)
        return
    if smoke:
        env, env_kwargs, values, max_tokens = _smoke(method, facts.smoke, env, env_kwargs, values, max_tokens)
    chosen: Any = settings_from(load_attribute(facts.settings), values)
    if not policy and not smoke:
        raise ConfigurationError(
            "give the model to train: --policy MODEL, a model folder or a name of `quintain model list`"
        )
    _check_resume(resume, out)
    source, options = _sources(
        method, facts.learns_from, env, env_kwargs=env_kwargs, records=records,
        outcomes=_EVERY if every_outcome else None, eval_arg=eval_arg, problems=problems, stage=stage, seed=seed,
        evaluates=getattr(chosen, "eval_every", False),
    )  # fmt: skip
    _train(method, policy, prompt, max_tokens, source, chosen, options, seed=seed, out=out, resume=resume)


def _smoke(
    method: str, smoke: Any, env: str | None, env_kwargs: dict[str, Any], values: dict[str, Any], max_tokens: int
) -> tuple[str, dict[str, Any], dict[str, Any], int]:
    """Return environment, its arguments, settings and length of a reply of a training of seconds.

    Raises:
        ConfigurationError: If the method has none.
    """
    if smoke is None:
        raise ConfigurationError(f"{method} learns from recorded episodes, so it has no --smoke: give --from RUN")
    env_kwargs = env_kwargs if env is not None else {**smoke.env_kwargs, **env_kwargs}
    return env or smoke.env, env_kwargs, {**smoke.settings, **values}, min(max_tokens, 8)


def _train(
    method: str,
    policy: str,
    prompt: str,
    max_tokens: int,
    source: Any,
    chosen: Any,
    options: dict[str, Any],
    *,
    seed: int,
    out: Path | None,
    resume: bool,
) -> None:
    """Train a model, or a tiny untrained one where none is named."""
    from quintain.agents.language.chat import ChatAgent
    from quintain.engines import make_engine
    from quintain.training import TRAINERS
    from quintain.training.language.nano import make_nano
    from quintain.training.language.trl_trainer import Processes

    processes = Processes.here()
    if processes.number > 1 and out is None:
        raise ConfigurationError("training in several processes needs --out, the folder that all of them know")
    # Small steps round to nothing in 16 bits, which is a GPU's default; adapters are kept in 32 bits in any case.
    dtype = None if chosen.lora is not None else "float32"
    with tempfile.TemporaryDirectory(prefix="quintain-smoke-") as made:
        model = policy or str(make_nano(made, "0.1M"))
        engine = make_engine("transformers", model=model, device=processes.device(), dtype=dtype, **_batch(chosen))
    try:
        agent = ChatAgent(engine, prompt, temperature=1.0, max_tokens=max_tokens, extract=False)
        folder = out or new_folder(method)
        trained = TRAINERS.load(method)(agent, source, chosen, seed=seed, out=folder, resume=resume, **options)
        if not processes.first:
            return
        say(trained.headline())
        say(f"model: {folder / 'model'}")
        say(f"page:  quintain view {folder}")
    finally:
        engine.close()


def _check_resume(resume: bool, out: Path | None) -> None:
    if resume and out is None:
        raise ConfigurationError("--resume needs --out, the folder of the training to continue")


def _train_numbers(
    method: str,
    env: str | None,
    env_kwargs: dict[str, Any],
    settings: Any,
    *,
    seed: int,
    out: Path | None,
    resume: bool,
) -> None:
    """Train a new policy of numbers in an environment."""
    from quintain.training import TRAINERS
    from quintain.training.sources import Worlds

    if env is None:
        raise ConfigurationError(f"{method} learns in an environment: name one, such as CartPole-v1")
    _check_resume(resume, out)
    folder = out or new_folder(method)
    trained = TRAINERS.load(method)(None, Worlds(env, env_kwargs), settings, seed=seed, out=folder, resume=resume)
    say(trained.headline())
    say(f"policy: {folder / 'policy.npz'}")
    say(f"page:   quintain view {folder}")


def _sources(
    method: str,
    learns_from: str,
    env: str | None,
    *,
    env_kwargs: dict[str, Any],
    records: list[Path] | None,
    outcomes: tuple[str, ...] | None,
    eval_arg: list[str] | None,
    problems: Path | None,
    stage: int | None,
    seed: int,
    evaluates: bool,
) -> tuple[Any, dict[str, Any]]:
    """Return what the method learns from, and where it is measured.

    Raises:
        ConfigurationError: If an option does not fit the method.
    """
    from quintain.envs.making import arguments_of_env
    from quintain.training.language.curriculum import read_potential, stage_problems
    from quintain.training.sources import Matches, Records, Worlds

    if learns_from == "records":
        if env is not None or env_kwargs or eval_arg or problems is not None:
            raise ConfigurationError(
                f"{method} learns from recorded episodes: give --from RUN instead of an environment"
            )
        return Records(records or [], outcomes or ("success",)), {}
    if env is None:
        raise ConfigurationError(f"{method} learns in an environment: name one, such as CodeReason-v0")
    if learns_from == "game":
        if records or outcomes or eval_arg or problems is not None:
            raise ConfigurationError(f"{method} learns by playing {env}, and takes no other source")
        return Matches(env, {}, env_kwargs), {}
    if records or outcomes:
        raise ConfigurationError(f"{method} learns by playing; --from and --every-outcome are for sft")
    if eval_arg is not None and not evaluates:
        raise ConfigurationError("--eval-arg takes -s eval_every=N, the number of iterations between evaluations")
    if stage is not None and problems is None:
        raise ConfigurationError("--stage takes --problems FOLDER, which `quintain potential` wrote")
    has_split = "split" in arguments_of_env(env)
    worlds = Worlds(env, {**({"split": "train"} if has_split else {}), **env_kwargs})
    tested = {**env_kwargs, **({"split": "test"} if has_split else {}), **pairs(eval_arg, "--eval-arg")}
    options = {"evaluation": Worlds(env, tested)} if evaluates else {}
    if problems is None:
        return worlds, options
    return stage_problems(worlds, read_potential(problems), 4 if stage is None else stage, seed=seed), options


def _batch(settings: Any) -> dict[str, Any]:
    """Return the engine's batch size: as many replies at once as episodes are played."""
    concurrency = getattr(settings, "concurrency", None)
    return {} if concurrency is None else {"max_batch": min(concurrency, settings.episodes)}
