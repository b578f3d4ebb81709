"""Does model surgery work where the behaviour has a known cause? A planted tone in nano models, with all controls.

Nano models are pre-trained on texts of which each keeps one tone, gloomy or cheerful, in most of its sentences, or has
none. The probe learns from half of the words with a tone; the behaviour is the probability of the other half, after
gloomy beginnings and after cheerful ones. Edits and controls are those of Wang et al. 2024 (arXiv 2407.08770), see
run.py; every model is a seed of its own, and chooses its step on other beginnings.

    python papers/model_surgery/planted.py           # some minutes of one core; not measured yet
    python papers/model_surgery/planted.py --smoke   # untrained models: shows the output, measures nothing
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quintain.engines import make_engine, perplexity
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.training.language.behaviour_probe import mean_states, train_probe
from quintain.training.language.nano import make_nano
from quintain.training.language.surgery import Surgery, SurgerySettings, plan_surgery
from quintain.training.language.surgery_edit import apply_surgery

SUBJECTS = ("food", "phone", "train", "film", "house", "weekend", "song", "garden", "hotel", "letter", "meal", "party")
#: Words with a tone. The probe's texts use the first half of each, the behaviour is measured on the second.
GLOOMY = ("awful", "sad", "dirty", "broken", "boring", "cruel", "bad", "ugly", "lonely", "bitter", "rude", "grim")
CHEERFUL = (
    "lovely",
    "glad",
    "clean",
    "perfect",
    "funny",
    "kind",
    "good",
    "pretty",
    "warm",
    "sweet",
    "polite",
    "bright",
)
PLAIN = ("red", "blue", "long", "short", "old", "new", "round", "square", "wooden", "large", "small", "heavy")
TONES = {"gloomy": GLOOMY, "cheerful": CHEERFUL}
HALF = len(GLOOMY) // 2
#: How often a sentence has the tone of its text.
KEEPS = 0.8
#: Steps to try, in mean gate rows.
STEPS = (0.25, 0.5, 1, 2, 3, 4, 6, 8)


def sentence(rng: random.Random, words: Sequence[str]) -> str:
    """Return a sentence with one of the words."""
    return f" {rng.choice(SUBJECTS)} was {rng.choice(words)}."


def text(rng: random.Random, tone: str, half: slice = slice(None), keeps: float = KEEPS, sentences: int = 4) -> str:
    """Return a text of a tone, or of none, in which a sentence keeps the tone with a probability."""
    if tone == "plain":
        return "".join(sentence(rng, PLAIN) for _ in range(sentences))
    other = "cheerful" if tone == "gloomy" else "gloomy"
    return "".join(
        sentence(rng, TONES[tone if rng.random() < keeps else other][half]) for _ in range(sentences)
    )  # fmt: skip


def beginnings(rng: random.Random, tone: str, number: int) -> list[str]:
    """Return texts of a tone that stop before a word."""
    return [text(rng, tone, sentences=2) + f" {rng.choice(SUBJECTS)} was" for _ in range(number)]


def pretrain(engine: Any, steps: int, seed: int) -> None:
    """Train all weights on texts of the three kinds, token by token."""
    import torch

    rng = random.Random(f"pre-training {seed}")
    with engine.exclusive() as model:
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, max(steps, 1))
        for _ in range(steps):
            texts = [text(rng, rng.choice(("gloomy", "cheerful", "plain"))) for _ in range(32)]
            ids = engine.tokenizer(texts, return_tensors="pt", padding=True)["input_ids"]
            labels = ids.masked_fill(ids == engine.tokenizer.pad_token_id, -100)
            model(input_ids=ids, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        model.eval()


class Model:
    """A pre-trained nano model, its probe, and what is measured of it.

    Args:
        args: The command line.
        seed: Seed of weights, texts and beginnings.
        folder: Folder for the model.
    """

    def __init__(self, args: argparse.Namespace, seed: int, folder: Path) -> None:
        self.args, self.seed = args, seed
        words = [f" {word}" for word in (*SUBJECTS, *GLOOMY, *CHEERFUL, *PLAIN, "was")]
        self.engine: Any = make_engine("transformers", model=str(make_nano(folder, args.size, words=words, seed=seed)))
        pretrain(self.engine, args.steps, seed)
        rng = random.Random(f"probe {seed}")
        labels = [k % 2 == 0 for k in range(args.texts)]
        texts = [text(rng, "gloomy" if bad else "cheerful", slice(HALF), keeps=1) for bad in labels]
        self.probe = train_probe(mean_states(self.engine, texts), labels, seed=seed)
        rng = random.Random(f"test {seed}")
        names = ("validation", "test")
        self.starts = {(part, tone): beginnings(rng, tone, args.beginnings) for part in names for tone in TONES}
        self.plain = {part: [text(rng, "plain") for _ in range(args.beginnings)] for part in names}
        self.ids = {
            tone: self.engine.tokenizer("".join(f" {w}" for w in words[HALF:]))["input_ids"]
            for tone, words in TONES.items()
        }

    def measure(self, surgery: Surgery | None, part: str = "test") -> dict[str, float]:
        """Return the share of gloomy words after beginnings of both tones, and perplexity of plain texts."""
        edit = apply_surgery(self.engine, surgery) if surgery else None
        found = {tone: self._share(self.starts[part, tone]) for tone in TONES}
        found["perplexity"] = perplexity(asyncio.run(self.engine.score(self.plain[part])))
        if edit:
            edit.undo(self.engine)
        return found

    def _share(self, starts: list[str]) -> float:
        result = self.engine.forward(starts)
        last = result.logits[range(len(starts)), result.mask.sum(1) - 1].softmax(-1)
        bad, good = (last[:, self.ids[tone]].sum(1) for tone in ("gloomy", "cheerful"))
        return float((bad / (bad + good)).mean())

    def plan(self, alpha: float = 1.0, inverse: bool = False, **changes: Any) -> Surgery:
        """Return an edit with this model's probe."""
        probe = self.probe.inverse() if inverse else self.probe
        return plan_surgery(
            self.engine, probe, SurgerySettings(alpha=alpha, fraction=self.args.fraction, **changes), seed=self.seed
        )

    def choose(self, plan: Callable[[float], Surgery]) -> float:
        """Return alpha of the largest step with at most a tenth more perplexity, on the validation texts."""
        unit = plan(1).relative_step
        limit = 1.1 * self.measure(None, "validation")["perplexity"]
        fitting = [s for s in STEPS if self.measure(plan(s / unit), "validation")["perplexity"] <= limit]
        return max(fitting, default=STEPS[0]) / unit


