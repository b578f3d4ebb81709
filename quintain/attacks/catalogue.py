"""The attacks as one call each: wrap an environment, single or vector, in an attack with a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, Unpack

import gymnasium as gym
from gymnasium.vector import VectorEnv

from quintain.agents.policies import ActionValue, Normaliser, Policy, Space
from quintain.attacks.action import ActionKind, ActionPerturbation
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.gradient import FGSM, MAD, Critic, Mixture, RobustSarsa
from quintain.attacks.learned import Target
from quintain.attacks.noise import RandomNoise
from quintain.attacks.observation import Method, NullPerturbation, ObservationPerturbation
from quintain.attacks.rat import TrainedRAT
from quintain.attacks.reward import RewardKind, RewardPerturbation
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import apply_attack

__all__ = [
    "ActionAttack",
    "CriticAttack",
    "FGSMAttack",
    "LearnedAttack",
    "MADAttack",
    "MixedAttack",
    "NullAttack",
    "Options",
    "PAADAttack",
    "RATAttack",
    "RandomAttack",
    "RewardAttack",
    "RobustSarsaAttack",
    "SARLAttack",
    "TargetAttack",
]

EnvT = TypeVar("EnvT", gym.Env[Any, Any], VectorEnv[Any, Any, Any])


def NullAttack(env: EnvT) -> EnvT:
    """Change nothing; the control for the wrapper itself."""
    return apply_attack(env, NullPerturbation())


def RandomAttack(
    env: EnvT,
    victim: Policy | None = None,
    *,
    epsilon: float,
    norm: Norm = "linf",
    space: Space = "raw",
    normaliser: Normaliser | None = None,
    schedule: Schedule = ALWAYS,
    name: str = "",
) -> EnvT:
    """Add uniform noise from the ball to what the victim sees.

    Args:
        env: Environment or vector environment.
        victim: Only for its normaliser; noise needs no victim.
        epsilon: Budget, >= 0.
        norm: ``"linf"`` or ``"l2"``.
        space: ``"raw"``, or ``"normalised"`` for units of the victim's running standard deviations.
        normaliser: The normaliser, where there is no victim.
        schedule: When the attack acts.
        name: Key in ``info["attack"]``; by default ``"random"``.

    Raises:
        ConfigurationError: If budget, space and environment do not fit.
    """
    if victim is not None and normaliser is None:
        normaliser = victim.normaliser
    return apply_attack(
        env,
        ObservationPerturbation(
            RandomNoise(), Ball(epsilon, norm), space=space, normaliser=normaliser, schedule=schedule, name=name
        ),
    )


class Options(TypedDict, total=False):
    """What every observation attack takes beside its budget.

    Attributes:
        norm: ``"linf"`` (default) or ``"l2"``.
        space: ``"raw"`` (default), or ``"normalised"`` for units of the victim's running standard deviations.
        schedule: When the attack acts; always by default.
        name: Key in ``info["attack"]``; by default the attack's own.
    """

    norm: Norm
    space: Space
    schedule: Schedule
    name: str


def MADAttack(env: EnvT, victim: Policy, *, epsilon: float, steps: int = 10, **options: Unpack[Options]) -> EnvT:
    """Maximise the action difference; see :class:`~quintain.attacks.gradient.MAD`. White-box.

    Args:
        env: Environment or vector environment, whose rows are attacked in one batch.
        victim: The victim; its gradient (and density) are used.
        epsilon: Budget, >= 0. The published budgets for PPO on MuJoCo are in normalised space: Hopper 0.075,
            Walker2d 0.05, HalfCheetah 0.15, Ant 0.15.
        steps: Gradient steps, >= 1.
        **options: ``norm``, ``space``, ``schedule`` and ``name``; see :class:`Options`.

    Returns:
        The environment as the victim sees it. It steps from the true state; ``info["attack"]`` tells the truth.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    return _wrap(env, victim, lambda space: MAD(victim, space, steps), epsilon, **options)


