"""RAT at small scale: make a frozen victim do what the attacker wants, beside the rivals and ablations of the paper.

Two tasks, two scenarios, five seeds. A cell (task, scenario, attack, seed) is trained and then played on 30 episodes,
the same for all attacks of a seed; each finished cell is one line of ``cells.jsonl``, so a killed run goes on where it
was. The table is printed beside Bai et al. (2025) at the end, and with ``--report`` from what there is.

The attacker succeeds if the thing is at its place at the last step. A second table counts episodes in which it was
there at any step, as Meta-World's own evaluation does; with a lever that swings past its place this is easy.

There are two programmes, told apart by how long attacks are trained: ``long`` has the main comparison and the curve
over epsilon, ``short`` has the ablations as well.

    python benchmarks/rat.py --out runs/rat                     # needs the extras mujoco and rl
    python benchmarks/rat.py --out runs/rat --programme short
    python benchmarks/rat.py --out runs/rat --report            # only the table and the figure of finished cells
    python benchmarks/rat.py --out runs/rat --only rat sa-rl --seeds 2
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gymnasium as gym

from quintain.agents.victims import play_episodes
from quintain.agents.victims.training import train_reference
from quintain.attacks import AdversarySettings, LearnedAttack, RandomAttack, TargetAttack, train_adversary
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.seeding import SeedStream

TASKS = {"slide-handle": "Tabletop/SlideHandle-v0", "turn-lever": "Tabletop/TurnLever-v0"}
SCENARIOS = ("opposite", "manipulation")
#: Budgets in raw units: metres and metres per second. The last one is the main one.
EPSILONS = (0.02, 0.05, 0.1, 0.15)
MAIN = EPSILONS[-1]
EPISODES = 30


@dataclass(frozen=True)
class Programme:
    """How long attacks are trained, and which.

    Attributes:
        rat: Settings of RAT and its ablations.
        ppo: Settings of the adversaries that learn by PPO, on as many labels.
        stages: Attacks and budgets, those first that are most worth having.
    """

    rat: RATSettings
    ppo: AdversarySettings
    stages: tuple[tuple[tuple[str, float], ...], ...]


ABLATIONS = {
    "rat, no weighting": {"weighting": False},
    "rat, no mixed rollout": {"mixed": False},
    "rat, true reward": {"oracle": True},
    "sa-rl by sac": {"intention": False},
}
#: What Bai et al. (2025) report on Meta-World at 0.1, in per cent: opposite, manipulation. Ranges over eight tasks;
#: ablations on two each: faucet-open and -close, drawer-open and -close. SA-RL on the learned reward is also their
#: ablation without the intention policy (0 and 13, 22 and 8); by soft actor-critic it is ours alone.
PAPER = {
    "random": ("-", "0-6"),
    "sa-rl": ("0-63", "0-40"),
    "sa-rl by sac": ("-", "-"),
    "sa-rl, true reward": ("-", "11-100"),
    "pa-ad": ("1-79", "0-4"),
    "rat": ("78-99", "73-98"),
    "rat, true reward": ("-", "-"),
    "rat, no weighting": ("90, 94", "91, 70"),
    "rat, no mixed rollout": ("57, 59", "68, 26"),
}
_FIRST = (("clean", 0.0), ("random", MAIN), ("rat", MAIN), ("sa-rl", MAIN))
_SMALLER = tuple(("rat", epsilon) for epsilon in EPSILONS[:-1])
#: First what shows the effect, then its reasons, then the curve over epsilon and the rest.
PROGRAMMES = {
    "long": Programme(
        RATSettings(
            steps=30_000, explore=1_000, segment=10, feedback_every=1_500, labels=2_000, reward_epochs=30, anneal=0.5
        ),
        AdversarySettings(steps=100_000, rollout=120, batch=240, gamma=0.95, learning_rate=1e-3),
        ((*_FIRST, ("sa-rl by sac", MAIN)), _SMALLER[::-1], (("rat, no mixed rollout", MAIN),)),
    ),
    "short": Programme(
        RATSettings(steps=10_000, explore=1_000, segment=10, feedback_every=1_500, labels=600),
        AdversarySettings(steps=30_000),
        (
            _FIRST,
            (("sa-rl by sac", MAIN), *_SMALLER),
            (("sa-rl, true reward", MAIN), ("rat, true reward", MAIN), ("rat, no mixed rollout", MAIN)),
            (("rat, no weighting", MAIN), ("pa-ad", MAIN)),
        ),
    ),
}
Cell = dict[str, Any]


def cells(programme: Programme, seeds: int, only: list[str] | None, stages: int | None = None) -> Iterator[Cell]:
    """Name every cell, in the order in which they are worth having."""
    for stage in programme.stages[:stages]:
        for seed in range(seeds):
            for task in TASKS:
                for scenario in SCENARIOS:
                    for attack, epsilon in stage:
                        if only is None or attack in only:
                            made = {"task": task, "scenario": scenario, "attack": attack, "epsilon": epsilon}
                            yield made | {"seed": seed, "settings": _settings(programme, attack)}


def _settings(programme: Programme, attack: str) -> dict[str, Any]:
    """Return what a cell's result depends on beside its name."""
    if attack in ("clean", "random"):
        return {}
    if attack in ("rat", *ABLATIONS):
        return asdict(replace(programme.rat, **ABLATIONS.get(attack, {})))
    ppo = asdict(programme.ppo)
    return {"ppo": ppo} | ({} if attack == "sa-rl, true reward" else {"feedback": asdict(programme.rat)})