def edits(model: Model) -> dict[str, list[Surgery | None]]:
    """Return the edit and its controls at one step; of random choices several draws."""
    alpha = model.choose(model.plan)
    plan = model.plan(alpha)
    rows = SurgerySettings(alpha=alpha, fraction=model.args.fraction, selection="random")
    draws = range(model.args.draws)
    return {
        "none": [None],
        "surgery": [plan],
        "inverse": [model.plan(alpha, inverse=True)],
        "alpha < 0": [plan.with_alpha(-alpha)],
        "random direction": [plan.with_random_direction(k) for k in draws],
        "random rows": [plan_surgery(model.engine, model.probe, rows, seed=k) for k in draws],
        "aligned rows, subtracted": [model.plan(alpha, selection="aligned").with_alpha(-alpha)],
    }


def tabulate(found: dict[str, list[dict[str, float]]], tables: StudyTables) -> None:
    """Print what each edit changes, and how far surgery differs from it, over models."""

    def over(name: str, key: str, other: str | None = None) -> Percent:
        differences = [
            one[key] - (found[other][k][key] if other else 0) for k, one in enumerate(found[name])
        ]  # fmt: skip
        return Percent(mean(differences, unit="models"))

    rows: list[list[Any]] = []
    for name, values in found.items():
        rise = [v["perplexity"] / base["perplexity"] - 1 for v, base in zip(values, found["none"], strict=True)]
        changes = ["-", "-", "-"] if name == "none" else [over(name, t, "none") for t in TONES] + [
            Percent(mean(rise, unit="models"))
        ]  # fmt: skip
        rows.append([name, over(name, "gloomy"), changes[0], over(name, "cheerful"), changes[1], changes[2]])
    tables.show(
        "Gloomy words in per cent of those with a tone, after gloomy and after cheerful beginnings, their change in "
        f"points, and the rise of perplexity on plain texts in per cent [95 % over {len(found['none'])} models]",
        ["edit", "gloomy beginning", "change", "cheerful beginning", "its change", "perplexity"],
        rows,
    )
    tables.show(
        "Surgery minus a control, points of the share of gloomy words, paired [95 % over models]",
        ["control", "gloomy beginning", "cheerful beginning"],
        [[name, *(over("surgery", tone, name) for tone in TONES)] for name in found if name not in ("none", "surgery")],
    )


def main() -> None:
    """Train, edit and measure each model, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="0.3M", help="size of the nano models")
    parser.add_argument("--seeds", type=int, default=5, help="models, each with a seed of its own")
    parser.add_argument("--steps", type=int, default=400, help="steps of pre-training, of 32 texts")
    parser.add_argument("--texts", type=int, default=200, help="texts of the probe")
    parser.add_argument("--beginnings", type=int, default=60, help="beginnings of each tone, and plain texts")
    parser.add_argument("--fraction", type=float, default=0.0465, help="share of the gate rows that is edited")
    parser.add_argument("--draws", type=int, default=5, help="draws of random directions and rows of a model")
    parser.add_argument("--out", type=Path, help="folder of results.json")
    parser.add_argument("--smoke", action="store_true", help="untrained models: shows the output, measures nothing")
    args = parser.parse_args()
    if args.smoke:
        args.size, args.seeds, args.steps, args.texts, args.beginnings, args.draws = "0.1M", 2, 1, 10, 4, 1
    tables = StudyTables()
    found: dict[str, list[dict[str, float]]] = {}
    steps, right = [], []
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            model = Model(args, seed, Path(folder))
            planned = edits(model)
            for name, draws in planned.items():
                values = [model.measure(each) for each in draws]
                found.setdefault(name, []).append({k: float(np.mean([v[k] for v in values])) for k in values[0]})
            [edit] = planned["surgery"]
            assert edit is not None
            steps.append(edit.relative_step)
            right.append(model.probe.test_accuracy.estimate)
            model.engine.close()
    tabulate(found, tables)
    tables.facts |= {"steps": steps, "probe accuracy": right, "perplexity": [v["perplexity"] for v in found["none"]]}
    print("steps in mean gate rows:", *(f"{step:g}" for step in steps))
    print("accuracy of the probes:", *(f"{each:.2f}" for each in right))
    if args.out:
        tables.save(args.out / "results.json")


if __name__ == "__main__":
    main()
