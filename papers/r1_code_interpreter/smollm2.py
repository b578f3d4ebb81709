"""SFT with low-rank adapters, then GRPO, on SmolLM2-135M: two families, right answers before and after.

The teacher is the environment's own solution, written as an answer; SFT imitates it, GRPO (adapters again) learns from
the policy's own answers. The same test questions are asked before SFT, after it and after GRPO, once greedily and
``--answers`` times at temperature 1. The same command continues an interrupted run; trainings go back to their last
checkpoint.

    python papers/r1_code_interpreter/smollm2.py                    # about 65 CPU minutes (an estimate)
    python papers/r1_code_interpreter/smollm2.py --smoke            # everything tiny (140 CPU seconds a family)
    python papers/r1_code_interpreter/smollm2.py --model Qwen/Qwen2.5-3B-Instruct --lessons 6000 --iterations 100
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from quintain.agents.language.chat import ChatAgent
from quintain.engines import make_engine
from quintain.errors import RepeatedItemsWarning
from quintain.evaluation.compare import compare
from quintain.evaluation.report import Report
from quintain.evaluation.runner import evaluate
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.policy import at_temperature
from quintain.training.language.settings import LoraSettings, OptimizerSettings
from quintain.training.language.sft import SFTSettings, train_sft
from quintain.training.sources import Records, Worlds

FAMILIES = ("chain_sum", "spell_backward")
#: Maximum number of tokens of a reply: an answer alone.
TOKENS = 24
STAGES = ("before", "after SFT", "after GRPO")


def world(family: str, split: str) -> Worlds:
    """Return one family of questions, answered at once and without the rules of programs."""
    return Worlds("CodeReason-v0", {
        "tasks": family, "difficulty": "easy", "split": split, "rules": False, "code": False, "max_turns": 1,
    })  # fmt: skip


def ask(out: Path, policy: ChatAgent, family: str, options: argparse.Namespace) -> tuple[Report, Report]:
    """Return the runs of a policy on the test questions: greedy, and sampled."""
    tests = world(family, "test")
    runs = []
    for temperature, repeats in ((0.0, 1), (1.0, options.answers)):
        folder = out / f"at-{temperature:g}"
        run = evaluate(
            tests.env, at_temperature(policy, temperature), env_kwargs=tests.env_kwargs, episodes=options.questions,
            seed=17, repeats=repeats, concurrency=64, out=folder, resume=folder.exists(), progress=False,
        )  # fmt: skip
        runs.append(run)
    return runs[0], runs[1]


def study(out: Path, family: str, options: argparse.Namespace) -> dict[str, tuple[Report, Report]]:
    """Train on one family, and return the runs on its test questions at each stage."""
    engine: Any = make_engine("transformers", model=options.model, max_batch=64, dtype="float32")
    policy = ChatAgent(engine, temperature=1.0, max_tokens=TOKENS, extract=False)
    train = world(family, "train")
    found = {"before": ask(out / "before", policy, family, options)}
    lessons = out / "lessons"
    evaluate(
        train.env, "oracle", env_kwargs=train.env_kwargs, episodes=options.lessons, seed=1, out=lessons,
        resume=lessons.exists(), progress=False,
    )  # fmt: skip
    imitate = SFTSettings(
        num_train_epochs=2, batch_size=8, log_every=5, save_every=5, lora=LoraSettings(),
        optimizer=OptimizerSettings(learning_rate=1e-3, lr_scheduler_type="linear", warmup_steps=5),
    )  # fmt: skip
    folder = out / "sft-training"
    train_sft(policy, Records([lessons]), imitate, seed=0, out=folder, resume=folder.exists(), progress=False)
    found["after SFT"] = ask(out / "sft", policy, family, options)
    reinforce = GRPOSettings(
        iterations=options.iterations, num_prompts=8, num_generations=8, steps_per_generation=2, lora=LoraSettings(),
        optimizer=OptimizerSettings(learning_rate=1e-4), save_every=1,
    )  # fmt: skip
    folder = out / "grpo-training"
    train_grpo(policy, train, reinforce, seed=0, out=folder, resume=folder.exists(), progress=False)
    found["after GRPO"] = ask(out / "grpo", policy, family, options)
    engine.close()
    return found


def report(found: dict[str, dict[str, tuple[Report, Report]]]) -> StudyTables:
    """Print the right answers at each stage, and the differences between stages on the same questions."""
    tables = StudyTables()
    rows = [
        [family, stage, Percent(greedy.success), Percent(sampled.success)]
        for family, stages in found.items()
        for stage, (greedy, sampled) in stages.items()
    ]
    tables.show("Right answers to test questions, in per cent", ["family", "stage", "greedy", "sampled"], rows)
    rows = []
    for family, stages in found.items():
        for first, second in itertools.pairwise(STAGES):
            changes = [compare(stages[second][k], stages[first][k]).success for k in range(2)]
            rows.append([family, second, first, *map(Percent, changes)])
    head = ["family", "stage", "minus", "greedy", "sampled"]
    tables.show("Differences in points, paired by question", head, rows)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder (default: runs/papers/r1_code_interpreter/smollm2)")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="model of transformers (default: %(default)s)")
    parser.add_argument("--families", nargs="+", default=FAMILIES, metavar="TASK", help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=100, help="test questions (default: %(default)s)")
    parser.add_argument("--answers", type=int, default=4, help="sampled answers to each (default: %(default)s)")
    parser.add_argument("--lessons", type=int, default=200, help="examples for SFT (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=10, help="of GRPO (default: %(default)s)")
    parser.add_argument("--smoke", action="store_true", help="everything tiny: shows the output")
    options = parser.parse_args()
    if options.smoke:
        options.questions, options.answers, options.lessons, options.iterations = 4, 2, 8, 1
    out = options.out or Path("runs/papers/r1_code_interpreter/smollm2" + "-smoke" * options.smoke)
    warnings.simplefilter("ignore", RepeatedItemsWarning)  # small tasks pose some items twice
    found = {}
    for family in options.families:
        began = time.process_time()
        found[family] = study(out / family, family, options)
        print(f"{family}: {time.process_time() - began:.0f} CPU s", flush=True)
    report(found).save(out / "smollm2.json")


if __name__ == "__main__":
    main()
