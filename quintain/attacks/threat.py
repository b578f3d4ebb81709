"""What an attack of an experiment is: made for one victim and budget, perhaps after training, and checked before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv

from quintain.agents.policies import MLP, Capability, Layer, Policy, Space
from quintain.attacks import RATSettings
from quintain.attacks.budget import Norm
from quintain.attacks.view import View
from quintain.errors import CapabilityError, ConfigurationError

__all__ = ["Attack", "Threat", "Trained"]


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
        momentary: Whether it learns what the victim does in single states, which one that remembers does not tell.
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
    momentary: bool = False

    def check(self, threat: Threat) -> None:
        """Make sure, before anything is trained, that the attack can work.

        Raises:
            CapabilityError: If the victim lacks something, or remembers where it must not.
            ConfigurationError: If budget, victim, environment and attack do not fit together.
        """
        threat.victim.require(self.needs, f"attack {self.name!r}")
        if self.momentary and threat.victim.is_stateful:
            raise CapabilityError(
                f"victim {threat.victim.name!r} remembers its episode, and attack {self.name!r} learns from single "
                "states; use 'sa-rl', or an imitation without a memory ('rat-surrogate', 'mad-surrogate')"
            )
        View(threat.victim, threat.space)
        if self.intends and threat.intention is None:
            raise ConfigurationError(
                f"attack {self.name!r} needs a policy that shows what the attacker wants; give intention=... "
                "(--intention FILE), or a Tabletop task with scenario 'opposite'"
            )
        if self.bounded:
            _check_bounded(self.name, threat)
        if self.targeted:
            _check_targeted(self.name, threat)
        env = SyncVectorEnv([threat.make])  # what will be attacked: all episodes in one batch
        try:
            self.wrap(env, threat, None if self.train is None else _blank(threat.victim))
        finally:
            env.close()


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


def _check_targeted(name: str, threat: Threat) -> None:
    env = threat.make()
    env.reset(seed=0)
    env.action_space.seed(0)
    info = env.step(env.action_space.sample())[4]
    env.close()
    if "attacker_reward" not in info:
        raise ConfigurationError(
            f"attack {name!r} needs an environment that reports info['attacker_reward'], as the Tabletop tasks do"
        )


def _blank(victim: Policy) -> MLP:
    """Return a network that has learned nothing: enough to see whether everything fits."""
    states = int(np.prod(victim.observation_space.shape or ()))
    return MLP([Layer(np.zeros((states, states), np.float32), np.zeros(states, np.float32), "identity")])
