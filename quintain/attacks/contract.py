"""The contract between attacks and experiments.

An experiment gives an :class:`AttackContext` to an :class:`Attack`, which checks that it can work, is trained if it
learns, and wraps environments. Registered attacks are declared by :class:`AttackFacts`; see
:mod:`quintain.attacks.registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv

from quintain.agents.agent import Seat
from quintain.agents.policies import MLP, Layer, Policy, PolicyCapability, Space
from quintain.attacks.budget import Norm
from quintain.attacks.perturbation import Sees
from quintain.attacks.view import check_space
from quintain.envs.flat import flat_observations
from quintain.errors import CapabilityError, ConfigurationError
from quintain.registry import load_attribute

__all__ = ["Attack", "AttackContext", "AttackFacts", "Touches", "Trained"]

#: What an attack changes.
Touches = Literal["observation", "action", "reward", "dynamics", "message", "tool_output", "memory"]


@dataclass(frozen=True, slots=True)
class AttackContext:
    """What an attack is checked, trained and applied with.

    Attributes:
        make_env: Makes one environment, not under attack.
        victim: The policy under attack.
        epsilon: Budget, >= 0, in units of ``space``.
        norm: Norm of the budget, ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations. Default: ``"raw"``.
        intention: Policy with the behaviour that a targeted attacker wants; ``None`` if there is none.
        seed: Root seed of training. Default: 0.
        steps: Environment steps of training; 0 for attacks that do not learn. Default: 0.
        progress: Called during training with the number of environment steps so far.
    """

    make_env: Callable[[], gym.Env[Any, Any]]
    victim: Policy
    epsilon: float
    norm: Norm = "linf"
    space: Space = "raw"
    intention: Policy | None = None
    seed: int = 0
    steps: int = 0
    progress: Callable[[int], None] | None = None

    @property
    def budget(self) -> dict[str, Any]:
        """Epsilon, norm and space, as keyword arguments of attacks."""
        return {"epsilon": self.epsilon, "norm": self.norm, "space": self.space}


class Trained(NamedTuple):
    """Result of training an attack: one network, and JSON-able facts about it."""

    network: MLP
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackFacts:
    """What is declared about an attack, readable without importing it.

    Attributes:
        sees: What the attacker reads at test time; ``None`` if not declared.
        sees_in_training: What the attacker reads during training; ``None`` if it does not learn, or not declared.
        touches: What the attack changes; ``None`` if not declared.
        source: Publication that describes the attack.
        train: Function that trains the attack's network, or its ``"module:function"``; it takes an
            :class:`AttackContext` and returns :class:`Trained`. ``None`` if the attack does not learn.
        steps: Environment steps of training, unless the experiment says otherwise. Default: 0.
        per_budget: Whether each epsilon needs its own training. Default: true.
        needs: Capabilities that the policy under attack must have.
        needs_attacker_reward: Whether the environment must report ``info["attacker_reward"]``. Default: false.
        needs_intention_policy: Whether :attr:`AttackContext.intention` must be given. Default: false.
        needs_bounded_actions: Whether the action space must be a bounded Box. Default: false.
        linf_only: Whether the budget must be measured in the l_inf norm. Default: false.
        stateless_only: Whether the attack learns from the policy's actions in single states, which excludes
            history-dependent policies. Default: false.
        min_episode_steps: Smallest ``max_episode_steps`` that the environment may have. Default: 0.
    """

    sees: Sees | None = None
    sees_in_training: Sees | None = None
    touches: Touches | None = None
    source: str = ""
    train: str | Callable[[AttackContext], Trained] | None = None
    steps: int = 0
    per_budget: bool = True
    needs: tuple[PolicyCapability, ...] = ()
    needs_attacker_reward: bool = False
    needs_intention_policy: bool = False
    needs_bounded_actions: bool = False
    linf_only: bool = False
    stateless_only: bool = False
    min_episode_steps: int = 0

    @property
    def learned(self) -> bool:
        """Whether the attack is trained before it is used."""
        return self.train is not None

    @property
    def access(self) -> str:
        """What the attacker reads, for tables: ``"observations; gradients in training"``."""
        parts: list[str] = [self.sees or "not declared"]
        if self.sees_in_training not in (None, self.sees):
            parts.append(f"{self.sees_in_training} in training")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack of an experiment.

    Attributes:
        name: Name of the attack in tables and records.
        wrap: Wraps an environment or vector environment: called with it, the context, and the trained network or
            ``None``.
        facts: What is declared about the attack.
    """

    name: str
    wrap: Callable[[Any, AttackContext, MLP | None], Any]
    facts: AttackFacts = AttackFacts()

    def train(self, context: AttackContext) -> Trained:
        """Train the attack's network.

        Raises:
            ConfigurationError: If the attack does not learn.
        """
        train = self.facts.train
        if train is None:
            raise ConfigurationError(f"attack {self.name!r} does not learn")
        trained = (load_attribute(train) if isinstance(train, str) else train)(context)
        assert isinstance(trained, Trained)
        return trained

    def check(self, context: AttackContext) -> None:
        """Check that the attack can work, before anything is trained or played.

        Raises:
            CapabilityError: If the policy lacks a capability, was made for other spaces, or is history-dependent where
                it must not be.
            ConfigurationError: If budget, policy, environment and attack do not fit together.
        """
        facts = self.facts
        context.victim.require(facts.needs, f"attack {self.name!r}")
        if facts.stateless_only and context.victim.is_stateful:
            raise CapabilityError(
                f"victim {context.victim.name!r} is history-dependent, and attack {self.name!r} learns from single "
                "states; use 'sa-rl', or an imitation without a memory ('rat-surrogate', 'mad-surrogate')"
            )
        check_space(context.victim, context.space)
        if facts.needs_intention_policy and context.intention is None:
            raise ConfigurationError(
                f"attack {self.name!r} needs a policy with the behaviour that the attacker wants; give intention=... "
                "(--intention FILE), or a Tabletop task with scenario 'opposite'"
            )
        if facts.linf_only and context.norm != "linf":
            raise ConfigurationError(f"attack {self.name!r} works in norm 'linf' only, got {context.norm!r}")
        space: Any = context.victim.action_space
        if facts.needs_bounded_actions and not space.is_bounded():
            raise ConfigurationError(f"attack {self.name!r} needs bounded actions, got {space}")
        if facts.min_episode_steps:
            _check_episode_steps(self.name, facts.min_episode_steps, context)
        if facts.needs_attacker_reward:
            _check_attacker_reward(self.name, context)
        env = SyncVectorEnv([context.make_env])  # experiments attack vector environments
        try:
            _check_spaces(env, context)
            self.wrap(flat_observations(env), context, _untrained(context.victim) if facts.learned else None)
        finally:
            env.close()


