"""Surrogates of black-box policies, trained by imitation, for transfer attacks.

A network is fitted to pairs of an observation and the policy's action. White-box attacks are computed with the
surrogate's gradients and executed against the policy itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Batched
from quintain.agents.policies import Normaliser, Policy, Rollouts
from quintain.attacks.surrogate_fit import Fitted, Pairs, SurrogateFit
from quintain.errors import AgentError, ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows, RowStep
from quintain.training.control.settings import AdamSettings
from quintain.training.control.threads import one_thread

__all__ = ["SurrogateSettings", "TrainedSurrogate", "train_surrogate"]

Array = NDArray[np.floating[Any]]
#: Maps a batch of observations, ``(n, d)``, to a batch of actions.
BlackBox = Callable[[Array], NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateSettings:
    """Hyper-parameters of the imitation. Defaults are chosen for short runs on one core.

    Attributes:
        transitions: Maximum number of environment steps over all rounds; the policy is queried once per step. Rounded
            down to a multiple of ``n_envs * rounds``, the minimum. Default: 20,000.
        rounds: Rounds of data collection, >= 1. In the first the policy acts; in later ones the imitation acts and the
            policy labels the observations (DAgger; Ross et al. 2011). Default: 3.
        n_envs: Environments stepped together, >= 2; the first one's episodes are held out. Default: 8.
        net_arch: Widths of the hidden layers. Default: (64, 64).
        optimiser: Adam. Default: learning rate 1e-3, 256 pairs per batch.
        n_epochs: Maximum number of passes over the pairs per round, >= 1. Default: 200.
        patience: Passes without a lower held-out loss after which a round ends, >= 1. Default: 10.
    """

    transitions: int = 20_000
    rounds: int = 3
    n_envs: int = 8
    net_arch: tuple[int, ...] = (64, 64)
    optimiser: AdamSettings = field(default_factory=AdamSettings)
    n_epochs: int = 200
    patience: int = 10


@dataclass(frozen=True, slots=True)
class TrainedSurrogate:
    """Result of :func:`train_surrogate`.

    Attributes:
        policy: The imitation, with gradients and an action distribution: pass it to a white-box attack in place of the
            policy.
        error: Root mean square difference of the actions on held-out episodes, in units of half their range (of their
            standard deviation if unbounded); for discrete actions the share of different actions.
        baseline: The same for the best constant action, to compare ``error`` with.
        queries: Number of observations on which the policy was queried.
        epochs: Passes over the pairs in each round.
    """

    policy: Policy
    error: float
    baseline: float
    queries: int
    epochs: tuple[int, ...]


@one_thread()
def train_surrogate(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy | BlackBox,
    *,
    settings: SurrogateSettings = SurrogateSettings(),
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "surrogate",
) -> TrainedSurrogate:
    """Imitate a policy of which only actions can be observed.

    Continuous actions are fitted by least squares. Actions at a bound of the action space are treated as censored: an
    output beyond the bound counts as no error. Discrete actions are fitted by cross-entropy.

    Args:
        make_env: Makes one environment, not under attack.
        victim: The policy to imitate: a :class:`~quintain.agents.policies.Policy`, of which only actions are used,
            anything with ``act_batch``, or a function from batches of observations to actions. It may be
            history-dependent; the imitation is not.
        settings: Hyper-parameters of data collection and of the fit.
        normaliser: Observation normaliser of the imitation. An attack with ``space="normalised"`` measures its budget
            in these units. Default: mean and standard deviation of the collected observations, clipped at 10 as in
            Stable-Baselines3.
        seed: Root seed, >= 0; equal seeds give equal imitations. Default: 0.
        name: Name of the imitation in reports. Default: ``"surrogate"``.

    Raises:
        AgentError: If the policy returns anything but finite actions.
        ConfigurationError: If settings, spaces or normaliser do not fit.
    """
    s = settings
    if s.n_envs < 2 or s.rounds < 1 or s.transitions < s.n_envs * s.rounds:
        raise ConfigurationError(
            f"a surrogate needs n_envs >= 2, rounds >= 1 and transitions >= n_envs * rounds, got {s}"
        )
    torch = require("torch", "rl", "surrogates")
    seeds = SeedStream(seed, "surrogate")
    black_box = _BlackBoxActor(victim, s.n_envs)
    pairs: Pairs | None = None
    imitation: Policy | None = None
    epochs: list[int] = []
    with EnvRows(make_env, s.n_envs, seeds.child("episode")) as rows:
        generator = torch.Generator().manual_seed(seeds.child("fit").seed)
        fit = SurrogateFit(
            torch, rows.observation_space, rows.action_space, s.net_arch, s.optimiser, s.n_epochs, s.patience, generator
        )
        for _ in range(s.rounds):
            new = _collect(rows, black_box, imitation, s.transitions // (s.rounds * s.n_envs))
            pairs = new if pairs is None else pairs.extended(new)
            scaling = normaliser if normaliser is not None else _normaliser_of(pairs.observations)
            fitted = fit(pairs, scaling)
            epochs.append(fitted.epochs)
            imitation = _as_policy(fitted, rows, scaling, name)
    assert imitation is not None
    assert pairs is not None
    return TrainedSurrogate(imitation, fitted.error, fitted.baseline, len(pairs.actions), tuple(epochs))


def _as_policy(fitted: Fitted, rows: EnvRows, normaliser: Normaliser, name: str) -> Policy:
    discrete = isinstance(rows.action_space, gym.spaces.Discrete)
    return Policy(
        fitted.network,
        rows.observation_space,
        rows.action_space,
        head="categorical" if discrete else "gaussian",
        std=None if discrete else fitted.std,
        normaliser=normaliser,
        name=name,
    )


class _BlackBoxActor:
    """Queries the policy in a batch of environments, and keeps the histories of a history-dependent policy."""

    def __init__(self, victim: Policy | BlackBox, n_envs: int) -> None:
        self._rollouts = Rollouts(victim, n_envs) if isinstance(victim, Policy) else None
        self._query: BlackBox = victim.act_batch if isinstance(victim, Batched) else victim
        self._n_envs = n_envs

    def act(self, observations: Array) -> NDArray[Any]:
        """Return the policy's actions, one per environment."""
        actions = np.asarray((self._query if self._rollouts is None else self._rollouts.act)(observations))
        if len(actions) != self._n_envs or not np.isfinite(actions).all():
            raise AgentError(f"expected one finite action per observation, got {actions!r}")
        return actions

    def observe_transition(self, executed: NDArray[Any], step: RowStep) -> None:
        """Record executed actions and rewards; clear the history of environments whose episode ended."""
        if self._rollouts is not None:
            self._rollouts.record(executed, step.rewards)
            self._rollouts.reset(np.flatnonzero(step.done))

    def reset(self) -> None:
        """Clear the history of every environment."""
        if self._rollouts is not None:
            self._rollouts.reset()


def _collect(rows: EnvRows, black_box: _BlackBoxActor, imitation: Policy | None, steps: int) -> Pairs:
    """Take ``steps`` steps in each environment, acting with the imitation if there is one; label with the policy."""
    observations, actions = [], []
    current = rows.reset()
    black_box.reset()
    for _ in range(steps):
        labels = black_box.act(current)
        observations.append(current.copy())
        actions.append(labels)
        executed = labels if imitation is None else imitation.act_batch(current)
        step = rows.step(executed)
        current = step.observations
        black_box.observe_transition(executed, step)
    held_out = np.tile(np.arange(rows.n_envs) == 0, steps)
    return Pairs(np.concatenate(observations), np.concatenate(actions), held_out)


def _normaliser_of(observations: Array) -> Normaliser:
    """Return mean and standard deviation; constant entries are not scaled, and 10 is the clip range of SB3."""
    std = observations.std(axis=0)
    return Normaliser(observations.mean(axis=0), np.where(std > 1e-8, std, 1.0), 10.0)
