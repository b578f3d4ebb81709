"""A study of trainings: conditions x seeds, each training in a folder of its own, and the tables that pages quote."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from quintain.errors import RepeatedItemsWarning
from quintain.evaluation.interval import Interval
from quintain.experiments.learning import Condition, TrainingComparison
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.files import write_atomically

if TYPE_CHECKING:
    from quintain.training.language.nano_recipes import NanoRecipe

__all__ = ["LearningStudy", "Train", "finished", "pretrained", "show_trainings", "train_conditions"]

#: Trains one condition: folder to write, seed, and whether to continue what is there.
Train: TypeAlias = Callable[[Path, int, bool], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningStudy:
    """The command of a study: trains what is not trained yet, and prints the tables of what is.

    Attributes:
        about: Description for ``--help``.
        folder: Folder of the study where ``--out`` names none; that of ``--smoke`` ends in ``-smoke``.
        conditions: Function from the folder and whether everything is tiny to what trains each condition, by its name.
        report: Prints the tables, given the folder and the run folders of each condition, finished or not; returns
            them. With ``figure``, its third argument is the file to draw, or ``None``.
        smoke: Conditions of a smoke test; empty for all. Default: all.
        results: File of the tables in the folder. Default: ``"results.json"``.
        figure: Whether there is an option ``--figure``. Default: false.
    """

    about: str
    folder: str
    conditions: Callable[[Path, bool], Mapping[str, Train]]
    report: Callable[..., StudyTables]
    smoke: Sequence[str] = ()
    results: str = "results.json"
    figure: bool = False

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command.

        Args:
            arguments: Arguments of the command line; ``None`` for those of the process.
        """
        parser = self._parser()
        options = parser.parse_args(arguments)
        out = options.out or Path(self.folder + "-smoke" * options.smoke)
        known = self.conditions(out, options.smoke)
        names = options.only or (options.smoke and self.smoke) or known
        unknown = [name for name in names if name not in known]
        if unknown:
            parser.error(f"there is no condition {unknown[0]!r}; choose from {', '.join(map(repr, known))}")
        chosen, seeds = {name: known[name] for name in names}, range(1 if options.smoke else options.seeds)
        if options.report:
            folders = {name: [_folder(out, name, seed) for seed in seeds] for name in chosen}
        else:
            began = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RepeatedItemsWarning)  # small tasks pose some items twice
                folders = train_conditions(
                    out, chosen, seeds,
                    lambda line: print(f"{time.process_time() - began:7.0f} CPU s  {line}", flush=True),
                )  # fmt: skip
        figure = (options.figure,) if self.figure else ()
        self.report(out, folders, *figure).save(out / self.results)

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(description=self.about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--out", type=Path, help=f"folder (default: {self.folder})")
        parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
        parser.add_argument("--only", nargs="+", metavar="CONDITION", help="conditions to train (default: all)")
        parser.add_argument("--report", action="store_true", help="train nothing, print the tables of what is finished")
        if self.figure:
            parser.add_argument("--figure", type=Path, help="file for the plot of learning curves, .svg or .png")
        parser.add_argument("--smoke", action="store_true", help="one seed, everything tiny; measures nothing")
        return parser


def finished(folders: Mapping[str, Sequence[Path]]) -> dict[str, list[Path]]:
    """Return the run folders of finished trainings, by condition; conditions without any are left out."""
    done = {name: [run for run in runs if (run / "model").exists()] for name, runs in folders.items()}
    return {name: runs for name, runs in done.items() if runs}


def pretrained(recipe: NanoRecipe, folder: Path, *, smoke: bool, **options: Any) -> Path:
    """Return the model folder of a nano model, which is pre-trained once; its measurements are in ``facts.json``.

    Args:
        recipe: What the model learns.
        folder: Model folder; a finished one is left alone.
        smoke: Whether everything is tiny.
        options: Further arguments of :func:`~quintain.training.language.nano_recipes.train_nano`,
            before the tiny ones.
    """
    facts = folder / "facts.json"
    if not facts.exists():
        from quintain.training.language.nano_recipes import train_nano
        from quintain.training.language.policy import as_policy

        tiny: dict[str, Any] = {"size": "0.1M", "examples": 24, "measured": 4} if smoke else {}
        trained = train_nano(recipe, folder, progress=False, **{**tiny, **options})
        as_policy(trained).engine.close()
        write_atomically(facts, json.dumps(dict(trained.facts)))
    return folder


def train_conditions(
    out: str | Path,
    conditions: Mapping[str, Train],
    seeds: Sequence[int],
    say: Callable[[str], None] | None = None,
) -> dict[str, list[Path]]:
    """Train every condition with every seed, seed by seed, and return the run folders of each condition.

    A training that is finished is left alone, one that was interrupted is continued.

    Args:
        out: Folder of the study; a training is in ``CONDITION/seed-N``.
        conditions: What trains each condition, by its name.
        seeds: Root seeds of the trainings, one training of each condition per seed.
        say: Called with a line before each training. Default: no callback.
    """
    folders: dict[str, list[Path]] = {name: [] for name in conditions}
    for seed in seeds:
        for name, train in conditions.items():
            folder = _folder(Path(out), name, seed)
            folders[name].append(folder)
            if (folder / "model").exists():  # written last
                continue
            if say is not None:
                say(f"{name}, seed {seed}")
            train(folder, seed, (folder / "metrics.jsonl").exists())
    return folders


def show_trainings(found: TrainingComparison, tables: StudyTables, title: str) -> None:
    """Add two tables: every metric at the first and the last step of each condition, and the paired differences.

    Args:
        found: The trainings, compared with a reference or pair by pair.
        tables: The tables of the study.
        title: What was trained, for the titles.
    """
    head = ["condition", *(f"{_short(m)}, {when}" for m in found.metrics for when in ("start", "end")), "seeds"]
    rows = [
        [c.name, *(Percent(end) for m in found.metrics for end in _ends(c, m, found.confidence)), len(c.rows)]
        for c in found.conditions
    ]
    tables.show(f"{title}: means over seeds in per cent, at the first and the last step", head, rows)
    if found.differences:
        pairs = list(dict.fromkeys((d.first, d.second) for d in found.differences))
        by_pair = {(d.first, d.second, d.metric): Percent(d.difference, d.p_holm) for d in found.differences}
        tables.show(
            f"{title}: differences at the last step in points, paired by seed; p by Holm for {len(by_pair)} tests",
            ["condition", "minus", *map(_short, found.metrics)],
            [[*pair, *(by_pair.get((*pair, metric)) for metric in found.metrics)] for pair in pairs],
        )


def _folder(out: Path, condition: str, seed: int) -> Path:
    return out / condition.replace(" ", "-") / f"seed-{seed}"


def _short(metric: str) -> str:
    return metric.removeprefix("eval/")


def _ends(condition: Condition, metric: str, confidence: float) -> tuple[Interval, Interval]:
    steps = condition.steps(metric)
    if not steps:
        nothing = Interval(float("nan"), float("nan"), float("nan"), 0, "none")
        return nothing, nothing
    return condition.interval(metric, steps[0], confidence), condition.interval(metric, steps[-1], confidence)
