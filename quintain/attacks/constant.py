"""The best constant perturbation, found by random search: a baseline for attacks that learn.

The same perturbation is added in every step of every episode. An attack that does no better has not learned to react
to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Policy
from quintain.attacks.budget import Ball
from quintain.attacks.observation import Array, Method, Options, perturb_observations
from quintain.attacks.wrappers import EnvT
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.control import Episode, play_episodes

__all__ = ["ConstantAttack", "ConstantPerturbation", "Found", "Search", "search_constant"]


class ConstantPerturbation(Method):
    """delta = epsilon * direction, whatever the observation.

    Args:
        direction: A point of the unit ball, shape ``(d,)``.
        name: Name of the attack in reports and in ``info["attack"]``. Default: ``"constant"``.
    """

    sees = "nothing"

    def __init__(self, direction: Sequence[float] | Array, name: str = "constant") -> None:
        self.name = name
        self.direction = np.asarray(direction, dtype=np.float64)

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Return no random numbers: the method is deterministic."""
        return np.zeros((0, dimension))

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Return the same perturbation for every observation."""
        return np.broadcast_to(ball.epsilon * self.direction, z.shape)

    def config(self) -> dict[str, Any]:
        """Return the direction and the name."""
        return {"direction": self.direction.tolist(), "name": self.name}


def ConstantAttack(
    env: EnvT, victim: Policy, direction: MLP | Array, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in a constant perturbation.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack; only its normaliser is used.
        direction: A point of the unit ball, shape ``(d,)``, as :func:`search_constant` returns it; or a network whose
            last bias is one.
        epsilon: Budget, >= 0, in units of ``space``.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    point = direction.layers[-1].bias if isinstance(direction, MLP) else direction
    return perturb_observations(env, victim, ConstantPerturbation(point), epsilon, **options)


#: Candidates that a search tries at least, if need be in fewer episodes each.
_MIN_TRIALS = 40


@dataclass(frozen=True)
class Search:
    """Settings of the random search.

    Attributes:
        steps: Environment steps that all episodes of the search may take together, >= 1. Default: 100,000, as many as
            an adversary of SA-RL is trained for.
        episodes: Episodes in which each candidate is tried, the same for all, >= 1; fewer if ``steps`` would not do for
            40 candidates. Default: 10.
        finalists: Number of best candidates that are tried again, in fresh episodes and three times as many, since the
            best of many noisy means is too good; the best of these is the result. >= 1. Default: 5.
    """

    steps: int = 100_000
    episodes: int = 10
    finalists: int = 5

    def __post_init__(self) -> None:
        if min(self.steps, self.episodes, self.finalists) < 1:
            raise ConfigurationError(f"steps, episodes and finalists must be >= 1, got {self}")


class Found(NamedTuple):
    """Result of the search: a point of the unit ball, shape ``(d,)``, and JSON-able facts about the search."""

    direction: NDArray[np.float64]
    facts: dict[str, Any]


def search_constant(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    ball: Ball,
    for_attacker: bool = False,
    settings: Search = Search(),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[Options],
) -> Found:
    """Search for the constant perturbation that serves the attacker best.

    Candidates are drawn from the ball's surface: for l_inf uniformly from the corners of the box, for l2 uniformly
    from the sphere. The first is no perturbation at all.

    Args:
        make_env: Makes one environment, not under attack.
        victim: The policy under attack; may be history-dependent.
        ball: The perturbation budget: norm and radius.
        for_attacker: Compare candidates by the rate of ``info["attacker_success"]``, then by the sum of
            ``info["attacker_reward"]``; otherwise by the policy's return, the lower the better. Default: false.
        settings: Size of the search.
        seed: Root seed; equal seeds give equal results. Default: 0.
        progress: Called with the number of environment steps so far, after each candidate.
        **options: See :class:`~quintain.attacks.observation.Options`; ``space`` is that of the budget.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    stream = SeedStream(seed, "constant")
    dimension = int(np.prod(victim.observation_space.shape or ()))
    rng, used = stream.child("candidates").generator(), 0

    def value(direction: NDArray[np.float64], seeds: list[int]) -> tuple[float, ...]:
        nonlocal used

        def wrap(env: VectorEnv[Any, Any, Any]) -> VectorEnv[Any, Any, Any]:
            return _AttackerReturn(ConstantAttack(env, victim, direction, epsilon=ball.epsilon, **options))

        episodes = play_episodes(make_env, victim, seeds, wrap=wrap)
        used += sum(episode.length for episode in episodes)
        if progress is not None:
            progress(min(used, settings.steps))
        return _value(episodes, for_attacker)

    seeds = {name: [stream.child(name)[i] for i in range(3 * settings.episodes)] for name in ("first", "again")}
    value(np.zeros(dimension), seeds["first"][:1])  # tells how long an episode is
    length = used
    tried = min(settings.episodes, max(1, settings.steps // (_MIN_TRIALS * length)))
    finalists = min(settings.finalists, max(1, settings.steps // (12 * tried * length)))  # a quarter of the steps
    candidates, values = [np.zeros(dimension)], [value(np.zeros(dimension), seeds["first"][:tried])]
    while len(candidates) == 1 or used + tried * length * (1 + 3 * finalists) <= settings.steps:
        candidates.append(_surface(rng, ball, dimension))
        values.append(value(candidates[-1], seeds["first"][:tried]))
    order = sorted(range(len(candidates)), key=values.__getitem__, reverse=True)[:finalists]
    best = max(order, key=lambda i: value(candidates[i], seeds["again"][: 3 * tried]))
    return Found(candidates[best], {"steps": used, "candidates": len(candidates), "value": list(values[best])})


def _value(episodes: Sequence[Episode], for_attacker: bool) -> tuple[float, ...]:
    """Return what candidates are compared by; greater is better for the attacker."""
    if not for_attacker:
        return (-float(np.mean([episode.reward for episode in episodes])),)
    successes = [bool(episode.info.get("attacker_success", False)) for episode in episodes]
    return float(np.mean(successes)), float(np.mean([episode.info[_KEY] for episode in episodes]))


def _surface(rng: np.random.Generator, ball: Ball, dimension: int) -> NDArray[np.float64]:
    """Draw a point of the unit ball's surface."""
    if ball.norm == "linf":
        return rng.choice([-1.0, 1.0], dimension)
    point = rng.standard_normal(dimension)
    return point / np.linalg.norm(point)


_KEY = "attacker_return"


class _AttackerReturn(VectorWrapper):
    """Adds ``info["attacker_return"]``: the sum of the episode's ``info["attacker_reward"]``, 0 where there is none."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._sums = np.zeros(env.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        mask = None if options is None else options.get("reset_mask")
        self._sums = np.where(True if mask is None else mask, 0.0, self._sums)
        return self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        self._sums = self._sums + infos.get("attacker_reward", 0.0)
        reported = {_KEY: self._sums, f"_{_KEY}": np.ones(self.num_envs, dtype=np.bool_)}
        return observations, rewards, terminated, truncated, {**infos, **reported}
