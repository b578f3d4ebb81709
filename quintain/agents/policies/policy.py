"""The policy under attack: what it does, how sure it is, and which way its answers bend."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Actor, Seat
from quintain.agents.policies.actor import PolicyActor
from quintain.agents.policies.networks import ActionValue, Autograd, Network, Pullback, as_network
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.sequence import SequencePolicy
from quintain.errors import AgentError, CapabilityError, ConfigurationError

__all__ = ["Capability", "Head", "Policy", "Space"]

Array = NDArray[np.floating[Any]]

#: How the policy's outputs become actions. ``gaussian``: mean of a normal distribution, clipped to the bounds.
#: ``squashed``: mean before a tanh that maps to the bounds. ``deterministic``: the action itself. ``scaled``: the
#: action in [-1, 1]. ``categorical``: logits.
Head = Literal["gaussian", "squashed", "deterministic", "scaled", "categorical"]

#: What an attack may ask of a victim. ``gradient``: derivatives of the policy; ``density``: a distribution over
#: actions; ``continuous``: actions in a box; ``value``: V(s); ``action_value``: Q(s, a).
Capability = Literal["gradient", "density", "continuous", "value", "action_value"]

#: Where a perturbation is measured: on the observations as the environment gives them, or as the policy sees them.
Space = Literal["raw", "normalised"]

#: Bounds on the logarithm of a standard deviation that depends on the state: those of SB3's actors.
_LOG_STD = (-20.0, 2.0)

_MISSING: dict[Capability, str] = {
    "gradient": "gives no gradient; pass the torch module instead of a function or an exported file",
    "density": "has no distribution over actions; pass std=... to assume a normal one",
    "continuous": "has discrete actions, and the attack needs continuous ones",
    "value": "has no state value V(s); pass value=...",
    "action_value": "has no action value Q(s, a); pass action_value=...",
}


class Policy:
    """A frozen policy behind one face, whatever library trained it. It is also an agent, so it can simply be played.

    Observations are flat boxes of floats. ``policy``, ``value`` and ``action_value`` read normalised observations.

    Args:
        policy: Gives the parameters of the action; see ``head``. A
            :class:`~quintain.agents.policies.sequence.SequencePolicy` remembers its episode.
        observation_space: Box of one axis.
        action_space: Box of one axis, or Discrete.
        head: How outputs become actions.
        std: Standard deviation of the action distribution in the units of ``policy``'s output: a vector, or a network
            from normalised observations to its logarithm.
        value: Network for V(s), output shape ``(n, 1)``.
        action_value: Q(s, a), with actions in the units of ``q_actions``: what the head returns before it is mapped to
            the bounds.
        normaliser: How the policy sees observations; ``None`` for as they are.
        name: What reports call it.
        differentiable: Whether ``policy.pull`` works.

    Raises:
        ConfigurationError: If the spaces are of another kind, or normaliser or std do not match them.
    """

    def __init__(
        self,
        policy: Network,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        head: Head = "deterministic",
        std: NDArray[Any] | Network | None = None,
        value: Network | None = None,
        action_value: ActionValue | None = None,
        normaliser: Normaliser | None = None,
        name: str = "victim",
        differentiable: bool = True,
    ) -> None:
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ConfigurationError(
                f"a victim observes a Box of one axis, not {observation_space}; use gymnasium's FlattenObservation"
            )
        if (head == "categorical") != isinstance(action_space, spaces.Discrete):
            raise ConfigurationError(f"a {head} policy does not fit the action space {action_space}")
        if not isinstance(action_space, spaces.Discrete) and (
            not isinstance(action_space, spaces.Box) or len(action_space.shape) != 1
        ):
            raise ConfigurationError(f"a victim acts in Discrete or a Box of one axis, not {action_space}")
        dimension = observation_space.shape[0]
        if normaliser is not None and normaliser.dimension != dimension:
            raise ConfigurationError(
                f"the normaliser has {normaliser.dimension} statistics, but observations have {dimension} entries; "
                "load the one that was saved with this policy"
            )
        if isinstance(std, np.ndarray) and (
            std.shape != action_space.shape or not np.all(np.isfinite(std) & (std > 0))
        ):
            raise ConfigurationError(f"std must hold a finite number > 0 per action entry, got {std!r}")
        if head in ("squashed", "scaled") and isinstance(action_space, spaces.Box) and not action_space.is_bounded():
            raise ConfigurationError(f"a {head} policy needs a bounded action space, got {action_space}")
        self.policy = policy
        self.observation_space = observation_space
        self.action_space: spaces.Box | spaces.Discrete = action_space
        self.head: Head = head
        self.value = value
        self.action_value = action_value
        self.normaliser = normaliser
        self.name = name
        self._std = std
        self._differentiable = differentiable

    @classmethod
    def from_sb3(cls, model: Any, *, normaliser: Any = None, name: str = "") -> Self:
        """Take a Stable-Baselines3 or sb3-contrib model: PPO, A2C, TRPO, SAC, TQC, TD3 or DDPG.

        Args:
            model: The model, trained on flat observations.
            normaliser: A :class:`Normaliser`, a ``VecNormalize``, or a file of its statistics. By default that of
                the model's own environment, if it has one.
            name: What reports call it; by default the algorithm's name.

        Raises:
            ConfigurationError: If the policy is of another kind.
        """
        from quintain.agents.policies.sb3 import parts_of

        own = model.get_vec_normalize_env() if normaliser is None else normaliser
        if own is not None and not isinstance(own, Normaliser):
            own = Normaliser.from_vecnormalize(own)
        parts = parts_of(model)
        return cls(
            **parts,
            observation_space=model.observation_space,
            action_space=model.action_space,
            normaliser=own,
            name=name or type(model).__name__.lower(),
        )

    @classmethod
    def from_module(
        cls,
        module: Any,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        head: Head | None = None,
        std: Any = None,
        value: Any = None,
        action_value: Any = None,
        normaliser: Normaliser | None = None,
        name: str = "module",
    ) -> Self:
        """Take plain torch modules. Weights are copied, so train first and adapt afterwards.

        Args:
            module: Maps normalised observations ``(n, d)`` to action parameters; see ``head``.
            observation_space: Box of one axis.
            action_space: Box of one axis, or Discrete.
            head: How outputs become actions; by default ``"categorical"`` for discrete actions, ``"gaussian"`` where
                ``std`` is given, else ``"deterministic"``.
            std: Standard deviation per action entry.
            value: Module for V(s).
            action_value: Module for Q that reads ``(n, d + k)``, state and action side by side.
            normaliser: How the module sees observations.
            name: What reports call it.
        """
        if head is None:
            discrete = isinstance(action_space, spaces.Discrete)
            head = "categorical" if discrete else "deterministic" if std is None else "gaussian"
        return cls(
            as_network(module),
            observation_space,
            action_space,
            head=head,
            std=None if std is None else np.asarray(std, dtype=np.float64),
            value=None if value is None else as_network(value),
            action_value=None if action_value is None else ActionValue([as_network(action_value)]),
            normaliser=normaliser,
            name=name,
        )

    @classmethod
    def from_function(
        cls,
        function: Callable[[Any], Any],
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        *,
        name: str = "function",
    ) -> Self:
        """Take any function from one observation to one continuous action: a black box, such as a scripted expert.

        Args:
            function: Maps an observation as the environment gives it, shape ``(d,)``, to an action, shape ``(k,)``.
            observation_space: Box of one axis.
            action_space: Box of one axis.
            name: What reports call it.
        """
        return cls(_PerRow(function), observation_space, action_space, name=name, differentiable=False)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What an attack may ask of this victim."""
        has: dict[Capability, bool] = {
            "gradient": self._differentiable,
            "density": self.head == "categorical" or self._std is not None,
            "continuous": self.head != "categorical",
            "value": self.value is not None,
            "action_value": self.action_value is not None,
        }
        return frozenset(name for name, present in has.items() if present)

    @property
    def is_stateful(self) -> bool:
        """Whether it acts on its episode so far; if so, play it through :class:`Rollouts`, not ``act_batch``."""
        return isinstance(self.policy, SequencePolicy)

    def require(self, needs: Iterable[Capability], purpose: str) -> None:
        """Make sure that an attack can work before anything runs.

        Raises:
            CapabilityError: If something is missing; the message says what and how to provide it.
        """
        missing = [name for name in needs if name not in self.capabilities]
        if missing:
            reasons = "; it ".join(_MISSING[name] for name in missing)
            raise CapabilityError(f"{purpose} cannot work on victim {self.name!r}: it {reasons}")

    @property
    def std_source(self) -> NDArray[Any] | Network | None:
        """What standard deviations come from: a vector, a network for their logarithm, or nothing."""
        return self._std

    def with_policy(self, policy: Network) -> Self:
        """Return the same victim with another policy network."""
        other = copy.copy(self)
        other.policy = policy
        return other

    def normalise(self, observations: Array) -> Array:
        """Show observations, shape ``(n, d)``, as the policy sees them."""
        return observations if self.normaliser is None else self.normaliser(observations)

    def act_batch(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions for observations of shape ``(n, d)``."""
        return self.to_actions(self.policy(self.normalise(observations)))

    def sample_batch(self, observations: Array, rng: np.random.Generator) -> NDArray[Any]:
        """Draw actions from the policy's distribution.

        Raises:
            CapabilityError: If it has none.
        """
        self.require(("density",), "sampling actions")
        x = self.normalise(observations)
        outputs = self.policy(x)
        if self.head == "categorical":
            return self.to_actions(outputs + rng.gumbel(size=outputs.shape))
        return self.to_actions(outputs + self.std(x) * rng.standard_normal(outputs.shape))

    def std(self, x: Array) -> Array:
        """Return the standard deviations at normalised observations ``x``, shape ``(n, k)`` or ``(k,)``.

        Raises:
            CapabilityError: If the policy has no normal distribution.
        """
        if self._std is None:
            self.require(("continuous", "density"), "asking for a standard deviation")
            raise CapabilityError(f"victim {self.name!r} has no standard deviation")
        return self._std if isinstance(self._std, np.ndarray) else np.exp(np.clip(self._std(x), *_LOG_STD))

    def to_actions(self, outputs: Array) -> NDArray[Any]:
        """Turn outputs of the policy, shape ``(n, k)``, into members of the action space."""
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            return np.asarray(space.start + np.argmax(outputs, axis=1).astype(space.dtype))
        if self.head in ("squashed", "scaled"):
            unit = np.tanh(outputs) if self.head == "squashed" else outputs
            outputs = np.asarray(space.low + 0.5 * (unit + 1.0) * (space.high - space.low))
        return np.clip(outputs, space.low, space.high).astype(space.dtype)

    def q_actions(self, outputs: Array) -> tuple[Array, Array]:
        """Turn outputs of the policy into what ``action_value`` reads, and give the derivative, entry by entry."""
        if self.head == "squashed":
            unit = np.tanh(outputs)
            return unit, 1 - unit * unit
        return outputs, np.ones_like(outputs)

    def begin(self, seat: Seat) -> Actor:
        """Sit down.

        Raises:
            AgentError: If the victim was made for other spaces.
        """
        for kind in ("observation_space", "action_space"):
            if getattr(self, kind).shape != getattr(seat, kind).shape:
                raise AgentError(
                    f"victim {self.name!r} has {kind} {getattr(self, kind)}, "
                    f"but seat {seat.name!r} of {seat.env_id} has {getattr(seat, kind)}"
                )
        return PolicyActor(self)

    def describe(self) -> dict[str, Any]:
        """Say what it is, as plain data."""
        return {"agent": "victim", "name": self.name, "head": self.head, "capabilities": sorted(self.capabilities),
                "normalised": self.normaliser is not None, "autograd": isinstance(self.policy, Autograd)}  # fmt: skip


class _PerRow:
    """A function of single observations, on batches and without a derivative."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, x: Array) -> Array:
        return np.stack([np.asarray(self._function(row), dtype=np.float64) for row in x])

    def pull(self, x: Array) -> tuple[Array, Pullback]:
        raise CapabilityError(f"a function {_MISSING['gradient']}")
