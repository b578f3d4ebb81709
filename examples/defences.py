"""What do defences gain? Policies that slide a handle, plain and defended, under the attacks that they are made for.

Every policy gets the same PPO steps, every attack is trained against the policy that it is applied to, and all rows
play the same seeds. Each training seed repeats all trainings; intervals are over seeds, with one seed over its
episodes. Needs the extras ``rl`` and ``mujoco``. Takes about 8 minutes of CPU time a seed; ``--small`` a minute, to see
the output. With ``--out`` finished work is kept, the same command continues an interrupted run, and the tables are
stored in ``defences.json``.

    python examples/defences.py
    python examples/defences.py --seeds 3 --out runs/defences
    python examples/defences.py --out runs/defences --report       # the tables of the rows that are finished
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import gymnasium as gym

from quintain.agents.policies import load_policy, save_policy
from quintain.attacks import AdversarySettings, RATSettings, Victim, train_adversary, train_rat
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.contract import Attack, AttackContext, Trained
from quintain.attacks.defences import (
    DEFENCE_PPO,
    DefenceSettings,
    smooth_actions,
    smooth_observations,
    train_atla,
    train_rat_atla,
    train_rat_wocar,
    train_sa_ppo,
    train_wocar,
)
from quintain.attacks.registry import resolve_attacks
from quintain.errors import ConfigurationError
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Interval, paired_difference
from quintain.experiments.robustness import (
    PolicyUnderTest,
    RobustnessExperiment,
    RobustnessRow,
    RobustnessTable,
    load_robustness,
    run_experiment,
)
from quintain.experiments.study_tables import Percent, StudyTables

COLUMNS = ("clean", "random", "mad", "sa-rl", "rat")
#: Derived from the plain policy without training.
SMOOTHED: dict[str, Callable[[Victim], Victim]] = {
    "smoothed": lambda plain: smooth_observations(plain, "exponential", weight=0.5),
    "averaged": lambda plain: smooth_actions(plain, 0.3),
}
TRAINED = ("plain", "sa-ppo", "atla", "rat-atla", "wocar", "rat-wocar", "atla + sa")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epsilon", type=float, default=0.05, help="budget in l_inf, metres and metres per second")
    parser.add_argument("--steps", type=int, default=40_000, help="PPO steps of each policy")
    parser.add_argument("--warmup", type=float, default=0.5, help="share of them that is plain PPO")
    parser.add_argument("--ramp", type=float, default=0.25, help="share over which the budget then grows")
    parser.add_argument("--eval-freq", type=int, default=5_000, help="steps between checkpoints")
    parser.add_argument("--episodes", type=int, default=50, help="episodes per seed and cell of the table")
    parser.add_argument("--seeds", type=int, default=1, help="training seeds")
    parser.add_argument("--only", nargs="*", default=[], choices=[*TRAINED, *SMOOTHED], help="rows; by default all")
    parser.add_argument("--out", type=Path, help="folder for policies and runs")
    parser.add_argument("--small", action="store_true", help="everything tiny: shows the output, measures nothing")
    parser.add_argument("--report", action="store_true", help="train and play nothing, print the tables of --out")
    args = parser.parse_args()
    if args.report and args.out is None:
        parser.error("--report needs --out")
    if args.small:
        args.steps, args.episodes = 512, 2
        args.only = args.only or ["smoothed", "sa-ppo", "atla"]
    with TemporaryDirectory() as temporary:
        lab = Lab(args, args.out or Path(temporary))
        found = {}
        for name in (*TRAINED, *SMOOTHED):
            if (not args.only or name in args.only) and (not args.report or lab.is_finished(name)):
                found[name] = lab.row(name) if not args.report else lab.stored(name)
                print(f"{name}: {found[name].table.headline()}", flush=True)
        if not found:
            sys.exit(f"no finished rows in {lab.folder}")
        tables = report(found)
        if args.out:
            tables.save(args.out / "defences.json")


class Defence(NamedTuple):
    """Results of one row, and the CPU seconds of a training."""

    table: RobustnessTable
    cpu_s: float

    def of(self, attack: str) -> RobustnessRow | None:
        """Return the results under an attack."""
        return next((row for row in self.table.rows if row.attack == attack), None)


def report(found: Mapping[str, Defence]) -> StudyTables:
    """Print the tables and return them."""
    tables, rows = StudyTables(), [row for one in found.values() for row in one.table.rows]
    seeds, epsilon = max(len(row.repetitions) for row in rows), max(row.epsilon for row in rows)
    over = f"[95 % interval over {'training seeds' if seeds > 1 else 'episodes'}]"
    about = (
        f"epsilon {epsilon:g} (raw, l_inf), {seeds} training seeds, {len(rows[0].episodes) // seeds} episodes of each"
    )
    tables.show(
        f"Mean return {over}; {about}",
        ["defence", *COLUMNS, "CPU s of training"],
        [
            [name, *(_cell(one, column, "reward") for column in COLUMNS), round(one.cpu_s)]
            for name, one in found.items()
        ],
    )
    tables.show(
        f"Success, and the attacker's under RAT, per cent {over}",
        ["defence", *COLUMNS, "rat: attacker"],
        [
            [name, *(_share(one, column, "success") for column in COLUMNS), _share(one, "rat", "attacker_success")]
            for name, one in found.items()
        ],
    )
    if "plain" in found and len(found) > 1:
        differences = {
            (name, column, what): _difference(one.of(column), found["plain"].of(column), what)
            for name, one in found.items() if name != "plain"
            for column, what in [*((column, "success") for column in COLUMNS), ("rat", "attacker_success")]
        }  # fmt: skip
        adjusted = dict(zip(differences, holm([one.p_value for one in differences.values()]), strict=True))
        shown: dict[str, list[Any]] = {}
        for key, difference in differences.items():
            shown.setdefault(key[0], [key[0]]).append(Percent(difference, adjusted[key]))
        tested = sum(not math.isnan(p) for p in adjusted.values())
        tables.show(
            f"The same minus that of the plain policy, points, paired by episode; p by Holm for {tested} comparisons",
            ["defence minus plain", *COLUMNS, "rat: attacker"],
            list(shown.values()),
        )
    return tables


class Lab:
    """Trains policies and attacks, and stores both in a folder."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.epsilon, self.seeds, self.episodes, self.folder = args.epsilon, args.seeds, args.episodes, folder
        self.make = partial(gym.make, "Tabletop/SlideHandle-v0", scenario="opposite", disable_env_checker=True)
        # The warm-up is long: against an adversary a policy hardly learns a task that it cannot do yet.
        self.settings = DefenceSettings(
            steps=args.steps, warmup=args.warmup, ramp=args.ramp, eval_freq=args.eval_freq,
            ppo=replace(DEFENCE_PPO, n_steps=120, batch_size=240, learning_rate=1e-3, gamma=0.95),
        )  # fmt: skip
        self.opponent = AdversarySettings(
            steps=25_000, ppo=replace(ADVERSARY_PPO, n_steps=120, batch_size=240, gamma=0.95, learning_rate=1e-3)
        )
        self.rat = RATSettings(steps=10_000)
        if args.small:
            ppo = replace(self.settings.ppo, n_steps=16, batch_size=64, n_epochs=2)
            self.settings = replace(self.settings, ppo=ppo, n_eval_episodes=2)
            self.opponent = AdversarySettings(
                steps=256, ppo=replace(self.opponent.ppo, n_steps=16, batch_size=64, n_epochs=2)
            )
            self.rat = RATSettings(
                steps=480, exploration_steps=160, feedback_every=160, queries_per_round=5, max_reward_epochs=2
            )

    def is_finished(self, name: str) -> bool:
        """Return whether all attacks on the policies of a row were played."""
        run = self.folder / f"{name}-attacked"
        if not (run / "leaderboard.md").exists():  # written in the end
            print(f"{name} is left out: not finished")
            return False
        return True

    def stored(self, name: str) -> Defence:
        """Return a row from the folder."""
        costs = [load_policy(path)[1]["cpu_s"] for path in sorted(self.folder.glob(f"{name}-seed*.npz"))]
        return Defence(load_robustness(self.folder / f"{name}-attacked"), sum(costs) / max(1, len(costs)))

    def row(self, name: str) -> Defence:
        """Attack the policies of all seeds."""
        made = {seed: self.policy(name, seed) for seed in range(self.seeds)}
        subject = PolicyUnderTest(name, self.make, {seed: victim for seed, (victim, _) in made.items()})
        attacks = [*resolve_attacks(["random", "mad"]), self.sa_rl()]
        if not made[0][0].is_stateful:  # RAT reads single observations
            attacks.append(self.learned_rat())
        run = self.folder / f"{name}-attacked"
        experiment = RobustnessExperiment((subject,), attacks, [self.epsilon], self.episodes, range(self.seeds))
        table = run_experiment(experiment, out=run, resume=run.exists())
        return Defence(table, sum(seconds for _, seconds in made.values()) / self.seeds)

    def policy(self, name: str, seed: int) -> tuple[Victim, float]:
        """Return a policy and the CPU seconds of its training, from the folder if it is there."""
        if name in SMOOTHED:
            return SMOOTHED[name](self.policy("plain", seed)[0]), 0.0
        path = self.folder / f"{name}-seed{seed}.npz"
        with suppress(ConfigurationError):
            victim, facts = load_policy(path)
            return victim, facts["cpu_s"]
        began = time.process_time()
        victim = self.train(name, seed)
        spent = time.process_time() - began
        save_policy(victim, path, {"cpu_s": spent})
        return victim, spent

    def train(self, name: str, seed: int) -> Victim:
        """Train a policy."""
        if name == "plain":
            return train_sa_ppo(
                self.make, epsilon=self.epsilon, settings=self.settings, regulariser=0, seed=seed, name=name
            ).policy
        plain, _ = self.policy("plain", seed)
        same = {"epsilon": self.epsilon, "settings": self.settings, "seed": seed}
        if name == "rat-wocar":
            intention = train_rat(self.make, plain, epsilon=self.epsilon, settings=self.rat, seed=seed).intention
            assert intention is not None
            return train_rat_wocar(self.make, intention, regulariser=0.3, **same).policy
        train = {
            "sa-ppo": partial(train_sa_ppo, regulariser=0.3),
            "atla": partial(train_atla, adversary=self.opponent),
            "rat-atla": partial(train_rat_atla, rat=self.rat),
            "wocar": partial(train_wocar, value_weight=0.1, regulariser=0.3),
            "atla + sa": partial(train_atla, adversary=self.opponent, regulariser=0.3),
        }[name]
        return train(self.make, normaliser=plain.normaliser, **same).policy

    def sa_rl(self) -> Attack:
        """Return SA-RL with settings for short episodes."""

        def train(context: AttackContext) -> Trained:
            method = train_adversary(
                context.make_env, context.victim, settings=self.opponent, seed=context.seed + 1, **context.budget
            )
            return Trained(method.network, {})

        (base,) = resolve_attacks(["sa-rl"])
        return replace(base, facts=replace(base.facts, train=train, steps=self.opponent.steps))

    def learned_rat(self) -> Attack:
        """Return RAT with this example's settings."""

        def train(context: AttackContext) -> Trained:
            made = train_rat(
                context.make_env, context.victim, epsilon=context.epsilon, settings=self.rat, seed=context.seed + 1
            )
            return Trained(made.method.network, {"labels": made.labels})

        (base,) = resolve_attacks(["rat"])
        return replace(base, facts=replace(base.facts, train=train, steps=self.rat.steps))


def _cell(defence: Defence, attack: str, measure: str) -> Interval | None:
    row = defence.of(attack)
    return None if row is None else getattr(row, measure)


def _share(defence: Defence, attack: str, measure: str) -> Percent | str:
    found = _cell(defence, attack, measure)
    return "-" if found is None else Percent(found)


def _difference(defended: RobustnessRow | None, plain: RobustnessRow | None, measure: str) -> Interval:
    """Estimate the difference of a share; episodes of one training seed depend on each other."""
    first, second, seeds = [], [], []
    if defended is not None and plain is not None:
        for seed, episodes in defended.repetitions.items():
            partners = {episode.seed: episode for episode in plain.repetitions.get(seed, ())}
            for episode in episodes:
                if episode.seed in partners:
                    first.append(float(getattr(episode, measure)))
                    second.append(float(getattr(partners[episode.seed], measure)))
                    seeds.append(seed)
    clusters = seeds if len(set(seeds)) > 1 else None
    return paired_difference(first, second, bounds=(0, 1), clusters=clusters, unit="seeds" if clusters else "episodes")


if __name__ == "__main__":
    main()
