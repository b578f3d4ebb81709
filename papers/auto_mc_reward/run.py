"""Auto MC-Reward (Li et al. 2024) in small, in a MineDojo-compatible voxel simulator, not in Minecraft.

The designer is the offline template designer: no language model. What is measured is the loop around it: whether dense
rewards of its form teach what a sparse one does not, whether the analyzer names what kills, and whether the exploits
that the paper reports appear without their guards and are removed.

=================  ==================================================================================================
tree               walk up to a tree at equal steps: designed, sparse, hand-written, curiosity (RND), self-imitation,
                   imitation of a scripted expert, and the expert followed by sparse reinforcement learning
diamond            explore at layer 11: round 0 without a lava term, round 1 after the analysis
closer             the first design pays when the tree is closer than a step before; the next round follows the analysis
look away          lava is penalised while it is in view and pitch is free; the next round follows the analysis
=================  ==================================================================================================

    python papers/auto_mc_reward/run.py                 # tree, five seeds
    python papers/auto_mc_reward/run.py --only diamond closer "look away"
    python papers/auto_mc_reward/run.py --report        # the tables of what is there
    python papers/auto_mc_reward/run.py --smoke         # everything tiny; measures nothing
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from expert import clone, record_expert

from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.files import write_atomically
from quintain.rewards.designer import make_roles
from quintain.sandbox.reward_program import RewardProgram
from quintain.seeding import SeedStream
from quintain.training.control.bonus import RandomNetworkDistillation, SelfImitation
from quintain.training.control.train_rewarded import TrainingPlan, evaluate_rewarded, train_rewarded
from quintain.training.reward_plans import plan_for
from quintain.training.reward_search import SearchSettings, search_reward

TREE, DIAMOND = "Minecraft/ApproachTree-v0", "Minecraft/ExploreDiamond-v0"
CONDITIONS = ("sparse", "hand-written", "curiosity", "self-imitation", "imitation", "expert + RL")
#: Searches: environment, options of the template designer, rounds.
SEARCHES: dict[str, tuple[str, dict[str, Any], int]] = {
    "tree": (TREE, {}, 2),
    "diamond": (DIAMOND, {}, 2),
    "closer": (TREE, {"progress": "closer", "explore": False}, 2),
    "look away": (DIAMOND, {"look_guard": False}, 3),
}
#: A reward as it is written at first sight: the distance to what is seen shrinks or grows.
HAND_WRITTEN = """
    # Pay when the visible tree is closer than a step before, punish when it is farther.
    gap = math.hypot(*nearby_blocks['log']) if 'log' in nearby_blocks else None
    before = memory.get('gap')
    memory['gap'] = gap
    dense = 0 if gap is None or before is None else before - gap
    return (-1 if is_dead else int(goal_reached)), dense
