"""What do defences gain? Policies that slide a handle, plain and defended, under the attacks that they are made for.

Every policy gets the same PPO steps, every attack is trained against the policy that it is applied to, and all rows
play the same seeds. Each training seed repeats all trainings; intervals are over seeds and the episodes within them.
Needs the extras ``rl`` and ``mujoco``. Takes about 8 minutes of CPU time a seed; ``--small`` a minute, to see the
output. With ``--out`` finished work is kept, and the same command continues an interrupted run.

    python examples/defences.py
    python examples/defences.py --seeds 3 --out runs/defences
"""

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

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
from quintain.experiments.robustness import PolicyUnderTest, RobustnessExperiment, RobustnessRow, run_experiment

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
    args = parser.parse_args()
    if args.small:
        args.steps, args.episodes = 512, 2
        args.only = args.only or ["smoothed", "sa-ppo", "atla"]
    print(
        f"epsilon {args.epsilon:g} (raw, l_inf), {args.steps:,} PPO steps, {args.episodes} episodes a seed, "
        f"{args.seeds} training seed{'s' * (args.seeds > 1)}\n"
        "Cells: mean return; success; for rat also the attacker's success.\n\n"
        f"| defence | {' | '.join(COLUMNS)} | CPU s of training |\n|{'---|' * (len(COLUMNS) + 2)}"
    )
    with TemporaryDirectory() as temporary:
        lab = Lab(args, args.out or Path(temporary))
        for name in (*TRAINED, *SMOOTHED):
            if not args.only or name in args.only:
                print(lab.row(name), flush=True)


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

    def row(self, name: str) -> str:
        """Attack the policies of all seeds, and return a row of the table."""
        made = {seed: self.policy(name, seed) for seed in range(self.seeds)}
        subject = PolicyUnderTest(name, self.make, {seed: victim for seed, (victim, _) in made.items()})
        attacks = [*resolve_attacks(["random", "mad"]), self.sa_rl()]
        if not made[0][0].is_stateful:  # RAT reads single observations
            attacks.append(self.learned_rat())
        run = self.folder / f"{name}-attacked"
        experiment = RobustnessExperiment((subject,), attacks, [self.epsilon], self.episodes, range(self.seeds))
        table = run_experiment(experiment, out=run, resume=run.exists())
        cells = {row.attack: _cell(row) for row in table.rows}
        spent = sum(seconds for _, seconds in made.values()) / self.seeds
        return f"| {name} | {' | '.join(cells.get(column, '-') for column in COLUMNS)} | {spent:.0f} |"

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


def _cell(row: RobustnessRow) -> str:
    text = f"{row.reward.estimate:.1f}; {row.success}"
    return f"{text}; {row.attacker_success}" if row.attack == "rat" else text


if __name__ == "__main__":
    main()
