"""Four Habits (Gandhi et al. 2025) in small: what must a start policy show for reinforcement learning to work?

In the game Countdown three numbers are to be combined to a target. A base model of 0.34 million parameters has
learned from examples to find, among given expressions, the one with a given value, and to compute and answer any one
expression of a countdown's numbers. It is primed by SFT on 3,000 traces of one kind (four epochs; the paper: 1,000,
five epochs), then trained by GRPO (the paper: PPO) on countdowns. Priming and GRPO are repeated for each seed; the
base is trained once.

=========================  ==========================================================================================
unprimed                   the base itself
all strategies             each attempt is verified, planned by a subgoal or backwards from the target, and retried
backtracking verification  attempts are verified and retried
few traces                 the same from 300 traces: a start that is no better than ``unprimed``
backtracking subgoal       attempts aim at a subgoal and are retried
backtracking backward      attempts are planned backwards from the target and retried
only backtracking          attempts are retried, without a word about them
direct                     one attempt without any of the behaviours (the paper's negative control)
empty                      the answers of ``all strategies`` without their traces
dots                       the same with as many dots as the traces have tokens
wrong answers              traces with wrong answers alone, sampled from ``backtracking verification`` before GRPO
other base                 unprimed, from a base whose pre-training had traces of backtracking and verification in place
                           of single attempts
=========================  ==========================================================================================

    python papers/four_habits/run.py                    # five CPU hours for all conditions (an estimate)
    python papers/four_habits/run.py --smoke            # everything tiny; measures nothing
    python papers/four_habits/run.py --report           # the tables of the finished trainings
    python papers/four_habits/run.py --only unprimed dots "all strategies" --seeds 2
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import numpy as np

from quintain.engines import make_engine
from quintain.evaluation.runner import evaluate
from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.learning import TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_plot import draw_trainings
from quintain.experiments.learning_study import LearningStudy, Train, finished, pretrained, show_trainings
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.seeding import SeedStream
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.habits import BEHAVIOURS, KINDS, count_behaviours, countdown_of, write_trace
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.nano_recipes import RECIPES
from quintain.training.language.policy import as_policy, at_temperature
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.sft import SFTSettings, train_sft
from quintain.training.language.teachers import Teacher, Writes, check_expressions, search_countdown
from quintain.training.language.trl_trainer import save_model
from quintain.training.sources import Records, Worlds

#: Maximum number of tokens of a reply: about twenty attempts.
TOKENS = 256
#: Kind of traces of each primed condition.
PRIMED = {
    "all strategies": "all_strategies",
    "backtracking verification": "backtracking_verification",
    "few traces": "backtracking_verification",
    "backtracking subgoal": "backtracking_subgoal",
    "backtracking backward": "backtracking_backward",
    "only backtracking": "only_backtracking",
}
#: Number of traces of a condition that has fewer than 3,000.
FEWER = {"few traces": 300}
#: Panels of the picture.
PANELS = {
    "eval/sampled": "right, sampled",
    "eval/pass@8": "right, best of 8",
    "metrics/verification": "verifications per training episode",
    "completion_tokens": "tokens per training episode",
}
CONDITIONS = ("unprimed", *PRIMED, "direct", "empty", "dots", "wrong answers", "other base")


class CountBehaviours(gym.Wrapper[str, str, str, str]):
    """Counts the behaviours that a reply shows, as metrics of the episode."""

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        """Take a step, and add the counts of the reply."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        counts = {name: float(count) for name, count in count_behaviours(str(action)).items()}
        return observation, reward, terminated, truncated, {**info, "metrics": {**info["metrics"], **counts}}


def countdown(split: str) -> gym.Env[Any, Any]:
    """Return the environment, which counts behaviours."""
    made = gym.make(
        "CodeReason-v0", tasks="mini_countdown", difficulty="easy", split=split, rules=False, code=False, max_turns=1,
        disable_env_checker=True,
    )  # fmt: skip
    return CountBehaviours(made)


TRAIN, TESTS = Worlds(partial(countdown, "train")), Worlds(partial(countdown, "test"))


