"""SCoRe (Kumar et al. 2024) in small: does a model learn to correct itself, or to repeat its first answer?

A model of 0.34 million parameters adds two or three numbers. It has learned from examples to answer directly, which it
often gets wrong, and, asked again, to repeat its answer (0.7) or to add step by step, with slips, and answer that. So
its second attempt can find an error of the first, at the risk of spoiling a right answer. Reinforcement learning starts
from this model; it is pre-trained once, and training is repeated for each seed.

==================  =================================================================================================
score               stage I, then stage II with the bonus
plain               reinforcement learning on both rewards (no stage I, no bonus)
no stage I          stage II alone, as many iterations
no bonus            both stages, alpha = 0
single turn         the first attempt alone is rewarded
joint credit        the first turn is credited with the bonus, too (gamma = 1)
star                SFT on the start policy's own corrections (D_STaR), one round
star plus           the same with answers that were right twice
pair sft            SFT on pairs of its wrong and right answers
pair sft plus       the same with pairs of right ones
==================  =================================================================================================

All conditions are measured on the same questions of a seed. Those of SFT answer as many episodes as those of
reinforcement learning play, all before training and with the start policy, eight to a question, and imitate what is
kept of them in one epoch.

    python papers/score_self_correction/study.py             # over two hours of CPU time (an estimate)
    python papers/score_self_correction/study.py --smoke     # everything tiny; measures nothing
    python papers/score_self_correction/study.py --report    # the tables of the finished trainings
    python papers/score_self_correction/study.py --only score plain --seeds 1
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from quintain.agents.agent import Seat
from quintain.engines import make_engine
from quintain.evaluation.runner import evaluate
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.learning import Condition, TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_study import LearningStudy, Train, finished
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.records import read_episodes
from quintain.seeding import SeedStream
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.nano import make_nano
from quintain.training.language.policy import as_policy, at_temperature
from quintain.training.language.score import CORRECTION_METRICS, train_score
from quintain.training.language.score_settings import SCoRESettings
from quintain.training.language.score_traces import pair_traces, star_traces
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.sft import SFTSettings, train_sft
from quintain.training.language.teachers import sum_in_steps
from quintain.training.language.trl_trainer import save_model
from quintain.training.sources import Records, Worlds

#: Maximum number of tokens of a reply: two steps and the answer.
TOKENS = 40
#: What the teacher does: how often its first answer and a step of its second one are wrong, and how often it repeats.
FIRST_WRONG, SLIP, REPEAT = 0.4, 0.15, 0.7
#: What each condition changes of SCoRe's settings.
REINFORCED: dict[str, dict[str, Any]] = {
    "score": {},
    "plain": {"stage1_iterations": 0, "alpha": 0.0},
    "no stage I": {"stage1_iterations": 0},
    "no bonus": {"alpha": 0.0},
    "single turn": {"stage1_iterations": 0, "alpha": 0.0, "rewarded": "first"},
    "joint credit": {"gamma": 1.0},
}
IMITATED = ("star", "star plus", "pair sft", "pair sft plus")
CONDITIONS = (*REINFORCED, *IMITATED)


def sums(split: str) -> Worlds:
    """Return the environment."""
    question = {"tasks": "mini_sum", "difficulty": "easy", "rules": False, "code": False, "split": split}
    return Worlds("SelfCorrect-v0", {"env_kwargs": question, "revise": "again?"})


TRAIN, TESTS = sums("train"), sums("test")


class Teacher:
    """Answers directly, with errors; asked again, repeats the answer or adds step by step, with slips."""

    def begin(self, seat: Seat) -> Pupil:
        """Return an actor."""
        return Pupil(seat.generator())


class Pupil:
    """Plays one episode.

    Args:
        rng: Source of the errors.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._question = self._answer = ""

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """Return an attempt."""
        if not self._question:
            self._question = observation
            right = int(sum_in_steps(self._rng, [observation]).rsplit("<<<", 1)[1].removesuffix(">>>"))
            self._answer = f"<<<{self._slipped(right, FIRST_WRONG)}>>>"
            return self._answer
        return self._answer if self._rng.random() < REPEAT else self._steps()

    def _steps(self) -> str:
        total, *terms = (int(term) for term in self._question.split("=")[0].split("+"))
        lines = []
        for term in terms:
            result = self._slipped(total + term, SLIP)
            lines.append(f"{total}+{term}={result}")
            total = result
        return "\n".join([*lines, f"<<<{total}>>>"])

    def _slipped(self, value: int, probability: float) -> int:
        return max(0, value + int(self._rng.choice((-10, -1, 1, 10)))) if self._rng.random() < probability else value


