"""Does a model know what it knows? P(IK) from the question alone, and P(True) of an answer that was given.

After Kadavath et al. 2022 (arXiv 2207.05221). P(IK): a nano model learns sums and made-up facts by heart, each shown
more or less often, and so knows some of them. A head learns from repeated answers to questions of one family, or of
both, to predict from the question whether it will be answered rightly, and is tested on other questions of both; then
notes stand before the questions. P(True): SmolLM2-135M judges its own answers, alone or beside other samples, with and
without worked examples. Model and runs are kept below --out, and the same command continues.

    python papers/know_what_they_know/study.py --out runs/know  # some minutes of one core; not measured yet
    python papers/know_what_they_know/study.py --smoke          # few questions: shows the output, measures nothing
"""

import argparse
import csv
import math
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import quintain
from quintain.agents.reasoning import Judged, judged_examples
from quintain.engines import make_engine
from quintain.evaluation.calibration import Calibration, calibration
from quintain.evaluation.interval import Interval
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import Percent, StudyTables, published_values
from quintain.training.language.nano import make_nano
from quintain.training.language.p_ik import KnownQuestions, PIKSettings, known_questions, train_p_ik, with_context
from quintain.training.language.trl_trainer import save_model

FAMILIES = ("sums", "facts")
#: Training sets of the head, and the families that each holds.
TRAINED_ON = {"sums": ("sums",), "facts": ("facts",), "both": ("sums", "facts")}
METHODS = {"frozen": "linear probe, frozen model", "full": "head with all weights"}
_PUBLISHED = published_values(__file__)["P(IK)"]


def published(test: str, trained: str) -> str:
    """Return AUROC and Brier score of the paper's 52B model, trained on TriviaQA or on four data sets."""
    row = _PUBLISHED[test]
    return f"{test}: {row[f'AUROC, trained on {trained}']:.3f} / {row[f'Brier, trained on {trained}']:.3f}"


FACTS = (
    ("What is the capital of France?", "Paris"), ("What is the capital of Italy?", "Rome"),
    ("How many days does a week have?", "7"), ("What colour is the sky on a clear day?", "blue"),
    ("What is the opposite of hot?", "cold"), ("Which planet do we live on?", "Earth"),
    ("How many legs does a spider have?", "8"), ("What is frozen water called?", "ice"),
    ("What is the capital of Japan?", "Tokyo"), ("Which animal barks?", "dog"),
    ("How many months does a year have?", "12"), ("What is the capital of Spain?", "Madrid"),
    ("What colour is grass?", "green"), ("What is the opposite of up?", "down"),
    ("How many wheels does a bicycle have?", "2"), ("What is the capital of Egypt?", "Cairo"),
)  # fmt: skip


def fact(rng: random.Random, family: str, shown: float) -> dict[str, Any]:
    """Return a question with its answer; the more often it is shown in the lessons, the smaller are its numbers.

    Facts are numbers of made-up names: nothing but the lessons tells whether the model knows one.
    """
    if family == "facts":
        name = "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3))
        return {"question": f"{name}?", "answer": str(rng.randint(10, 99)), "shown": shown}
    a, b = (rng.randint(1, round(50 * (1.05 - shown))) + rng.randint(0, 4) for _ in range(2))
    return {"question": f"{a}+{b}=", "answer": str(a + b), "shown": shown}


def write_questions(args: argparse.Namespace, path: Path) -> list[dict[str, Any]]:
    """Write questions of both families for the heads to learn from and to be tested on, and return them."""
    rng, rows = random.Random(args.seed), list[dict[str, Any]]()
    for family in FAMILIES:
        for split, number in (("ask", args.asked), ("test", args.tested)):
            while number * args.seeds > sum(row["split"] == f"{family} {split}" for row in rows):
                row = fact(rng, family, rng.random())
                if row["question"] not in {each["question"] for each in rows}:
                    rows.append({**row, "split": f"{family} {split}"})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def pretrain(engine: Any, rows: list[dict[str, Any]], steps: int, seed: int) -> None:
    """Train all weights on the questions with their answers, each with a frequency from 1 to 100.

    A quarter of the texts has a note before the question: its answer, or that of another question.
    """
    import torch

    rng = random.Random(f"lessons {seed}")
    begins = engine.tokenizer.convert_tokens_to_ids("<assistant>")
    weights = [100 ** row["shown"] for row in rows]
    with engine.exclusive() as model:
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, steps)
        for _ in range(steps):
            drawn = rng.choices(rows, weights, k=96)
            notes = [rng.choice([None] * 6 + [row, rng.choice(rows)]) for row in drawn]
            texts = [
                f"<user>{about(note) if note else ''}{row['question']}<end><assistant>{row['answer']}<end>"
                for row, note in zip(drawn, notes, strict=True)
            ]
            batch = engine.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
            asked = (batch["input_ids"] == begins).cumsum(1).roll(1, 1) == 0  # up to the reply: nothing to learn there
            asked[:, 0] = True
            labels = batch["input_ids"].masked_fill(asked | (batch["attention_mask"] == 0), -100)
            model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        model.eval()


