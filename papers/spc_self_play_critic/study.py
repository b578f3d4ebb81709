"""SPC (Chen et al. 2025) in small: does a critic get better at natural errors by games against a generator of errors?

Both seats of Critique-v0 are models of 0.34 million parameters. They begin as copies of one model that has learned to
compute the steps of sums and differences. From lessons they learn their formats and gross errors alone: results off by
20 or more. Games are about what the generator makes of it; the critic is measured on natural errors, of which most are
off by 1, 2, 9 or 10.

====================  ===============================================================================================
spc                   two rounds, the second on the games of both and against two critics
last critic           the generator plays against the last critic alone
no union              a round trains on its own games alone
no right steps        the critic learns from wrong steps alone
rollouts              a corruption is an error by rollouts of a scripted solver
lessons alone         no rounds
====================  ===============================================================================================

    python papers/spc_self_play_critic/study.py             # about two hours of CPU time (an estimate)
    python papers/spc_self_play_critic/study.py --smoke     # everything tiny; measures nothing
    python papers/spc_self_play_critic/study.py --report    # the tables of the finished trainings
    python papers/spc_self_play_critic/study.py --only spc "no right steps" --seeds 1
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
from quintain.experiments.learning import TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_study import LearningStudy, Train, finished, pretrained, show_trainings
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.training.language.nano_recipes import RECIPES
from quintain.training.language.policy import as_policy
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.spc import SPCSettings, train_spc
from quintain.training.language.teachers import judge
from quintain.training.sources import Matches

#: Maximum number of tokens of a reply.
TOKENS = 64
#: What each condition changes of SPC's settings, and of the game's arguments.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "spc": ({}, {}),
    "last critic": ({"opponents": 1}, {}),
    "no union": ({"union": False}, {}),
    "no right steps": ({"right_steps": False}, {}),
    "rollouts": ({}, {"validity": "rollouts"}),
    "lessons alone": ({"iterations": 0}, {}),
}
GAME: dict[str, Any] = {"rules": False, "max_steps": 3}


def compute(rng: np.random.Generator, seen: list[str]) -> str:
    """Compute the step, without a verdict."""
    return judge(rng, seen).split("\n")[0]


RECIPE = replace(RECIPES["critique"], about="computes a step", write=compute, max_tokens=TOKENS, epochs=2)


def settings(smoke: bool) -> SPCSettings:
    """Return the settings that all conditions share."""
    learner = OptimizerSettings(learning_rate=1e-3, lr_scheduler_type="linear")
    if smoke:
        return SPCSettings(iterations=1, steps=2, lessons=8, games=4, eval_steps=4, batch_size=4, optimizer=learner)
    return SPCSettings(
        iterations=2, steps=400, lessons=2000, games=1000, eval_steps=400, batch_size=16, optimizer=learner
    )  # fmt: skip


def base(out: Path, smoke: bool) -> Path:
    """Return the model folder of the start policy, which is pre-trained once."""
    return pretrained(RECIPE, out / "base", smoke=smoke, measured=0)


def play(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Train one condition with one seed."""
    engine: Any = make_engine("transformers", model=str(base(out, smoke)), max_batch=256)
    changed, arguments = CHANGES[condition]
    try:
        train_spc(
            as_policy(engine, 16 if smoke else TOKENS), Matches("Critique-v0", {}, {**GAME, **arguments}),
            replace(settings(smoke), **changed), seed=seed, out=folder, resume=resume, progress=False,
        )  # fmt: skip
    finally:
        engine.close()


def report(out: Path, folders: dict[str, list[Path]]) -> StudyTables:
    """Print the tables of the finished trainings, write the page, and return the tables."""
    tables, done = StudyTables(), finished(folders)
    if not done:
        return tables
    found = compare_trainings(done, reference="spc" if "spc" in done else None)
    show_trainings(found, tables, "The critic on natural errors")
    show_wins(found, tables)
    write_training_comparison(found, out / "curves.html", "SPC in small")
    print(f"\npage: {out / 'curves.html'}")
    return tables


def show_wins(found: TrainingComparison, tables: StudyTables) -> None:
    """Show how often the generator writes an error, and how often that deceives each critic."""
    names = ("valid", "win/critic-0", "win/critic-1")
    rows = []
    for condition in found.conditions:
        for step in condition.steps("valid"):
            values = [list(condition.values(name, step).values()) for name in names]
            cells = [Percent(mean(shares, bounds=(0, 1), unit="seeds")) if shares else None for shares in values]
            rows.append([condition.name, step - 1, *cells])
    head = ["condition", "round", "corruptions that are errors", "deceive critic 0", "deceive critic 1"]
    tables.show("The games: means over seeds in per cent", head, rows)


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    return {name: partial(play, out=out, condition=name, smoke=smoke) for name in CHANGES}


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/spc_self_play_critic", conditions=conditions, report=report,
    smoke=("spc", "lessons alone"),
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