def settings(smoke: bool) -> SCoRESettings:
    """Return the settings that all conditions share."""
    learner = OptimizerSettings(learning_rate=3e-4)
    if smoke:
        return SCoRESettings(
            iterations=2, stage1_iterations=1, num_prompts=4, steps_per_generation=2, eval_every=1, eval_episodes=2,
            pass_k=2, save_every=0, optimizer=learner,
        )  # fmt: skip
    # Scaled for each turn apart, so that the bonus is no larger step size.
    return SCoRESettings(
        iterations=60, stage1_iterations=20, num_prompts=256, steps_per_generation=4, scale="batch", beta2=0.5,
        eval_every=20, eval_episodes=200, pass_k=4, optimizer=learner,
    )  # fmt: skip


def base(out: Path, smoke: bool) -> Path:
    """Return the model folder of the start policy, which is pre-trained once."""
    folder = out / "base"
    if not (folder / "facts.json").exists():
        seeds = SeedStream(0, "base")
        make_nano(folder, "0.1M" if smoke else "0.3M", seed=seeds.child("weights").seed)
        engine: Any = make_engine("transformers", model=str(folder), max_batch=256)
        lessons = out / "lessons"
        evaluate(
            TRAIN.env, Teacher(), env_kwargs=TRAIN.env_kwargs, episodes=24 if smoke else 24_000,
            seed=seeds.child("lessons").seed, out=lessons, resume=lessons.exists(), progress=False,
        )  # fmt: skip
        taught = SFTSettings(
            num_train_epochs=1 if smoke else 3, batch_size=24, log_every=100,
            optimizer=OptimizerSettings(learning_rate=2e-3, lr_scheduler_type="linear", warmup_steps=50),
        )  # fmt: skip
        began = time.process_time()
        train_sft(engine, Records([lessons], ("success", "failure")), taught, progress=False)
        save_model(engine.model, engine.tokenizer, folder)
        facts = {"seconds": time.process_time() - began}
        for name, temperature in (("sampled", 1.0), ("cool", 0.3)):
            plan = EvaluationPlan(TESTS, 1, 4 if smoke else 400, 1, CORRECTION_METRICS)
            facts |= {name: measure(at_temperature(as_policy(engine, TOKENS), temperature), plan, seeds.child(name))}
        engine.close()
        (folder / "facts.json").write_text(json.dumps(facts))
    return folder


def answered(smoke: bool) -> int:
    """Return how many questions are answered eight times for imitation: as many episodes as reinforcement plays."""
    return settings(smoke).iterations * settings(smoke).episodes // 8


def evaluation_seeds(seed: int) -> SeedStream:
    """Return the seed stream of the evaluations that ``train_score`` makes, which is that of all conditions."""
    return SeedStream(seed, "score").child("evaluation")


