"""How much does a gradient attack lose that has never seen the policy's weights?

A stand-in is fitted to what the policy does in fresh episodes, MAD looks into the stand-in, and the attack is executed
against the policy itself: beside it random noise, and MAD that looks into the policy. Needs the extras ``rl`` and
``mujoco``. Two minutes with a policy from the cache (``quintain policies train slide-handle``), else it is trained.

    python examples/black_box.py --victim slide-handle --epsilons 0.03 0.05 0.1
    python examples/black_box.py --victim hopper --epsilons 0.075 0.15 --space normalised
"""

import argparse
from dataclasses import replace
from functools import partial

import gymnasium as gym

from quintain.attacks import MADAttack, RandomAttack, SurrogateSettings, Victim, train_surrogate
from quintain.errors import ConfigurationError
from quintain.experiments.robustness import robustness
from quintain.training.control.recipes import RECIPES
from quintain.training.control.reference import load_reference, train_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victim", default="slide-handle", choices=sorted(RECIPES))
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.03, 0.05, 0.1], help="budgets in l_inf")
    parser.add_argument("--space", default="raw", choices=["raw", "normalised"])
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--questions", type=int, default=20_000, help="observations that the policy is shown")
    parser.add_argument("--small", action="store_true", help="everything tiny: shows the output, measures nothing")
    args = parser.parse_args()
    victim = policy(args.victim, args.small)
    recipe = RECIPES[args.victim]
    make = partial(gym.make, recipe.env_id, disable_env_checker=True, **recipe.env_kwargs)
    settings = SurrogateSettings(transitions=args.questions)
    if args.small:
        settings = SurrogateSettings(transitions=300, n_epochs=2)
        args.episodes, args.epsilons = 2, args.epsilons[:1]

    # The units of a budget in normalised space are part of the threat model, not a secret of the policy.
    units = victim.normaliser if args.space == "normalised" else None
    surrogate = train_surrogate(make, victim, settings=settings, normaliser=units)
    print(f"{surrogate.queries:,} queries, held-out error {surrogate.error:.3f} of half the action range "
          f"(a constant: {surrogate.baseline:.3f})\n")  # fmt: skip
    space = args.space
    attacks = {
        "random": lambda env, epsilon: RandomAttack(env, victim, epsilon=epsilon, space=space),
        "mad, black box": lambda env, epsilon: MADAttack(env, surrogate.policy, epsilon=epsilon, space=space),
        "mad, white box": lambda env, epsilon: MADAttack(env, victim, epsilon=epsilon, space=space),
    }
    print(robustness(make, victim, attacks, args.epsilons, episodes=args.episodes).to_markdown())


def policy(name: str, small: bool) -> Victim:
    """Return the victim from the cache, or train it."""
    if small:
        return train_recipe(replace(RECIPES[name], steps=1, n_eval_episodes=2), name=name)[0]
    try:
        return load_reference(name)[0]
    except ConfigurationError:
        return train_recipe(RECIPES[name], name=name)[0]


if __name__ == "__main__":
    main()
