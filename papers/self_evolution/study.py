"""SELF (Lu et al. 2023) in small: does a model improve on refined answers that it judges correct itself?

A model of 0.34 million parameters adds two or three numbers in steps. It has learned from examples with slips, so each
step of its answers is wrong now and then. A scripted labeller judges and corrects 200 of its answers; then the model
improves itself in three rounds of 400 new questions, without right answers. All conditions start from the same model,
and what is trained takes as many optimiser steps from there as any other condition with restarts.

=====================  ==============================================================================================
self                   the method, with restarts
continual              trained on from round to round, with rehearsal of the meta-skills
no rehearsal           the same without rehearsal
no filter              every refined answer is kept
random verdicts        half of the refined answers are kept, at random
first answers          plain self-training: every first answer is kept
meta-skills alone      no rounds
labeller alone         no rounds, and the labeller's answers without feedback and refinement (D_QA)
self-instruct          the model makes the questions of rounds 2 and 3 itself
=====================  ==============================================================================================

    python papers/self_evolution/study.py             # about four hours of CPU time (an estimate)
    python papers/self_evolution/study.py --smoke     # everything tiny; measures nothing
    python papers/self_evolution/study.py --report    # the tables of the finished trainings
    python papers/self_evolution/study.py --only self "random verdicts" --seeds 1
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from quintain.engines import make_engine
from quintain.evaluation.statistics import mean
from quintain.experiments.learning import Condition, TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_study import LearningStudy, Train, finished, pretrained, show_trainings
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.training.language.nano_recipes import RECIPES
from quintain.training.language.policy import as_policy
from quintain.training.language.self_evolution import SELFSettings, train_self
from quintain.training.language.settings import OptimizerSettings

#: Maximum number of tokens of a reply, and how often a step of the first teacher is wrong.
TOKENS, SLIP = 64, 0.25
#: What each condition changes of SELF's settings.
CHANGES: dict[str, dict[str, Any]] = {
    "self": {},
    "continual": {"schedule": "continual"},
    "no rehearsal": {"schedule": "continual", "rehearsal": False},
    "no filter": {"filter": "none"},
    "random verdicts": {"filter": "random"},
    "first answers": {"refine": False, "filter": "none"},
    "meta-skills alone": {"iterations": 0},
    "labeller alone": {"iterations": 0, "terms": ("direct",)},
    "self-instruct": {"self_instruct": True},
}
#: Metrics of a round, of which the first three should rise from left to right.
ROUND = ("accuracy/first", "accuracy/refined", "accuracy/kept", "verdict/accuracy", "fixed", "broken")


def slipping(rng: np.random.Generator, seen: list[str]) -> str:
    """Add step by step, with slips that are carried on."""
    total, *terms = (int(term) for term in seen[0].split("=")[0].split("+"))
    lines = []
    for term in terms:
        slip = int(rng.choice((-10, -1, 1, 10))) if rng.random() < SLIP else 0
        result = max(0, total + term + slip)
        lines.append(f"{total}+{term}={result}")
        total = result
    return "\n".join([*lines, f"<<<{total}>>>"])


RECIPE = replace(
    RECIPES["arithmetic"],
    about="adds with slips",
    write=slipping,
    max_tokens=TOKENS,
    examples=24_000,
    epochs=3,
    env_kwargs={**RECIPES["arithmetic"].env_kwargs, "difficulty": "easy"},
)


def settings(smoke: bool) -> SELFSettings:
    """Return the settings that all conditions share."""
    prompts: dict[str, Any] = {"feedback_prompt": "check", "refine_prompt": "again", "question_prompt": "ask"}
    learner = OptimizerSettings(learning_rate=1e-3, lr_scheduler_type="linear")
    if smoke:
        return SELFSettings(
            iterations=2, steps=2, num_seeds=4, num_queries=4, eval_every=1, eval_episodes=2, pass_k=2,
            self_instruct=False, batch_size=8, optimizer=learner, **prompts,
        )  # fmt: skip
    return SELFSettings(
        iterations=3, steps=400, num_seeds=200, num_queries=400, eval_every=1, eval_episodes=200, pass_k=4,
        self_instruct=False, batch_size=24, optimizer=learner, temperature=1.0, **prompts,
    )  # fmt: skip


def base(out: Path, smoke: bool) -> Path:
    """Return the model folder of the start policy, which is pre-trained once."""
    return pretrained(RECIPE, out / "base", smoke=smoke)


def evolve(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Train one condition with one seed."""
    engine: Any = make_engine("transformers", model=str(base(out, smoke)), max_batch=256)
    try:
        train_self(
            as_policy(engine, 16 if smoke else TOKENS), RECIPE.worlds, replace(settings(smoke), **CHANGES[condition]),
            seed=seed, out=folder, resume=resume, progress=False, evaluation=RECIPE.tests,
        )  # fmt: skip
    finally:
        engine.close()


def report(out: Path, folders: dict[str, list[Path]]) -> StudyTables:
    """Print the tables of the finished trainings, write the page, and return the tables."""
    tables, done = StudyTables(), finished(folders)
    if not done:
        return tables
    found = compare_trainings(done, reference="self" if "self" in done else None)
    show_trainings(found, tables, "Accuracy of direct answers on test questions")
    show_rounds(found, tables)
    write_training_comparison(found, out / "curves.html", "SELF in small")
    print(f"\npage: {out / 'curves.html'}")
    return tables


def share(condition: Condition, metric: str, step: int) -> Percent:
    """Return the mean of a share over seeds."""
    return Percent(mean(list(condition.values(metric, step).values()), bounds=(0, 1), unit="seeds"))


def show_rounds(found: TrainingComparison, tables: StudyTables) -> None:
    """Show what each round did, by the environment's verdicts, which the training did not see."""
    rows = [
        [condition.name, step - 1, *(share(condition, metric, step) for metric in ROUND)]
        for condition in found.conditions
        for step in condition.steps("accuracy/first")
    ]
    names = ["first answers", "refined", "kept", "verdicts right", "fixed", "broken"]
    tables.show("The rounds: means over seeds in per cent", ["condition", "round", *names], rows)


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    return {name: partial(evolve, out=out, condition=name, smoke=smoke) for name in CHANGES}


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/self_evolution", conditions=conditions, report=report,
    smoke=("self", "no filter", "labeller alone"),
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
