"""Attack a PPO policy on Hopper-v5 at the published budget, beside the published returns.

The reference policy plays the same episodes without attack, under random noise, under MAD and under SA-RL (PPO), at
epsilon 0.075 in units of the policy's running standard deviations. SA-RL is trained with several settings, as in the
published search over 216; the table shows each of them and the strongest. With ``--out`` finished trainings and
episodes are stored, and the same command continues an interrupted run.

    python papers/rat_targeted_attack/hopper.py                       # needs the extras mujoco and rl
    python papers/rat_targeted_attack/hopper.py --steps 1000000 --out runs/hopper
    python papers/rat_targeted_attack/hopper.py --steps 1000000 --settings "clip 0.4" --out runs/hopper-clip
    python papers/rat_targeted_attack/hopper.py --report --out runs/hopper     # the table of what is stored
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
from tables import FIGURES

from quintain.agents.policies import MLP
from quintain.attacks import AdversarySettings, train_adversary
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.contract import Attack, AttackContext, Trained
from quintain.attacks.registry import resolve_attacks
from quintain.experiments.robustness import RobustnessTable, load_robustness, robustness
from quintain.experiments.study_tables import StudyTables
from quintain.training.control.reference import train_reference

EPSILON = 0.075
#: Vanilla PPO on Hopper-v2: Zhang et al. (2020) for MAD, Zhang et al. (2021) for the rest; the latter trained SA-RL
#: with 216 settings of 1M steps each and kept the strongest.
_RETURNS = FIGURES["hopper"] | FIGURES["hopper, mad"]
PUBLISHED = {
    "clean": f"{_RETURNS['clean']['Hopper-v2']}",
    "mad": f"about {_RETURNS['mad']['Hopper-v2']} (unconfirmed)",
    "strongest": f"{_RETURNS['strongest']['Hopper-v2']}",
}
#: Settings of SA-RL; each differs from the first in one hyper-parameter of the published search.
SETTINGS = {
    "plain": AdversarySettings(),
    "rate 0.001": AdversarySettings(ppo=replace(ADVERSARY_PPO, learning_rate=1e-3)),
    "clip 0.4": AdversarySettings(ppo=replace(ADVERSARY_PPO, clip_range=0.4)),
    "entropy 0.001": AdversarySettings(ppo=replace(ADVERSARY_PPO, ent_coef=1e-3)),
}


def sa_rl(name: str, settings: AdversarySettings, steps: int) -> Attack:
    """Return SA-RL with these settings as an attack of an experiment."""

    def train(context: AttackContext) -> Trained:
        start = time.process_time()
        method: Any = train_adversary(
            context.make_env, context.victim, settings=replace(settings, steps=context.steps), seed=context.seed,
            progress=context.progress, **context.budget,
        )  # fmt: skip
        spent = time.process_time() - start
        print(f"SA-RL, {name}: {context.steps:,} steps in {spent:.0f} CPU s", flush=True)
        assert isinstance(method.network, MLP)
        return Trained(method.network, {"steps": context.steps, "cpu_s": spent})

    (base,) = resolve_attacks(["sa-rl"])
    return replace(base, name=f"sa-rl, {name}", facts=replace(base.facts, train=train, steps=steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300_000, help="environment steps of each SA-RL training")
    parser.add_argument(
        "--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="settings of SA-RL to train"
    )
    parser.add_argument("--seed", type=int, default=0, help="root seed of episodes and trainings")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--out", type=Path, help="run folder")
    parser.add_argument("--report", action="store_true", help="train and play nothing, print the table of --out")
    options = parser.parse_args()
    if options.report:
        if options.out is None:
            parser.error("--report needs --out")
        table = load_robustness(options.out)
    else:
        table = measure(options)
    tables = report(table)
    if options.out:
        tables.save(options.out / "hopper.json")


def measure(options: argparse.Namespace) -> RobustnessTable:
    """Attack the reference policy; with a folder, continue what is there."""
    victim, _ = train_reference("hopper")
    make: Callable[..., Any] = partial(gym.make, "Hopper-v5", disable_env_checker=True)
    chosen = [sa_rl(name, SETTINGS[name], options.steps) for name in options.settings]
    return robustness(
        make, victim, ["random", "mad", *chosen], [EPSILON], space="normalised", episodes=options.episodes,
        seed=options.seed, out=options.out, resume=bool(options.out and (options.out / "run.json").exists()),
    )  # fmt: skip


def report(table: RobustnessTable) -> StudyTables:
    """Print the table and return it."""
    clean = table.clean(table.policies[0])
    worst = min(table.rows, key=lambda row: row.reward.estimate)
    rows: list[list[Any]] = []
    for row in table.leaderboard():
        attacked = row.attack != "clean"
        rows.append([
            row.attack, row.reward, row.reward.estimate / clean.reward.estimate, row.loss if attacked else "-",
            table.holm(row) if attacked else "-", PUBLISHED.get(row.attack, "-"),
        ])  # fmt: skip
    strongest = f"{PUBLISHED['strongest']}, of six attacks"
    rows.append(
        [f"strongest: {worst.attack}", worst.reward, worst.reward.estimate / clean.reward.estimate, "-", "-", strongest]
    )
    tables = StudyTables()
    tables.show(
        f"Hopper-v5, PPO, epsilon {EPSILON} normalised, {len(clean.episodes)} episodes: return [95 % interval over "
        f"episodes], loss against clean paired by episode; p by Holm for {table.comparisons} comparisons",
        ["attack", "return", "share of clean", "loss", "p by Holm", "published, v2"],
        rows,
    )
    return tables


if __name__ == "__main__":
    main()
