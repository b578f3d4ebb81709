"""The attacks by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies import MLP, ActionValue, Capability, Network, Normaliser, Policy
from quintain.attacks import (
    AdversarySettings,
    CriticAttack,
    FGSMAttack,
    LearnedAttack,
    MADAttack,
    MixedAttack,
    RandomAttack,
    RATSettings,
    RobustSarsaAttack,
    SarsaSettings,
    SurrogateSettings,
    TargetAttack,
    train_adversary,
    train_rat,
    train_robust_sarsa,
    train_surrogate,
)
from quintain.attacks.learned import Directed, Learned
from quintain.attacks.threat import Attack, Threat, Trained
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.provenance import describe_function

__all__ = ["ATTACKS", "AttackFactory", "resolve_attacks"]

#: Wraps an environment or a vector of them in an attack of the given budget.
AttackFactory = Callable[[Any, float], Any]


def resolve_attacks(
    attacks: Sequence[str | Attack] | Mapping[str, str | Attack | AttackFactory],
) -> tuple[Attack, ...]:
    """Turn names, functions and attacks into attacks.

    Args:
        attacks: Names of :data:`ATTACKS` and attacks in a list; or a mapping from the name a table shows to a name, an
            attack, or a function of environment and epsilon.

    Raises:
        UnknownNameError: If there is no attack of that name.
        ConfigurationError: If two share a name, one is called ``"clean"``, or they come as one string.
    """
    if isinstance(attacks, str):
        raise ConfigurationError(f"attacks are a list or a mapping, got {attacks!r}; did you mean [{attacks!r}]?")
    if isinstance(attacks, Mapping):
        found = [_resolve(name, value) for name, value in attacks.items()]
    else:
        found = [_resolve(value if isinstance(value, str) else value.name, value) for value in attacks]
    names = [attack.name for attack in found]
    if "clean" in names:
        raise ConfigurationError("no attack may be called 'clean': that row is always there")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"attack {twice[0]!r} is given twice")
    return tuple(found)


def _resolve(name: str, value: str | Attack | AttackFactory) -> Attack:
    if isinstance(value, str):
        if value not in ATTACKS:
            raise UnknownNameError("attack", value, ATTACKS)
        value = ATTACKS[value]
    if isinstance(value, Attack):
        return replace(value, name=name)
    factory = value
    made_by = json.dumps(describe_function(factory))  # a resumed run tells attacks apart by it
    return Attack(name, lambda env, threat, network: factory(env, threat.epsilon), source=made_by)


def _adversary(kind: Any, objective: Any) -> Callable[[Threat], Trained]:
    def train(threat: Threat) -> Trained:
        settings = AdversarySettings(steps=threat.steps)
        method: Any = train_adversary(
            threat.make, threat.victim, kind=kind, objective=objective, settings=settings, seed=threat.seed,
            progress=threat.progress, **threat.budget,
        )  # fmt: skip
        return Trained(_mlp(method.director if kind == "pa-ad" else method.network), {"steps": threat.steps})

    return train


def _rat_surrogate(threat: Threat) -> Trained:
    """Train RAT against an imitation; it reads observations in the victim's units, so the victim can be shown its lies.

    The imitation remembers nothing, so that this works on victims that remember, too.
    """
    questions = SurrogateSettings(transitions=min(SurrogateSettings().transitions, threat.steps))
    imitated = train_surrogate(
        threat.make, threat.victim, settings=questions, normaliser=_units(threat.victim), seed=threat.seed
    )
    network, facts = _rat(replace(threat, victim=imitated.victim))
    return Trained(network, {**facts, "error": imitated.error, "baseline": imitated.baseline})


def _rat(threat: Threat) -> Trained:
    # Short runs explore for less of their time.
    settings = RATSettings(steps=threat.steps, explore=min(RATSettings().explore, threat.steps // 8))
    made = train_rat(
        threat.make, threat.victim, epsilon=threat.epsilon, space=threat.space,
        settings=settings, seed=threat.seed, progress=threat.progress,
    )  # fmt: skip
    facts = {"steps": threat.steps, "labels": made.labels, "accuracy": made.accuracy, "inner_loss": made.inner_loss}
    return Trained(_mlp(made.method.network), facts)


def _surrogate(threat: Threat) -> Trained:
    """Imitate the victim; budgets in normalised space are still measured in the victim's units."""
    settings = SurrogateSettings(transitions=threat.steps)
    made = train_surrogate(
        threat.make, threat.victim, settings=settings, normaliser=_units(threat.victim), seed=threat.seed
    )
    return Trained(_mlp(made.victim.policy), {"steps": threat.steps, "error": made.error, "baseline": made.baseline})