def one_attempt(rng: np.random.Generator, seen: list[str]) -> str:
    """Check expressions; compute any one expression that is made of a countdown's numbers, and answer it."""
    if "?" in seen[0]:
        return check_expressions(rng, seen)
    return traced(rng, seen, "negative_control")


def traced(rng: np.random.Generator, seen: list[str], kind: str) -> str:
    """Write a trace of one kind."""
    return write_trace(rng, *countdown_of(seen[0]), KINDS[kind])


def without_trace(rng: np.random.Generator, seen: list[str]) -> str:
    """Write the answer of a trace alone."""
    return traced(rng, seen, "all_strategies").split("\n")[-1]


def in_dots(rng: np.random.Generator, seen: list[str], count: Callable[[str], int]) -> str:
    """Write as many dots as the trace has tokens, then its answer."""
    trace, _, answer = traced(rng, seen, "all_strategies").rpartition("\n")
    return "." * count(trace) + "\n" + answer


#: The bases: what they learn from, on questions of both tasks.
BASES = {
    "plain": replace(RECIPES["countdown"], about="checks expressions, and tries one", write=one_attempt),
    "traces": replace(RECIPES["countdown"], about="checks expressions, and searches", write=search_countdown),
}


def settings(smoke: bool) -> GRPOSettings:
    """Return the settings of reinforcement learning, the same in every condition."""
    # At a constant rate of 3e-4 success rose for 20 iterations and fell again.
    learner = OptimizerSettings(learning_rate=2e-4, lr_scheduler_type="linear")
    if smoke:
        return GRPOSettings(
            iterations=2, num_prompts=2, num_generations=2, steps_per_generation=2, eval_every=1, eval_episodes=2,
            pass_k=2, save_every=0, optimizer=learner,
        )  # fmt: skip
    # As in the paper's PPO, advantages are scaled by the batch and losses averaged over tokens: scaled by the group,
    # the credit for the format would count as much as success, and speak against long replies.
    return GRPOSettings(
        iterations=36, num_prompts=24, scale="batch", loss_type="dapo", eval_every=12, eval_episodes=100,
        optimizer=learner,
    )  # fmt: skip


def tokens(smoke: bool) -> int:
    """Return the maximum number of tokens of a reply."""
    return 16 if smoke else TOKENS


def base(out: Path, name: str, smoke: bool) -> Path:
    """Return the model folder of a base, which is pre-trained once."""
    return pretrained(BASES[name], out / "bases" / name, smoke=smoke)


def prime(out: Path, condition: str, seed: int, smoke: bool) -> Path:
    """Return the model folder of a start policy: a base, primed once with traces."""
    if condition in ("unprimed", "other base"):
        return base(out, "traces" if condition == "other base" else "plain", smoke)
    folder = out / "starts" / f"{condition.replace(' ', '-')}-{seed}"
    if (folder / "config.json").exists():
        return folder
    seeds, number = SeedStream(seed, "prime", condition), 24 if smoke else FEWER.get(condition, 3000)
    engine: Any = make_engine("transformers", model=str(base(out, "plain", smoke)), max_batch=256)
    with tempfile.TemporaryDirectory(prefix="quintain-prime-") as lessons:
        if condition == "wrong answers":
            sampled = make_engine(
                "transformers", model=str(prime(out, "backtracking verification", seed, smoke)), max_batch=256
            )
            # More than enough: four answers in five are wrong.
            _play(as_policy(sampled, tokens(smoke)), 3 * number, seeds, lessons)
            sampled.close()
            wrong = [r for r in Records([lessons], ("failure", "parse_error")).episodes() if r.steps][:number]
            records: Any = wrong
        else:
            _play(Teacher(_writes(condition, engine.tokenizer)), number, seeds, lessons)
            records = Records([lessons], ("success", "failure", "parse_error"))
        taught = SFTSettings(
            num_train_epochs=4, batch_size=24, log_every=100,
            optimizer=OptimizerSettings(learning_rate=5e-4, lr_scheduler_type="linear", warmup_steps=10),
        )  # fmt: skip
        train_sft(engine, records, taught, seed=seeds.child("order").seed, progress=False)
    save_model(engine.model, engine.tokenizer, folder)
    engine.close()
    return folder


