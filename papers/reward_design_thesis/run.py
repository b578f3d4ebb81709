"""Designed rewards on small MDPs: what they keep, what they tell, and how fast learners learn from them.

Three ways of Devidze's thesis (2025, arXiv 2503.21949): EXPRD designs a sparse reward once, ExpAdaRD designs again for
the learner's present policy, and with ExploRS the learner shapes its own reward. Exact evaluation under the original
reward; runs of different rewards share their seeds. The published curves have no numbers, so that the tables show the
published order.

    python papers/reward_design_thesis/run.py          # about two CPU minutes
    python papers/reward_design_thesis/run.py --full   # Chain as in the released program: some minutes more
    python papers/reward_design_thesis/run.py --smoke  # shows the output, measures nothing
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.envs.tabular import chain, line_key, room, room_features
from quintain.evaluation.statistics import mean, paired_difference, rate
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.mdp import MDP, evaluate_policy, mdp_of, value_iteration
from quintain.rewards.shaping import (
    LIRPG,
    SORS,
    AdaptiveDesigner,
    ExpAdaRD,
    ExploRS,
    ExploRSSettings,
    EXPRDSettings,
    FixedReward,
    Grouped,
    RewardTable,
    design_craft,
    design_exprd,
    design_invariant,
    design_on_states,
    design_potential,
    original_reward,
)
from quintain.seeding import SeedStream
from quintain.training.control.tabular_learners import QLearner, Reinforce
from quintain.training.control.tabular_runs import TabularRuns

#: The five states next to the gates of Room, in which the reward by hand pays.
GATES = (9, 15, 37, 19, 33)
#: What the papers' curves show; they have no numbers (all unconfirmed).
PUBLISHED = """
Published (curves without numbers, unconfirmed):
- EXPRD (Devidze et al. 2021): on Room and LineKey, EXPRD (B = 5) learns well with at most 6 rewarded states; the
  original reward does not learn on LineKey. On Room CRAFT ends sub-optimal, EXPRD on the same states repairs it, and
  EXPRD (B = 3) is comparable.
- ExpAdaRD (Devidze et al. 2024): faster than invariance, the original reward and, for diverse learners, EXPRD.
- ExploRS (Devidze et al. 2022): better than the original reward, SelfRS and SORS on Chain, with and without
  distractors.
"""
Maker = Callable[[], Any]


def main() -> None:
    """Design, train, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="runs of Q-learning (paper: 20)")
    parser.add_argument("--policy-seeds", type=int, default=8, help="runs of REINFORCE (release: 10)")
    parser.add_argument("--episodes", type=int, default=1500, help="episodes of Q-learning")
    parser.add_argument("--adaptive-episodes", type=int, default=480, help="episodes of REINFORCE with ExpAdaRD")
    parser.add_argument("--chain-episodes", type=int, default=4000, help="episodes on Chain (release: 50,000)")
    parser.add_argument("--full", action="store_true", help="Chain with 20 and 40 cells and 40 steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for reward_design.json")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.seeds = args.policy_seeds = 2
        args.episodes = args.adaptive_episodes = args.chain_episodes = 20
    tables = StudyTables()
    mdps = {"LineKey": (line_key(), 30)} if args.smoke else {"Room": (room(), 50), "LineKey": (line_key(), 30)}
    designs = {name: designs_for(name, mdp, args.smoke) for name, (mdp, _) in mdps.items()}
    lake = mdp_of(gym.make("FrozenLake-v1"))
    designs["FrozenLake-v1"] = {
        "EXPRD (3)": design_exprd(lake, EXPRDSettings(budget=3)),
        "PBRS": design_potential(lake),
    }
    show_certificates(tables, designs)
    show_budgets(tables, {name: mdp for name, (mdp, _) in mdps.items()}, args.smoke)
    for name, (mdp, horizon) in mdps.items():
        show_q_learning(tables, name, mdp, horizon, designs[name], args)
    show_adaptive(tables, args)
    show_chain(tables, args)
    print(PUBLISHED)
    if args.out:
        tables.save(args.out / "reward_design.json")


def designs_for(name: str, mdp: MDP, small: bool) -> dict[str, RewardTable]:
    """Return the rewards that are compared, by name."""
    found = {
        "original": original_reward(mdp),
        "invariance": design_invariant(mdp),
        "EXPRD (3)": design_exprd(mdp, EXPRDSettings(budget=1 if small else 3)),
        "EXPRD (5)": design_exprd(mdp, EXPRDSettings(budget=1 if small else 5)),
        "EXPRD (5), lambda_2 = 0": design_exprd(mdp, EXPRDSettings(budget=1 if small else 5, l1=0.0)),
        "EXPRD (all)": design_exprd(mdp, EXPRDSettings(budget=None)),
        "PBRS": design_potential(mdp),
    }
    if name == "Room":
        found["by hand (CRAFT)"] = design_craft(mdp, list(GATES))
        found["EXPRD on CRAFT's states"] = design_on_states(mdp, GATES)
    return found