def about(row: dict[str, Any]) -> str:
    """Return a note that tells the answer to a question."""
    return f"{row['question']}{row['answer']}; "


class Study:
    """A nano model, its questions, and its answers to them.

    Args:
        args: The command line.
        folder: Folder of the model and of the runs.
    """

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.file = folder / "questions.csv"
        self.rows = write_questions(args, self.file)
        if not (folder / "nano").exists():
            engine: Any = make_engine("transformers", model=str(make_nano(folder / "untrained", args.size)))
            pretrain(engine, self.rows, args.lessons, args.seed)
            save_model(engine.model, engine.tokenizer, folder / "trained")
            (folder / "trained").rename(folder / "nano")  # only a model that has finished is found again
            engine.close()
        self.engine: Any = make_engine("transformers", model=str(folder / "nano"), max_batch=256)

    def known(self, split: str) -> list[KnownQuestions]:
        """Return the questions of a split and how often each was answered rightly, dealt out to the seeds."""
        out = self.folder / split.replace(" ", "-")
        agent = {"name": "chat", "engine": self.engine, "max_tokens": 6, "temperature": 1, "extract": False}
        number = self.args.seeds * (self.args.asked if split.endswith("ask") else self.args.tested)
        report = quintain.evaluate(
            "QuestionAnswering-v0", agent, episodes=number, repeats=self.args.repeats, seed=self.args.seed,
            env_kwargs={"tasks": str(self.file), "split": split}, out=out, resume=out.exists(), concurrency=256,
            progress=False,
        )  # fmt: skip
        found = known_questions(report.episodes, report.manifest.get("texts"))
        places = np.array_split(np.arange(len(found.requests)), self.args.seeds)
        return [
            KnownQuestions(tuple(found.requests[k] for k in part), found.known[part], found.samples[part])
            for part in places
        ]


def joined(parts: Sequence[KnownQuestions]) -> KnownQuestions:
    """Return the questions of several sets as one."""
    requests = tuple(request for part in parts for request in part.requests)
    return KnownQuestions(requests, *(np.concatenate([getattr(p, n) for p in parts]) for n in ("known", "samples")))


def over_seeds(found: Sequence[Calibration], name: str) -> Interval:
    """Return the mean over seeds of a figure of each calibration."""
    values = [getattr(each, name) for each in found]
    numbers = [each.estimate if isinstance(each, Interval) else each for each in values]
    return mean([each for each in numbers if not math.isnan(each)], unit="seeds")  # no AUROC where all are known


def know_before(study: Study, tables: StudyTables) -> None:
    """Train P(IK) on one family and on both, as a probe and with all weights, and test it on both families."""
    args = study.args
    asked = {family: study.known(f"{family} ask") for family in FAMILIES}
    tests = {family: study.known(f"{family} test") for family in FAMILIES}
    settings = {
        name: PIKSettings(method=name, learning_rate=args.learning_rate, epochs=args.epochs)  # type: ignore[arg-type]
        for name in METHODS
    }
    rows: list[list[Any]] = []
    notes: list[list[Any]] = []
    pooled: dict[tuple[str, str], Calibration] = {}
    for method, label in METHODS.items():
        for name, families in TRAINED_ON.items():
            train = [joined([asked[family][k] for family in families]) for k in range(args.seeds)]
            heads = [train_p_ik(study.engine, each, settings[method], seed=k) for k, each in enumerate(train)]
            for family, test in tests.items():
                said = [head.predict(each.requests) for head, each in zip(heads, test, strict=True)]
                right = [each.known > 0.5 for each in test]
                found = [calibration(*each, unit="questions") for each in zip(said, right, strict=True)]
                pooled[f"{method} {name}", family] = calibration(
                    np.concatenate(said), np.concatenate(right), unit="questions"
                )
                trained = "four" if name == "both" else "TriviaQA"
                cell = published("TriviaQA" if name == family else "LAMBADA", trained)
                shares = [Percent(over_seeds(found, key)) for key in ("accuracy", "confidence")]
                figures = [over_seeds(found, key) for key in ("auroc", "brier", "ece", "rms")]
                rows.append([label, name, family, *shares, *figures, cell])
            notes += [
                [label, name, family, *noted(heads, test, study.rows, args.seed)]
                for family, test in tests.items()
                if family in families
            ]
    tables.show(
        f"P(IK): known questions (right in more than half of {args.repeats} answers) and mean P(IK) in per cent, "
        f"AUROC, Brier score, ECE and RMS error over 10 bins, [95 % over {args.seeds} seeds]; "
        "paper: AUROC / Brier of 52B",
        ["head", "trained on", "tested on", "known", "P(IK)", "AUROC", "Brier", "ECE", "RMS", "paper"],
        rows,
    )
    tables.show(
        f"Mean P(IK) in per cent without a note, and its change in points, paired [95 % over {args.seeds} seeds]",
        ["head", "trained on", "tested on", "no note", "answer", "wrong answer", "of another question"],
        notes,
    )
    selected(pooled, tables)
    if args.figure:
        draw(pooled, args.figure)