def key(cell: Cell) -> str:
    """Tell cells apart."""
    return json.dumps([cell[part] for part in ("task", "scenario", "attack", "epsilon", "seed", "settings")])


class Latch(gym.Wrapper[Any, Any, Any, Any]):
    """Remembers whether the attacker succeeded at any step of the episode, and whether it does now."""

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Forget."""
        observation, info = self.env.reset(**options)
        self.reached, self.there = False, False
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Look."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.there = bool(info["attacker_success"])
        self.reached |= self.there
        return observation, reward, terminated, truncated, info


def run(cell: Cell) -> Cell:
    """Train and play one cell; return it with what came out."""
    victim, facts = train_reference(cell["task"])
    make = partial(gym.make, TASKS[cell["task"]], disable_env_checker=True, scenario=cell["scenario"])
    attack, epsilon, seed = cell["attack"], cell["epsilon"], cell["seed"]
    episodes = [SeedStream(seed, "rat benchmark")[i] for i in range(EPISODES)]
    start = time.process_time()
    extra: dict[str, Any] = {}
    method: Any = None
    if attack in ("rat", *ABLATIONS):
        trained = train_rat(make, victim, epsilon=epsilon, settings=RATSettings(**cell["settings"]), seed=seed)
        method = trained.method
        extra = {"labels": trained.labels, "accuracy": trained.accuracy}
    elif attack in ("sa-rl", "pa-ad"):
        feedback, ppo = RATSettings(**cell["settings"]["feedback"]), AdversarySettings(**cell["settings"]["ppo"])
        rival = train_on_preferences(
            make, victim, kind=attack, epsilon=epsilon, feedback=feedback, settings=ppo, seed=seed
        )  # fmt: skip
        method, extra = rival.method, {"labels": rival.labels, "accuracy": rival.accuracy}
    elif attack == "sa-rl, true reward":
        ppo = AdversarySettings(**cell["settings"]["ppo"])
        method = train_adversary(make, victim, epsilon=epsilon, objective="target", settings=ppo, seed=seed)
    cpu = time.process_time() - start

    def wrap(env: Any, budget: float) -> Any:
        if method is None:
            return RandomAttack(env, victim, epsilon=budget)
        return LearnedAttack(env, victim, method, epsilon=budget)

    played = {}
    for budget in (0.0,) if attack == "clean" else EPSILONS:
        if attack in ("clean", "random", "rat") or budget == epsilon:
            played[f"{budget:g}"] = _play(make, victim, episodes, partial(wrap, budget=budget) if budget else None)
    if attack in ("rat", *ABLATIONS) and trained.intention is not None:
        shown = trained.intention
        extra["intention"] = _play(make, shown, episodes)
        extra["pgd"] = {
            f"{e:g}": _play(make, victim, episodes, lambda env, e=e: TargetAttack(env, victim, shown, epsilon=e))
            for e in EPSILONS
        }
    return cell | {"played": played, "cpu_s": cpu, "victim_success": facts["success"], **extra}


def _play(make: Callable[[], Any], policy: Any, seeds: list[int], attack: Any = None) -> dict[str, float]:
    latches: list[Latch] = []

    def latched() -> Latch:
        latches.append(Latch(make()))
        return latches[-1]

    outcome = play_episodes(latched, policy, seeds, attack)
    # One episode an environment, all of the same length: what a latch holds at the end is about its own.
    return {
        "reached": statistics.fmean(latch.reached for latch in latches),
        "stays": statistics.fmean(latch.there for latch in latches),
        "victim": statistics.fmean(bool(episode.success) for episode in outcome),
        "return": statistics.fmean(episode.reward for episode in outcome),
    }


def read(path: Path) -> list[Cell]:
    """Read finished cells; a line that a kill has cut off is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def grid(out: Path, wanted: list[Cell], workers: int) -> None:
    """Run what is missing."""
    path = out / "cells.jsonl"
    done = {key(cell) for cell in read(path)}
    missing = [cell for cell in wanted if key(cell) not in done]
    print(f"{len(missing)} cells to run, {len(done)} are there", flush=True)
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        waiting = [pool.submit(run, cell) for cell in missing]
        for number, future in enumerate(as_completed(waiting), 1):
            cell = future.result()
            file.write(json.dumps(cell) + "\n")
            file.flush()
            share = cell["played"].get(f"{cell['epsilon']:g}", {})
            print(
                f"{number:4}/{len(missing)}  {cell['task']} {cell['scenario']} {cell['attack']} {cell['epsilon']:g} "
                f"seed {cell['seed']}: attacker's success {share.get('stays', 0):.2f} (at any step "
                f"{share.get('reached', 0):.2f}), {cell['cpu_s']:.0f} CPU s",
                flush=True,
            )


