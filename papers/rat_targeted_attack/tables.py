"""Tables and figure of ``run.py``, from finished cells."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.experiments.study_tables import Percent, StudyTables, published_values

Cell = dict[str, Any]
#: Task and scenario.
Columns = Sequence[tuple[str, str]]
#: Budgets (l_inf) in raw units: metres and metres per second. The last one is that of the main comparison.
EPSILONS = (0.02, 0.05, 0.1, 0.15)
MAIN = EPSILONS[-1]
EPISODES = 30
FIGURES = published_values(__file__)
#: Attacks in the order of the tables, with the figures that Bai et al. (2025) report for them on Meta-World at 0.1:
#: scenario opposite, scenario manipulation. SA-RL on the learned reward is also their ablation without the intention
#: policy; the constant perturbation, the other lengths of SA-RL, "sa-rl by sac", "rat, true
#: reward" and "rat, no critic reset" are ours alone.
ATTACKS: dict[str, tuple[str | None, str | None]] = {
    "random": (None, "manipulation ranges"),
    "constant": (None, None),
    "sa-rl": ("opposite", "manipulation"),
    "sa-rl, RAT's steps": (None, None),
    "sa-rl, 100,000 steps": (None, None),
    "sa-rl, paper's settings": ("opposite", "manipulation"),
    "sa-rl by sac": (None, None),
    "sa-rl, true reward": (None, "manipulation"),
    "pa-ad": ("opposite", "manipulation ranges"),
    "rat": ("opposite", "manipulation"),
    "rat, true reward": (None, None),
    "rat, no weighting": ("ablation, opposite", "ablation, manipulation"),
    "rat, no mixed rollout": ("ablation, opposite", "ablation, manipulation"),
    "rat, no critic reset": (None, None),
}


def published(attack: str) -> tuple[str, str]:
    """Return the published success in both scenarios, per cent: both tasks of an ablation, else the range of tasks."""
    return tuple("-" if name is None else _cell(name, attack.removesuffix(", paper's settings"))
                 for name in ATTACKS.get(attack, (None, None)))  # type: ignore[return-value]  # fmt: skip


def _cell(figure: str, attack: str) -> str:
    shares = [math.floor(value + 0.5) for value in FIGURES[figure][attack].values()]
    return ", ".join(map(str, shares)) if figure.startswith("ablation") else f"{min(shares)}-{max(shares)}"


def values(
    found: list[Cell], task: str, scenario: str, attack: str, trained: float, played: float, what: str = "stays"
) -> dict[int, float]:
    """Return a share by seed."""
    chosen = (c for c in found if (c["task"], c["scenario"], c["attack"]) == (task, scenario, attack))
    name = f"{played:g}"
    return {c["seed"]: c["played"][name][what] for c in chosen if c["epsilon"] == trained and name in c["played"]}


def over_seeds(shares: Sequence[float]) -> Interval:
    """Estimate the mean of one share per seed."""
    return mean(shares, bounds=(0, 1), unit="seeds")


def add(
    tables: StudyTables, columns: Columns, title: str, rows: list[list[Any]], left: str, right: tuple[str, ...] = ()
) -> None:
    """Show a table, one column for each task and scenario; rows without a measurement are left out."""
    measured = [row for row in rows if any(cell.interval.n for cell in row[1 : 1 + len(columns)])]
    tables.show(title, [left, *(", ".join(column) for column in columns), *right], measured)


def shares(
    found: list[Cell], columns: Columns, attack: str, trained: float, played: float, what: str
) -> tuple[list[Percent], int | str]:
    """Return a share in each column, and the number of seeds it is the mean of."""
    by_seed = [values(found, *column, attack, trained, played, what) for column in columns]
    counts = sorted({len(seeds) for seeds in by_seed})
    many = counts[0] if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    return [Percent(over_seeds(list(seeds.values()))) for seeds in by_seed], many


def by_seed(found: list[Cell], columns: Columns, what: str) -> list[list[str]]:
    """Return the share of each seed at the largest epsilon, in the order of the seeds; played attacks only."""
    rows = []
    for attack in ATTACKS:
        seeds = [values(found, *column, attack, MAIN, MAIN, what) for column in columns]
        if any(seeds):
            rows.append([attack, *(", ".join(f"{100 * one[s]:.0f}" for s in sorted(one)) or "-" for one in seeds)])
    return rows


def over_epsilon(found: list[Cell], columns: Columns, what: str) -> list[list[Any]]:
    """Return a share at each epsilon, for attacks trained at that epsilon and for those trained at the largest one."""
    curve: list[list[Any]] = []
    for name, attack, trained_at in (
        ("random", "random", MAIN), (f"rat trained at {MAIN:g}", "rat", MAIN), ("rat trained there", "rat", None),
    ):  # fmt: skip
        for epsilon in EPSILONS:
            trained = epsilon if trained_at is None else trained_at
            row, seeds = shares(found, columns, attack, trained, epsilon, what)
            curve.append([f"{name}, {epsilon:g}", *row, seeds])
    for epsilon in EPSILONS:
        row = []
        for column in columns:
            chosen = [
                c for c in found
                if (c["task"], c["scenario"], c["attack"], c["epsilon"]) == (*column, "rat", MAIN)
                and f"{epsilon:g}" in c.get("pgd", {})
            ]  # fmt: skip
            row.append(Percent(over_seeds([c["pgd"][f"{epsilon:g}"][what] for c in chosen])))
        curve.append([f"PGD towards RAT's intention, {epsilon:g}", *row, ""])
    return curve


def report(found: list[Cell], columns: Columns, episodes: int = EPISODES) -> StudyTables:
    """Print all tables and return them."""
    about = f"per cent at epsilon {MAIN:g}, raw units; {episodes} episodes a seed; mean [95 % interval] over seeds"
    parts: dict[str, list[list[Any]]] = {"stays": [], "reached": [], "victim": []}
    for what, rows in parts.items():
        for attack in ("clean", *ATTACKS):
            epsilon = 0.0 if attack == "clean" else MAIN
            row, seeds = shares(found, columns, attack, epsilon, epsilon, what)
            if seeds != 0:
                paper = published(attack) if what == "stays" else ()
                rows.append([attack, *row, seeds, *paper])
    ahead, compared = advantages(found, columns)
    alone = []
    for attack in ("rat", "rat, true reward"):
        for what in ("stays", "reached"):
            row = []
            for column in columns:
                of = (*column, attack, MAIN)
                chosen = [c for c in found if (c["task"], c["scenario"], c["attack"], c["epsilon"]) == of]
                row.append(Percent(over_seeds([c["intention"][what] for c in chosen if "intention" in c])))
            alone.append([f"{attack}: {'at any step' if what == 'reached' else 'at the last step'}", *row])
    tables = StudyTables()
    add(tables, columns, f"Attacker's success at the last step, {about}", parts["stays"], "attack",
        ("seeds", "paper, opposite", "paper, manipulation"))  # fmt: skip
    add(tables, columns, "Attacker's success at any step, likewise", parts["reached"], "attack", ("seeds",))
    for what, when in (("stays", "the last"), ("reached", "any")):
        tables.show(f"Attacker's success at {when} step by seed: a value for each, in the order of the seeds, per cent",
                    [f"by seed, {when} step", *(", ".join(column) for column in columns)],
                    by_seed(found, columns, what))  # fmt: skip
    add(tables, columns, "Victim's success at the last step, likewise", parts["victim"], "attack", ("seeds",))
    add(tables, columns, f"RAT's advantage at the last step, in points, paired by seed; p by Holm for the {compared} "
        "comparisons of this table and the next", ahead["stays"], "over")  # fmt: skip
    add(tables, columns, "RAT's advantage at any step, likewise", ahead["reached"], "over any step")
    for what, when in (("stays", "last"), ("reached", "any")):
        add(tables, columns, f"Attacker's success at {when} step over epsilon".replace("at last", "at the last"),
            over_epsilon(found, columns, what), f"epsilon, {when} step", ("seeds",))  # fmt: skip
    add(tables, columns, "RAT's intention policies alone, from the start of the episode", alone, "intention of")
    tables.show("CPU seconds of a training, attack and evaluation", ["attack", "median", "most", "cells"], costs(found))
    return tables


def costs(found: list[Cell]) -> list[list[Any]]:
    """Return the CPU seconds of the cells of each attack that takes more than one: median, most, number."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for cell in found:
        seconds[cell["attack"]].append(cell["cpu_s"])
    rows = [
        [attack, round(statistics.median(one)), round(max(one)), len(one)]
        for attack, one in seconds.items()
        if max(one) > 1
    ]
    return [*rows, ["all together", "", round(sum(map(sum, seconds.values()))), len(found)]]


