"""Does a classifier whose own learning rate is at stake adapt better to concept shift? With the controls it needs.

The vulnerable learner of Man, Damasio & Neven 2022 (arXiv 2205.08645) on streams in which pairs of classes exchange
their labels: at several rates of swaps per epoch, beside its published controls (constant and random), and beside those
that tell regulation from a rate that was too low: the best constant rate for each rate of swaps, the learning rates of
another seed's vulnerable learner (yoked), and hypergradient descent. All learners of a seed share stream and weights.

    python papers/homeostatic_nn/run.py  # digits of scikit-learn, 10 seeds: about 3 minutes of one core
    python papers/homeostatic_nn/run.py --data gaussian          # synthetic classes: no extra needed
    python papers/homeostatic_nn/run.py --data gaussian --smoke  # shows the output, measures nothing
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.homeostatic import LearnerSettings, Scheduled
from quintain.envs.concept_shift import StreamSettings, make_stream
from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.online_learning import OnlineRun, learn_streams
from quintain.experiments.study_tables import Percent, StudyTables

#: Initial learning rates: the paper's, and one that is near the best for streams of this length.
STARTS = (0.001, 0.03)
#: Constant learning rates among which the best is chosen, for each rate of swaps.
GRID = (0.03, 0.1, 0.2, 0.4, 0.8)
#: Rules with an initial learning rate: name -> rule and options.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "constant": ("constant", {}),
    "random (LRR)": ("random", {}),
    "homeostatic (LRH)": ("homeostatic", {}),
    "homeostatic, by loss": ("homeostatic", {"criterion": "loss"}),
    "hypergradient": ("hypergradient", {}),
}
VULNERABLE = ("homeostatic (LRH)", "homeostatic, by loss")


@dataclass
class Study:
    """Runs of all rules at one rate of swaps.

    Attributes:
        label: The rate as it is written in tables.
        runs: Runs by name of the rule and initial learning rate.
        constants: Prequential accuracy of each seed by constant learning rate.
    """

    label: str
    runs: dict[tuple[str, float], OnlineRun] = field(default_factory=dict)
    constants: dict[float, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def best(self) -> float:
        """The constant learning rate with the highest mean accuracy."""
        return max(self.constants, key=lambda rate: float(self.constants[rate].mean()))

    @property
    def tuned(self) -> NDArray[np.float64]:
        """Prequential accuracy of each seed at the best constant learning rate."""
        return self.constants[self.best]

    def accuracy(self, rule: str, start: float) -> NDArray[np.float64]:
        """Return the prequential accuracy of each seed."""
        return self.runs[rule, start].accuracy

    def mean_rate(self, rule: str, start: float) -> NDArray[np.float64]:
        """Return the mean learning rate of each seed."""
        return np.asarray(self.runs[rule, start].rates.mean(axis=0))


def measure(args: argparse.Namespace, swaps: Any, label: str) -> Study:
    """Run all rules on the streams of one rate of swaps."""
    made = StreamSettings(args.data, args.samples, args.validation, args.epochs, swaps)
    streams = [make_stream(made, np.random.default_rng([seed, 1])) for seed in range(args.seeds)]
    study = Study(label)

    def learn(rate: float, rule: str = "constant", options: Any = None, schedule: Any = None) -> OnlineRun:
        settings = LearnerSettings(rule, rate, hidden=(40, 30), options=options or {})
        rngs = [np.random.default_rng([seed, 2]) for seed in range(args.seeds)]
        own = None if schedule is None else Scheduled(schedule)
        return learn_streams(streams, settings, rngs, rule=own, dtype=np.float32)

    for start in args.starts:
        for name, (rule, options) in RULES.items():
            study.runs[name, start] = learn(start, rule, options)
        others = np.roll(study.runs["homeostatic (LRH)", start].rates, 1, axis=1)
        study.runs["yoked to LRH", start] = learn(start, schedule=others)
    for rate in args.grid:
        known = study.runs.get(("constant", rate))
        study.constants[rate] = (learn(rate) if known is None else known).accuracy
    for start in args.starts:
        study.constants[start] = study.accuracy("constant", start)
    print(f"measured: {label} swaps per epoch", flush=True)
    return study


def per_cent(values: NDArray[np.float64]) -> Percent:
    return Percent(mean(values, bounds=(0, 1), unit="seeds"))


def points(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Return a paired difference of accuracies in percentage points."""
    found = paired_difference(100 * first, 100 * second, unit="seeds")
    return f"{found.estimate:z.1f} [{found.low:z.1f}, {found.high:z.1f}]"


