"""RAT (Bai et al. 2025): make a frozen policy show the behaviour that an attacker prefers, beside rivals and ablations.

Two tasks, two scenarios, five seeds. A seed has a policy of its own, which is the victim of all attacks with that seed:
intervals over seeds cover policies and attack trainings. A cell (task, scenario, attack, epsilon, seed) trains one
attack and plays it on 30 episodes, the same ones for all attacks of a seed. Each finished cell is one line of
``cells.jsonl``, so the same command continues an interrupted run. The tables stand beside the published figures.

The attacker succeeds if its goal holds at the last step. A second table counts episodes in which it held at any step,
as Meta-World's own evaluation does; a lever that swings past its goal makes this easy.

SA-RL is trained three times: for as many CPU seconds as RAT, for as many environment steps, and until it no longer
improves. A constant perturbation, the best of a random search, tells where an attack needs to learn at all.

Two programmes differ in the length of attack trainings: ``long`` has the main comparison, ``short`` also the ablations
and the curve over epsilon. ``metaworld.py`` and ``hopper.py`` beside this file measure two of the paper's own tasks and
the published budget on Hopper.

    python papers/rat_targeted_attack/run.py                       # extras mujoco and rl; first stage: 42 CPU minutes
    python papers/rat_targeted_attack/run.py --programme short     # about 70 CPU minutes
    python papers/rat_targeted_attack/run.py --smoke               # everything tiny, under a minute; measures nothing
    python papers/rat_targeted_attack/run.py --report              # the tables of finished cells
    python papers/rat_targeted_attack/run.py --only rat sa-rl --seeds 10 --workers 8
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gymnasium as gym
from tables import ATTACKS, EPISODES, EPSILONS, MAIN, Cell, draw, report

from quintain.attacks import AdversarySettings, LearnedAttack, RandomAttack, TargetAttack, train_adversary
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.budget import Ball
from quintain.attacks.constant import ConstantPerturbation, Search, search_constant
from quintain.attacks.episodes import play_attacked
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.seeding import SeedStream
from quintain.training.control.reference import train_reference
from quintain.training.control.settings import PPOSettings

TASKS = {"slide-handle": "Tabletop/SlideHandle-v0", "turn-lever": "Tabletop/TurnLever-v0"}
COLUMNS = [(task, scenario) for task in TASKS for scenario in ("opposite", "manipulation")]


@dataclass(frozen=True)
class Programme:
    """Which attacks are trained, and for how long.

    Attributes:
        rat: Hyper-parameters of RAT and its ablations.
        ppo: Hyper-parameters of the adversaries that PPO trains, with as many labels and about as many CPU seconds.
        search: Random search for the best constant perturbation, with as many environment steps as RAT.
        stages: Pairs of attack and epsilon (raw units), the most informative stage first.
        episodes: Evaluation episodes of each cell.
        columns: Pairs of task and scenario.
    """

    rat: RATSettings
    ppo: AdversarySettings
    search: Search
    stages: tuple[tuple[tuple[str, float], ...], ...]
    episodes: int = EPISODES
    columns: Sequence[tuple[str, str]] = tuple(COLUMNS)


ABLATIONS = {
    "rat, no weighting": {"weighting": False},
    "rat, no mixed rollout": {"mixed": False},
    "rat, true reward": {"oracle": True},
    "rat, no critic reset": {"reset_updates": 0},
    "sa-rl by sac": {"intention": False},
}
#: SA-RL as Bai et al. (2025) set it, but for the bound of 0.01 on the divergence of an update.
PAPERS_PPO = AdversarySettings(
    ppo=replace(ADVERSARY_PPO, n_envs=8, n_steps=256, batch_size=32, learning_rate=5e-5, gamma=0.99)
)
#: Environment steps of SA-RL's longest training.
CONVERGED = 100_000
_FIRST = (("clean", 0.0), ("random", MAIN), ("constant", MAIN), ("rat", MAIN), ("sa-rl", MAIN))
_RIVALS = (("sa-rl, RAT's steps", MAIN), ("sa-rl, 100,000 steps", MAIN))
_SMALLER = tuple(("rat", epsilon) for epsilon in EPSILONS[:-1])
#: The main comparison first, then its causes, then the curve over epsilon and the rest.
PROGRAMMES = {
    "long": Programme(
        RATSettings(
            steps=20_000,
            exploration_steps=1_000,
            segment_length=10,
            feedback_every=1_500,
            max_labels=1_300,
            max_reward_epochs=30,
            anneal=0.5,
        ),
        AdversarySettings(
            steps=30_000,
            ppo=replace(ADVERSARY_PPO, n_envs=8, n_steps=60, batch_size=120, gamma=0.95, learning_rate=1e-3),
        ),
        Search(steps=20_000),
        (
            _FIRST,
            _RIVALS,
            (("sa-rl, paper's settings", MAIN),),
            (("sa-rl by sac", MAIN),),
            _SMALLER[::-1],
            (("rat, no mixed rollout", MAIN),),
        ),
    ),
    "short": Programme(
        RATSettings(steps=10_000, exploration_steps=1_000, segment_length=10, feedback_every=1_500, max_labels=600),
        AdversarySettings(steps=30_000),
        Search(steps=10_000),
        (
            _FIRST,
            _RIVALS,
            (("sa-rl by sac", MAIN), *_SMALLER),
            (("sa-rl, true reward", MAIN), ("rat, true reward", MAIN), ("rat, no mixed rollout", MAIN)),
            (("rat, no weighting", MAIN), ("rat, no critic reset", MAIN), ("pa-ad", MAIN)),
        ),
    ),
    "smoke": Programme(
        RATSettings(
            steps=240,
            exploration_steps=60,
            segment_length=10,
            feedback_every=60,
            queries_per_round=8,
            max_labels=24,
            max_reward_epochs=2,
        ),
        AdversarySettings(steps=256, ppo=replace(ADVERSARY_PPO, n_envs=2, n_steps=64, batch_size=64)),
        Search(steps=240, episodes=1, finalists=1),
        (_FIRST,),
        episodes=2,
        columns=COLUMNS[:1],
    ),
}


def cells(programme: Programme, seeds: int, only: list[str] | None, stages: int | None = None) -> Iterator[Cell]:
    """Yield every cell of a programme, the most informative first."""
    for stage in programme.stages[:stages]:
        for seed in range(seeds):
            for task, scenario in programme.columns:
                for attack, epsilon in stage:
                    if only is None or attack in only:
                        yield {
                            "task": task, "scenario": scenario, "attack": attack, "epsilon": epsilon, "seed": seed,
                            "settings": _settings(programme, attack), "episodes": programme.episodes, "victim": seed,
                        }  # fmt: skip


def _settings(programme: Programme, attack: str) -> dict[str, Any]:
    """Return the hyper-parameters that a cell's result depends on."""
    if attack in ("clean", "random"):
        return {}
    if attack == "constant":
        return asdict(programme.search)
    if attack in ("rat", *ABLATIONS):
        return asdict(replace(programme.rat, **ABLATIONS.get(attack, {})))
    steps = {"sa-rl, RAT's steps": programme.rat.steps, "sa-rl, 100,000 steps": CONVERGED}
    ppo = asdict(replace(programme.ppo, steps=steps.get(attack, programme.ppo.steps)))
    if attack == "sa-rl, paper's settings":
        ppo = asdict(replace(PAPERS_PPO, steps=programme.ppo.steps))
    return {"ppo": ppo} | ({} if attack == "sa-rl, true reward" else {"feedback": asdict(programme.rat)})


