"""Reachability as part of a robustness run: computed before the attacks, on a few clean episodes of each policy."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from quintain.attacks.episodes import play_attacked
from quintain.evaluation.statistics import rate
from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.experiments.robustness.policy_under_test import PolicyUnderTest
from quintain.experiments.robustness.reachability import (
    REACHABILITY_FILE,
    Reachability,
    load_reachability,
    reachability,
    save_reachability,
    visited_states,
)
from quintain.experiments.store import Store
from quintain.seeding import episode_seeds

__all__ = ["analyse_reachability"]

#: Maximum number of clean episodes whose states are searched.
_EPISODES = 10


def analyse_reachability(experiment: RobustnessExperiment, store: Store) -> list[Reachability]:
    """Compute, for each budget, how often gradient search finds a perturbation that causes the intended action.

    Policies without an intention policy are left out, as are history-dependent ones, black-box ones and those with
    discrete actions.

    Args:
        experiment: The experiment; its first repetition gives policies and episode seeds.
        store: Keeps the result as ``reachability.json``, so that a resumed run reads it.

    Returns:
        One entry per policy and budget, a budget of 0 included; empty if ``experiment.reach`` is false.
    """
    if not experiment.reach:
        return []
    compute = partial(_analyse, experiment, store)
    return store.obtain(REACHABILITY_FILE, compute, save_reachability, load_reachability)


def _analyse(experiment: RobustnessExperiment, store: Store) -> list[Reachability]:
    found = []
    for subject in experiment.subjects:
        store.progress.describe(f"{subject.name}: reachability")
        found += _of_policy(experiment, subject)
    return found


def _of_policy(experiment: RobustnessExperiment, subject: PolicyUnderTest) -> list[Reachability]:
    seed = experiment.seeds[0]
    policy, intention = subject.policy(seed), subject.intention(seed)
    if intention is None or policy.is_stateful or not {"gradient", "continuous"} <= policy.capabilities:
        return []
    drawn = episode_seeds(seed)
    seeds = [drawn[i] for i in range(min(_EPISODES, experiment.episodes))]
    found = reachability(
        policy, intention, visited_states(subject.make, policy, seeds), sorted({0.0, *experiment.epsilons}),
        norm=experiment.norm, space=experiment.space, confidence=experiment.confidence,
    )  # fmt: skip
    flags = [episode.attacker_success for episode in play_attacked(subject.make, intention, seeds)]
    known = [flag for flag in flags if flag is not None]
    intended = rate(sum(known), len(known), experiment.confidence, unit="episodes")
    return [replace(entry, policy=subject.name, intended=intended) for entry in found]
