"""The contract of perturbations: what the two wrappers apply to observations, actions or rewards.

A :class:`Perturbation` works on batches with one entry per row, a row being one running episode, and never calls an
environment. :class:`~quintain.attacks.wrappers.Attacked` applies it to a Gymnasium environment (one row),
:class:`~quintain.attacks.vector_wrapper.AttackedVector` to a vector environment (all rows in one batch).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.registry import load_attribute
from quintain.seeding import SeedStream

__all__ = ["Perturbation", "Report", "RowGenerators", "Rows", "Sees", "Surface"]

#: What an attacker reads: ``nothing``; true ``observations``; also actions that the ``policy`` takes on observations of
#: the attacker's choice, or during episodes (black box); its weights, and with them ``gradients`` (white box).
Sees = Literal["nothing", "observations", "policy", "gradients"]

#: What a perturbation changes.
Surface = Literal["observation", "action", "reward"]
#: Indices of rows of a vector environment, shape ``(n,)``.
Rows = NDArray[np.int64]
#: What was changed: arrays by name, each with one entry per row of the batch.
Report = dict[str, NDArray[Any]]


class Perturbation(ABC):
    """Changes batches of observations, actions or rewards.

    Attributes:
        surface: What is perturbed; a value of :data:`Surface`.
        name: Key of the report in ``info["attack"]``; it also decides the random stream.
    """

    surface: ClassVar[Surface]
    name: str

    @abstractmethod
    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that the environment's spaces fit, and allocate state for ``rows`` episodes.

        Raises:
            ConfigurationError: If they do not fit.
        """

    @abstractmethod
    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Start another episode in ``row``, with ``rng`` as its random generator."""

    def observe_transition(self, actions: NDArray[Any], rewards: NDArray[Any], rows: Rows) -> None:  # noqa: B027
        """Record the executed actions and the rewards of ``rows``; optional.

        Args:
            actions: One per row of the vector environment, those outside ``rows`` included.
            rewards: One per row of the vector environment.
            rows: Rows in which a step was taken; the others were reset.
        """

    @abstractmethod
    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Return a perturbed copy of ``batch``, whose entries belong to ``rows``, and a report of the changes."""

    def describe(self) -> Mapping[str, Any]:
        """Return what is equal in all reports, such as the budget, as plain data."""
        return {}

    def config(self) -> dict[str, Any] | None:
        """Return arguments for :meth:`from_config` as JSON-able data.

        ``None``, the default, means that they are not plain data, for instance because there is a policy among them.
        """
        return None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a perturbation from what :meth:`config` returned."""
        return cls(**config)


def to_spec(perturbation: Perturbation) -> dict[str, Any] | None:
    """Return an entry point and arguments from which :func:`from_spec` makes an equal perturbation, if they exist."""
    config = perturbation.config()
    kind = type(perturbation)
    return None if config is None else {"entry_point": f"{kind.__module__}:{kind.__qualname__}", "kwargs": config}


def from_spec(spec: Mapping[str, Any]) -> Perturbation:
    """Make a perturbation from what :func:`to_spec` returned."""
    made = load_attribute(spec["entry_point"]).from_config(spec["kwargs"])
    assert isinstance(made, Perturbation)
    return made


class RowGenerators:
    """One random generator per row, seeded by ``reset(seed=...)`` and kept over resets without a seed.

    A row of a vector environment and a single environment that are reset with the same seed draw the same numbers.
    """

    def __init__(self, rows: int, name: str) -> None:
        self._name = name
        self._rngs: list[np.random.Generator | None] = [None] * rows

    def at_reset(self, row: int, seed: int | None) -> np.random.Generator:
        """Return the generator of the episode that starts in ``row``."""
        rng = self._rngs[row]
        if seed is not None or rng is None:
            entropy = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
            rng = self._rngs[row] = SeedStream(entropy, "attack", self._name).generator()
        return rng


def single_space(env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], surface: str) -> gym.Space[Any]:
    """Return the observation or action space of one row."""
    space = getattr(env, f"single_{surface}_space" if isinstance(env, VectorEnv) else f"{surface}_space")
    assert isinstance(space, gym.Space)
    return space


def require_finite(batch: NDArray[Any], what: str) -> None:
    """Refuse NaN and infinity before they spread.

    Raises:
        EnvironmentFault: If ``batch`` holds any.
    """
    if not np.isfinite(batch).all():
        raise EnvironmentFault(f"{what} holds NaN or infinity, which no attack can bound; repair the environment")


def require_new_name(env: Any, perturbation: Perturbation) -> None:
    """Refuse a perturbation whose name another one around ``env`` already has: reports are found by name.

    Raises:
        ConfigurationError: If the name is taken.
    """
    while isinstance(env, (gym.Wrapper, VectorWrapper)):
        inner = env.__dict__.get("perturbation")
        if isinstance(inner, Perturbation) and inner.name == perturbation.name:
            raise ConfigurationError(
                f"the environment is already under an attack called {perturbation.name!r}; give one another name=..."
            )
        env = env.env
