"""Measure SWE-Search on Repair-v0 without a language model: search against one trajectory, feedback, choice of a patch.

A policy without a model (quintain.experiments.repair_search) proposes single mutations of code that it has viewed, and
often stops too early. On the same bugs, with the same policy and the same number of proposals, the program compares

- one trajectory, which undoes its own failed edits (the base agent);
- independent trajectories until the proposals are used up, of which the one with the highest reward is submitted;
- SWE-Search, and SWE-Search without hindsight feedback;
- three ways to choose among the patches that SWE-Search finished: at random, by value, by debate.

    python papers/swe_search/study.py                              # 200 bugs, an estimated two CPU minutes
    python papers/swe_search/study.py --bugs 24 --budget 40 --seed 1  # the figures of the how-to, twelve CPU seconds
    python papers/swe_search/study.py --smoke                      # in seconds: measures nothing

Published figures (Antoniades et al. 2024, arXiv 2410.20285, SWE-bench Lite) are with models of 70 billion parameters
and more: compare signs.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
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
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import mean, paired_difference, rate
from quintain.experiments.repair_search import INVERTIBLE, MutationPolicy, NoisyDebater
from quintain.experiments.study_tables import Percent, StudyTables, published_values

_FIGURES = published_values(__file__)
#: Published shares in per cent: means of five models, and choices where a right patch is among those to choose from.
PUBLISHED = {
    "one trajectory": _FIGURES["resolved"]["mean"]["one trajectory"],
    "SWE-Search": _FIGURES["resolved"]["mean"]["SWE-Search"],
    "choice by value": _FIGURES["choice"]["right"]["by value"],
    "choice by debate": _FIGURES["choice"]["right"]["by debate"],
}
CONDITIONS = ("one trajectory", "independent trajectories", "SWE-Search", "without feedback")
CHOICES = ("choice at random", "choice by value", "choice by debate")
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
    found: dict[str, list[Any]] = {name: [] for name in (*CONDITIONS, *CHOICES, "pass@k")}
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


def show(tables: StudyTables, found: dict[str, list[Any]]) -> None:
    """Print the tables: what is resolved, the differences, the choices, and how often actions repeat."""
    rows = [[name, Percent(rate(sum(found[name]), len(found[name]), unit="bugs")), PUBLISHED.get(name)]
            for name in (*CONDITIONS, "pass@k")]  # fmt: skip
    tables.show("Resolved bugs, per cent [95 % over bugs]", ["condition", "resolved", "published"], rows)
    show_differences(tables, found, "SWE-Search", [name for name in CONDITIONS if name != "SWE-Search"])
    if found["choice at random"]:
        rows = [[name, Percent(mean([*map(float, found[name])], bounds=(0, 1), unit="bugs")), PUBLISHED.get(name)]
                for name in CHOICES]  # fmt: skip
        title = f"Right choice in the {len(found['choice at random'])} bugs with right and wrong patches, per cent"
        tables.show(title, ["condition", "right", "published"], rows)
        show_differences(tables, found, "choice by debate", CHOICES[:2])
    rows = []
    for name in ("re-expansions", "re-expansions without feedback"):
        again, new = (sum(column) for column in zip(*found[name], strict=True))
        rows.append([name, f"{100 * new / max(1, again):.0f}", again])
    tables.show("Children after the first of a node that are no duplicates, per cent", ["what", "distinct", "of"], rows)


def show_differences(tables: StudyTables, found: dict[str, list[Any]], name: str, others: Sequence[str]) -> None:
    """Print by how much a condition is ahead of others on the same bugs."""
    values = {each: [*map(float, found[each])] for each in (name, *others)}
    differences = [paired_difference(values[name], values[each], bounds=(0, 1), unit="bugs") for each in others]
    adjusted = holm([each.p_value for each in differences])
    tables.show(
        f"{name} minus another condition, points, paired by bug, p by Holm for {len(others)} comparisons",
        ["condition", f"{name} minus it"],
        [[each, Percent(*one)] for each, *one in zip(others, differences, adjusted, strict=True)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bugs", type=int, default=200, help="those with a failing visible test, drawn at random")
    parser.add_argument("--budget", type=int, default=40, help="proposals for each bug and condition")
    parser.add_argument("--expansions", type=int, default=5, help="children of a node")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--smoke", action="store_true", help="a few bugs, in seconds")
    options = parser.parse_args()
    bugs, budget = (4, 12) if options.smoke else (options.bugs, options.budget)
    tables = StudyTables()
    show(tables, asyncio.run(study(bugs, budget, options.expansions, options.seed)))
    if options.out:
        tables.save(options.out / "results.json")


if __name__ == "__main__":
    main()
