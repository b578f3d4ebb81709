"""Measure SWE-Search on Repair-v0 without a language model: search against one trajectory, feedback, choice of a patch.

A policy without a model (quintain.experiments.repair_search) proposes single mutations of code that it has viewed, and
often stops too early. On the same bugs, with the same policy and the same number of proposals, the program compares

- one trajectory, which undoes its own failed edits (the base agent);
- independent trajectories until the proposals are used up, of which the one with the highest reward is submitted;
- SWE-Search, and SWE-Search without hindsight feedback;
- three ways to choose among the patches that SWE-Search finished: at random, by value, by debate.

    python examples/swe_search.py --bugs 24 --budget 40 --seed 1    # 12 CPU seconds, the figures of the how-to
    python examples/swe_search.py                                   # 60 bugs; its time is not measured yet
    python examples/swe_search.py --bugs 200 --budget 100
    python examples/swe_search.py --smoke

Published figures (Antoniades et al. 2024, SWE-bench Lite) are with models of 70 billion parameters and more: compare
signs.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

import quintain  # noqa: F401  # registers the environments
from quintain.agents.search.swe import (
    Attempt,
    RuleValue,
    SWESearchResult,
    SWESearchSettings,
    SWETree,
    UCTBonuses,
    candidates,
    debate,
    swe_search,
)
from quintain.evaluation.statistics import paired_difference, rate
from quintain.experiments.repair_search import INVERTIBLE, MutationPolicy, NoisyDebater

PUBLISHED = {
    "one trajectory": "Moatless-Adapted, mean of five models: 17.3%",
    "independent trajectories": "GPT-4o has no such cell; Qwen2.5-72B, any of five runs: 22.3%",
    "SWE-Search": "mean of five models: 22.3%",
    "choice by value": "right in 73% where one is right",
    "choice by debate": "right in 84% where one is right",
}
POLICY = MutationPolicy()
VALUE = RuleValue(noise=15)


async def one_trajectory(issue: str, simulator: Any, budget: int, seed: int) -> tuple[SWETree, int]:
    """Follow the policy until it ends or the proposals are used up; return the trajectory and what it took."""
    tree, node = SWETree(simulator.snapshot(), ""), 0
    for number in range(budget):
        action = (await POLICY(issue, tree.attempts_to(node), "", (), seed * 1000 + number)).action
        before = tree.attempts[node]
        node = tree.add(node, action, simulator.step(action), simulator.snapshot(), "")
        found = await VALUE(issue, tree.attempts_to(node), before, seed * 1000 + number)
        tree.reward(node, *found[:3])
        if tree.attempts[node].ended:
            break
    return tree, number + 1


async def independent(issue: str, simulator: Any, budget: int, seed: int) -> list[Attempt]:
    """Follow the policy again and again; return the finished trajectory with the highest reward, or none."""
    start, best, left = simulator.snapshot(), [], budget
    while left > 0:
        simulator.restore(start)
        tree, used = await one_trajectory(issue, simulator, left, seed * 100 + left)
        left -= used
        path = tree.attempts_to(len(tree) - 1)
        if path[-1].ended == "finish" and (not best or path[-1].reward > best[-1].reward):
            best = path
    return best


def resolved(env: Any, start: Any, path: Sequence[Attempt]) -> bool:
    """Play a trajectory in the environment; return whether the hidden tests pass."""
    env.restore(start)
    success = False
    for attempt in path:
        *_, info = env.step(attempt.action)
        success = bool(info["success"])
    return success


def distinct(result: SWESearchResult) -> tuple[int, int]:
    """Count the children after the first of a node, and those of them that are no duplicates."""
    tree, again, new = result.tree, 0, 0
    for node in range(len(tree)):
        later = tree.children(node, duplicates=True)[1:]
        again += len(later)
        new += sum(not tree.attempts[child].duplicate for child in later)
    return again, new


async def study(bugs: int, budget: int, expansions: int, seed: int) -> dict[str, list[Any]]:
    """Play every condition on the same bugs."""
    env: Any = gym.make("Repair-v0", split="train", operators=list(INVERTIBLE), max_turns=10**6).unwrapped
    failing = [k for k, bug in enumerate(env._instances) if bug.visible_failures]
    chosen = np.random.default_rng(seed).choice(failing, min(bugs, len(failing)), replace=False)
    settings = SWESearchSettings(UCTBonuses(), max_expansions=expansions, max_iterations=budget, max_depth=12)
    found: dict[str, list[Any]] = {name: [] for name in (*PUBLISHED, "without feedback", "choice at random", "pass@k")}
    found |= {"re-expansions": [], "re-expansions without feedback": []}
    for number, item in enumerate(chosen):
        issue, _ = env.reset(seed=seed, options={"item": int(item)})
        start = env.snapshot()
        tree, _ = await one_trajectory(issue, env.simulator(), budget, seed + number)
        path = tree.attempts_to(len(tree) - 1)
        found["one trajectory"].append(resolved(env, start, path))
        env.restore(start)
        path = await independent(issue, env.simulator(), budget, seed + number)
        found["independent trajectories"].append(resolved(env, start, path))
        for name, feedback in (("SWE-Search", True), ("without feedback", False)):
            env.restore(start)
            changed = {"feedback": feedback, "seed": seed + number}
            own = SWESearchSettings(**{f: getattr(settings, f) for f in settings.__slots__} | changed)
            result = await swe_search(issue, env.simulator(), POLICY, VALUE, own)
            path = result.tree.attempts_to(result.chosen) if result.chosen is not None else []
            found[name].append(resolved(env, start, path))
            found["re-expansions" + (" without feedback" if not feedback else "")].append(distinct(result))
            if feedback:
                await _choices(env, start, issue, result, found, seed + number)
    return found


async def _choices(
    env: Any, start: Any, issue: str, result: SWESearchResult, found: dict[str, list[Any]], seed: int
) -> None:
    """Judge every finished patch, and the three ways to choose one, where some are right and some are wrong."""
    shown = candidates(result.tree)
    right = [resolved(env, start, result.tree.attempts_to(each.node)) for each in shown]
    found["pass@k"].append(any(right))
    if not any(right) or all(right):
        return
    by_value = max(range(len(shown)), key=lambda k: (shown[k].reward, shown[k].mean))
    by_debate, _ = await debate(issue, shown, NoisyDebater(), seed=seed)
    found["choice by value"].append(right[by_value])
    found["choice by debate"].append(by_debate is not None and right[by_debate])
    found["choice at random"].append(sum(right) / len(right))


def table(found: dict[str, list[Any]]) -> str:
    """Write the table."""
    rows = ["| what | share | 95% interval | of | published |", "| --- | ---: | --- | ---: | --- |"]
    for name in ("one trajectory", "independent trajectories", "SWE-Search", "without feedback", "pass@k",
                 "choice at random", "choice by value", "choice by debate"):  # fmt: skip
        values = found[name]
        share = sum(values) / len(values) if values else float("nan")
        is_rate = name != "choice at random" and values
        interval = rate(sum(values), len(values)) if is_rate else None
        shown = f"{interval.low:.2f} to {interval.high:.2f}" if interval else ""
        rows.append(f"| {name} | {share:.2f} | {shown} | {len(values)} | {PUBLISHED.get(name, '')} |")
    for name in ("one trajectory", "independent trajectories"):
        gain = paired_difference(list(map(float, found["SWE-Search"])), list(map(float, found[name])))
        rows.append(
            f"| SWE-Search minus {name} | {gain.estimate:+.2f} | {gain.low:+.2f} to {gain.high:+.2f} | {gain.n} | |"
        )
    for name in ("re-expansions", "re-expansions without feedback"):
        again, new = (sum(column) for column in zip(*found[name], strict=True))
        rows.append(f"| distinct {name} | {new / max(1, again):.2f} | | {again} | |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bugs", type=int, default=60)
    parser.add_argument("--budget", type=int, default=40, help="proposals for each bug and condition")
    parser.add_argument("--expansions", type=int, default=5, help="children of a node")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", "--small", action="store_true", help="a few bugs, in seconds")
    options = parser.parse_args()
    bugs, budget = (4, 12) if options.smoke else (options.bugs, options.budget)
    print(table(asyncio.run(study(bugs, budget, options.expansions, options.seed))))


if __name__ == "__main__":
    main()
