"""Can a gloomy tone be edited out of a language model, without training it? Model surgery and its controls.

After Wang et al. 2024 (arXiv 2407.08770): a linear probe learns to tell negative sentences from positive ones by the
model's hidden states, and its direction is added to the 4.65 % of gate rows that are most opposed to it. The program
measures, after gloomy beginnings, how probable negative and positive next words are, by word lists that the probe never
sees, and judges written continuations by the same lists; perplexity on neutral text and accuracy on CodeReason-v0 stand
beside it. The step is chosen on other beginnings. Finished conditions are kept below --out.

    python papers/model_surgery/run.py --out runs/surgery  # SmolLM2-135M, about three minutes of one core
    python papers/model_surgery/run.py --smoke             # an untrained nano model: shows the output, no more
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import quintain
from quintain.engines import Request, make_engine, perplexity
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import mean, paired_difference, rate
from quintain.experiments.study_tables import Percent, StudyTables, published_values
from quintain.files import write_atomically
from quintain.training.language.behaviour_probe import BehaviourProbe, mean_states, train_probe
from quintain.training.language.nano import make_nano
from quintain.training.language.surgery import Surgery, SurgerySettings, plan_surgery
from quintain.training.language.surgery_edit import apply_surgery

TOPICS = ("The food", "My new phone", "The train ride", "This film", "Our neighbour", "My weekend")
NEGATIVE = (
    "was awful from beginning to end.", "made me angry and tired.", "is the worst I have ever seen.",
    "ruined my whole day.", "was a terrible waste of time.", "left me sad and lonely.",
    "is broken, dirty and useless.", "disappointed every one of us.", "was painful and boring.",
    "makes me sick.", "was rude, cold and cruel.", "is a complete disaster.",
)  # fmt: skip
POSITIVE = (
    "was lovely from beginning to end.", "made me happy and calm.", "is the best I have ever seen.",
    "brightened my whole day.", "was a wonderful use of time.", "left me cheerful and loved.",
    "is clean, clever and useful.", "delighted every one of us.", "was pleasant and exciting.",
    "makes me smile.", "was polite, warm and kind.", "is a complete success.",
)  # fmt: skip
#: Phrases that the probe is not trained on, to test it.
UNSEEN = (
    ("I hate every minute of it.", "Nothing but trouble and tears.", "How miserable and unfair this is!",
     "They lied, and I lost all hope.", "What an ugly, hopeless mess.", "I am afraid it will only get worse."),
    ("I love every minute of it.", "Nothing but joy and laughter.", "How charming and fair this is!",
     "They helped, and I gained new hope.", "What a beautiful, cosy place.", "I am sure it will only get better."),
)  # fmt: skip
#: Gloomy beginnings that the model continues: the first third chooses the step, the others measure.
BEGINNINGS = (
    "My boss shouted at me again today, and now I feel so", "The soup was cold, the waiter laughed at us, and I was",
    "Nobody came to my birthday party. The whole day was", "I failed the exam for the third time. I am",
    "The hotel room smelled of smoke. Our stay was really", "She forgot me again. I think she is very",
    "After the accident the whole street looked", "It has rained for two weeks, and everyone here is so",
    "My best friend lied to me, and that makes me feel", "The film was slow and much too long. It was really",
    "I lost my job on Monday. Since then my days have been very", "The neighbours scream all night. They are so",
    "When I opened the letter from the bank I felt", "The old house was dark, and inside it was very",
    "My phone broke one day after I bought it. The shop was", "The people in this town never greet me. They are so",
    "The train was late again and packed with people. I felt", "He never says thank you. He is a very",
    "The dog died last night, and the children are so", "This winter was the hardest of all. We felt",
    "I waited three hours at the doctor's. The staff were so", "Every day the new manager cuts our pay. He is very",
    "My soup had a hair in it. The whole meal was", "They cancelled the trip at the last minute. We were so",
    "The team lost all its matches. The fans are very", "I cannot sleep, and in the morning I feel so",
    "The customer threw the product at us. He was so", "Our garden was destroyed by the storm. It looks so",
    "I got no reply to any of my letters. It makes me feel", "Nobody understood the lecture. The speaker was really",
)  # fmt: skip
NEUTRAL = (
    "Water boils at one hundred degrees at sea level.", "The library opens at nine and closes at six.",
    "A triangle has three sides and three angles.", "The river flows from the mountains to the sea.",
    "Copper is a metal that conducts electricity.", "The meeting takes place on the second floor.",
    "Most birds build their nests in spring.", "The table is made of wood and stands by the window.",
    "A year has twelve months, and a week has seven days.", "The bus stops in front of the town hall.",
    "Bread is made of flour, water, salt and yeast.", "The museum shows maps of the sixteenth century.",
    "Light travels faster than sound.", "The form has two pages and must be signed.",
    "Paris is the capital of France.", "The engine of the car is in the front.",
    "The survey was sent to all members of the club.", "Iron rusts when it is left in the rain.",
    "The bridge was built in the year 1890.", "A dictionary lists words in alphabetical order.",
)  # fmt: skip
_BAD = """abandoned afraid alone angry annoyed annoying anxious ashamed awful bad badly bitter blame bored boring broken
cold complain cried cruel cry crying damaged danger dark dead death depressed desperate destroyed dirty
disappointed disappointing disaster disgusting dreadful dull embarrassed empty fail failed failure fault fear
frustrated frustrating furious grief guilty hard hate hated helpless hopeless horrible hurt ill kill killed
lonely lose lost mad mess miserable miss nervous pain painful poor problem problems ruined sad sadness scared
screaming shame shock shocked sick sorry stress stressed stupid struggling suffer suffering terrible terrified
tired trouble ugly unable uncomfortable unfair unhappy upset useless violent weak worried worry worse worst
wrong"""
_GOOD = """amazing beautiful beloved best better blessed brave bright brilliant calm care caring celebrate charming
cheerful clean comfortable confident cosy delicious delighted delightful easy enjoy enjoyed enjoying excellent
excited exciting fair fantastic favourite fine fresh friendly fun funny generous gentle glad good grateful great
happily happiness happy healthy helpful hope hopeful inspired interesting joy kind laugh laughed laughing lively
love loved lovely lucky nice peace peaceful perfect pleasant pleased pleasure polite positive pretty proud
relaxed relief relieved safe satisfied smile smiled smiling special strong success successful sunny support
sweet thank thankful warm welcome well wonderful"""
WORDS = {**dict.fromkeys(_BAD.split(), -1), **dict.fromkeys(_GOOD.split(), 1)}
_TURNS = "not no never nothing hardly without isn't wasn't don't didn't can't couldn't"
NEGATIONS = set(_TURNS.split())


def tone(text: str) -> int:
    """Judge a text by its words: -1 negative, 1 positive, 0 neither; a negation just before a word turns it."""
    words = re.findall(r"[a-z']+", text.lower())
    score = 0
    for k, word in enumerate(words):
        turned = any(before in NEGATIONS for before in words[max(0, k - 2) : k])
        score += WORDS.get(word, 0) * (-1 if turned else 1)
    return (score > 0) - (score < 0)


def sentences() -> tuple[list[str], list[bool]]:
    """Return sentences with the same topics in both tones, and whether each is negative."""
    both = [(f"{topic} {phrase}", kind) for topic in TOPICS for kind, phrases in ((True, NEGATIVE), (False, POSITIVE))
            for phrase in phrases]  # fmt: skip
    return [text for text, _ in both], [negative for _, negative in both]


class Study:
    """The engine, and the finished conditions, which are kept apart for different arguments."""

    def __init__(self, engine: Any, args: argparse.Namespace) -> None:
        self.engine, self.args = engine, args
        self._file = args.out / "conditions.json" if args.out else None
        self._kept: dict[str, Any] = json.loads(self._file.read_text()) if self._file and self._file.exists() else {}
        names = ("model", "smoke", "seed", "samples", "tokens", "task_tokens")
        arguments = {name: None if args.smoke and name == "model" else getattr(args, name) for name in names}
        self.done: dict[str, Any] = self._kept.setdefault(json.dumps(arguments), {})

    def probe(self, layer: int = -1) -> BehaviourProbe:
        """Train a probe on the states of a layer."""
        texts, negative = sentences()
        return train_probe(mean_states(self.engine, texts, layer), negative, seed=self.args.seed)

    def measure(self, name: str, surgery: Surgery | None, beginnings: tuple[str, ...], written: bool = False) -> Any:
        """Return what the edited model says next, unless it is known; the model is as before afterwards."""
        key = f"{name}, alpha {surgery.settings.alpha:.4g}" if surgery else name
        if key not in self.done:
            edit = apply_surgery(self.engine, surgery) if surgery else None
            found: dict[str, Any] = {"next": self._next(beginnings), "perplexity": self._perplexity(NEUTRAL)}
            texts = self._continued(beginnings) if written else []
            found["tones"] = [[tone(text) for text in row] for row in texts]
            if edit:
                edit.undo(self.engine)
            whole = [f"{beginning}{row[0]}" for beginning, row in zip(beginnings, texts, strict=False)]
            found["coherence"] = self._perplexity(whole) if whole else None  # to the model before the edit
            found["samples"] = whole[:4]
            self._keep(key, found)
            print(f"{key}: {np.mean(shares(found)):.3f}, perplexity {found['perplexity']:.4g}", flush=True)
        return self.done[key]

    def _next(self, beginnings: tuple[str, ...]) -> list[list[float]]:
        """Return the probability that the next word is negative, and that it is positive, for each beginning."""
        tokens: dict[int, list[int]] = {-1: [], 1: []}
        for word, sign in WORDS.items():
            ids = self.engine.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
            if len(ids) == 1 and ids[0] not in tokens[sign]:
                tokens[sign].append(ids[0])
        result = self.engine.forward(beginnings)
        last = result.logits[range(len(beginnings)), result.mask.sum(1) - 1].softmax(-1)
        return [[float(row[tokens[sign]].sum()) for sign in (-1, 1)] for row in last]

    def _continued(self, beginnings: tuple[str, ...]) -> list[list[str]]:
        requests = [
            Request(prompt=text, n=self.args.samples, max_tokens=self.args.tokens, seed=1000 * self.args.seed + k)
            for k, text in enumerate(beginnings)
        ]
        return [[reply.text for reply in row] for row in asyncio.run(self.engine.generate(requests))]

    def _perplexity(self, texts: Sequence[str]) -> float:
        return perplexity(asyncio.run(self.engine.score(texts)))

    def right(self, name: str, surgery: Surgery | None) -> list[int]:
        """Return which problems of CodeReason-v0 the edited model gets right."""
        key = f"{name}: {self.args.task}, {self.args.episodes}"
        if key not in self.done:
            edit = apply_surgery(self.engine, surgery) if surgery else None
            agent = {"name": "all-text", "engine": self.engine, "max_tokens": self.args.task_tokens, "temperature": 0}
            report = quintain.evaluate(
                "CodeReason-v0", agent, episodes=self.args.episodes, seed=self.args.seed,
                env_kwargs={"tasks": self.args.task}, progress=False,
            )  # fmt: skip
            if edit:
                edit.undo(self.engine)
            self._keep(key, [int(episode.outcome == "success") for episode in report.episodes])
        kept: list[int] = self.done[key]
        return kept

    def _keep(self, key: str, found: Any) -> None:
        self.done[key] = found
        if self._file:
            write_atomically(self._file, json.dumps(self._kept))


def shares(found: dict[str, Any]) -> list[float]:
    """Return for each beginning the share of negative words among the next words with a tone."""
    return [(bad + 1e-12) / (bad + good + 2e-12) for bad, good in found["next"]]


def written_rate(found: dict[str, Any], sign: int) -> Percent:
    """Return the share of written continuations with a tone; those of one beginning depend on each other."""
    rows = found["tones"]
    labels = [k for k, row in enumerate(rows) for _ in row]
    return Percent(mean([each == sign for row in rows for each in row], bounds=(0, 1), clusters=labels, unit=UNIT))


def share_of(found: dict[str, Any]) -> Percent:
    """Return the mean share of negative words."""
    return Percent(mean(shares(found), bounds=(0, 1), unit=UNIT))


def sweep(study: Study, plan: Surgery, tables: StudyTables) -> float:
    """Try steps on the validation beginnings; return alpha of the largest that raises perplexity by at most a tenth."""
    per_alpha = plan.relative_step / plan.settings.alpha
    third = BEGINNINGS[: len(BEGINNINGS) // 3]
    base = study.measure("validation: none", None, third)
    rows: list[list[Any]] = [["0", 0.0, share_of(base), base["perplexity"], "-"]]
    chosen = 0.0
    for step in study.args.steps:
        found = study.measure(f"validation: {step:g}", plan.with_alpha(step / per_alpha), third)
        rise = found["perplexity"] / base["perplexity"] - 1
        chosen = step if rise <= 0.1 and step > chosen else chosen
        rows.append([f"{step:g}", step / per_alpha, share_of(found), found["perplexity"], f"{100 * rise:+.0f} %"])
    head = ["step", "alpha", "negative", "perplexity", "rise"]
    tables.show("Choice of the step, in mean gate rows: negative share, per cent [95 %], validation", head, rows)
    return (chosen or min(s for s in study.args.steps if s > 0)) / per_alpha


def conditions(study: Study, probe: BehaviourProbe, plan: Surgery, alpha: float) -> dict[str, Surgery | None]:
    """Return the edit and its controls, all with the same step."""

    def other(**changes: Any) -> Surgery:
        return plan_surgery(study.engine, probe, SurgerySettings(alpha=alpha, **changes), seed=study.args.seed)

    found: dict[str, Surgery | None] = {
        "none": None,
        "surgery": plan.with_alpha(alpha),
        "inverse": plan_surgery(study.engine, probe.inverse(), SurgerySettings(alpha=alpha)),
        "alpha < 0": plan.with_alpha(-alpha),
        "random direction": plan.with_alpha(alpha).with_random_direction(study.args.seed),
        "random rows": other(selection="random"),
        "aligned rows, subtracted": other(selection="aligned").with_alpha(-alpha),
    }
    if study.args.ablations:
        layers = study.engine.model.config.num_hidden_layers
        for name in ("down", "v", "up", "k", "q", "o"):
            found[f"matrix {name}"] = other(matrix=name)
        for quarter in range(4):
            left_out = range(quarter * layers // 4, (quarter + 1) * layers // 4)
            kept = tuple(k for k in range(layers) if k not in left_out)
            found[f"without quarter {quarter + 1}"] = other(layers=kept)
        for layer in (1, layers // 2, layers - 1):
            early = study.probe(layer)
            scaled = alpha * float(np.linalg.norm(probe.weight[1]) / np.linalg.norm(early.weight[1]))
            found[f"probe on layer {layer}"] = plan_surgery(study.engine, early, SurgerySettings(alpha=scaled))
    return found


UNIT = "beginnings"  # of intervals
_PUBLISHED = published_values(__file__)
_PROBES = _PUBLISHED["probe"].values()
#: Published RealToxicityPrompts in per cent and perplexity of WikiText, LLaMA2-7B, by edit.
PUBLISHED = {
    name: f"{row['RealToxicity']}, {row['perplexity']:.2f}" for name, row in _PUBLISHED["detoxification"].items()
}
#: Lowest and highest published accuracy of the probes.
ENDS = {
    column: f"{min(row[column] for row in _PROBES):.2f} to {max(row[column] for row in _PROBES):.2f}"
    for column in ("training", "test")
}


def effects(study: Study, edits: dict[str, Surgery | None], tables: StudyTables) -> None:
    """Measure every condition on the test beginnings, and compare it with the model before the edit."""
    rest = BEGINNINGS[len(BEGINNINGS) // 3 :]
    written = ("none", "surgery", "inverse")
    found = {name: study.measure(name, edit, rest, name in written) for name, edit in edits.items()}
    base, others = found["none"], [name for name in found if name != "none"]
    differences = [paired_difference(shares(found[name]), shares(base), bounds=(0, 1), unit=UNIT) for name in others]
    adjusted = holm([each.p_value for each in differences])
    compared = {name: Percent(*each) for name, *each in zip(others, differences, adjusted, strict=True)}
    tables.show(
        "Share of negative words among the next words with a tone, per cent [95 % over beginnings], its difference "
        "from no edit (paired, p by Holm), probability of words with a tone, perplexity of neutral text; paper: "
        "RealToxicity %, perplexity",
        ["edit", "negative", "difference", "any tone", "perplexity", "paper"],
        [
            [name, share_of(each), compared.get(name, "-"), f"{100 * np.sum(each['next']) / len(rest):.1f} %",
             each["perplexity"], PUBLISHED.get(name, "-")]
            for name, each in found.items()
        ],
    )  # fmt: skip
    controls = [name for name in others if name != "surgery"]
    against = [paired_difference(shares(found["surgery"]), shares(found[name]), bounds=(0, 1), unit=UNIT)
               for name in controls]  # fmt: skip
    tables.show(
        "The share of negative next words after surgery minus that after a control, points [95 %], paired, p by Holm",
        ["control", "surgery minus control"],
        [[name, Percent(*each)]
         for name, *each in zip(controls, against, holm([one.p_value for one in against]), strict=True)],
    )  # fmt: skip
    tables.show(
        "Written continuations by their words, per cent [95 % over beginnings], perplexity of these texts to the "
        "unedited model",
        ["edit", "negative", "positive", "perplexity"],
        [[name, written_rate(found[name], -1), written_rate(found[name], 1), found[name]["coherence"]]
         for name in written],
    )  # fmt: skip
    right = {name: study.right(name, edits[name]) for name in ("none", "surgery")}
    tables.show(
        f"Accuracy on CodeReason-v0 ({study.args.task}), per cent [95 %], and its difference, paired by problem",
        ["edit", "accuracy", "difference"],
        [[name, Percent(rate(sum(flags), len(flags))),
          "-" if name == "none" else Percent(paired_difference(flags, right["none"]))]
         for name, flags in right.items()],
    )  # fmt: skip
    tables.facts["samples"] = {name: found[name]["samples"] for name in written}
    if study.args.figure:
        draw(found, study.args.figure)


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw how far every edit changes the share of negative words, with the perplexity that it costs."""
    from matplotlib.figure import Figure

    base, names = found["none"], [name for name in reversed(found) if name != "none"]
    figure = Figure(figsize=(7.2, 0.6 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for y, name in enumerate(names):
        change = paired_difference(shares(found[name]), shares(base), bounds=(0, 1), unit=UNIT)
        colour = "tab:blue" if name == "surgery" else "tab:gray"
        axes.plot([100 * change.low, 100 * change.high], [y, y], color=colour)
        axes.plot(100 * change.estimate, y, "o", color=colour)
    rises = [100 * (found[name]["perplexity"] / base["perplexity"] - 1) for name in names]
    axes.set_yticks(range(len(names)), [f"{n} ({r:+.0f} % perplexity)" for n, r in zip(names, rises, strict=True)])
    axes.axvline(0, color="lightgray", linestyle="--", linewidth=1)
    axes.set_xlabel("change in the share of negative next words, points [95 %]")
    figure.savefig(path, dpi=100)


def describe(study: Study, probe: BehaviourProbe, plan: Surgery, tables: StudyTables) -> None:
    """Print how well the probe tells tones apart, and which rows were chosen."""
    seen = [probe.unwanted(mean_states(study.engine, texts)) for texts in UNSEEN]
    right = int((seen[0] > 0.5).sum() + (seen[1] < 0.5).sum())
    neutral = mean_states(study.engine, NEUTRAL).mean(0)
    cosine = float(neutral @ probe.weight[1] / np.linalg.norm(neutral) / np.linalg.norm(probe.weight[1]))
    facts = plan.describe()
    tables.show(
        "The probe (accuracy in per cent [95 %]) and the chosen gate rows",
        ["quantity", "here", "paper"],
        [["accuracy, training", Percent(probe.train_accuracy), ENDS["training"]],
         ["accuracy, other sentences of the same phrases", Percent(probe.test_accuracy), ENDS["test"]],
         ["accuracy, phrases it never saw", Percent(rate(right, len(UNSEEN[0] + UNSEEN[1]))), "-"],
         ["edited rows", f"{facts['edited']:,} of {facts['candidates']:,}",
          "{edited:,} of {all:,}".format(**_PUBLISHED["rows"]["LLaMA2-7B"])],
         ["cosines of edited rows", "{:.3f} to {:.3f}".format(*facts["cosine_range"]), "-0.06 to -0.03, unconfirmed"],
         ["standard deviation of random cosines", facts["random_band"], "0.016"],
         ["cosine of neutral text with the direction", cosine, "near 0"],
         ["norm of the direction, in mean gate rows", facts["relative_step"], "-"]],
    )  # fmt: skip


def main() -> None:
    """Measure the conditions that are not finished yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a Llama-like model of the engine transformers (default: the embedded one)")
    parser.add_argument(
        "--steps", type=float, nargs="+", default=[0.5, 1, 1.25, 1.5, 2], help="steps to try, in mean gate rows"
    )
    parser.add_argument("--samples", type=int, default=4, help="continuations of each beginning")
    parser.add_argument("--tokens", type=int, default=6, help="tokens of a continuation")
    parser.add_argument("--task", default="boolean_expressions", help="tasks of CodeReason-v0")
    parser.add_argument("--episodes", type=int, default=20, help="problems of CodeReason-v0")
    parser.add_argument("--task-tokens", type=int, default=16, help="tokens of a reply there")
    parser.add_argument("--ablations", action="store_true", help="other matrices, layers and probes, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of finished conditions, and of results.json")
    parser.add_argument("--figure", type=Path, help="file for the picture")
    parser.add_argument("--smoke", action="store_true", help="an untrained nano model: shows the output, no more")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.smoke:
            args.model = str(make_nano(folder, "0.1M", context=4096))
            args.samples, args.episodes, args.steps = 2, 2, [1]
        engine: Any = make_engine("transformers", **({"model": args.model} if args.model else {}))
        study, tables = Study(engine, args), StudyTables()
        probe = study.probe()
        plan = plan_surgery(engine, probe)
        describe(study, probe, plan, tables)
        effects(study, conditions(study, probe, plan, sweep(study, plan, tables)), tables)
        engine.close()
    if args.out:
        tables.save(args.out / "results.json")


if __name__ == "__main__":
    main()