def show_certificates(tables: StudyTables, designs: dict[str, dict[str, RewardTable]]) -> None:
    rows = []
    for name, found in designs.items():
        for method, table in found.items():
            told = table.certificate
            kept = "same" if told.same_optimal else "part" if told.kept_optimal else "no"
            margins = "kept" if told.slack >= -1e-6 * max(1.0, told.largest) else f"{told.slack:.2f}"
            rows.append(
                [name, method, kept, margins, f"{told.informativeness:z.4f}", told.support, f"{told.largest:.2f}"]
            )
    tables.show(
        "Certificates, by value iteration under each reward: optimal actions, margins, informativeness (at most 0), "
        "states with a reward, largest absolute reward",
        ["environment", "reward", "optimal actions", "margins", "I(R)", "support", "largest"],
        rows,
    )


def show_budgets(tables: StudyTables, mdps: dict[str, MDP], small: bool) -> None:
    most = 1 if small else 8
    curves = {name: design_exprd(mdp, EXPRDSettings(budget=most)).facts for name, mdp in mdps.items()}
    tables.show(
        "Informativeness of EXPRD by budget: the goal's state, then one more state each",
        ["environment", *(f"B = {k}" for k in range(most + 1)), "states, in order"],
        [
            [name, *(f"{value:z.4f}" for value in facts["curve"]), " ".join(map(str, facts["support"]))]
            for name, facts in curves.items()
        ],
    )


