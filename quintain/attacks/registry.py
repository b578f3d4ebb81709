"""The attacks by name.

An entry is a function ``f(env, victim, *extra, epsilon, norm, space, ...)`` that wraps an environment, and its
:class:`~quintain.attacks.contract.AttackFacts`. ``extra`` is the intention policy, if ``needs_intention_policy``, and
the trained network, if the attack learns. Adding an attack takes a file with that function, a line here, and a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from quintain.agents.policies import MLP
from quintain.attacks.contract import Attack, AttackContext, AttackFacts
from quintain.attacks.wrappers import EnvT
from quintain.errors import ConfigurationError
from quintain.provenance import describe_function
from quintain.registry import Registry

__all__ = ["ATTACKS", "AttackFactory", "attack", "resolve_attacks"]

#: Wraps an environment, or a vector of them, in an attack of the given budget.
AttackFactory = Callable[[Any, float], Any]

#: Attacks by name.
ATTACKS: Registry[Any, AttackFacts] = Registry("attack", AttackFacts, group="quintain.attacks")


def attack(env: EnvT, name: str, *arguments: Any, **options: Any) -> EnvT:
    """Wrap a single or a vector environment in a registered attack.

    Args:
        env: Environment or vector environment.
        name: A name of :data:`ATTACKS`, or ``"module:function"``.
        *arguments: The policy under attack, and, where the attack needs them, the intention policy and what training
            returned.
        **options: ``epsilon`` and further keyword arguments of the attack.

    Raises:
        UnknownNameError: If there is no attack of that name.
        CapabilityError: If the policy lacks what the attack needs.
        ConfigurationError: If an argument is missing or unknown, or budget, policy and environment do not fit.

    Example:
        ``attack(env, "mad", victim, epsilon=0.075, space="normalised")``
    """
    wrapped: EnvT = ATTACKS.make(name, env, *arguments, **options)
    return wrapped


def resolve_attacks(
    attacks: Sequence[str | Attack] | Mapping[str, str | Attack | AttackFactory],
) -> tuple[Attack, ...]:
    """Turn names, functions and attacks into attacks.

    Args:
        attacks: Names of :data:`ATTACKS` and attacks in a list; or a mapping from the name in tables to a name, an
            attack, or a function of environment and epsilon.

    Raises:
        UnknownNameError: If there is no attack of that name.
        ConfigurationError: If two attacks share a name, one is called ``"clean"``, or ``attacks`` is a string.
    """
    if isinstance(attacks, str):
        raise ConfigurationError(f"attacks are a list or a mapping, got {attacks!r}; did you mean [{attacks!r}]?")
    if isinstance(attacks, Mapping):
        found = [_resolve(name, value) for name, value in attacks.items()]
    else:
        found = [_resolve(value if isinstance(value, str) else value.name, value) for value in attacks]
    names = [resolved.name for resolved in found]
    if "clean" in names:
        raise ConfigurationError("no attack may be called 'clean': that is the row without an attack")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"attack {twice[0]!r} is given twice")
    return tuple(found)


def _resolve(name: str, value: str | Attack | AttackFactory) -> Attack:
    if isinstance(value, str):
        return Attack(name, partial(_wrap_registered, value), ATTACKS.facts(value))
    if isinstance(value, Attack):
        return replace(value, name=name)
    factory = value
    source = json.dumps(describe_function(factory))  # part of the run's description, which resuming compares
    return Attack(name, lambda env, context, network: factory(env, context.epsilon), AttackFacts(source=source))


def _wrap_registered(name: str, env: Any, context: AttackContext, network: MLP | None) -> Any:
    facts = ATTACKS.facts(name)
    extra: list[Any] = [context.intention] if facts.needs_intention_policy else []
    extra += [network] if facts.learned else []
    return attack(env, name, context.victim, *extra, **context.budget)


_ZHANG20, _ZHANG21, _SUN, _BAI = "Zhang et al. 2020", "Zhang et al. 2021", "Sun et al. 2022", "Bai et al. 2025"
_add = partial(ATTACKS.add, touches="observation")

_add("random", "quintain.attacks.controls:RandomAttack", sees="nothing")
_add(
    "constant", "quintain.attacks.constant:ConstantAttack", sees="nothing", sees_in_training="policy",
    source="random search", train="quintain.attacks.trainers:train_constant", steps=100_000,
)  # fmt: skip
_add(
    "constant-target", "quintain.attacks.constant:ConstantAttack", sees="nothing", sees_in_training="policy",
    source="random search, for the attacker's reward", train="quintain.attacks.trainers:train_constant_target",
    steps=100_000, needs_attacker_reward=True,
)  # fmt: skip
_add(
    "fgsm", "quintain.attacks.divergence:FGSMAttack", sees="gradients", source="Huang et al. 2017", needs=("gradient",)
)
_add(
    "critic", "quintain.attacks.critics:CriticAttack", sees="gradients", source="Pattanaik et al. 2018",
    needs=("gradient",),
)  # fmt: skip
_add(
    "mad", "quintain.attacks.divergence:MADAttack", sees="gradients", source=_ZHANG20, needs=("gradient", "density"),
)  # fmt: skip
_add(
    "mad-surrogate", "quintain.attacks.mad_surrogate:MADSurrogateAttack", sees="observations",
    sees_in_training="policy", source=f"{_ZHANG20}, on an imitation", train="quintain.attacks.mad_surrogate:train",
    steps=20_000, per_budget=False,
)  # fmt: skip
_add(
    "robust-sarsa", "quintain.attacks.critics:RobustSarsaAttack", sees="gradients", sees_in_training="policy",
    source=_ZHANG20, train="quintain.attacks.trainers:train_sarsa", steps=20_000, per_budget=False,
    needs=("gradient", "continuous"), stateless_only=True,
)  # fmt: skip
_add(
    "rs+mad", "quintain.attacks.critics:MixedAttack", sees="gradients", sees_in_training="policy", source=_ZHANG20,
    train="quintain.attacks.trainers:train_sarsa", steps=20_000, per_budget=False,
    needs=("gradient", "continuous", "density"), stateless_only=True,
)  # fmt: skip
_add(
    "target", "quintain.attacks.target:TargetAttack", sees="gradients", source="PGD towards the intention policy",
    needs=("gradient", "continuous"), needs_intention_policy=True,
)  # fmt: skip
_add(
    "sa-rl", "quintain.attacks.learned:SARLAttack", sees="observations", sees_in_training="policy", source=_ZHANG21,
    train="quintain.attacks.trainers:train_sa_rl", steps=100_000,
)  # fmt: skip
_add(
    "sa-rl-target", "quintain.attacks.learned:SARLAttack", sees="observations", sees_in_training="policy",
    source=f"{_ZHANG21}, for the attacker's reward", train="quintain.attacks.trainers:train_sa_rl_target",
    steps=100_000, needs_attacker_reward=True,
)  # fmt: skip
_add(
    "pa-ad", "quintain.attacks.pa_ad:PAADAttack", sees="gradients", sees_in_training="gradients", source=_SUN,
    train="quintain.attacks.trainers:train_pa_ad", steps=100_000, needs=("gradient", "continuous"),
)  # fmt: skip
_add(
    "pa-ad-target", "quintain.attacks.pa_ad:PAADAttack", sees="gradients", sees_in_training="gradients",
    source=f"{_SUN}, for the attacker's reward", train="quintain.attacks.trainers:train_pa_ad_target", steps=100_000,
    needs=("gradient", "continuous"), needs_attacker_reward=True,
)  # fmt: skip
_add(
    "rat", "quintain.attacks.rat.attack:RATAttack", sees="observations", sees_in_training="gradients", source=_BAI,
    train="quintain.attacks.trainers:train_rat_attack", steps=30_000, needs=("gradient", "continuous"),
    needs_attacker_reward=True, needs_bounded_actions=True, linf_only=True, stateless_only=True, min_episode_steps=20,
)  # fmt: skip
_add(
    "rat-surrogate", "quintain.attacks.rat.attack:RATAttack", sees="observations", sees_in_training="policy",
    source=f"{_BAI}, on an imitation", train="quintain.attacks.trainers:train_rat_surrogate", steps=30_000,
    needs=("continuous",), needs_attacker_reward=True, needs_bounded_actions=True, linf_only=True,
    min_episode_steps=20,
)  # fmt: skip
