"""What do defences buy? Policies that slide a handle, plain and defended, under the attacks that they were made for.

Every policy gets the same PPO steps, every attack is trained against the very policy that it meets, and all rows play
the same seeds. One training seed per defence: the intervals say how sure the episodes are, not the training. Needs the
extras ``rl`` and ``mujoco``. Takes a quarter of an hour of CPU time; ``--small`` a minute, to see the output.

    python examples/defences.py
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import gymnasium as gym

from quintain.attacks import (
    AdversarySettings,
    MADAttack,
    RandomAttack,
    RATAttack,
    RATSettings,
    SARLAttack,
    Victim,
    train_adversary,
    train_rat,
)
from quintain.attacks.defences import (
    DefenceSettings,
    smooth_actions,
    smooth_observations,
    train_atla,
    train_rat_atla,
    train_rat_wocar,
    train_sa_ppo,
    train_wocar,
)
from quintain.evaluation.robustness import RobustnessTable, robustness

ATTACKS = ("random", "mad", "sa-rl", "rat")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epsilon", type=float, default=0.05, help="budget in l_inf, metres and metres per second")
    parser.add_argument("--steps", type=int, default=40_000, help="PPO steps of each policy")
    parser.add_argument("--warmup", type=float, default=0.5, help="share of them that is plain PPO")
    parser.add_argument("--ramp", type=float, default=0.25, help="share over which the budget then grows")
    parser.add_argument("--evaluate-every", type=int, default=5_000, help="steps between checkpoints")
    parser.add_argument("--episodes", type=int, default=50, help="episodes per cell of the table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="rows; by default all")
    parser.add_argument("--small", action="store_true", help="everything tiny: shows the output, measures nothing")
    args = parser.parse_args()
    if args.small:
        args.steps, args.episodes = 512, 2
        args.only = args.only or ["smoothed", "sa-ppo", "atla"]
    make = partial(gym.make, "Tabletop/SlideHandle-v0", scenario="opposite", disable_env_checker=True)
    # The warm-up is long: against an adversary, a policy that cannot do its task yet hardly learns it.
    settings = DefenceSettings(
        steps=args.steps,
        envs=16,
        rollout=120,
        batch=240,
        learning_rate=1e-3,
        gamma=0.95,
        warmup=args.warmup,
        ramp=args.ramp,
        evaluate_every=args.evaluate_every,
    )
    opponent = AdversarySettings(steps=25_000, rollout=120, batch=240, gamma=0.95, learning_rate=1e-3)
    rat = RATSettings(steps=10_000)
    if args.small:
        settings = replace(settings, rollout=16, batch=64, epochs=2, episodes=2)
        opponent = replace(opponent, steps=256, rollout=16, batch=64, epochs=2)
        rat = RATSettings(steps=480, explore=160, feedback_every=160, queries=5, reward_epochs=2)

    print(
        f"epsilon {args.epsilon:g} (raw, l_inf), {args.steps:,} PPO steps, {args.episodes} episodes, seed {args.seed}"
    )
    print("Cells: mean return; success; for rat also the attacker's success.\n")
    print(f"| defence | clean | {' | '.join(ATTACKS)} | CPU s of training |\n|{'---|' * (len(ATTACKS) + 3)}")
    for name, train in policies(make, args.epsilon, settings, opponent, rat, args.seed):
        if args.only and name not in args.only:
            continue
        began = time.process_time()
        victim = train()
        spent = time.process_time() - began
        table = attack(make, victim, args.epsilon, opponent, rat, args.episodes, args.seed)
        cells = [f"{row.reward.estimate:.1f}; {row.success}" for row in table.rows]
        if "rat" in [row.attack for row in table.rows]:
            cells[-1] += f"; {table.rows[-1].attacker_success}"
        cells = [name, *cells, *["-"] * (len(ATTACKS) + 1 - len(cells)), f"{spent:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def policies(
    make: Callable[[], gym.Env],
    epsilon: float,
    settings: DefenceSettings,
    opponent: AdversarySettings,
    rat: RATSettings,
    seed: int,
) -> Iterator[tuple[str, Callable[[], Victim]]]:
    """Name the policies, with a function that trains each."""
    plain = train_sa_ppo(make, epsilon=epsilon, settings=settings, weight=0, seed=seed, name="plain").victim
    same = {"epsilon": epsilon, "settings": settings, "seed": seed, "normaliser": plain.normaliser}

    def against_intention() -> Victim:
        intention = train_rat(make, plain, epsilon=epsilon, settings=rat, seed=seed).intention
        assert intention is not None
        return train_rat_wocar(make, intention, epsilon=epsilon, settings=settings, regulariser=0.3, seed=seed).victim

    yield "plain", lambda: plain
    yield "sa-ppo", lambda: train_sa_ppo(make, weight=0.3, **same).victim
    yield "atla", lambda: train_atla(make, adversary=opponent, **same).victim
    yield "rat-atla", lambda: train_rat_atla(make, rat=rat, **same).victim
    yield "wocar", lambda: train_wocar(make, worth=0.1, regulariser=0.3, **same).victim
    yield "rat-wocar", against_intention
    yield "smoothed", lambda: smooth_observations(plain, "exponential", weight=0.5)
    yield "averaged", lambda: smooth_actions(plain, 0.3)
    yield "atla + sa", lambda: train_atla(make, adversary=opponent, regulariser=0.3, **same).victim


def attack(
    make: Callable[[], gym.Env],
    victim: Victim,
    epsilon: float,
    opponent: AdversarySettings,
    rat: RATSettings,
    episodes: int,
    seed: int,
) -> RobustnessTable:
    """Train the attacks that learn against this victim, and play all of them."""
    adversary = train_adversary(make, victim, epsilon=epsilon, settings=opponent, seed=seed + 1)
    attacks = {
        "random": lambda env, e: RandomAttack(env, epsilon=e),
        "mad": lambda env, e: MADAttack(env, victim, epsilon=e),
        "sa-rl": lambda env, e: SARLAttack(env, victim, adversary, epsilon=e),
    }
    if not victim.remembers:  # RAT reads single observations
        trained = train_rat(make, victim, epsilon=epsilon, settings=rat, seed=seed + 1)
        attacks["rat"] = lambda env, e: RATAttack(env, victim, trained, epsilon=e)
    return robustness(make, victim, attacks, [epsilon], episodes=episodes, seed=seed)


if __name__ == "__main__":
    main()