def show_accuracy(tables: StudyTables, studies: Sequence[Study], starts: Sequence[float]) -> None:
    names = [*RULES, "yoked to LRH"]
    rows = [
        [name, f"{start:g}", *(per_cent(study.accuracy(name, start)) for study in studies)]
        for start in starts
        for name in names
    ]
    rows.append(["tuned constant", "best", *(per_cent(study.tuned) for study in studies)])
    rows.append(["its learning rate", "", *(f"{study.best:g}" for study in studies)])
    head = ["rule", "initial rate", *(study.label for study in studies)]
    tables.show("Prequential accuracy in per cent by swaps per epoch (chance: 10)", head, rows)
    rows = [
        [name, f"{start:g}", *(points(study.tuned, study.accuracy(name, start)) for study in studies)]
        for start in starts
        for name in names
    ]
    tables.show("Regret: points of accuracy below the tuned constant, paired by seed", head, rows)


def show_regulation(tables: StudyTables, studies: Sequence[Study], starts: Sequence[float]) -> None:
    rows = []
    for start in starts:
        for name in ("random (LRR)", *VULNERABLE, "hypergradient"):
            rates = [f"{study.mean_rate(name, start).mean():.2g}" for study in studies]
            rows.append([name, f"{start:g}", *rates])
    head = ["rule", "initial rate", *(study.label for study in studies)]
    tables.show("Mean learning rate by swaps per epoch", head, rows)
    rows = []
    for start in starts:
        for name in VULNERABLE:
            runs = [study.runs[name, start] for study in studies]
            rows.append([name, f"{start:g}", "taken", *(f"{100 * run.take_rate.mean():.1f}" for run in runs)])
            wrong = [100 * run.wrong.sum() / max(1, run.taken.sum()) for run in runs]
            rows.append([name, f"{start:g}", "of these by a wrong guess", *(f"{share:.0f}" for share in wrong)])
    head = ["rule", "initial rate", "stimuli", *(study.label for study in studies)]
    tables.show("Stimuli taken, and taken by a wrong guess of their effect, in per cent", head, rows)


def show_conditions(tables: StudyTables, studies: Sequence[Study], starts: Sequence[float]) -> None:
    """Test the four conditions under which the method "works", and one that the paper lacks."""
    still, fast = studies[0], next(study for study in reversed(studies) if "/" not in study.label)
    rows: list[list[Any]] = []

    def add(condition: str, claim: str, rule: str, start: float, found: NDArray[np.float64], least: float) -> None:
        interval = mean(found, unit="seeds")
        met = "yes" if interval.low > least else "no"
        text = f"{interval.estimate:z.2f} [{interval.low:z.2f}, {interval.high:z.2f}]"
        rows.append([condition, claim, rule, f"{start:g}", text, met])

    for start in starts:
        for name in VULNERABLE:
            gaps = [100 * (s.accuracy(name, start) - s.accuracy("constant", start)) for s in (still, fast)]
            add("(a) stationary: gap to constant > -1", "yes", name, start, gaps[0], -1)
            add("(b) fastest: that gap has grown", "yes", name, start, gaps[1] - gaps[0], 0)
            doublings = np.log2(fast.mean_rate(name, start) / still.mean_rate(name, start))
            add("(c) mean rate is higher, in doublings", "yes", name, start, doublings, 0)
            for letter, control in (("(d) fastest", "random (LRR)"), ("fastest", "yoked to LRH"), ("fastest", "tuned")):
                other = fast.tuned if control == "tuned" else fast.accuracy(control, start)
                claim = "yes" if letter == "(d) fastest" else "not tested"
                difference = 100 * (fast.accuracy(name, start) - other)
                add(f"{letter}: better than {control}", claim, name, start, difference, 0)
    title = (
        f"Conditions under which it works, paired by seed, in points ({still.label} and {fast.label} swaps per epoch)"
    )
    tables.show(title, ["condition", "paper", "rule", "initial rate", "found here", "met"], rows)


