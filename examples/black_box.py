"""How much weaker is a gradient attack without access to the policy's weights?

An imitation is trained on the policy's actions in new episodes; MAD is computed on the imitation and executed against
the policy. Beside it stand random noise, and MAD computed on the policy itself. Needs the extras ``rl`` and ``mujoco``.
Takes two minutes with a policy from the cache (``quintain policies train slide-handle``); otherwise trains one first.

    python examples/black_box.py --victim slide-handle --epsilons 0.03 0.05 0.1 --out runs/black_box
    python examples/black_box.py --victim hopper --epsilons 0.075 0.15 --space normalised
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import gymnasium as gym

from quintain.attacks import MADAttack, RandomAttack, SurrogateSettings, Victim, train_surrogate
from quintain.errors import ConfigurationError
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Interval, paired_difference
from quintain.experiments.robustness import RobustnessRow, RobustnessTable, robustness
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.training.control.recipes import RECIPES
from quintain.training.control.reference import load_reference, train_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victim", default="slide-handle", choices=sorted(RECIPES))
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.03, 0.05, 0.1], help="budgets in l_inf")
    parser.add_argument("--space", default="raw", choices=["raw", "normalised"])
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--queries", type=int, default=20_000, help="queries to the policy")
    parser.add_argument("--out", type=Path, help="folder for the run and its table, black_box.json")
    parser.add_argument("--small", action="store_true", help="very short training: shows the output, measures nothing")
    args = parser.parse_args()
    victim = policy(args.victim, args.small)
    recipe = RECIPES[args.victim]
    make = partial(gym.make, recipe.env_id, disable_env_checker=True, **recipe.env_kwargs)
    settings = SurrogateSettings(transitions=args.queries)
    if args.small:
        settings = SurrogateSettings(transitions=300, n_epochs=2)
        args.episodes, args.epsilons = 2, args.epsilons[:1]

    # The attacker knows the units of a budget in normalised space: they are part of the threat model.
    units = victim.normaliser if args.space == "normalised" else None
    surrogate = train_surrogate(make, victim, settings=settings, normaliser=units)
    print(f"{surrogate.queries:,} queries, held-out error {surrogate.error:.3f} of half the action range "
          f"(best constant action: {surrogate.baseline:.3f})\n")  # fmt: skip
    space = args.space
    attacks = {
        "random": lambda env, epsilon: RandomAttack(env, victim, epsilon=epsilon, space=space),
        "mad, black box": lambda env, epsilon: MADAttack(env, surrogate.policy, epsilon=epsilon, space=space),
        "mad, white box": lambda env, epsilon: MADAttack(env, victim, epsilon=epsilon, space=space),
    }
    run = args.out / "attacked" if args.out else None
    resume = run is not None and run.exists()
    table = robustness(make, victim, attacks, args.epsilons, episodes=args.episodes, out=run, resume=resume)
    tables = report(table)
    tables.facts |= {"queries": surrogate.queries, "error": surrogate.error, "error of a constant": surrogate.baseline}
    if args.out:
        tables.save(args.out / "black_box.json")


def report(table: RobustnessTable) -> StudyTables:
    """Print the table and return it."""
    rows = [
        [row.attack, row.epsilon, row.reward, row.loss if row.attack != "clean" else "-",
         table.holm(row) if row.attack != "clean" else "-", Percent(row.success)]
        for row in table.leaderboard()
    ]  # fmt: skip
    tables = StudyTables()
    tables.show(
        "Return, loss of return against the clean policy, paired by episode, and success in per cent [95 % intervals "
        f"over episodes]; p by Holm for {table.comparisons} comparisons",
        ["attack", "epsilon", "return", "loss", "p by Holm", "success"],
        rows,
    )
    black, white = (table.of(table.policies[0], f"mad, {access} box") for access in ("black", "white"))
    differences = [_difference(row, other) for row, other in zip(black, white, strict=True)]
    adjusted = holm([difference.p_value for difference in differences])
    tables.show(
        "Return under MAD through the surrogate minus that under MAD on the policy, paired by episode; p by Holm",
        ["epsilon", "black box - white box", "p, adjusted"],
        [[row.epsilon, difference, p] for row, difference, p in zip(black, differences, adjusted, strict=True)],
    )
    return tables


def _difference(first: RobustnessRow, second: RobustnessRow) -> Interval:
    partners = {episode.seed: episode.reward for episode in second.episodes}
    both = [(episode.reward, partners[episode.seed]) for episode in first.episodes if episode.seed in partners]
    return paired_difference([a for a, _ in both], [b for _, b in both], unit="episodes")


def policy(name: str, small: bool) -> Victim:
    """Return the policy from the cache, or train it."""
    if small:
        return train_recipe(replace(RECIPES[name], steps=1, n_eval_episodes=2), name=name)[0]
    try:
        return load_reference(name)[0]
    except ConfigurationError:
        return train_recipe(RECIPES[name], name=name)[0]


if __name__ == "__main__":
    main()