def advantages(found: list[Cell], columns: Columns) -> tuple[dict[str, list[list[Any]]], int]:
    """Return the rows of RAT's advantage over each rival at the last and at any step, and the number of comparisons."""
    rivals = [name for name in ATTACKS if not name.startswith(("rat", "pa-ad"))]
    differences: dict[tuple[str, str, int], Interval] = {}
    for what in ("stays", "reached"):
        for rival in rivals:
            for place, column in enumerate(columns):
                mine, its = (values(found, *column, attack, MAIN, MAIN, what) for attack in ("rat", rival))
                both = sorted(mine.keys() & its.keys())
                differences[what, rival, place] = paired_difference(
                    [mine[s] for s in both], [its[s] for s in both], bounds=(0, 1), unit="seeds"
                )
    adjusted = dict(zip(differences, holm([one.p_value for one in differences.values()]), strict=True))

    def cell(what: str, rival: str, place: int) -> Percent:
        return Percent(differences[what, rival, place], adjusted[what, rival, place])

    rows: dict[str, list[list[Any]]] = {
        what: [[rival, *(cell(what, rival, place) for place in range(len(columns)))] for rival in rivals]
        for what in ("stays", "reached")
    }
    return rows, sum(not math.isnan(p) for p in adjusted.values())


def draw(found: list[Cell], columns: Columns, path: Path) -> None:
    """Draw success over epsilon, one panel a task and scenario."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "quintain", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(2, len(columns), figsize=(10.5, 4.6), sharey=True, sharex=True, squeeze=False)
    curves: list[tuple[str, str, Callable[[float], float]]] = [
        ("rat", "RAT, trained at each epsilon", lambda e: e),
        ("rat", f"RAT, trained at {MAIN:g}", lambda e: MAIN),
        ("random", "random", lambda e: MAIN),
    ]
    panels = [(what, number, column) for what in ("stays", "reached") for number, column in enumerate(columns)]
    for axis, (what, place, column) in zip(grid.flat, panels, strict=True):
        for number, (attack, label, trained) in enumerate(curves):
            points = [
                (e, over_seeds(list(values(found, *column, attack, trained(e), e, what).values()))) for e in EPSILONS
            ]
            points = [(e, i) for e, i in points if i.n]
            bars = [[max(0.0, (i.estimate - i.low) if i.n > 1 else 0.0) for _, i in points],
                    [max(0.0, (i.high - i.estimate) if i.n > 1 else 0.0) for _, i in points]]  # fmt: skip
            x = [e + 0.001 * (number - 1) for e, _ in points]
            axis.errorbar(x, [i.estimate for _, i in points], yerr=bars, label=label, marker="o", ms=3, capsize=2)
        for attack, marker in (("sa-rl", "s"), ("sa-rl by sac", "x")):
            at = over_seeds(list(values(found, *column, attack, MAIN, MAIN, what).values()))
            if at.n:
                axis.plot([MAIN + 0.004], [at.estimate], marker, color="black", ms=4, label=attack)
        axis.set(ylim=(-0.03, 1.03), xticks=EPSILONS)
        axis.spines[["top", "right"]].set_visible(False)
        if what == "stays":
            axis.set(title=", ".join(column))
        else:
            axis.set(xlabel="epsilon (raw units)")
        if place == 0:
            axis.set_ylabel(f"attacker's success\nat {'the last' if what == 'stays' else 'any'} step")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, metadata={"Date": None})
