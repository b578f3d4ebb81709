"""Cheap defences without training: filter what the victim sees, or average what it would do in the neighbourhood."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Network, Policy
from quintain.agents.policies.networks import VJPFunction
from quintain.agents.policies.sequence import History, Rows, SequencePolicy
from quintain.errors import CapabilityError, ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["Filter", "smooth_actions", "smooth_observations"]

Array = NDArray[np.floating[Any]]
#: ``exponential``: y_t = weight x_t + (1 - weight) y_{t-1}. ``median``: of the last ``window`` observations, by entry.
Filter = Literal["exponential", "median"]


def smooth_observations(
    victim: Policy, kind: Filter = "exponential", *, weight: float = 0.5, window: int = 3
) -> Policy:
    """Let a victim act on a running summary of its observations. Before an episode, its first observation counts.

    The result remembers its episodes. White-box attacks that look at it take the filter into account: they see the
    policy as a function of the newest observation, the older ones being fixed.

    Args:
        victim: The victim; its observations are filtered as its networks read them.
        kind: Which summary.
        weight: Of the newest observation, in (0, 1]; for ``"exponential"``.
        window: Observations, odd and >= 1; for ``"median"``.

    Raises:
        CapabilityError: If the victim remembers its episodes already.
        ConfigurationError: If the kind is unknown, or its parameter out of range.
    """
    _refuse_memory(victim)
    if kind not in get_args(Filter) or not 0 < weight <= 1 or window < 1 or window % 2 == 0:
        raise ConfigurationError(
            f"smoothing is one of {get_args(Filter)}, with weight in (0, 1] and an odd window, "
            f"got {kind!r}, {weight!r} and {window!r}"
        )
    smoothed = victim.with_network(_Filtered(victim.network, kind, weight, window))
    smoothed.name = f"{victim.name}, {kind} {weight if kind == 'exponential' else window:g}"
    return smoothed


def smooth_actions(victim: Policy, noise: float, *, samples: int = 16, seed: int = 0) -> Policy:
    """Average the outputs of a victim's policy over Gaussian noise on its observations (randomised smoothing).

    mu'(x) = mean_j mu(x + noise n_j), with n_j drawn once, in pairs of opposite sign, so that the result is a
    deterministic and differentiable policy like any other; one call costs as much as ``samples``.

    Args:
        victim: The victim, with continuous actions.
        noise: Standard deviation > 0, in the units that its networks read.
        samples: Draws, even and >= 2.
        seed: Root seed of the draws.

    Raises:
        CapabilityError: If the victim's actions are discrete, or it remembers its episodes.
        ConfigurationError: If noise or samples are out of range.
    """
    victim.require(("continuous",), "smoothing actions")
    _refuse_memory(victim)
    if not noise > 0 or samples < 2 or samples % 2:
        raise ConfigurationError(f"smoothing needs noise > 0 and an even number of samples, got {noise!r}, {samples!r}")
    rng = SeedStream(seed, "smoothing").generator()
    half = noise * rng.standard_normal((samples // 2, *(victim.observation_space.shape or ())))
    smoothed = victim.with_network(_Averaged(victim.network, np.concatenate([half, -half])))
    smoothed.name = f"{victim.name}, averaged {noise:g}"
    return smoothed


def _refuse_memory(victim: Policy) -> None:
    if victim.is_stateful:
        raise CapabilityError(f"victim {victim.name!r} remembers its episode; smooth one that acts on what it sees now")


class _Filtered(SequencePolicy):
    def __init__(self, network: Network, kind: Filter, weight: float, window: int) -> None:
        self.network, self.kind, self.weight, self.window = network, kind, weight, window

    def new_history(self, rows: int) -> History:
        return _Past(self, rows)


class _Past:
    """What a filter keeps of each episode: its last summary, or the last observations, oldest first."""

    def __init__(self, filtered: _Filtered, rows: int) -> None:
        self._filtered = filtered
        self._began = np.zeros(rows, np.bool_)
        self._kept: Array | None = None

    def reset(self, rows: Rows) -> None:
        self._began[rows] = False

    def network(self, rows: Rows) -> Network:
        return _AtThisMoment(self, rows)

    def observe(self, x: Array, rows: Rows) -> None:
        older = self.older(x, rows)
        if self._kept is None:
            self._kept = np.zeros((len(self._began), *older.shape[1:]))
        if self._filtered.kind == "exponential":
            self._kept[rows] = self.summary(x, older)[0]
        else:
            self._kept[rows] = np.concatenate([older, x[:, None]], axis=1)[:, 1:]
        self._began[rows] = True

    def record(self, actions: NDArray[Any], rewards: Array, rows: Rows) -> None:
        """What was done is none of a filter's business."""

    def older(self, x: Array, rows: Rows) -> Array:
        """Return what is kept; where an episode begins with ``x``, as if it had always been like that."""
        exponential = self._filtered.kind == "exponential"
        always = np.asarray(x if exponential else np.repeat(x[:, None], self._filtered.window - 1, axis=1), np.float64)
        if self._kept is None:
            return always
        began = self._began[rows].reshape(-1, *[1] * (always.ndim - 1))
        return np.where(began, self._kept[rows], always)

    def summary(self, x: Array, older: Array) -> tuple[Array, Array]:
        """Return the summary, and its derivative by the newest observation, entry by entry."""
        if self._filtered.kind == "exponential":
            weight = self._filtered.weight
            return weight * x + (1 - weight) * older, np.full_like(x, weight)
        median = np.median(np.concatenate([older, x[:, None]], axis=1), axis=1)
        return median, (median == x).astype(x.dtype)


class _AtThisMoment:
    def __init__(self, past: _Past, rows: Rows) -> None:
        self._past, self._rows = past, rows

    def __call__(self, x: Array) -> Array:
        return self._past._filtered.network(self._past.summary(x, self._past.older(x, self._rows))[0])

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        y, slope = self._past.summary(x, self._past.older(x, self._rows))
        began = self._past._began[self._rows][:, None]
        outputs, back = self._past._filtered.network.vjp(y)
        return outputs, lambda gradient: np.asarray(back(gradient) * np.where(began, slope, 1.0))


class _Averaged:
    def __init__(self, policy: Network, draws: Array) -> None:
        self._policy, self._draws = policy, draws

    def __call__(self, x: Array) -> Array:
        return np.asarray(self._policy(self._spread(x)).reshape(len(x), len(self._draws), -1).mean(axis=1))

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        outputs, back = self._policy.vjp(self._spread(x))
        samples = len(self._draws)

        def pullback(gradient: Array) -> Array:
            pulled = back(np.repeat(gradient / samples, samples, axis=0))
            return np.asarray(pulled.reshape(len(x), samples, -1).sum(axis=1))

        return np.asarray(outputs.reshape(len(x), samples, -1).mean(axis=1)), pullback

    def _spread(self, x: Array) -> Array:
        return np.asarray((x[:, None] + self._draws).reshape(-1, x.shape[1]))