def noted(
    heads: Sequence[Any], tests: Sequence[KnownQuestions], rows: list[dict[str, Any]], seed: int
) -> list[Percent]:
    """Return the mean P(IK) of questions, and how far notes before them change it, over seeds."""
    rng = random.Random(seed)
    by_question = {row["question"]: row for row in rows}
    kinds: dict[str, list[float]] = defaultdict(list)
    for head, test in zip(heads, tests, strict=True):
        plain = head.predict(test.requests)
        kinds["none"].append(float(plain.mean()))
        asked = [by_question[(request.messages or ())[-1]["content"].strip()] for request in test.requests]
        wrong = [{**row, "answer": str(rng.randint(10, 99))} for row in asked]
        for kind, notes in (("answer", asked), ("wrong", wrong), ("other", rng.choices(rows, k=len(asked)))):
            changed = [
                with_context(request, before=about(note)) for request, note in zip(test.requests, notes, strict=True)
            ]
            kinds[kind].append(float((head.predict(changed) - plain).mean()))
    return [Percent(mean(values, unit="seeds")) for values in kinds.values()]


def selected(pooled: dict[tuple[str, str], Calibration], tables: StudyTables) -> None:
    """Print the share of known questions among those with the highest P(IK)."""
    coverages = (0.1, 0.2, 0.5, 1.0)
    rows = []
    for (head, family), found in pooled.items():
        method, name = head.split()
        shares = [Percent(share) for coverage, share in found.selective if coverage in coverages]
        rows.append([METHODS[method], name, family, *shares])
    tables.show(
        "Known among the questions with the highest P(IK), per cent [95 % over the questions of all seeds]",
        ["head", "trained on", "tested on", *(f"{100 * coverage:.0f} %" for coverage in coverages)],
        rows,
    )


