"""Recipes of pre-trained nano models: a task, a teacher, and how long to learn from it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quintain.arguments import nearest
from quintain.engines import make_engine
from quintain.errors import ConfigurationError, RepeatedItemsWarning
from quintain.evaluation.runner import evaluate
from quintain.seeding import SeedStream
from quintain.training.language import teachers
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.nano import make_nano
from quintain.training.language.policy import as_policy
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.sft import SFTSettings, train_sft
from quintain.training.language.teachers import Teacher, Writes
from quintain.training.language.trl_trainer import save_model
from quintain.training.sources import Records, Worlds
from quintain.training.trained import Trained

__all__ = ["COUNTDOWN_WORDS", "DECEPTION_WORDS", "RECIPES", "NanoRecipe", "train_nano"]


@dataclass(frozen=True, slots=True)
class NanoRecipe:
    """How a nano model learns a task from examples.

    Attributes:
        about: What the model can do, in a few words.
        env_kwargs: Arguments of the environment, in training and, unless ``test_kwargs`` changes them, in tests.
        write: What the teacher writes.
        examples: Number of examples; small tasks pose some of them more than once. Default: 20,000.
        epochs: Passes over them. Default: 1.
        max_tokens: Maximum number of tokens of a reply. Default: 64.
        outcomes: Outcomes of the teacher's episodes that are learned from. Default: all.
        size: A name of :data:`~quintain.training.language.nano.SIZES`. Default: ``"0.3M"``.
        words: Strings that are one token each. Default: none.
        test_kwargs: Changes to the arguments where the model is measured. Default: none.
        env: Id of the environment. Default: ``"CodeReason-v0"``.
    """

    about: str
    env_kwargs: Mapping[str, Any]
    write: Writes
    examples: int = 20_000
    epochs: float = 1.0
    max_tokens: int = 64
    outcomes: tuple[str, ...] = ("success", "failure", "parse_error")
    size: str = "0.3M"
    words: tuple[str, ...] = ()
    test_kwargs: Mapping[str, Any] = field(default_factory=dict)
    env: str = "CodeReason-v0"

    @property
    def worlds(self) -> Worlds:
        """The environment, on its training split."""
        return Worlds(self.env, {**self.env_kwargs, "split": "train"})

    @property
    def tests(self) -> Worlds:
        """The environment on its test split, of which no item is in the training split."""
        return Worlds(self.env, {**self.env_kwargs, **self.test_kwargs, "split": "test"})


def _text(tasks: str) -> dict[str, Any]:
    return {"tasks": tasks, "rules": False, "code": False, "max_turns": 1}


#: Tokens of the countdown's models: numbers and the words of its traces.
COUNTDOWN_WORDS = (*map(str, range(10, 61)), "yes", "no", "<<<", ">>>", " to ", " vs ", "aim ")
#: Tokens of the models of ``Deception-v0``: numbers, tags and the words of its replies.
DECEPTION_WORDS = (
    *map(str, range(10, 100)),
    *(f"<{slash}{tag}>" for tag in ("think", "monitor", "label", "output") for slash in ("", "/")),
    *("live ", "test ", " ask ", " want ", " must ", " say ", " so ", "true", "false", "unsafe", "safe"),
)
#: The recipes by name.
RECIPES: dict[str, NanoRecipe] = {
    "arithmetic": NanoRecipe("adds numbers step by step", _text("mini_sum"), teachers.sum_in_steps),
    "countdown": NanoRecipe(
        "searches for an expression with a given value", {**_text("mini_check,mini_countdown"), "difficulty": "easy"},
        teachers.search_countdown,
        examples=24_000, epochs=3, max_tokens=200, words=COUNTDOWN_WORDS, test_kwargs={"tasks": "mini_countdown"},
    ),
    "self-correction": NanoRecipe(
        "adds with slips, and puts some of them right", _text("mini_sum"), teachers.correct_yourself, max_tokens=96
    ),
    "tools": NanoRecipe(
        "writes a program for what it cannot do in its head",
        {"tasks": "mini_sum,mini_product,mini_reverse", "difficulty": "easy", "rules": False, "max_turns": 3},
        teachers.use_tools, examples=24_000, epochs=3,
    ),
    "deception": NanoRecipe(
        "audits its reasoning, and answers under pressure",
        {"tasks": "numbers", "pressure": [0, 1, 2], "condition": "drawn"},
        teachers.audit_reasoning, max_tokens=32, words=DECEPTION_WORDS, env="Deception-v0",
    ),
    "critique": NanoRecipe("judges a step of a calculation", _text("mini_verdict"), teachers.judge),
}  # fmt: skip


def train_nano(
    task: str | NanoRecipe,
    folder: str | Path,
    *,
    size: str | None = None,
    examples: int | None = None,
    epochs: float | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    seed: int = 0,
    measured: int = 200,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Pre-train a nano model on a task, from nothing, and write it as a model folder.

    A teacher plays examples of the task's training split, the model learns to act as it did, and is measured on the
    test split: sampled replies, greedy ones, and the best of eight.

    Args:
        task: A name of :data:`RECIPES`, or a recipe.
        folder: Model folder to write.
        size: A name of :data:`~quintain.training.language.nano.SIZES`; ``None`` for the recipe's.
        examples: Number of examples; ``None`` for the recipe's.
        epochs: Passes over them; ``None`` for the recipe's.
        env_kwargs: Changes to the recipe's arguments of its environment, such as some of its tasks. Default: none.
        seed: Root seed of weights, examples and their order. Default: 0.
        measured: Problems of the measurement, >= 0; 0 for none. Default: 200.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with each row of metrics.

    Returns:
        The trained policy, with its accuracy among the facts. Its engine is open.

    Raises:
        ConfigurationError: If there is no such recipe or size.
        MissingDependencyError: Without the extras ``llm`` and ``train``.
    """
    if isinstance(task, str) and task not in RECIPES:
        known = ", ".join(RECIPES)
        raise ConfigurationError(f"there is no recipe {task!r}; choose one of {known}{nearest(task, RECIPES)}")
    name, recipe = (task, RECIPES[task]) if isinstance(task, str) else (task.about, task)
    recipe = replace(recipe, env_kwargs={**recipe.env_kwargs, **(env_kwargs or {})})
    seeds = SeedStream(seed, "nano", name)
    make_nano(folder, size or recipe.size, words=recipe.words, seed=seeds.child("weights").seed)
    engine: Any = make_engine("transformers", model=str(folder), max_batch=256)
    with ExitStack() as stack:
        stack.callback(engine.close)
        trained = _learn(engine, recipe, examples or recipe.examples, epochs or recipe.epochs, seeds, progress, on_log)
        save_model(engine.model, engine.tokenizer, Path(folder))
        policy = as_policy(engine, recipe.max_tokens)
        facts = dict(trained.facts) | {"recipe": name, "size": size or recipe.size}
        if measured:
            facts |= measure(policy, EvaluationPlan(recipe.tests, 1, measured, 8), seeds.child("measure"))
        stack.pop_all()
        return Trained(policy, facts, trained.curve)


def _learn(
    engine: Any,
    recipe: NanoRecipe,
    examples: int,
    epochs: float,
    seeds: SeedStream,
    progress: bool | None,
    on_log: Callable[[Mapping[str, Any]], None] | None,
) -> Trained:
    """Let the teacher play, and the model learn from it."""
    settings = SFTSettings(
        num_train_epochs=epochs,
        batch_size=24,
        log_every=50,
        optimizer=OptimizerSettings(learning_rate=2e-3, lr_scheduler_type="linear", warmup_steps=50),
    )
    with tempfile.TemporaryDirectory(prefix="quintain-nano-") as lessons, warnings.catch_warnings():
        warnings.simplefilter("ignore", RepeatedItemsWarning)  # small tasks have fewer items than examples
        evaluate(
            recipe.worlds.env, Teacher(recipe.write), env_kwargs=recipe.worlds.env_kwargs, episodes=examples,
            seed=seeds.child("examples").seed, out=lessons, progress=progress,
        )  # fmt: skip
        return train_sft(
            engine, Records([lessons], recipe.outcomes), settings, seed=seeds.child("order").seed, progress=progress,
            on_log=on_log,
        )  # fmt: skip