def _check_spaces(env: SyncVectorEnv, context: AttackContext) -> None:
    name = "the environment" if env.envs[0].spec is None else env.envs[0].spec.id
    seat = Seat(name, "agent", env.single_observation_space, env.single_action_space, 0)
    for policy in (context.victim, context.intention):
        if policy is not None:
            policy.check_seat(seat)


def _check_episode_steps(name: str, least: int, context: AttackContext) -> None:
    env = context.make_env()
    limit = getattr(env.spec, "max_episode_steps", None) or 0
    env.close()
    if limit < least:
        raise ConfigurationError(
            f"attack {name!r} compares segments of {least} steps, but episodes are limited to "
            f"{limit}; wrap the environment in TimeLimit, or register it with max_episode_steps"
        )


def _check_attacker_reward(name: str, context: AttackContext) -> None:
    env = context.make_env()
    env.reset(seed=0)
    env.action_space.seed(0)
    info = env.step(env.action_space.sample())[4]
    env.close()
    if "attacker_reward" not in info:
        raise ConfigurationError(
            f"attack {name!r} needs an environment that reports info['attacker_reward'], as the Tabletop tasks do"
        )


def _untrained(victim: Policy) -> MLP:
    """Return a zero network, enough to check that everything fits."""
    states = int(np.prod(victim.observation_space.shape or ()))
    return MLP([Layer(np.zeros((states, states), np.float32), np.zeros(states, np.float32), "identity")])