def show_q_learning(
    tables: StudyTables, name: str, mdp: MDP, horizon: int, designs: dict[str, RewardTable], args: argparse.Namespace
) -> None:
    n, best = args.seeds, float(value_iteration(mdp).values @ mdp.initial)
    seeds = [SeedStream(args.seed, name, k) for _ in designs for k in range(n)]
    learner = QLearner(len(seeds), mdp.shape, mdp.gamma)
    rewards = np.repeat([table.rewards for table in designs.values()], n, axis=0)
    runs = TabularRuns(mdp, learner, FixedReward(rewards), seeds, horizon)
    every = max(1, args.episodes // 60)
    first = np.full(len(seeds), np.inf)
    shares = []
    while runs.episodes < args.episodes:
        runs.play(every)
        shares.append(evaluate_policy(mdp, learner.greedy()) / best)
        first = np.where(np.isinf(first) & (shares[-1] >= 0.9), runs.episodes, first)
    reached, last = first.reshape(-1, n), np.mean(shares[-10:], axis=0).reshape(-1, n)
    half = args.episodes // 6
    rows = []
    for method, firsts, ends in zip(designs, reached, last, strict=True):
        middle = np.median(firsts)
        rows.append(
            [
                method, f"{middle:.0f}" if np.isfinite(middle) else f"> {args.episodes}",
                Percent(rate(int((firsts <= half).sum()), n, unit="seeds")),
                Percent(mean(ends, bounds=(0, 1), unit="seeds")),
            ]
        )  # fmt: skip
    tables.show(
        f"{name}, Q-learning (alpha 0.5, epsilon 0.1), {n} seeds, {args.episodes} episodes: median number of episodes "
        f"until the greedy policy has 90 % of the optimal return; share of the runs in which it has by episode {half}, "
        "and its return at the end (mean of the last ten evaluations), both in per cent",
        ["reward", "episodes to 90 %", f"90 % by {half}", "return at the end"],
        rows,
    )


def trained(
    mdp: MDP,
    shaper: Any,
    learner: Reinforce,
    name: str,
    horizon: int,
    episodes: int,
    seed: int,
    steps: int | None,
    n: int,
) -> list[np.ndarray]:
    """Return the returns of all runs under the original reward, evaluated exactly twelve times."""
    seeds = [SeedStream(seed, name, k % n) for k in range(len(learner.table))]
    runs = TabularRuns(mdp, learner, shaper, seeds, horizon)
    found = []
    for part in range(1, 13):
        runs.play(episodes * part // 12 - runs.episodes)
        found.append(evaluate_policy(mdp, learner.policy(), steps=steps))
    return found


def show_adaptive(tables: StudyTables, args: argparse.Namespace) -> None:
    worlds: dict[str, Any] = {"LineKey": (line_key(), 30, None, 0.3)}
    if not args.smoke:
        worlds["Room"] = room("expadard"), 30, room_features(), 0.4
    for name, (mdp, horizon, features, epsilon) in worlds.items():
        best = float(value_iteration(mdp).values @ mdp.initial)
        away = np.zeros(mdp.shape)
        away[:, 1] = 2.0  # to the right, away from the key; to the left, away from the goal
        n, rows = args.policy_seeds, []
        ends: dict[str, list[np.ndarray]] = {}
        for method in ("original", "invariance", "EXPRD (all)", "EXPRD (all), lambda_2 = 0", "PBRS", "ExpAdaRD"):
            row: list[Any] = [method]
            for start in (np.zeros(mdp.shape), away):
                learner = Reinforce(n, mdp.shape, mdp.gamma, start=start)
                if method == "ExpAdaRD":
                    designer = AdaptiveDesigner(mdp, features, epsilon=epsilon)
                    shaper: Any = ExpAdaRD(designer, learner.policy())
                else:
                    shaper = FixedReward(_static(method, mdp))
                found = np.array(
                    trained(mdp, shaper, learner, name, horizon, args.adaptive_episodes, args.seed, None, n)
                )
                ends.setdefault(method, []).extend((found[3] / best, found[-1] / best))
                for part in ends[method][-2:]:
                    row.append(Percent(mean(part, bounds=(0, 1), unit="seeds")))
            rows.append(row)
        third, end = args.adaptive_episodes // 3, args.adaptive_episodes
        head = [f"uniform, {third}", f"uniform, {end}", f"bad policy, {third}", f"bad policy, {end}"]
        tables.show(
            f"{name}, REINFORCE (alpha 0.1) that receives the designed reward only, {args.policy_seeds} seeds: return "
            "under the original reward, per cent of the optimal one",
            ["reward", *head],
            rows,
        )
        show_differences(tables, name, "ExpAdaRD", head, ends)


def show_differences(
    tables: StudyTables, where: str, ours: str, head: list[str], shares: dict[str, list[np.ndarray]]
) -> None:
    """Show by how many points one reward is ahead of the others, paired by seed."""
    rows = []
    for method, found in shares.items():
        pairs = zip(shares[ours], found, strict=True)
        if method != ours:
            rows.append([method, *(Percent(paired_difference(first, second, unit="seeds")) for first, second in pairs)])
    tables.show(f"{where}: points by which {ours} is ahead, paired by seed", [f"{ours} ahead of", *head], rows)


def _static(method: str, mdp: MDP) -> np.ndarray:
    designs: dict[str, Maker] = {
        "original": lambda: original_reward(mdp),
        "invariance": lambda: design_invariant(mdp),
        "EXPRD (all)": lambda: design_exprd(mdp, EXPRDSettings(budget=None)),
        "EXPRD (all), lambda_2 = 0": lambda: design_exprd(mdp, EXPRDSettings(budget=None, l1=0.0)),
        "PBRS": lambda: design_potential(mdp),
    }
    return np.asarray(designs[method]().rewards)


def show_chain(tables: StudyTables, args: argparse.Namespace) -> None:
    right, left, horizon = (20, 40, 40) if args.full else (10, 20, 20)
    n = args.policy_seeds
    for distractor, distance in ((0.0, 0), (0.01, 15 if args.full else 7), (0.05, 5)):
        mdp = chain(right, left, distractor=distractor, distance=distance)
        always = np.broadcast_to(np.array([0.0, 1.0]), mdp.shape)
        best = float(evaluate_policy(mdp, always, steps=horizon))
        teachers: dict[str, Any] = {
            "original": FixedReward(mdp.rewards),
            "ExploB": ExploRS(mdp, n, ExploRSSettings(intrinsic=False)),
            "SelfRS": ExploRS(mdp, n, ExploRSSettings(bonus=False)),
            "ExploRS": ExploRS(mdp, n),
            "SORS with original": SORS(mdp, n),
            "LIRPG without meta-gradient": LIRPG(mdp, n),
        }
        shaper = Grouped([*teachers.values()], [n] * len(teachers))
        learner = Reinforce(n * len(teachers), mdp.shape, mdp.gamma)
        found = trained(mdp, shaper, learner, "chain", horizon, args.chain_episodes, args.seed, horizon, n)
        shares = np.array(found).reshape(12, len(teachers), n) / best
        rows, reached = [], dict[str, list[np.ndarray]]()
        for number, method in enumerate(teachers):
            share = shares[:, number]
            reached[method] = [share[k] for k in (2, 5, 11)]
            ends = [Percent(mean(part, bounds=(0, 1), unit="seeds")) for part in reached[method]]
            rows.append([method, *ends, Percent(rate(int((share[-1] >= 0.5).sum()), n, unit="seeds"))])
        parts = [args.chain_episodes * k // 12 for k in (3, 6, 12)]
        tables.show(
            f"Chain ({right} cells to the right, {left} to the left, {horizon} steps), {_lure(distractor, distance)}, "
            f"REINFORCE (alpha 0.1), {n} seeds: return under the original reward after so many episodes, per cent of "
            "that of always going right; share of the runs with at least half of it at the end",
            ["reward", *(f"after {part}" for part in parts), "at the goal"],
            rows,
        )
        where = f"Chain, {_lure(distractor, distance)}"
        show_differences(tables, where, "ExploRS", [f"after {part}" for part in parts], reached)


def _lure(distractor: float, distance: int) -> str:
    return f"distractor {distractor:g} after {distance} cells" if distractor else "no distractor"


if __name__ == "__main__":
    main()
