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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gymnasium as gym
from rat_tables import EPISODES, EPSILONS, MAIN, PAPER, Cell, draw, report

from quintain.attacks import AdversarySettings, LearnedAttack, RandomAttack, TargetAttack, train_adversary
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.seeding import SeedStream
from quintain.training.control import play_episodes
from quintain.training.control.ppo import train_reference

TASKS = {"slide-handle": "Tabletop/SlideHandle-v0", "turn-lever": "Tabletop/TurnLever-v0"}
COLUMNS = [(task, scenario) for task in TASKS for scenario in ("opposite", "manipulation")]


@dataclass(frozen=True)
class Programme:
    """How long attacks are trained, and which.

    Attributes:
        rat: Settings of RAT and its ablations.
        ppo: Settings of the adversaries that learn by PPO, on as many labels and for about as many CPU seconds.
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
#: SA-RL as Bai et al. (2025) set it, but for the bound of 0.01 on the divergence of an update.
PAPERS_PPO = AdversarySettings(envs=8, rollout=256, batch=32, learning_rate=5e-5, gamma=0.99)
_FIRST = (("clean", 0.0), ("random", MAIN), ("rat", MAIN), ("sa-rl", MAIN))
_SMALLER = tuple(("rat", epsilon) for epsilon in EPSILONS[:-1])
#: First what shows the effect, then its reasons, then the curve over epsilon and the rest.
PROGRAMMES = {
    "long": Programme(
        RATSettings(
            steps=20_000, explore=1_000, segment=10, feedback_every=1_500, labels=1_300, reward_epochs=30, anneal=0.5
        ),
        AdversarySettings(steps=30_000, envs=8, rollout=60, batch=120, gamma=0.95, learning_rate=1e-3),
        (
            _FIRST,
            (("sa-rl, paper's settings", MAIN),),
            (("sa-rl by sac", MAIN),),
            _SMALLER[::-1],
            (("rat, no mixed rollout", MAIN),),
        ),
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


def cells(programme: Programme, seeds: int, only: list[str] | None, stages: int | None = None) -> Iterator[Cell]:
    """Name every cell, in the order in which they are worth having."""
    for stage in programme.stages[:stages]:
        for seed in range(seeds):
            for task, scenario in COLUMNS:
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
    if attack == "sa-rl, paper's settings":
        ppo = asdict(replace(PAPERS_PPO, steps=programme.ppo.steps))
    return {"ppo": ppo} | ({} if attack == "sa-rl, true reward" else {"feedback": asdict(programme.rat)})


def key(cell: Cell) -> str:
    """Tell cells apart."""
    return json.dumps([cell[part] for part in ("task", "scenario", "attack", "epsilon", "seed", "settings")])


class Latch(gym.Wrapper[Any, Any, Any, Any]):
    """Remembers whether attacker and victim succeeded at any step of the episode, and whether the attacker does now."""

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Forget."""
        observation, info = self.env.reset(**options)
        self.reached = self.there = self.solved = False
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Look."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.there = bool(info["attacker_success"])
        self.reached |= self.there
        self.solved |= bool(info["success"])
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
    elif attack in ("sa-rl", "sa-rl, paper's settings", "pa-ad"):
        kind: Literal["sa-rl", "pa-ad"] = "pa-ad" if attack == "pa-ad" else "sa-rl"
        feedback, ppo = RATSettings(**cell["settings"]["feedback"]), AdversarySettings(**cell["settings"]["ppo"])
        rival = train_on_preferences(
            make, victim, kind=kind, epsilon=epsilon, feedback=feedback, settings=ppo, seed=seed
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
            played[f"{budget:g}"] = play(make, victim, episodes, partial(wrap, budget=budget) if budget else None)
    if attack in ("rat", *ABLATIONS) and trained.intention is not None:
        shown = trained.intention
        extra["intention"] = play(make, shown, episodes)
        extra["pgd"] = {
            f"{e:g}": play(make, victim, episodes, lambda env, e=e: TargetAttack(env, victim, shown, epsilon=e))
            for e in EPSILONS
        }
    return cell | {"played": played, "cpu_s": cpu, "victim_success": facts["success"], **extra}


def play(make: Callable[[], Any], policy: Any, seeds: list[int], attack: Any = None) -> dict[str, float]:
    """Play one episode per seed; return how often attacker and victim succeeded, and the mean return."""
    latches: list[Latch] = []

    def latched() -> Latch:
        latches.append(Latch(make()))
        return latches[-1]

    outcome = play_episodes(latched, policy, seeds, attack)
    # One episode an environment, all of the same length: what a latch holds at the end is about its own.
    return {
        "reached": statistics.fmean(latch.reached for latch in latches),
        "stays": statistics.fmean(latch.there for latch in latches),
        "solved": statistics.fmean(latch.solved for latch in latches),
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


def grid(out: Path, wanted: list[Cell], workers: int, run: Callable[[Cell], Cell] = run) -> None:
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
    print(report(found, COLUMNS))
    if options.figure:
        draw(found, COLUMNS, options.figure)


if __name__ == "__main__":
    main()