def FGSMAttack(env: EnvT, victim: Policy, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Take one gradient step of full length; see :class:`~quintain.attacks.gradient.FGSM`. White-box.

    Arguments and errors are those of :func:`MADAttack`.
    """
    return _wrap(env, victim, lambda space: FGSM(victim, space), epsilon, **options)


def CriticAttack(env: EnvT, victim: Policy, *, epsilon: float, steps: int = 10, **options: Unpack[Options]) -> EnvT:
    """Descend the victim's own critic; see :class:`~quintain.attacks.gradient.Critic`. White-box.

    Arguments and errors are those of :func:`MADAttack`.
    """
    return _wrap(env, victim, lambda space: Critic(victim, space, steps), epsilon, **options)


def RobustSarsaAttack(
    env: EnvT, victim: Policy, critic: ActionValue, *, epsilon: float, steps: int = 10, **options: Unpack[Options]
) -> EnvT:
    """Descend a critic learned for the attack; see :class:`~quintain.attacks.gradient.RobustSarsa`. White-box.

    ``critic`` comes from :func:`~quintain.attacks.sarsa.train_robust_sarsa`; the rest as in :func:`MADAttack`.
    """
    return _wrap(env, victim, lambda space: RobustSarsa(victim, critic, space, steps), epsilon, **options)


def MixedAttack(
    env: EnvT,
    victim: Policy,
    critic: ActionValue,
    *,
    epsilon: float,
    steps: int = 10,
    share: float = 0.5,
    **options: Unpack[Options],
) -> EnvT:
    """Mix Robust Sarsa with MAD. White-box.

    ``share``, in [0, 1], is the weight of Robust Sarsa; the rest as in :func:`RobustSarsaAttack`.
    """

    def mixture(space: Space) -> Method:
        parts = [RobustSarsa(victim, critic, space, steps), MAD(victim, space, steps)]
        return Mixture(parts, [share, 1 - share], steps, "rs+mad")

    return _wrap(env, victim, mixture, epsilon, **options)


def TargetAttack(
    env: EnvT, victim: Policy, intention: Policy, *, epsilon: float, steps: int = 30, **options: Unpack[Options]
) -> EnvT:
    """Pull the victim towards another policy's actions; see :class:`~quintain.attacks.learned.Target`. White-box.

    ``intention`` shows the wanted behaviour; the rest as in :func:`MADAttack`.
    """
    return _wrap(env, victim, lambda space: Target(victim, intention, space, steps), epsilon, **options)


def LearnedAttack(env: EnvT, victim: Policy, method: Method, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Apply a trained adversary, such as :func:`~quintain.attacks.adversary.train_adversary` returns.

    Give the budget, norm and space it was trained with; the rest as in :func:`MADAttack`.
    """
    return _wrap(env, victim, lambda _: method, epsilon, **options)


def SARLAttack(env: EnvT, victim: Policy, adversary: Method, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Apply an adversary trained with ``train_adversary(..., kind="sa-rl")``. Black-box.

    ``options`` are those of :func:`LearnedAttack`.
    """
    return LearnedAttack(env, victim, adversary, epsilon=epsilon, **options)


def PAADAttack(env: EnvT, victim: Policy, adversary: Method, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Apply a director trained with ``train_adversary(..., kind="pa-ad")``. White-box.

    ``options`` are those of :func:`LearnedAttack`.
    """
    return LearnedAttack(env, victim, adversary, epsilon=epsilon, **options)


def RATAttack(env: EnvT, victim: Policy, trained: TrainedRAT, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Apply what :func:`~quintain.attacks.rat.training.train_rat` gave. White-box in training only.

    ``options`` are those of :func:`LearnedAttack`; the norm is l_inf.
    """
    return LearnedAttack(env, victim, trained.method, epsilon=epsilon, **options)


def ActionAttack(env: EnvT, kind: ActionKind, **options: Any) -> EnvT:
    """Execute something else than what was chosen; see :class:`~quintain.attacks.action.ActionPerturbation`."""
    return apply_attack(env, ActionPerturbation(kind, **options))


def RewardAttack(env: EnvT, kind: RewardKind, **options: Any) -> EnvT:
    """Pay something else than what was earned; see :class:`~quintain.attacks.reward.RewardPerturbation`."""
    return apply_attack(env, RewardPerturbation(kind, **options))


def _wrap(
    env: EnvT,
    victim: Policy,
    method: Callable[[Space], Method],
    epsilon: float,
    *,
    norm: Norm = "linf",
    space: Space = "raw",
    schedule: Schedule = ALWAYS,
    name: str = "",
) -> EnvT:
    perturbation = ObservationPerturbation.on(victim, method(space), epsilon, norm, space, schedule, name)
    return apply_attack(env, perturbation)