def draw(path: Path, studies: Sequence[Study], start: float) -> None:
    """Draw learning rates under shift, median and quartiles over seeds, and accuracy by rate of swaps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), constrained_layout=True, width_ratios=(1, 1, 1, 1.15))
    shown = [study for study in studies if study.label not in ("1", "16")]
    colours = ("#4a74b4", "#3f9b73", "#b8545f", "#c9832b", "#8067b0", "#7a7f87")
    for axis, name in zip(axes[:3], (*VULNERABLE, "random (LRR)"), strict=True):
        axis.sharey(axes[0])
        for study, colour in zip(shown, colours, strict=False):
            rates = study.runs[name, start].rates[::10]
            epochs = np.linspace(0, len(study.runs[name, start].validation), len(rates))
            low, middle, high = np.quantile(rates, (0.25, 0.5, 0.75), axis=1)
            axis.plot(epochs, middle, color=colour, label=study.label, linewidth=1.4)
            axis.fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
        axis.set(title=name, xlabel="epoch", yscale="log")
    axes[0].set(ylabel="learning rate", ylim=(start / 20, 6 * start))
    axes[0].legend(title="swaps per epoch", fontsize=8, loc="lower left")
    labels = [study.label for study in studies]
    marks = {"constant": "o--", "random (LRR)": "s-", "homeostatic (LRH)": "D-", "homeostatic, by loss": "v-"}
    for name, mark in marks.items():
        means = [100 * study.accuracy(name, start).mean() for study in studies]
        axes[3].plot(labels, means, mark, label=name, markersize=4)
    axes[3].plot(labels, [100 * study.tuned.mean() for study in studies], "k:", label="tuned constant")
    axes[3].set(title="prequential accuracy in %", xlabel="swaps per epoch")
    axes[3].legend(fontsize=7)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="digits, digits28 or gaussian")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samples", type=int, default=1600, help="samples of an epoch")
    parser.add_argument("--validation", type=int, default=190, help="held-out samples")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--swaps", type=int, nargs="*", default=[0, 1, 4, 16, 40], help="swaps per epoch")
    parser.add_argument("--starts", type=float, nargs="*", default=list(STARTS), help="initial learning rates")
    parser.add_argument("--grid", type=float, nargs="*", default=list(GRID), help="constant learning rates")
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--figure", type=Path, help="file for the picture")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.data, args.seeds, args.samples, args.validation, args.epochs = "gaussian", 2, 80, 20, 2
        args.swaps, args.starts, args.grid = [0, 4], [0.03], [0.1]
    studies = [measure(args, swaps, str(swaps)) for swaps in args.swaps]
    season = max(1, args.epochs // 5)
    studies.append(measure(args, [args.swaps[0]] * season + [args.swaps[-1]] * season, "seasons"))
    studies[-1].label = f"{args.swaps[0]}/{args.swaps[-1]}"
    tables = StudyTables()
    show_conditions(tables, studies, args.starts)
    show_accuracy(tables, studies, args.starts)
    show_regulation(tables, studies, args.starts)
    if args.out:
        tables.save(args.out / "results.json")
    if args.figure:
        draw(args.figure, studies, args.starts[-1])


if __name__ == "__main__":
    main()
