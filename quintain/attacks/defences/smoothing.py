"""Defences without training: observation filters (moving average, median) and randomised smoothing of actions."""

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
#: ``exponential``: y_t = weight x_t + (1 - weight) y_{t-1}. ``median``: y_t is the median of the last ``window``
#: observations, entry by entry.
Filter = Literal["exponential", "median"]


def smooth_observations(
    policy: Policy, kind: Filter = "exponential", *, weight: float = 0.5, window: int = 3
) -> Policy:
    """Return a policy that acts on filtered observations.

    At the start of an episode the filter is initialised as if the first observation had been repeated before it. The
    result is history-dependent. White-box attacks differentiate through the filter with respect to the current
    observation; earlier ones are constants.

    Args:
        policy: The policy; its observations are filtered after normalisation.
        kind: ``"exponential"`` for an exponential moving average, ``"median"`` for a moving median. Default:
            ``"exponential"``.
        weight: Weight of the current observation in the average, in (0, 1]; unused by the median. Default: 0.5.
        window: Number of observations of the median, odd and >= 1; unused by the average. Default: 3.

    Raises:
        CapabilityError: If the policy is history-dependent already.
        ConfigurationError: If the kind is unknown, or ``weight`` or ``window`` is out of range.
    """
    _require_stateless(policy)
    if kind not in get_args(Filter) or not 0 < weight <= 1 or window < 1 or window % 2 == 0:
        raise ConfigurationError(
            f"smoothing is one of {get_args(Filter)}, with weight in (0, 1] and an odd window, "
            f"got {kind!r}, {weight!r} and {window!r}"
        )
    smoothed = policy.with_network(_FilteredNetwork(policy.network, kind, weight, window))
    smoothed.name = f"{policy.name}, {kind} {weight if kind == 'exponential' else window:g}"
    return smoothed


def smooth_actions(policy: Policy, noise: float, *, samples: int = 16, seed: int = 0) -> Policy:
    """Return a policy whose outputs are averaged over Gaussian noise on its observations (randomised smoothing).

    mu'(x) = 1/m sum_j mu(x + noise n_j), with standard normal n_j in antithetic pairs. The n_j are drawn once, here, so
    that the result is a deterministic and differentiable policy. An action costs m forward passes.

    Args:
        policy: The policy, with continuous actions.
        noise: Standard deviation of the noise, > 0, in units of normalised observations.
        samples: Number m of noise samples, even and >= 2. Default: 16.
        seed: Root seed of the noise, >= 0. Default: 0.

    Raises:
        CapabilityError: If the policy's actions are discrete, or it is history-dependent.
        ConfigurationError: If noise or samples are out of range.
    """
    policy.require(("continuous",), "smoothing actions")
    _require_stateless(policy)
    if not noise > 0 or samples < 2 or samples % 2:
        raise ConfigurationError(f"smoothing needs noise > 0 and an even number of samples, got {noise!r}, {samples!r}")
    rng = SeedStream(seed, "smoothing").generator()
    half = noise * rng.standard_normal((samples // 2, *(policy.observation_space.shape or ())))
    smoothed = policy.with_network(_AveragedNetwork(policy.network, np.concatenate([half, -half])))
    smoothed.name = f"{policy.name}, averaged {noise:g}"
    return smoothed


def _require_stateless(policy: Policy) -> None:
    if policy.is_stateful:
        raise CapabilityError(
            f"policy {policy.name!r} is history-dependent; smooth one that acts on the current observation alone"
        )


class _FilteredNetwork(SequencePolicy):
    def __init__(self, network: Network, kind: Filter, weight: float, window: int) -> None:
        self.network, self.kind, self.weight, self.window = network, kind, weight, window

    def new_history(self, rows: int) -> History:
        return _FilterHistory(self, rows)


class _FilterHistory:
    """State of the filter in each episode: the last average, or the last observations, oldest first."""

    def __init__(self, filtered: _FilteredNetwork, rows: int) -> None:
        self.filtered = filtered
        self.has_started = np.zeros(rows, np.bool_)
        self._state: Array | None = None

    def reset(self, rows: Rows) -> None:
        self.has_started[rows] = False

    def network(self, rows: Rows) -> Network:
        return _CurrentNetwork(self, rows)

    def observe(self, x: Array, rows: Rows) -> None:
        earlier = self.earlier(x, rows)
        if self._state is None:
            self._state = np.zeros((len(self.has_started), *earlier.shape[1:]))
        if self.filtered.kind == "exponential":
            self._state[rows] = self.filter(x, earlier)[0]
        else:
            self._state[rows] = np.concatenate([earlier, x[:, None]], axis=1)[:, 1:]
        self.has_started[rows] = True

    def record(self, actions: NDArray[Any], rewards: Array, rows: Rows) -> None:
        """Do nothing: a filter depends on observations alone."""

    def earlier(self, x: Array, rows: Rows) -> Array:
        """Return the filter's state before ``x``; where ``x`` starts an episode, the state after repeating ``x``."""
        exponential = self.filtered.kind == "exponential"
        constant = np.asarray(x if exponential else np.repeat(x[:, None], self.filtered.window - 1, axis=1), np.float64)
        if self._state is None:
            return constant
        has_started = self.has_started[rows].reshape(-1, *[1] * (constant.ndim - 1))
        return np.where(has_started, self._state[rows], constant)

    def filter(self, x: Array, earlier: Array) -> tuple[Array, Array]:
        """Return the filtered observation, and its derivative with respect to ``x``, entry by entry."""
        if self.filtered.kind == "exponential":
            weight = self.filtered.weight
            return weight * x + (1 - weight) * earlier, np.full_like(x, weight)
        median = np.median(np.concatenate([earlier, x[:, None]], axis=1), axis=1)
        return median, (median == x).astype(x.dtype)


class _CurrentNetwork:
    """The filtered policy at the current step, as a function of the current observation."""

    def __init__(self, history: _FilterHistory, rows: Rows) -> None:
        self._history, self._rows = history, rows

    def __call__(self, x: Array) -> Array:
        return self._history.filtered.network(self._history.filter(x, self._history.earlier(x, self._rows))[0])

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        y, slope = self._history.filter(x, self._history.earlier(x, self._rows))
        has_started = self._history.has_started[self._rows][:, None]
        outputs, back = self._history.filtered.network.vjp(y)
        # The first observation of an episode also stands for the earlier ones, so its derivative is 1.
        return outputs, lambda gradient: np.asarray(back(gradient) * np.where(has_started, slope, 1.0))


class _AveragedNetwork:
    def __init__(self, network: Network, noise: Array) -> None:
        self._network, self._noise = network, noise

    def __call__(self, x: Array) -> Array:
        return np.asarray(self._network(self._noisy(x)).reshape(len(x), len(self._noise), -1).mean(axis=1))

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        outputs, back = self._network.vjp(self._noisy(x))
        samples = len(self._noise)

        def pullback(gradient: Array) -> Array:
            pulled = back(np.repeat(gradient / samples, samples, axis=0))
            return np.asarray(pulled.reshape(len(x), samples, -1).sum(axis=1))

        return np.asarray(outputs.reshape(len(x), samples, -1).mean(axis=1)), pullback

    def _noisy(self, x: Array) -> Array:
        return np.asarray((x[:, None] + self._noise).reshape(-1, x.shape[1]))