def _transferred(env: Any, threat: Threat, network: MLP | None) -> Any:
    """Attack the imitation, and show the victim what comes of it."""
    assert network is not None
    victim = threat.victim
    discrete = isinstance(victim.action_space, gym.spaces.Discrete)
    imitation = Policy(
        network, victim.observation_space, victim.action_space, head="categorical" if discrete else "gaussian",
        std=None if discrete else np.ones(victim.action_space.shape or ()), normaliser=_units(victim), name="imitation",
    )  # fmt: skip
    return MADAttack(env, imitation, **threat.budget, name="mad-surrogate")


def _units(victim: Policy) -> Normaliser:
    """Return the victim's normaliser, or one that changes nothing."""
    size = int(np.prod(victim.observation_space.shape or ()))
    return victim.normaliser or Normaliser(np.zeros(size), np.ones(size))


def _sarsa(threat: Threat) -> Trained:
    settings = SarsaSettings(transitions=threat.steps)
    critic = train_robust_sarsa(threat.make, threat.victim, settings=settings, seed=threat.seed)
    return Trained(_mlp(critic.networks[0]), {"steps": threat.steps})


def _mlp(network: Network) -> MLP:
    assert isinstance(network, MLP)
    return network


def _learned(name: str) -> Callable[[Any, Threat, MLP | None], Any]:
    def wrap(env: Any, threat: Threat, network: MLP | None) -> Any:
        assert network is not None
        method = Learned(threat.victim, network, threat.space, name)
        return LearnedAttack(env, threat.victim, method, **threat.budget)

    return wrap


def _directed(env: Any, threat: Threat, network: MLP | None) -> Any:
    assert network is not None
    return LearnedAttack(env, threat.victim, Directed(threat.victim, network, threat.space), **threat.budget)


def _target(env: Any, threat: Threat, network: MLP | None) -> Any:
    assert threat.intention is not None
    return TargetAttack(env, threat.victim, threat.intention, **threat.budget)


def _critics(wrap: Callable[..., Any]) -> Callable[[Any, Threat, MLP | None], Any]:
    def wrapped(env: Any, threat: Threat, network: MLP | None) -> Any:
        assert network is not None
        return wrap(env, threat.victim, ActionValue([network]), **threat.budget)

    return wrapped


def _plain(wrap: Callable[..., Any]) -> Callable[[Any, Threat, MLP | None], Any]:
    return lambda env, threat, network: wrap(env, threat.victim, **threat.budget)


_WHITE, _BLACK = "white-box", "black-box"
_ZHANG20, _ZHANG21, _SUN = "Zhang et al. 2020", "Zhang et al. 2021", "Sun et al. 2022"
_GRADIENT: tuple[Capability, ...] = ("gradient", "continuous")

#: By name. Learned attacks are trained for one victim and, where ``per_budget``, one epsilon.
ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        Attack("random", _plain(RandomAttack), "observation only"),
        Attack("fgsm", _plain(FGSMAttack), _WHITE, "Huang et al. 2017", needs=("gradient",)),
        Attack("critic", _plain(CriticAttack), _WHITE, "Pattanaik et al. 2018", needs=("gradient",)),
        Attack("mad", _plain(MADAttack), _WHITE, _ZHANG20, needs=("gradient", "density")),
        Attack(
            "mad-surrogate",
            _transferred,
            _BLACK,
            f"{_ZHANG20}, on an imitation",
            _surrogate,
            20_000,
            per_budget=False,
        ),
        Attack(
            "robust-sarsa", _critics(RobustSarsaAttack), _WHITE, _ZHANG20, _sarsa, 20_000, per_budget=False,
            needs=_GRADIENT, momentary=True,
        ),
        Attack(
            "rs+mad", _critics(MixedAttack), _WHITE, _ZHANG20, _sarsa, 20_000, per_budget=False,
            needs=("gradient", "continuous", "density"), momentary=True,
        ),
        Attack("target", _target, _WHITE, "PGD towards the intention policy", needs=_GRADIENT, intends=True),
        Attack("sa-rl", _learned("sa-rl"), _BLACK, _ZHANG21, _adversary("sa-rl", "return"), 100_000),
        Attack(
            "sa-rl-target", _learned("sa-rl-target"), _BLACK, f"{_ZHANG21}, for the attacker's reward",
            _adversary("sa-rl", "target"), 100_000, targeted=True,
        ),
        Attack("pa-ad", _directed, _WHITE, _SUN, _adversary("pa-ad", "return"), 100_000, needs=_GRADIENT),
        Attack(
            "pa-ad-target", _directed, _WHITE, f"{_SUN}, for the attacker's reward", _adversary("pa-ad", "target"),
            100_000, needs=_GRADIENT, targeted=True,
        ),
        Attack(
            "rat", _learned("rat"), "white-box in training", "Bai et al. 2025", _rat, 30_000, needs=_GRADIENT,
            targeted=True, bounded=True, momentary=True,
        ),
        Attack(
            "rat-surrogate", _learned("rat-surrogate"), _BLACK, "Bai et al. 2025, on an imitation", _rat_surrogate,
            30_000, needs=("continuous",), targeted=True, bounded=True,
        ),
    )
}  # fmt: skip
