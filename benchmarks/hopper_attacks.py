"""Attack a PPO policy on Hopper-v5 at the published budget, beside the published returns.

The reference victim is played clean, under random noise, under MAD and under SA-RL (PPO), all on the same episodes, at
epsilon 0.075 in units of the victim's running standard deviations.

    python benchmarks/hopper_attacks.py                       # needs the extras mujoco and rl
    python benchmarks/hopper_attacks.py --steps 1000000 --seeds 3
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym

from quintain.agents.victims.training import train_reference
from quintain.attacks import AdversarySettings, LearnedAttack, MADAttack, RandomAttack, train_adversary
from quintain.evaluation.robustness import robustness

EPSILON = 0.075
#: Vanilla PPO on Hopper-v2: Zhang et al. (2020) for MAD, Zhang et al. (2021) for the rest; the latter searched 216
#: settings of SA-RL with 1M steps each and kept the strongest.
PUBLISHED = {"clean": "3167", "mad": "about 1400 (unconfirmed)", "strongest of six attacks": "636"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300_000, help="environment steps of each SA-RL training")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of SA-RL")
    parser.add_argument("--episodes", type=int, default=50)
    options = parser.parse_args()
    victim, facts = train_reference("hopper")
    make = partial(gym.make, "Hopper-v5", disable_env_checker=True)
    budget: dict[str, Any] = {"epsilon": EPSILON, "space": "normalised"}
    attacks: dict[str, Any] = {
        "random": lambda env, epsilon: RandomAttack(env, victim, **budget),
        "mad": lambda env, epsilon: MADAttack(env, victim, **budget),
    }
    seconds = []
    for seed in range(options.seeds):
        start = time.process_time()
        method = train_adversary(make, victim, settings=AdversarySettings(steps=options.steps), seed=seed, **budget)
        seconds.append(time.process_time() - start)
        print(f"SA-RL seed {seed}: {options.steps:,} steps in {seconds[-1]:.0f} CPU s", flush=True)
        attacks[f"sa-rl, seed {seed}"] = lambda env, epsilon, m=method: LearnedAttack(env, victim, m, **budget)
    table = robustness(make, victim, attacks, [EPSILON], episodes=options.episodes)
    trained = facts["recipe"]["steps"]
    print(f"\nHopper-v5, PPO victim of {trained:,} steps, epsilon {EPSILON} normalised, {options.episodes} episodes\n")
    print("| attack | return [95 % interval] | share of clean | published, v2 |\n|---|---|---|---|")
    for row in table.rows:
        share = row.reward.estimate / table.rows[0].reward.estimate
        print(f"| {row.attack} | {row.reward} | {share:.2f} | {PUBLISHED.get(row.attack, '')} |")
    print(f"| strongest of six attacks | | | {PUBLISHED['strongest of six attacks']} |")


if __name__ == "__main__":
    main()