def values(
    found: list[Cell], task: str, scenario: str, attack: str, trained: float, played: float, what: str = "stays"
) -> dict[int, float]:
    """Return a share by seed."""
    chosen = (c for c in found if (c["task"], c["scenario"], c["attack"]) == (task, scenario, attack))
    name = f"{played:g}"
    return {c["seed"]: c["played"][name][what] for c in chosen if c["epsilon"] == trained and name in c["played"]}


def percent(interval: Interval) -> str:
    if interval.n == 0:
        return "-"
    if interval.n == 1:
        return f"{100 * interval.estimate:.0f}"
    return f"{100 * interval.estimate:.0f} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def columns() -> list[tuple[str, str]]:
    return [(task, scenario) for task in TASKS for scenario in SCENARIOS]


def table(title: str, rows: list[list[str]], left: str, right: tuple[str, ...] = ()) -> str:
    """Make a table in Markdown, a column a task and scenario between left and right; empty rows are left out."""
    head = [left, *(", ".join(column) for column in columns()), *right]
    lines = [title, "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    measured = [row for row in rows if set(row[1 : 1 + len(columns())]) != {"-"}]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in measured)]) + "\n"


def shares(found: list[Cell], attack: str, trained: float, played: float, what: str) -> tuple[list[str], str]:
    """Return a share in each column, and how many seeds are behind it."""
    by_seed = [values(found, *column, attack, trained, played, what) for column in columns()]
    counts = sorted({len(seeds) for seeds in by_seed})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    return [percent(mean(list(seeds.values()))) for seeds in by_seed], many


def report(found: list[Cell]) -> str:
    """Make the tables."""
    about = f"per cent at epsilon {MAIN:g}, raw units; {EPISODES} episodes a seed; mean over seeds [95 % BCa interval]"
    parts: dict[str, list[list[str]]] = {"stays": [], "reached": [], "victim": []}
    for what, rows in parts.items():
        for attack in ("clean", *PAPER):
            epsilon = 0.0 if attack == "clean" else MAIN
            row, seeds = shares(found, attack, epsilon, epsilon, what)
            if seeds != "0":
                paper = PAPER.get(attack, ("-", "-")) if what == "stays" else ()
                rows.append([attack, *row, seeds, *paper])
    ahead = []
    for rival in ("random", "sa-rl", "sa-rl by sac", "sa-rl, true reward"):
        row = []
        for column in columns():
            mine, its = (values(found, *column, attack, MAIN, MAIN) for attack in ("rat", rival))
            both = sorted(mine.keys() & its.keys())
            row.append(percent(paired_difference([mine[s] for s in both], [its[s] for s in both])))
        ahead.append([rival, *row])
    curve = []
    for name, attack, trained_at in (
        ("random", "random", MAIN), (f"rat trained at {MAIN:g}", "rat", MAIN), ("rat trained there", "rat", None),
    ):  # fmt: skip
        for epsilon in EPSILONS:
            trained = epsilon if trained_at is None else trained_at
            row, seeds = shares(found, attack, trained, epsilon, "stays")
            curve.append([f"{name}, {epsilon:g}", *row, seeds])
    for epsilon in EPSILONS:
        row = []
        for column in columns():
            chosen = [
                c for c in found
                if (c["task"], c["scenario"], c["attack"], c["epsilon"]) == (*column, "rat", MAIN)
                and f"{epsilon:g}" in c.get("pgd", {})
            ]  # fmt: skip
            row.append(percent(mean([c["pgd"][f"{epsilon:g}"]["stays"] for c in chosen])))
        curve.append([f"PGD towards RAT's intention, {epsilon:g}", *row, ""])
    alone = []
    for attack in ("rat", "rat, true reward"):
        for what in ("stays", "reached"):
            row = []
            for column in columns():
                of = (*column, attack, MAIN)
                chosen = [c for c in found if (c["task"], c["scenario"], c["attack"], c["epsilon"]) == of]
                row.append(percent(mean([c["intention"][what] for c in chosen if "intention" in c])))
            alone.append([f"{attack}: {'at any step' if what == 'reached' else 'at the last step'}", *row])
    cost: dict[str, list[float]] = defaultdict(list)
    for cell in found:
        cost[cell["attack"]].append(cell["cpu_s"])
    seconds = [f"- {a}: {statistics.median(c):.0f}, {max(c):.0f} ({len(c)})" for a, c in cost.items() if max(c) > 1]
    total = sum(sum(c) for c in cost.values()) / 60
    return "\n".join([
        table(f"Attacker's success at the last step, {about}.", parts["stays"], "attack",
              ("seeds", "paper, opposite", "paper, manipulation")),
        table("Attacker's success at any step, likewise.", parts["reached"], "attack", ("seeds",)),
        table("Victim's success at the last step, likewise.", parts["victim"], "attack", ("seeds",)),
        table("RAT's advantage at the last step, in points, paired by seed.", ahead, "over"),
        table("Attacker's success at the last step over epsilon.", curve, "attack, epsilon", ("seeds",)),
        table("RAT's intention policies alone, from the start of the episode.", alone, "intention of"),
        f"CPU seconds a training: median, most (cells); all together {total:.0f} CPU minutes.\n",
        *seconds,
    ])  # fmt: skip


def draw(found: list[Cell], path: Path) -> None:
    """Draw success over epsilon, one panel a task and scenario."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "quintain", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(columns()), figsize=(10.5, 2.7), sharey=True)
    curves: list[tuple[str, str, Callable[[float], float]]] = [
        ("rat", "RAT, trained at each epsilon", lambda e: e),
        ("rat", f"RAT, trained at {MAIN:g}", lambda e: MAIN),
        ("random", "random", lambda e: MAIN),
    ]
    for axis, column in zip(axes, columns(), strict=True):
        for number, (attack, label, trained) in enumerate(curves):
            points = [(e, mean(list(values(found, *column, attack, trained(e), e).values()))) for e in EPSILONS]
            points = [(e, i) for e, i in points if i.n]
            bars = [[max(0.0, (i.estimate - i.low) if i.n > 1 else 0.0) for _, i in points],
                    [max(0.0, (i.high - i.estimate) if i.n > 1 else 0.0) for _, i in points]]  # fmt: skip
            x = [e + 0.001 * (number - 1) for e, _ in points]
            axis.errorbar(x, [i.estimate for _, i in points], yerr=bars, label=label, marker="o", ms=3, capsize=2)
        for attack, marker in (("sa-rl", "s"), ("sa-rl by sac", "x")):
            at = mean(list(values(found, *column, attack, MAIN, MAIN).values()))
            if at.n:
                axis.plot([MAIN + 0.004], [at.estimate], marker, color="black", ms=4, label=attack)
        axis.set(title=", ".join(column), xlabel="epsilon (raw units)", ylim=(-0.03, 1.03), xticks=EPSILONS)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("attacker's success\nat the last step")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/rat"), help="folder of cells.jsonl")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--programme", choices=PROGRAMMES, default="long", help="how long attacks are trained")
    parser.add_argument("--stages", type=int, help="of the programme; 1 for what shows the effect")
    parser.add_argument("--only", nargs="+", choices=["clean", *PAPER], help="attacks")
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--figure", type=Path, help="where to draw success over epsilon, .svg or .png")
    options = parser.parse_args()
    programme = PROGRAMMES[options.programme]
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.report:
        for task in TASKS:
            _, facts = train_reference(task)  # from the cache, if it is there
            print(f"victim {task}: {facts['success']:.0%} clean success over {facts['return']['episodes']} episodes")
        grid(options.out, list(cells(programme, options.seeds, options.only, options.stages)), options.workers)
    wanted = {key(cell) for cell in cells(programme, options.seeds, None)}
    found = [cell for cell in read(options.out / "cells.jsonl") if key(cell) in wanted]
    if not found:
        sys.exit(f"no cells with these settings in {options.out}; run without --report first")
    print(report(found))
    if options.figure:
        draw(found, options.figure)


if __name__ == "__main__":
    main()