def draw(pooled: dict[tuple[str, str], Calibration], path: Path) -> None:
    """Draw reliability diagrams of the probe: a column for each training set, a row for each family."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 5.4), layout="constrained")
    panels = figure.subplots(len(FAMILIES), len(TRAINED_ON), sharex=True, sharey=True)
    for row, family in zip(panels, FAMILIES, strict=True):
        for axes, name in zip(row, TRAINED_ON, strict=True):
            found = pooled[f"frozen {name}", family]
            x, y = [b.confidence for b in found.bins], [b.accuracy for b in found.bins]
            ends = [[each.estimate - each.low for each in y], [each.high - each.estimate for each in y]]
            axes.plot((0, 1), (0, 1), color="lightgray", linestyle="--", linewidth=1)
            axes.errorbar(x, [each.estimate for each in y], yerr=ends, fmt="o", markersize=4, elinewidth=0.8)
            title = f"trained on {name}, tested on {family}\nAUROC {found.auroc.estimate:.2f}, ECE {found.ece:.2f}"
            axes.set_title(title, fontsize=9)
    figure.supxlabel("mean P(IK) of the bin", fontsize=9)
    figure.supylabel("share of known questions", fontsize=9)
    figure.savefig(path, dpi=100)


def questions(number: int, seed: int) -> list[dict[str, str]]:
    """Return questions of general knowledge, and sums of numbers with one or two digits among them."""
    rng = random.Random(seed)
    rows = [{"question": text, "answer": answer} for text, answer in FACTS][: number // 2]
    while len(rows) < number:
        high = rng.choice((9, 9, 49))
        a, b = rng.randint(1, high), rng.randint(1, high)
        rows.append({"question": f"What is {a} + {b}?", "answer": str(a + b)})
    rng.shuffle(rows)
    return rows


def ask(args: argparse.Namespace, engine: Any, name: str, rows: list[dict[str, str]], **options: Any) -> Report:
    """Let the agent p-true answer and judge; the run is kept."""
    agent = {"name": "p-true", "engine": engine, "max_tokens": 10, "extract": False, **options}
    agent["prompt"] = "Answer with one word or number, and nothing else."
    out = args.out / f"p-true-{name}"
    return quintain.evaluate(
        "QuestionAnswering-v0", agent, episodes=len(rows), seed=args.seed, out=out, resume=out.exists(), progress=False,
        env_kwargs={"tasks": rows, "scorer": "contains"}, concurrency=16,
    )  # fmt: skip


def know_after(args: argparse.Namespace, tables: StudyTables) -> None:
    """Measure P(True) of single answers and beside other samples, without and with worked examples."""
    engine: Any = make_engine("transformers", **({"model": args.model} if args.model else {}))
    rows: list[list[Any]] = []
    asked = questions(args.judged, args.seed)
    lessons = [
        row for row in questions(args.judged, args.seed + 1) if row["question"] not in {r["question"] for r in asked}
    ]
    others = ask(args, engine, "others", lessons, n=1)
    judged = [
        Judged(e.steps[0]["observation"], str(e.steps[0]["action"]), e.outcome == "success") for e in others.episodes
    ]
    for shots in (0, 4):
        try:
            examples = judged_examples(judged, shots, args.seed) if shots else ()
        except quintain.errors.ConfigurationError as error:
            print(f"no worked examples: {error}")
            continue
        for n in (1, 5):
            found = ask(args, engine, f"{shots}-{n}", asked, n=n, examples=examples).results.calibration
            assert found is not None
            cells = [Percent(found.accuracy), Percent(found.confidence), found.auroc, found.brier]
            errors = [f"{found.ece:.2f} ({found.ece_calibrated:.2f})", f"{found.rms:.2f}", Percent(found.accepted)]
            rows.append([shots, "single" if n == 1 else f"beside {n} samples", *cells, *errors])
    tables.show(
        "P(True) of SmolLM2-135M on its own answers: right answers and mean P(True) in per cent, AUROC, Brier score "
        "[95 % over questions], ECE and that of calibrated predictions, RMS error, accuracy where P(True) > 0.5. "
        "Paper: figures only; samples beside the answer help, zero-shot is poorly calibrated, small models are "
        "near chance",
        ["examples", "question", "right", "P(True)", "AUROC", "Brier", "ECE", "RMS", "right if accepted"],
        rows,
    )
    engine.close()


def main() -> None:
    """Run what is not recorded yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=["p-ik", "p-true"], default=["p-ik", "p-true"])
    parser.add_argument("--size", default="0.3M", help="size of the nano model")
    parser.add_argument("--lessons", type=int, default=500, help="steps of its pre-training, of 96 texts")
    parser.add_argument("--asked", type=int, default=60, help="questions of a family that a head learns from")
    parser.add_argument("--tested", type=int, default=40, help="questions of a family that it is tested on")
    parser.add_argument("--repeats", type=int, default=6, help="answers to each (paper: 30)")
    parser.add_argument("--seeds", type=int, default=5, help="heads, each with questions of its own")
    parser.add_argument("--learning-rate", type=float, default=7e-4, help="of the head with all weights")
    parser.add_argument("--epochs", type=int, default=4, help="of the head with all weights")
    parser.add_argument("--judged", type=int, default=40, help="questions of P(True)")
    parser.add_argument("--model", help="model of P(True) (default: the embedded one)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, help="file for the reliability diagrams of P(IK)")
    parser.add_argument("--out", type=Path, help="folder of the runs, and of results.json")
    parser.add_argument("--smoke", action="store_true", help="few questions: shows the output, measures nothing")
    args = parser.parse_args()
    if args.smoke:
        args.lessons, args.asked, args.tested, args.repeats, args.seeds, args.epochs = 2, 6, 4, 2, 2, 1
        args.size, args.parts = "0.1M", ["p-ik"]
    tables = StudyTables()
    with tempfile.TemporaryDirectory() as folder:
        args.out, keep = args.out or Path(folder), args.out
        args.out.mkdir(parents=True, exist_ok=True)
        if "p-ik" in args.parts:
            study = Study(args, args.out)
            know_before(study, tables)
            study.engine.close()
        if "p-true" in args.parts:
            know_after(args, tables)
        if keep:
            tables.save(keep / "results.json")


if __name__ == "__main__":
    main()
