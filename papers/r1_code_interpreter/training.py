r"""Training of R1-Code-Interpreter (Chen et al. 2025) in small: when does a language model learn to write programs?

A model of 0.34 million parameters has learned by SFT to answer sums, products and reversed words directly (60 %) or
with a program (40 %), independently of the question; only the program gets products and reversed words right. Then it
is trained by reinforcement learning: five seeds a condition, all from one SFT checkpoint of each kind.

==================  =================================================================================================
grpo                GRPO; the interpreter's output is left out of the loss
unmasked            the interpreter's output is part of the loss
ppo                 PPO with a learned critic, the same number of episodes
cold                the checkpoint has seen direct answers alone: can GRPO discover programs?
answers in boxes    the checkpoint answers in ``\boxed{}`` instead of ``<<< >>>``: does the format matter?
by potential        200 problems whose potential 4 p (1 - p) was measured on the checkpoint; stage s of four trains on
                    groups 1 to s
without curriculum  the same 200 problems in random order
slow, by potential  the same two at a third of the learning rate and with 8 iterations, since 24 end at a ceiling
slow, without
==================  =================================================================================================

    python papers/r1_code_interpreter/training.py                   # about two hours of CPU time (an estimate)
    python papers/r1_code_interpreter/training.py --smoke           # everything tiny; measures nothing
    python papers/r1_code_interpreter/training.py --report --figure docs/images/r1-training.svg  # of what is finished
    python papers/r1_code_interpreter/training.py --only grpo ppo --seeds 2
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from quintain.engines import make_engine
from quintain.evaluation.statistics import rate
from quintain.experiments.learning import TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_plot import draw_trainings
from quintain.experiments.learning_study import LearningStudy, Train, finished, show_trainings
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.seeding import SeedStream
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.curriculum import ItemPotential, curriculum_problems, measure_potential, read_potential
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.nano_recipes import RECIPES, train_nano
from quintain.training.language.policy import as_policy, at_temperature
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.teachers import use_tools
from quintain.training.sources import Problems, Worlds

TRAIN, TESTS = RECIPES["tools"].worlds, RECIPES["tools"].tests
#: Metric of the environment: executed programs.
CALLS = "metrics/code_calls"


def from_head(rng: np.random.Generator, seen: list[str]) -> str:
    """Answer directly, never with a program."""
    return use_tools(rng, seen, from_head=1.0)


def in_boxes(rng: np.random.Generator, seen: list[str]) -> str:
    """Write as the teacher, with the answer in a box."""
    return use_tools(rng, seen).replace("<<<", r"\boxed{").replace(">>>", "}")


#: Panels of the picture.
PANELS = {"eval/sampled": "right, sampled", "eval/greedy": "right, greedy", CALLS: "programs per training episode"}
#: Compared with each other: by potential, and without a curriculum.
CURRICULA = {
    "Curriculum": ("by potential", "without curriculum"),
    "Curriculum, slow": ("slow, by potential", "slow, without"),
}


#: The start policies: a recipe of nano models with different teachers.
STARTS = {
    "warm": RECIPES["tools"],
    "cold": replace(RECIPES["tools"], about="answers directly", write=from_head),
    "boxes": replace(RECIPES["tools"], about="writes programs or answers in boxes", write=in_boxes),
}


def settings(smoke: bool) -> GRPOSettings:
    """Return the settings of reinforcement learning that all conditions share."""
    learner = OptimizerSettings(learning_rate=3e-4)
    if smoke:
        return GRPOSettings(
            iterations=4, num_prompts=2, num_generations=2, steps_per_generation=2, eval_every=2, eval_episodes=2,
            pass_k=2, save_every=0, optimizer=learner,
        )  # fmt: skip
    return GRPOSettings(iterations=24, eval_every=6, eval_episodes=100, optimizer=learner)


def start(folder: Path, kind: str, smoke: bool) -> Path:
    """Return the model folder of a start policy, which is pre-trained once."""
    if not (folder / "facts.json").exists():
        sizes: dict[str, Any] = {"size": "0.1M", "examples": 24, "measured": 4} if smoke else {}
        trained = train_nano(STARTS[kind], folder, progress=False, **sizes)
        plan = EvaluationPlan(TESTS, 1, sizes.get("measured", 200), 1)
        cool = measure(at_temperature(as_policy(trained), 0.3), plan, SeedStream(0, "start"))
        facts = dict(trained.facts) | {"sampled at 0.3": cool["eval/sampled"], "questions": plan.episodes}
        as_policy(trained).engine.close()
        (folder / "facts.json").write_text(json.dumps(facts))
    return folder


def potentials(folder: Path, base: Path, seed: int, smoke: bool) -> list[ItemPotential]:
    """Return the items that the curricula train on, with their potential for the start policy; measured once."""
    if not (folder / "potential.jsonl").exists():
        engine: Any = make_engine("transformers", model=str(base), max_batch=256)
        measure_potential(
            "CodeReason-v0", {"start": as_policy(engine, RECIPES["tools"].max_tokens)}, items=8 if smoke else 200,
            answers=2 if smoke else 20, seed=SeedStream(seed, "potential").seed, env_kwargs=TRAIN.env_kwargs,
            concurrency=256, out=folder, resume=folder.exists(), progress=False,
        )  # fmt: skip
        engine.close()
    return read_potential(folder)


def reinforce(
    folder: Path,
    seed: int,
    resume: bool,
    *,
    out: Path,
    smoke: bool,
    kind: str = "warm",
    order: str = "",
    **changes: Any,
) -> None:
    """Train one condition with one seed.

    Args:
        folder: Run folder.
        seed: Seed of the training.
        resume: Whether to continue what is there.
        out: Folder of the study.
        smoke: Whether everything is tiny.
        kind: Which start: a name of ``STARTS``.
        order: ``"potential"`` or ``"any"`` for a curriculum's problems; otherwise all of the environment.
        changes: Changes to the settings.
    """
    base = start(out / "starts" / kind, kind, smoke)
    chosen = replace(settings(smoke), **changes)
    source: Worlds | Problems = TRAIN
    if order:
        items = potentials(out / "potential" / f"seed-{seed}", base, seed, smoke)
        if order == "any":
            items = [replace(item, group=1) for item in items]
        source = curriculum_problems(TRAIN, items, chosen.iterations * chosen.num_prompts // 4, seed=seed)
    engine: Any = make_engine("transformers", model=str(base), max_batch=256)
    try:
        agent = as_policy(engine, RECIPES["tools"].max_tokens)
        train_grpo(
            agent, source, chosen, seed=seed, out=folder, resume=resume, progress=False,
            evaluation=TESTS,
        )  # fmt: skip
    finally:
        engine.close()


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    train = partial(reinforce, out=out, smoke=smoke)
    sizes = settings(smoke)
    ppo: dict[str, Any] = {
        "baseline": "critic", "credit": "turn", "scale": "batch", "num_generations": 1,
        "num_prompts": sizes.episodes, "critic": CriticSettings(learning_rate=1e-3),
    }  # fmt: skip
    slow: dict[str, Any] = {} if smoke else {
        "iterations": 8, "eval_every": 2, "optimizer": OptimizerSettings(learning_rate=1e-4),
    }  # fmt: skip
    return {
        "grpo": train,
        "unmasked": partial(train, mask_environment=False),
        "ppo": partial(train, **ppo),
        "cold": partial(train, kind="cold"),
        "answers in boxes": partial(train, kind="boxes"),
        "by potential": partial(train, order="potential"),
        "without curriculum": partial(train, order="any"),
        "slow, by potential": partial(train, order="potential", **slow),
        "slow, without": partial(train, order="any", **slow),
    }


def report(out: Path, folders: dict[str, list[Path]], picture: Path | None = None) -> StudyTables:
    """Print the tables of the finished trainings, write the page, and return the tables."""
    tables = StudyTables()
    done = finished(folders)
    found = compare_trainings(done, reference="grpo" if "grpo" in done else None)
    apart = {name for pair in CURRICULA.values() for name in pair}
    rest = {name: runs for name, runs in done.items() if name not in apart}
    if rest:
        shown = compare_trainings(rest, reference="grpo" if "grpo" in rest else None)
        show_trainings(shown, tables, "Accuracy on 100 test questions")
        if picture is not None:
            draw_trainings(shown, PANELS, picture)
    for title, pair in CURRICULA.items():
        if set(pair) <= done.keys():
            both = compare_trainings({name: done[name] for name in pair})
            show_trainings(both, tables, title)
            _show_course(both, tables, title)
    facts = {kind: out / "starts" / kind / "facts.json" for kind in STARTS}
    read = {kind: json.loads(file.read_text()) for kind, file in facts.items() if file.exists()}
    cool = {kind: (round(f["sampled at 0.3"] * f["questions"]), f["questions"]) for kind, f in read.items()}
    rows = [[kind, Percent(rate(*counts))] for kind, counts in cool.items()]
    tables.show("Start policies at temperature 0.3: right answers in per cent", ["start", "right"], rows)
    tables.show(
        "Programs in an episode of training: means over seeds",
        ["condition", "first step", "last step"],
        [[c.name, *(c.interval(CALLS, c.steps(CALLS)[k]) for k in (0, -1))] for c in found.conditions],
    )
    write_training_comparison(found, out / "curves.html", "R1-Code-Interpreter in small: training")
    print(f"\npage: {out / 'curves.html'}")
    return tables


def _show_course(found: TrainingComparison, tables: StudyTables, title: str) -> None:
    first = found.conditions[0]
    steps = first.steps("eval/sampled")
    tables.show(
        f"{title}: sampled answers by iteration, means over seeds in per cent",
        ["condition", *map(str, steps)],
        [[c.name, *(Percent(c.interval("eval/sampled", step)) for step in steps)] for c in found.conditions],
    )


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/r1_code_interpreter/training", conditions=conditions, report=report,
    results="training.json", figure=True,
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
