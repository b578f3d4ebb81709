"""The attacks by name: what each must know, whether it learns first, and how it wraps an environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from quintain.agents.victims import MLP, ActionValue, Capability, Layer, Network, Space, Victim
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
    TargetAttack,
    train_adversary,
    train_rat,
    train_robust_sarsa,
)
from quintain.attacks.budget import Norm
from quintain.attacks.learned import Directed, Learned
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["ATTACKS", "Attack", "AttackFactory", "Threat", "Trained", "resolve_attacks"]

#: Wraps an environment or a vector of them in an attack of the given budget.
AttackFactory = Callable[[Any, float], Any]


@dataclass(frozen=True, slots=True)
class Threat:
    """Everything an attack is made from.

    Attributes:
        make: Makes an environment as the victim knows it.
        victim: The victim.
        epsilon: Budget, >= 0.
        norm: Norm of the budget.
        space: Where the budget is measured.
        intention: A policy that shows what a targeted attacker wants; ``None`` where nobody does.
        seed: Root seed of training.
        steps: Environment steps to train for.
        progress: Called with the steps so far.
    """

    make: Callable[[], gym.Env[Any, Any]]
    victim: Victim
    epsilon: float
    norm: Norm = "linf"
    space: Space = "raw"
    intention: Victim | None = None
    seed: int = 0
    steps: int = 0
    progress: Callable[[int], None] | None = None

    @property
    def budget(self) -> dict[str, Any]:
        """Epsilon, norm and space, as the attacks take them."""
        return {"epsilon": self.epsilon, "norm": self.norm, "space": self.space}


class Trained(NamedTuple):
    """What training leaves: one network, and facts about it as plain data."""

    network: MLP
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack of an experiment.

    Attributes:
        name: What tables call it.
        wrap: Wraps an environment: called with the environment, the threat, and the trained network or ``None``.
        access: What the attacker must have of the victim, in training and at test time.
        source: Who published it.
        train: Trains the network; ``None`` for attacks that learn nothing.
        steps: Environment steps of training, by default.
        per_budget: Whether every epsilon wants a network of its own.
        needs: What the victim must be able to do.
        targeted: Whether the environment has to report ``info["attacker_reward"]``.
        intends: Whether an intention policy is needed.
        bounded: Whether the budget must be l_inf and the actions bounded.
    """

    name: str
    wrap: Callable[[Any, Threat, MLP | None], Any]
    access: str = "not said"
    source: str = ""
    train: Callable[[Threat], Trained] | None = field(default=None)
    steps: int = 0
    per_budget: bool = True
    needs: tuple[Capability, ...] = ()
    targeted: bool = False
    intends: bool = False
    bounded: bool = False

    def check(self, threat: Threat) -> None:
        """Make sure, before anything is trained, that the attack can work.

        Raises:
            CapabilityError: If the victim lacks something.
            ConfigurationError: If budget, victim, environment and attack do not fit together.
        """
        threat.victim.require(self.needs, f"attack {self.name!r}")
        if self.intends and threat.intention is None:
            raise ConfigurationError(
                f"attack {self.name!r} needs a policy that shows what the attacker wants; give intention=... "
                "(--intention FILE), or a Tabletop task with scenario 'opposite'"
            )
        if self.bounded:
            _check_bounded(self.name, threat)
        env = threat.make()
        try:
            if self.targeted:
                _check_targeted(self.name, env, threat.victim)
            self.wrap(env, threat, None if self.train is None else _blank(threat.victim))
        finally:
            env.close()


def resolve_attacks(
    attacks: Sequence[str | Attack] | Mapping[str, str | Attack | AttackFactory],
) -> tuple[Attack, ...]:
    """Turn names, functions and attacks into attacks.

    Args:
        attacks: Names of :data:`ATTACKS` and attacks in a list; or a mapping from the name a table shows to a name, an
            attack, or a function of environment and epsilon.

    Raises:
        UnknownNameError: If there is no attack of that name.
        ConfigurationError: If two share a name, or one is called ``"clean"``.
    """
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
    return Attack(name, lambda env, threat, network: factory(env, threat.epsilon))


def _check_bounded(name: str, threat: Threat) -> None:
    space: Any = threat.victim.action_space
    if threat.norm != "linf":
        raise ConfigurationError(f"attack {name!r} works in norm 'linf' only, got {threat.norm!r}")
    if not space.is_bounded():
        raise ConfigurationError(f"attack {name!r} needs bounded actions, got {space}")
    env = threat.make()
    limit = getattr(env.spec, "max_episode_steps", None) or 0
    env.close()
    if limit < RATSettings().segment:
        raise ConfigurationError(
            f"attack {name!r} compares segments of {RATSettings().segment} steps, but episodes are limited to "
            f"{limit}; wrap the environment in TimeLimit, or register it with max_episode_steps"
        )


def _check_targeted(name: str, env: gym.Env[Any, Any], victim: Victim) -> None:
    observation, _ = env.reset(seed=0)
    info = env.step(victim.act_batch(np.asarray(observation)[None])[0])[4]
    if "attacker_reward" not in info:
        raise ConfigurationError(
            f"attack {name!r} needs an environment that reports info['attacker_reward'], as the Tabletop tasks do"
        )


def _blank(victim: Victim) -> MLP:
    """Return a network that has learned nothing: enough to see whether everything fits."""
    states = int(np.prod(victim.observation_space.shape or ()))
    return MLP([Layer(np.zeros((states, states), np.float32), np.zeros(states, np.float32), "identity")])


def _adversary(kind: Any, objective: Any) -> Callable[[Threat], Trained]:
    def train(threat: Threat) -> Trained:
        settings = AdversarySettings(steps=threat.steps)
        method: Any = train_adversary(
            threat.make, threat.victim, kind=kind, objective=objective, settings=settings, seed=threat.seed,
            progress=threat.progress, **threat.budget,
        )  # fmt: skip
        return Trained(_mlp(method.director if kind == "pa-ad" else method.network), {"steps": threat.steps})

    return train


def _rat(threat: Threat) -> Trained:
    # Short runs explore for less of their time.
    settings = RATSettings(steps=threat.steps, explore=min(RATSettings().explore, threat.steps // 8))
    made = train_rat(
        threat.make, threat.victim, epsilon=threat.epsilon, space=threat.space,
        settings=settings, seed=threat.seed, progress=threat.progress,
    )  # fmt: skip
    facts = {"steps": threat.steps, "labels": made.labels, "accuracy": made.accuracy, "inner_loss": made.inner_loss}
    return Trained(_mlp(made.method.network), facts)


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
            "robust-sarsa", _critics(RobustSarsaAttack), _WHITE, _ZHANG20, _sarsa, 20_000, per_budget=False,
            needs=_GRADIENT,
        ),
        Attack(
            "rs+mad", _critics(MixedAttack), _WHITE, _ZHANG20, _sarsa, 20_000, per_budget=False,
            needs=("gradient", "continuous", "density"),
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
            targeted=True, bounded=True,
        ),
    )
}  # fmt: skip