def key(cell: Cell) -> str:
    """Return what identifies a cell; in cells stored before these were fields, 30 episodes and the policy of seed 0."""
    parts = [cell[part] for part in ("task", "scenario", "attack", "epsilon", "seed", "settings")]
    return json.dumps([*parts, cell.get("episodes", EPISODES), cell.get("victim", 0)])


class RecordSuccess(gym.Wrapper[Any, Any, Any, Any]):
    """Records the success of attacker and victim in the current episode.

    Attributes:
        reached: Whether the attacker's goal has held at any step.
        there: Whether the attacker's goal holds at the current step.
        solved: Whether the victim has succeeded at any step.
    """

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode without success."""
        observation, info = self.env.reset(**options)
        self.reached = self.there = self.solved = False
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment and update the record."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.there = bool(info["attacker_success"])
        self.reached |= self.there
        self.solved |= bool(info["success"])
        return observation, reward, terminated, truncated, info


def adversary_settings(described: dict[str, Any]) -> AdversarySettings:
    """Return the settings that ``asdict`` described in a cell."""
    return AdversarySettings(steps=described["steps"], ppo=PPOSettings(**described["ppo"]))


def run(cell: Cell) -> Cell:
    """Train and play one cell; return it with its results."""
    victim, facts = train_reference(cell["task"], cell["victim"])
    make = partial(gym.make, TASKS[cell["task"]], disable_env_checker=True, scenario=cell["scenario"])
    attack, epsilon, seed = cell["attack"], cell["epsilon"], cell["seed"]
    episodes = [SeedStream(seed, "rat benchmark")[i] for i in range(cell["episodes"])]
    start = time.process_time()
    extra: dict[str, Any] = {}
    method: Any = None
    if attack in ("rat", *ABLATIONS):
        trained = train_rat(make, victim, epsilon=epsilon, settings=RATSettings(**cell["settings"]), seed=seed)
        method = trained.method
        extra = {"labels": trained.labels, "accuracy": trained.accuracy}
    elif attack == "constant":
        found = search_constant(
            make, victim, ball=Ball(epsilon), for_attacker=True, settings=Search(**cell["settings"]), seed=seed
        )
        method, extra = ConstantPerturbation(found.direction), found.facts
    elif attack in ("sa-rl", *(name for name, _ in _RIVALS), "sa-rl, paper's settings", "pa-ad"):
        kind: Literal["sa-rl", "pa-ad"] = "pa-ad" if attack == "pa-ad" else "sa-rl"
        feedback, ppo = RATSettings(**cell["settings"]["feedback"]), adversary_settings(cell["settings"]["ppo"])
        rival = train_on_preferences(
            make, victim, kind=kind, epsilon=epsilon, feedback=feedback, settings=ppo, seed=seed
        )  # fmt: skip
        method, extra = rival.method, {"labels": rival.labels, "accuracy": rival.accuracy}
    elif attack == "sa-rl, true reward":
        ppo = adversary_settings(cell["settings"]["ppo"])
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
    """Play one episode per seed; return the shares in which attacker and victim succeeded, and the mean return."""
    recorded: list[RecordSuccess] = []

    def recording() -> RecordSuccess:
        recorded.append(RecordSuccess(make()))
        return recorded[-1]

    outcome = play_attacked(recording, policy, seeds, attack)
    # Every environment plays one episode, and all have the same length: no record is overwritten by a second episode.
    return {
        "reached": statistics.fmean(env.reached for env in recorded),
        "stays": statistics.fmean(env.there for env in recorded),
        "solved": statistics.fmean(env.solved for env in recorded),
        "victim": statistics.fmean(bool(episode.success) for episode in outcome),
        "return": statistics.fmean(episode.reward for episode in outcome),
    }


def read(path: Path) -> list[Cell]:
    """Read finished cells; a line cut off by an interruption is skipped."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def grid(out: Path, wanted: list[Cell], workers: int, run: Callable[[Cell], Cell] = run) -> None:
    """Run the cells that ``cells.jsonl`` does not hold."""
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of cells.jsonl (default: runs/papers/rat_targeted_attack)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    parser.add_argument("--seeds", type=int, default=5, help="number of attack seeds")
    parser.add_argument("--programme", choices=PROGRAMMES, default="long", help="length of the attack trainings")
    parser.add_argument("--stages", type=int, help="run only the first stages; 1 is the main comparison")
    parser.add_argument("--only", nargs="+", choices=["clean", *ATTACKS], help="attacks to run (default: all)")
    parser.add_argument("--report", action="store_true", help="train nothing, print the tables of finished cells")
    parser.add_argument("--figure", type=Path, help="file for the plot of success over epsilon, .svg or .png")
    parser.add_argument("--smoke", action="store_true", help="one seed, tiny trainings, policies that learned nothing")
    options = parser.parse_args()
    options.out = options.out or Path("runs/papers/rat_targeted_attack" + "-smoke" * options.smoke)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.smoke:
        options.programme, options.seeds = "smoke", 1
        # Untrained policies stay out of the user's cache. Worker processes inherit the variable.
        os.environ["QUINTAIN_CACHE"] = str(options.out.resolve() / "cache")
    programme = PROGRAMMES[options.programme]
    if not options.report:
        for task in dict.fromkeys(task for task, _ in programme.columns):
            for seed in range(options.seeds):
                _, facts = train_reference(
                    task, seed, steps=1 if options.smoke else None
                )  # read from the cache if trained
                episodes = facts["return"]["episodes"]
                print(f"victim {task}, seed {seed}: {facts['success']:.0%} clean success over {episodes} episodes")
        grid(options.out, list(cells(programme, options.seeds, options.only, options.stages)), options.workers)
    wanted = {key(cell) for cell in cells(programme, options.seeds, None)}
    found = [cell for cell in read(options.out / "cells.jsonl") if key(cell) in wanted]
    if not found:
        sys.exit(f"no cells with these settings in {options.out}; run without --report first")
    report(found, programme.columns, programme.episodes).save(options.out / f"{options.programme}.json")
    if options.figure:
        draw(found, programme.columns, options.figure)


if __name__ == "__main__":
    main()
