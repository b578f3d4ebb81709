"""RAT and SA-RL on two of the paper's own tasks: turn Meta-World's faucet the wrong way, at the paper's epsilon of 0.1.

The victim imitates the scripted expert of the task (DAgger). The attacker's reward is that of the opposite task,
learned from comparisons; RAT and SA-RL get equal numbers of steps and labels. Episodes have 200 steps, of which the
expert needs about 60. Each finished cell (task, attack, seed) is one line of ``cells.jsonl``, so the same command
continues an interrupted run.

    sh scripts/metaworld_venv.sh                  # Meta-World pins its own MuJoCo
    PYTHONPATH=. .venv-metaworld/bin/python papers/rat_targeted_attack/metaworld.py --out runs/rat-metaworld
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from run import PAPERS_PPO, adversary_settings, grid, key, play, read
from tables import FIGURES, Cell, over_seeds

from quintain.agents.policies import Victim, load_policy, save_policy
from quintain.attacks import AdversarySettings, LearnedAttack, RandomAttack, TargetAttack
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.attacks.surrogate import SurrogateSettings, train_surrogate
from quintain.envs.mujoco.metaworld import OPPOSITES, expert
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.seeding import SeedStream

TASKS = ("faucet-open-v3", "faucet-close-v3")
EPSILON = 0.1
STEPS = 200
EPISODES = 30
RAT = RATSettings(
    steps=100_000, gradient_steps=8, learning_rate=5e-4, anneal=0.4, gamma=0.98, segment_length=25,
    feedback_every=5_000, queries_per_round=120, max_labels=2_000, max_reward_epochs=30,
)  # fmt: skip
TUNED = AdversarySettings(
    steps=RAT.steps,
    ppo=replace(ADVERSARY_PPO, n_envs=8, n_steps=STEPS, batch_size=200, gamma=0.98, learning_rate=1e-3),
)
SETTINGS: dict[str, RATSettings | AdversarySettings | None] = {
    "clean": None,
    "random": None,
    "PGD towards the opposite victim": None,
    "rat": RAT,
    "sa-rl": TUNED,
    "sa-rl, paper's settings": replace(PAPERS_PPO, steps=RAT.steps),
}
#: Rows of the table that have a published counterpart, and its name.
PUBLISHED = {"rat": "rat", "sa-rl, paper's settings": "sa-rl"}


def make(task: str) -> gym.Env[Any, Any]:
    """Make a task whose attacker wants the opposite one."""
    return gym.make(
        "MetaWorld/MT1-v0", task=task, scenario="opposite", max_episode_steps=STEPS, disable_env_checker=True
    )


def victim(task: str, out: Path) -> Victim:
    """Return an imitation of the task's expert, trained on the first call and stored in ``out``."""
    path = out / f"{task}.npz"
    if not path.exists():
        act = expert(task)
        settings = SurrogateSettings(transitions=24_000, rounds=4, n_epochs=60)
        trained = train_surrogate(
            partial(make, task), lambda seen: np.stack([act(row) for row in seen]), settings=settings, name=task
        )
        save_policy(trained.policy, path)
    return load_policy(path)[0]


def cells(out: Path, seeds: int) -> Iterator[Cell]:
    """Yield every cell."""
    for seed in range(seeds):
        for attack, settings in SETTINGS.items():
            for task in TASKS:
                described = {} if settings is None else asdict(settings)
                yield {
                    "task": task, "scenario": "opposite", "attack": attack, "epsilon": EPSILON, "seed": seed,
                    "settings": described, "episodes": EPISODES,
                    "out": str(out),
                }  # fmt: skip


def run(cell: Cell) -> Cell:
    """Train and play one cell; return it with its results."""
    warnings.filterwarnings("ignore", module="metaworld")
    task, attack, seed, out = cell["task"], cell["attack"], cell["seed"], Path(cell["out"])
    made, policy = partial(make, task), victim(task, out)
    episodes = [SeedStream(seed, "rat on meta-world")[i] for i in range(EPISODES)]
    start = time.process_time()
    extra: dict[str, Any] = {}
    wrap: Any = None
    if attack == "random":
        wrap = partial(RandomAttack, victim=policy, epsilon=EPSILON)
    elif attack.startswith("PGD"):
        wrap = partial(TargetAttack, victim=policy, intention=victim(OPPOSITES[task], out), epsilon=EPSILON)
    elif attack != "clean":
        trained: Any
        if attack == "rat":
            trained = train_rat(made, policy, epsilon=EPSILON, settings=RAT, seed=seed)
        else:
            settings = adversary_settings(cell["settings"])
            trained = train_on_preferences(made, policy, epsilon=EPSILON, feedback=RAT, settings=settings, seed=seed)
        extra |= {"labels": trained.labels, "accuracy": trained.accuracy}
        wrap = partial(LearnedAttack, victim=policy, method=trained.method, epsilon=EPSILON)
    spent = time.process_time() - start
    if attack == "rat":
        extra["intention"] = play(made, trained.intention, episodes)
    return cell | {"played": {f"{EPSILON:g}": play(made, policy, episodes, wrap)}, "cpu_s": spent, **extra}


def published(title: str) -> str:
    """Return the published success on both tasks, scenario opposite, per cent."""
    if title not in PUBLISHED:
        return "-"
    cells = FIGURES["opposite"][PUBLISHED[title]]
    return ", ".join(f"{cells[task.removesuffix('-v3')]:g}" for task in TASKS)


def report(found: list[Cell]) -> StudyTables:
    """Print the table and return it."""
    head = ["attack", *(f"{task}, {when}" for task in TASKS for when in ("any step", "last step")), "seeds", "paper"]
    rows = [(attack, "played", attack) for attack in SETTINGS] + [("rat", "intention", "RAT's intention policy alone")]
    lines: list[list[Any]] = []
    for attack, source, title in rows:
        mine = [cell for cell in found if cell["attack"] == attack]
        shown: list[Percent] = []
        for task in TASKS:
            for what in ("reached", "stays"):
                results = [cell[source] for cell in mine if cell["task"] == task]
                shares = [(part[f"{EPSILON:g}"] if source == "played" else part)[what] for part in results]
                shown.append(Percent(over_seeds(shares)))
        cpu = max((cell["cpu_s"] for cell in mine), default=0.0)
        lines.append([title, *shown, len({cell["seed"] for cell in mine}), published(title), round(cpu)])
    tables = StudyTables()
    about = f"per cent, {EPISODES} episodes a seed; mean [95 % interval] over seeds"
    tables.show(f"Attacker's success, {about}", [*head, "CPU s"], lines)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/rat-metaworld"), help="folder of cells.jsonl")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="train nothing")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = list(cells(options.out, options.seeds))
    if not options.report:
        for task in TASKS:
            clean = play(partial(make, task), victim(task, options.out), list(range(EPISODES)))
            print(f"victim {task}: {clean['solved']:.0%} clean success", flush=True)
        grid(options.out, wanted, options.workers, run)
    keys = {key(cell) for cell in wanted}
    found = [cell for cell in read(options.out / "cells.jsonl") if key(cell) in keys]
    if not found:
        sys.exit(f"no cells with these settings in {options.out}; run without --report first")
    report(found).save(options.out / "metaworld.json")


if __name__ == "__main__":
    main()