def _play(agent: Any, episodes: int, seeds: SeedStream, folder: str) -> None:
    evaluate(
        TRAIN.env, agent, episodes=episodes, seed=seeds.child("lessons").seed, concurrency=256, out=folder,
        progress=False,
    )  # fmt: skip


def _writes(condition: str, tokenizer: Any) -> Writes:
    """Return what writes the traces of a condition."""
    if condition == "empty":
        return without_trace
    if condition == "dots":
        return partial(in_dots, count=lambda text: len(tokenizer(text)["input_ids"]))
    return partial(traced, kind="negative_control" if condition == "direct" else PRIMED[condition])


def reinforce(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Train one condition with one seed."""
    start = prime(out, condition, seed, smoke)
    engine: Any = make_engine("transformers", model=str(start), max_batch=256)
    agent = as_policy(engine, tokens(smoke))
    try:
        cool_file = _cool_file(out, condition, seed)
        if not cool_file.exists():
            plan = EvaluationPlan(TESTS, 1, 4 if smoke else 200, 1)
            cool = measure(at_temperature(agent, 0.3), plan, SeedStream(seed, "cool"))["eval/sampled"]
            cool_file.parent.mkdir(parents=True, exist_ok=True)
            cool_file.write_text(json.dumps(cool))
        train_grpo(
            agent, TRAIN, settings(smoke), seed=seed, out=folder, resume=resume, progress=False, evaluation=TESTS
        )
    finally:
        engine.close()


def report(out: Path, folders: dict[str, list[Path]], picture: Path | None = None) -> StudyTables:
    """Print the tables of the finished trainings, write the page, and return the tables."""
    tables = StudyTables()
    done = finished(folders)
    found = compare_trainings(done, reference="empty" if "empty" in done else None)
    show_trainings(found, tables, "Accuracy on 100 test puzzles")
    _show_cool(out, found, tables)
    _show_counts(found, tables)
    write_training_comparison(found, out / "curves.html", "Four Habits in small")
    if picture is not None:
        draw_trainings(found, PANELS, picture)
    print(f"\npage: {out / 'curves.html'}")
    return tables


def _show_cool(out: Path, found: TrainingComparison, tables: StudyTables) -> None:
    """Compare with what lowering the temperature of the start policy would do: GRPO must do more than sharpen."""
    rows = []
    for condition in found.conditions:
        ends = condition.values("eval/sampled", condition.steps("eval/sampled")[-1])
        cool = {seed: json.loads(_cool_file(out, condition.name, seed).read_text()) for seed in ends}
        gain = paired_difference([*ends.values()], [*cool.values()], bounds=(0, 1), unit="seeds")
        start = mean([*cool.values()], bounds=(0, 1), unit="seeds")
        rows.append([condition.name, Percent(start), Percent(gain), len(cool)])
    tables.show(
        "Start policies at temperature 0.3, and what the end has above that: means over seeds in per cent",
        ["condition", "start at 0.3", "end minus that", "seeds"], rows,
    )  # fmt: skip


def _cool_file(out: Path, condition: str, seed: int) -> Path:
    return out / "cool" / f"{condition.replace(' ', '-')}-{seed}.json"


def _show_counts(found: TrainingComparison, tables: StudyTables) -> None:
    metrics = [f"metrics/{name}" for name in BEHAVIOURS] + ["completion_tokens"]
    rows = []
    for condition in found.conditions:
        cells: list[Any] = [condition.name]
        for metric in metrics:
            steps = condition.steps(metric)
            cells += [condition.interval(metric, steps[at]).estimate for at in (0, -1)]
        rows.append(cells)
    head = [f"{name}, {when}" for name in (*BEHAVIOURS, "tokens") for when in ("start", "end")]
    tables.show(
        "Behaviours and tokens in an episode, in the first and the last iteration: means over seeds",
        ["condition", *head], rows,
    )  # fmt: skip


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    return {name: partial(reinforce, out=out, condition=name, smoke=smoke) for name in CONDITIONS}


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/four_habits", conditions=conditions, report=report, figure=True,
    smoke=("unprimed", "dots", "wrong answers"),
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