"""


def plan_of(env: str, smoke: bool) -> TrainingPlan:
    """Return the training of every condition in an environment."""
    plan = plan_for(env)
    if not smoke:
        return plan
    ppo = replace(plan.ppo, n_envs=4, n_steps=8, batch_size=16, n_epochs=1)
    return replace(plan, steps=32, ppo=ppo, eval_episodes=4, env_kwargs={**plan.env_kwargs, "max_episode_steps": 8})


def train_condition(condition: str, seed: int, smoke: bool) -> dict[str, Any]:
    """Train one baseline in the task of the tree, and return its evaluation."""
    plan = plan_of(TREE, smoke)
    probe = probe_of(plan)
    reward: Any = "sparse"
    if condition == "hand-written":
        reward = RewardProgram(f"def {probe.reward_signature.header}:{HAND_WRITTEN}", probe.reward_signature)
    size = int(probe.single_observation_space.shape[0])
    bonus_seed = SeedStream(seed, "bonus").seed
    bonus: Any = None
    if condition == "curiosity":
        bonus = RandomNetworkDistillation(size, bonus_seed)
    elif condition == "self-imitation":
        bonus = SelfImitation(plan.ppo.n_envs, seed=bonus_seed)
    options: dict[str, Any] = {}
    if condition in ("imitation", "expert + RL"):
        # The transitions of the expert count as steps of the environment.
        recorded = record_expert(plan, max(64, plan.steps // 5), seed)
        options["start"] = lambda model: clone(model, *recorded, seed=bonus_seed)
        plan = replace(plan, steps=plan.steps - len(recorded[0]) if condition == "expert + RL" else 0)
    trained = train_rewarded(plan, reward, seed, bonus=bonus, **options)
    evidence, _ = evaluate_rewarded(plan_of(TREE, smoke), trained, "sparse", seed)
    return {"evidence": _statistics(evidence), "curve": trained.curve}


def probe_of(plan: TrainingPlan) -> Any:
    """Return one environment, to read its spaces and its signature."""
    from quintain.training.control.reward_worlds import make_training_env

    return make_training_env(plan.env, plan.env_kwargs, 1)


def _statistics(evidence: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(evidence).items() if name != "trajectories"}


def run_cell(name: str, condition: str, seed: int, folder: Path, smoke: bool) -> list[dict[str, Any]]:
    """Train one condition of one seed unless it is there; return its evaluations, one per round."""
    path = folder / "result.json"
    if path.exists():
        return list(json.loads(path.read_text())["rounds"])
    began = time.process_time()
    if condition == "designed":
        env, options, rounds = SEARCHES[name]
        settings = SearchSettings(plan=plan_of(env, smoke), rounds=rounds)
        found = search_reward(
            settings, make_roles("template", **options), seed=seed, out=folder / "search",
            resume=(folder / "search").exists(),
        )  # fmt: skip
        done = [
            {"evidence": each.evidence, "findings": [f["code"] + (" " + f["name"] if f["name"] else "")
             for f in each.findings], "curve": each.curve}
            for each in found
        ]  # fmt: skip
    else:
        done = [train_condition(condition, seed, smoke)]
    write_atomically(path, json.dumps({"rounds": done, "cpu_s": time.process_time() - began}))
    return done


def cells(only: list[str], seeds: int) -> list[tuple[str, str, int]]:
    """Return name, condition and seed of every cell, seed by seed, so that a half-finished study has whole seeds."""
    return [
        (name, condition, seed)
        for seed in range(seeds)
        for name in only
        for condition in ("designed", *(CONDITIONS if name == "tree" else ()))
    ]


def place(out: Path, name: str, condition: str, seed: int) -> Path:
    """Return the folder of a cell."""
    return out / name.replace(" ", "-") / condition.replace(" ", "-") / str(seed)


def report(out: Path, only: list[str], seeds: int) -> StudyTables:
    """Print the tables of what is finished: means over seeds with 95 % intervals."""
    rows, by_seed = [], {}
    for name in only:
        for condition in dict.fromkeys(c for n, c, _ in cells(only, 1) if n == name):
            done = {}
            for seed in range(seeds):
                path = place(out, name, condition, seed) / "result.json"
                if path.exists():
                    done[seed] = json.loads(path.read_text())["rounds"]
            for number in range(max((len(rounds) for rounds in done.values()), default=0)):
                some = {seed: rounds[min(number, len(rounds) - 1)] for seed, rounds in done.items()}
                by_seed[name, condition, number] = {s: each["evidence"] for s, each in some.items()}
                codes = [", ".join(each.get("findings", ())) for each in some.values()]
                means = [
                    Percent(mean([each["evidence"][key] for each in some.values()], bounds=(0, 1), unit="seeds"))
                    for key in ("success", "deaths")
                ]
                rows.append([name, condition, number, *means, len(some), max(set(codes), key=codes.count) or "-"])
    tables = StudyTables()
    head = ["study", "condition", "round", "success", "death", "seeds", "findings"]
    tables.show("Success and death in per cent, means over seeds, with the most frequent findings", head, rows)
    differences = _differences(by_seed)
    if differences:
        tables.show("Differences in points, paired by seed", ["difference", "of", "points"], differences)
    return tables


def _differences(by_seed: dict[Any, dict[int, Any]]) -> list[list[Any]]:
    """Return paired differences over seeds: designed over sparse, and the last round over the first."""
    pairs = [(("tree", "designed", 1), ("tree", "sparse", 0), "success"),
             (("diamond", "designed", 1), ("diamond", "designed", 0), "deaths"),
             (("diamond", "designed", 1), ("diamond", "designed", 0), "success"),
             (("closer", "designed", 1), ("closer", "designed", 0), "success"),
             (("look away", "designed", 2), ("look away", "designed", 1), "success")]  # fmt: skip
    rows: list[list[Any]] = []
    for first, second, key in pairs:
        if first in by_seed and second in by_seed:
            both = sorted(by_seed[first].keys() & by_seed[second].keys())
            a, b = ([by_seed[which][seed][key] for seed in both] for which in (first, second))
            found = paired_difference(a, b, bounds=(0, 1), unit="seeds")
            what = f"{first[0]}: {first[1]} round {first[2]} - {second[1]} round {second[2]}"
            rows.append([what, key, Percent(found)])
    return rows


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=tuple(SEARCHES), default=["tree"], help="parts of the study; default: tree"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/papers/auto_mc_reward"), help="folder of the runs and of results.json"
    )
    parser.add_argument("--smoke", action="store_true", help="everything tiny; measures nothing")
    parser.add_argument("--report", action="store_true", help="only print the tables of what is there")
    arguments = parser.parse_args()
    seeds = 1 if arguments.smoke else arguments.seeds
    out = arguments.out / "smoke" if arguments.smoke else arguments.out
    for name, condition, seed in () if arguments.report else cells(arguments.only, seeds):
        done = run_cell(name, condition, seed, place(out, name, condition, seed), arguments.smoke)
        ends = "; ".join(f"success {e['evidence']['success']:.0%}, death {e['evidence']['deaths']:.0%}" for e in done)
        print(f"{name}, {condition}, seed {seed}: {ends}", flush=True)
    report(out, arguments.only, seeds).save(out / "results.json")


if __name__ == "__main__":
    main()