def reinforce(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Train one condition with one seed."""
    engine: Any = make_engine("transformers", model=str(base(out, smoke)), max_batch=256)
    changes = REINFORCED[condition]
    try:
        train_score(
            as_policy(engine, TOKENS), TRAIN, replace(settings(smoke), **changes), seed=seed, out=folder, resume=resume,
            progress=False, evaluation=TESTS,
        )  # fmt: skip
    finally:
        engine.close()


def imitate(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Fine-tune on traces of the start policy's own answers, from eight to a question."""
    engine: Any = make_engine("transformers", model=str(base(out, smoke)), max_batch=256)
    agent, seeds, shared = at_temperature(as_policy(engine, TOKENS), 1.0), SeedStream(seed, "traces"), settings(smoke)
    plan = EvaluationPlan(TESTS, 1, shared.eval_episodes, shared.pass_k, CORRECTION_METRICS)
    work, answers = out / "work" / folder.parent.name / folder.name, out / "answers" / f"seed-{seed}"
    try:
        evaluate(
            TRAIN.env, agent, env_kwargs=TRAIN.env_kwargs, episodes=answered(smoke), repeats=8, seed=seeds.seed,
            concurrency=256, out=answers, resume=answers.exists(), progress=False,
        )  # fmt: skip
        make = star_traces if condition.startswith("star") else partial(pair_traces, seed=seed)
        traces = make(read_episodes(answers), plus=condition.endswith("plus"))
        if smoke and not traces:
            traces = read_episodes(answers)  # an untrained model is never right
        taught = SFTSettings(
            num_train_epochs=1, batch_size=24, log_every=20, last_turn_only=True,
            optimizer=OptimizerSettings(learning_rate=3e-4, lr_scheduler_type="linear"),
        )  # fmt: skip
        before = measure(agent, plan, evaluation_seeds(seed))
        trained = train_sft(engine, traces, taught, seed=seed, out=work, resume=work.exists(), progress=False)
        after = measure(agent, plan, evaluation_seeds(seed))
        with (work / "metrics.jsonl").open("a") as file:
            for step, found in ((0, before), (trained.facts["steps"], after)):
                file.write(json.dumps({"step": step, **found}) + "\n")
        folder.parent.mkdir(parents=True, exist_ok=True)
        work.rename(folder)
    finally:
        engine.close()


def report(out: Path, folders: dict[str, list[Path]]) -> StudyTables:
    """Print the tables of the finished trainings, and return them."""
    tables = StudyTables()
    done = finished(folders)
    facts = json.loads((out / "base" / "facts.json").read_text())
    starts = {"1": "sampled", "0.3": "cool"}
    rows = [[t, *(100 * facts[name][f"eval/{metric}"] for metric in CORRECTION_METRICS)] for t, name in starts.items()]
    tables.show("The start policy, in per cent", ["temperature", *CORRECTION_METRICS], rows)
    if done:
        found = compare_trainings(done)
        for prefix, how in (("eval/", "sampled"), ("eval/greedy ", "greedy")):
            show_corrections(found, tables, prefix, how)
            show_differences(found, tables, prefix, how)
        write_training_comparison(found, out / "curves.html", "SCoRe in small")
        print(f"\npage: {out / 'curves.html'}")
    return tables


def ends(condition: Condition, prefix: str) -> dict[str, dict[int, float]]:
    """Return each metric at the last step by seed, with ``delta``, the difference of the two attempts."""
    step = condition.steps(f"{prefix}first")[-1]
    values = {name: condition.values(f"{prefix}{name}", step) for name in CORRECTION_METRICS}
    return values | {"delta": {seed: values["second"][seed] - value for seed, value in values["first"].items()}}


def show_corrections(found: TrainingComparison, tables: StudyTables, prefix: str, how: str) -> None:
    """Show the columns of the paper's tables at the end of the trainings."""
    names = ("first", "second", "delta", "fixed", "broken", "changed")
    rows = []
    for condition in found.conditions:
        values = ends(condition, prefix)
        cells = [
            mean(list(values[name].values()), bounds=(-1 if name == "delta" else 0, 1), unit="seeds") for name in names
        ]
        rows.append([condition.name, *map(Percent, cells), len(values["first"])])
    head = ["condition", "Acc@t1", "Acc@t2", "delta", "wrong to right", "right to wrong", "changed", "seeds"]
    tables.show(f"Corrections at the end, {how}: means over seeds in per cent", head, rows)


def show_differences(found: TrainingComparison, tables: StudyTables, prefix: str, how: str) -> None:
    """Show how much more SCoRe corrects than each other condition, paired by seed."""
    by_name = {condition.name: ends(condition, prefix) for condition in found.conditions}
    score = by_name.pop("score", None)
    if score is None or not by_name:
        return
    cells = []
    for values in by_name.values():
        for metric in ("delta", "second", "first"):
            seeds = sorted(score[metric].keys() & values[metric].keys())
            pair = [[found_in[metric][seed] for seed in seeds] for found_in in (score, values)]
            cells.append(paired_difference(*pair, unit="seeds"))
    shown = iter(map(Percent, cells, holm([cell.p_value for cell in cells])))
    head = ["score minus", "delta", "Acc@t2", "Acc@t1"]
    title = f"Differences at the end, {how}, in points, paired by seed; p by Holm for {len(cells)} tests"
    tables.show(title, head, [[name, *(next(shown) for _ in range(3))] for name in by_name])


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    return {
        name: partial(reinforce if name in REINFORCED else imitate, out=out, condition=name, smoke=smoke)
        for name in CONDITIONS
    }


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/score_self_correction", conditions=conditions, report=report,
    smoke=("score", "star", "pair sft plus"),
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
