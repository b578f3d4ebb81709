"""A frozen policy: actions, action distribution, values, and gradients with respect to the observation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Actor, Seat
from quintain.agents.policies.actor import PolicyActor
from quintain.agents.policies.fit import check_fit
from quintain.agents.policies.networks import ActionValue, Autograd, Network, VJPFunction, as_network
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.sequence import SequencePolicy
from quintain.errors import CapabilityError, ConfigurationError
from quintain.spaces import is_dict_of_floats

__all__ = ["Head", "Policy", "PolicyCapability", "Space"]

Array = NDArray[np.floating[Any]]

#: How the network's outputs become actions. ``gaussian``: mean of a normal distribution, clipped to the bounds.
#: ``squashed``: mean before a tanh that maps to the bounds. ``deterministic``: the action itself. ``scaled``: the
#: action, scaled to [-1, 1]. ``categorical``: logits. ``greedy``: action values Q(s, a), the largest of which decides.
Head = Literal["gaussian", "squashed", "deterministic", "scaled", "categorical", "greedy"]

#: What a policy offers. ``gradient``: derivatives of the outputs with respect to the observation; ``density``: a
#: distribution over actions, which attacks make of its action values if it is greedy; ``continuous``: actions in a Box;
#: ``value``: V(s); ``action_value``: Q(s, a).
PolicyCapability = Literal["gradient", "density", "continuous", "value", "action_value"]

#: Units of a perturbation: ``raw``, those of the environment's observations; ``normalised``, those of the network's
#: inputs, where a policy normalises its observations.
Space = Literal["raw", "normalised"]

#: Bounds on the logarithm of a state-dependent standard deviation, as in Stable-Baselines3's actors.
_LOG_STD = (-20.0, 2.0)

_MISSING: dict[PolicyCapability, str] = {
    "gradient": "gives no gradient; pass the torch module instead of a function or an exported file",
    "density": "has no distribution over actions; pass std=... to assume a normal one",
    "continuous": "has discrete actions, and continuous ones are needed",
    "value": "has no state value V(s); pass value=...",
    "action_value": "has no action value Q(s, a); pass action_value=...",
}


class Policy:
    """A frozen policy, with one interface for every library that trained it. It is also an agent.

    Observations are vectors of floats; dictionaries of floats are flattened, in the order of their space.
    ``network``, ``value`` and ``action_value`` read normalised observations.

    Args:
        network: From observations, shape ``(n, d)``, to the parameters of the actions, shape ``(n, k)``; see ``head``.
            A :class:`~quintain.agents.policies.sequence.SequencePolicy` makes the policy history-dependent.
        observation_space: Box of one axis, or a Dict of Boxes of floats.
        action_space: Box of one axis, or Discrete.
        head: How outputs become actions. Default: ``"deterministic"``.
        std: Standard deviation of the action distribution in units of the network's output: a vector of shape ``(k,)``
            with entries > 0, or a network from normalised observations to its logarithm. Default: no distribution.
        value: Network for V(s), output shape ``(n, 1)``.
        action_value: Q(s, a); reads actions as :meth:`q_actions` returns them, before they are mapped to the bounds.
        normaliser: Applied to observations before any network reads them. Default: none.
        name: Name in reports and messages. Default: ``"policy"``.
        differentiable: Whether ``network.vjp`` works. Default: true.

    Attributes:
        observation_space: Box of one axis: the flattened space where the policy observes dictionaries.
        dict_space: The space of these dictionaries; ``None`` for other policies.

    Raises:
        ConfigurationError: If a space is of another kind, or ``normaliser`` or ``std`` does not fit the spaces.
    """

    def __init__(
        self,
        network: Network,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        head: Head = "deterministic",
        std: NDArray[Any] | Network | None = None,
        value: Network | None = None,
        action_value: ActionValue | None = None,
        normaliser: Normaliser | None = None,
        name: str = "policy",
        differentiable: bool = True,
    ) -> None:
        self.dict_space: spaces.Dict | None = None
        if isinstance(observation_space, spaces.Dict) and is_dict_of_floats(observation_space):
            self.dict_space, observation_space = observation_space, spaces.flatten_space(observation_space)
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ConfigurationError(
                f"a policy observes a Box of one axis or a Dict of Boxes of floats, not {observation_space}; use "
                "gymnasium's FlattenObservation"
            )
        if (head in ("categorical", "greedy")) != isinstance(action_space, spaces.Discrete):
            raise ConfigurationError(f"a {head} policy does not fit the action space {action_space}")
        if not isinstance(action_space, spaces.Discrete) and (
            not isinstance(action_space, spaces.Box) or len(action_space.shape) != 1
        ):
            raise ConfigurationError(f"a policy acts in Discrete or a Box of one axis, not {action_space}")
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
        self.network = network
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
        """Make a policy of a Stable-Baselines3 or sb3-contrib model.

        That is PPO, A2C, TRPO, SAC, TQC, TD3, DDPG, DQN or QRDQN.

        Args:
            model: The model, trained on flat observations or on dictionaries of them (``MultiInputPolicy``).
            normaliser: A :class:`Normaliser`, a ``VecNormalize``, or the path of a file that ``VecNormalize.save``
                wrote. Default: the ``VecNormalize`` of the model's own environment, if it has one.
            name: Name in reports and messages. Default: the algorithm's name.

        Raises:
            ConfigurationError: If the model's policy is of another kind.
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
        """Make a policy of torch modules. Weights are copied: the policy does not follow further training.

        Args:
            module: Maps normalised observations ``(n, d)`` to action parameters; see ``head``.
            observation_space: Box of one axis.
            action_space: Box of one axis, or Discrete.
            head: How outputs become actions. Default: ``"categorical"`` for discrete actions, ``"gaussian"`` where
                ``std`` is given, otherwise ``"deterministic"``.
            std: Standard deviation of each action entry, shape ``(k,)``, > 0, in units of the module's output.
            value: Module for V(s), output shape ``(n, 1)``.
            action_value: Module for Q(s, a); reads states and actions concatenated, shape ``(n, d + k)``.
            normaliser: Applied to observations before any module reads them. Default: none.
            name: Name in reports and messages. Default: ``"module"``.
        """
        if head is None:
            discrete = isinstance(action_space, spaces.Discrete)
            head = "categorical" if discrete else "deterministic" if std is None else "gaussian"
        return cls(
            as_network(module),
            observation_space,
            action_space,
            head=head,
            std=None if std is None else np.array(std, dtype=np.float64),
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
        """Make a policy without gradients of a function from observations to continuous actions, such as an expert.

        Args:
            function: Maps one observation, shape ``(d,)``, in the environment's units, to an action, shape ``(k,)``.
            observation_space: Box of one axis.
            action_space: Box of one axis.
            name: Name in reports and messages. Default: ``"function"``.
        """
        return cls(_PerRow(function), observation_space, action_space, name=name, differentiable=False)

    @property
    def capabilities(self) -> frozenset[PolicyCapability]:
        """What this policy offers."""
        has: dict[PolicyCapability, bool] = {
            "gradient": self._differentiable,
            "density": self.head in ("categorical", "greedy") or self._std is not None,
            "continuous": isinstance(self.action_space, spaces.Box),
            "value": self.value is not None,
            "action_value": self.action_value is not None,
        }
        return frozenset(name for name, present in has.items() if present)

    @property
    def is_stateful(self) -> bool:
        """Whether actions depend on the history of the episode; if so, use ``Rollouts`` instead of ``act_batch``."""
        return isinstance(self.network, SequencePolicy)

    def require(self, needs: Iterable[PolicyCapability], purpose: str) -> None:
        """Check that the policy offers what a purpose needs, before anything runs.

        Args:
            needs: The capabilities that are needed.
            purpose: What needs them, for the message: the name of an attack, for example.

        Raises:
            CapabilityError: If a capability is missing; the message says which and how to provide it.
        """
        missing = [name for name in needs if name not in self.capabilities]
        if missing:
            reasons = "; it ".join(_MISSING[name] for name in missing)
            raise CapabilityError(f"{purpose} cannot work on policy {self.name!r}: it {reasons}")

    @property
    def std_source(self) -> NDArray[Any] | Network | None:
        """The argument ``std``: a vector, a network for the logarithm of one, or ``None``."""
        return self._std

    def with_network(self, network: Network) -> Self:
        """Return the same policy with another network."""
        other = copy.copy(self)
        other.network = network
        return other

    def normalise(self, observations: Array) -> Array:
        """Return observations, shape ``(n, d)``, as the networks read them."""
        return observations if self.normaliser is None else self.normaliser(observations)

    def act_batch(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions for observations of shape ``(n, d)``."""
        return self.to_actions(self.network(self.normalise(observations)))

    def sample_batch(self, observations: Array, rng: np.random.Generator) -> NDArray[Any]:
        """Draw actions from the policy's distribution.

        Raises:
            CapabilityError: If it has no distribution, or is greedy.
        """
        self.require(("density",), "sampling actions")
        if self.head == "greedy":
            raise CapabilityError(f"policy {self.name!r} is greedy: it takes the action of the largest value always")
        x = self.normalise(observations)
        outputs = self.network(x)
        if self.head == "categorical":
            return self.to_actions(outputs + rng.gumbel(size=outputs.shape))
        return self.to_actions(outputs + self.std(x) * rng.standard_normal(outputs.shape))

    def std(self, x: Array) -> Array:
        """Return the standard deviations at normalised observations ``x``, shape ``(n, k)`` or ``(k,)``.

        Raises:
            CapabilityError: If the policy has no normal distribution.
        """
        if self._std is None:
            self.require(("continuous", "density"), "the standard deviation")
            raise CapabilityError(f"policy {self.name!r} has no standard deviation")
        return self._std if isinstance(self._std, np.ndarray) else np.exp(np.clip(self._std(x), *_LOG_STD))

    def to_actions(self, outputs: Array) -> NDArray[Any]:
        """Map outputs of the network, shape ``(n, k)``, to members of the action space, the most likely ones."""
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            return np.asarray(space.start + np.argmax(outputs, axis=1).astype(space.dtype))
        if self.head in ("squashed", "scaled"):
            unit = np.tanh(outputs) if self.head == "squashed" else outputs
            outputs = np.asarray(space.low + 0.5 * (unit + 1.0) * (space.high - space.low))
        return np.clip(outputs, space.low, space.high).astype(space.dtype)

    def q_actions(self, outputs: Array) -> tuple[Array, Array]:
        """Map outputs, shape ``(n, k)``, to what ``action_value`` reads, and return the derivative by entry."""
        if self.head == "squashed":
            unit = np.tanh(outputs)
            return unit, 1 - unit * unit
        return outputs, np.ones_like(outputs)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor for this seat.

        Raises:
            CapabilityError: If the policy was made for other spaces.
        """
        self.check_seat(seat)
        return PolicyActor(self, self.dict_space)

    def check_seat(self, seat: Seat) -> None:
        """Check that the policy fits a seat.

        Raises:
            CapabilityError: If it was made for other spaces.
        """
        as_dict = isinstance(seat.observation_space, spaces.Dict)
        observed = self.dict_space if as_dict and self.dict_space is not None else self.observation_space
        check_fit(f"policy {self.name!r}", observed, self.action_space, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able data for the run's record: name, head, capabilities."""
        return {"agent": "policy", "name": self.name, "head": self.head, "capabilities": sorted(self.capabilities),
                "normalised": self.normaliser is not None, "autograd": isinstance(self.network, Autograd)}  # fmt: skip


class _PerRow:
    """Applies a function of single observations to batches. It has no derivative."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, x: Array) -> Array:
        return np.stack([np.asarray(self._function(row), dtype=np.float64) for row in x])

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        raise CapabilityError(f"a function {_MISSING['gradient']}")
