"""Training an adversary by reinforcement learning: SA-RL, and the director of PA-AD."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies import Policy, Rollouts, Space
from quintain.attacks.budget import Ball, Norm, enforce
from quintain.attacks.learned import LearnedMethod, actor_network, scaled
from quintain.attacks.observation import Method
from quintain.attacks.pa_ad import PAAD
from quintain.attacks.view import check_space
from quintain.errors import ConfigurationError, EnvironmentFault, require
from quintain.seeding import SeedStream

__all__ = ["AdversaryLearner", "AdversarySettings", "as_venv", "train_adversary"]

Array = NDArray[np.floating[Any]]
#: ``return``: minus the victim's reward. ``target``: what the environment reports as ``info["attacker_reward"]``.
Objective = Literal["return", "target"]


@dataclass(frozen=True, slots=True)
class AdversarySettings:
    """PPO of the adversary. The published attack searches a grid of 216 settings and keeps the strongest; this is one.

    Attributes:
        steps: Environment steps in all.
        envs: Environments played at once.
        rollout: Steps per environment between updates.
        batch: Transitions per gradient step.
        epochs: Passes over each rollout.
        learning_rate: Of Adam.
        clip: PPO's clip range.
        entropy: Weight of the entropy bonus.
        gamma: Discount.
    """

    steps: int = 200_000
    envs: int = 16
    rollout: int = 128
    batch: int = 256
    epochs: int = 10
    learning_rate: float = 3e-4
    clip: float = 0.2
    entropy: float = 0.0
    gamma: float = 0.99


def train_adversary(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    kind: Literal["sa-rl", "pa-ad"] = "sa-rl",
    epsilon: float,
    norm: Norm = "linf",
    space: Space = "raw",
    objective: Objective = "return",
    settings: AdversarySettings = AdversarySettings(),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Method:
    """Train the optimal adversary of a frozen victim.

    For a frozen victim, perturbing is an ordinary decision process whose actions are the perturbations (Zhang et al.
    2021, lemma 1); PPO solves it. ``sa-rl`` perturbs directly, as a black box; ``pa-ad`` names directions for the
    victim's action and needs its gradient (Sun et al. 2022).

    Differences: the published attacks search many settings and keep the strongest.

    Args:
        make: Makes an environment as the victim knows it.
        victim: The victim.
        kind: Which attack.
        epsilon: Budget, >= 0.
        norm: Norm of the budget.
        space: Where the budget is measured.
        objective: What the adversary wants.
        settings: How it learns.
        seed: Root seed; equal seeds give equal adversaries.
        progress: Called with the steps so far, after each step of all environments.

    Returns:
        The attack, deterministic; wrap an environment with
        :func:`~quintain.attacks.learned.LearnedAttack`.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If budget, space and environment do not fit.
    """
    learner = AdversaryLearner(
        make, victim, kind=kind, epsilon=epsilon, norm=norm, space=space, objective=objective, settings=settings,
        seed=seed,
    )  # fmt: skip
    try:
        learner.learn(settings.steps, progress)
        return learner.method()
    finally:
        learner.close()


class AdversaryLearner:
    """An adversary in training, which can be continued and turned on a victim that has changed meanwhile.

    The learning rate falls to 0 over ``settings.steps``. Arguments and errors are those of :func:`train_adversary`.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        victim: Policy,
        *,
        kind: Literal["sa-rl", "pa-ad"] = "sa-rl",
        epsilon: float,
        norm: Norm = "linf",
        space: Space = "raw",
        objective: Objective = "return",
        settings: AdversarySettings = AdversarySettings(),
        seed: int = 0,
    ) -> None:
        if kind not in ("sa-rl", "pa-ad") or objective not in ("return", "target"):
            raise ConfigurationError(
                f"kind must be 'sa-rl' or 'pa-ad' and objective 'return' or 'target', got {kind!r}"
            )
        sb3 = require("stable_baselines3", "rl", "learned attacks")
        wrappers = require("stable_baselines3.common.vec_env", "rl", "learned attacks")
        torch = require("torch", "rl", "learned attacks")
        torch.set_num_threads(1)
        self._kind = kind
        self._world = _Perturbing(make, victim, kind, Ball(epsilon, norm), space, objective, settings.envs, seed)
        self._venv = wrappers.VecNormalize(as_venv(self._world, wrappers), norm_obs=False, gamma=settings.gamma)

        self._model: Any = None

        def rate(_: float) -> float:
            done = 0 if self._model is None else self._model.num_timesteps
            return settings.learning_rate * max(0.0, 1 - done / settings.steps)

        self._model = sb3.PPO(
            "MlpPolicy",
            self._venv,
            learning_rate=rate,
            n_steps=settings.rollout,
            batch_size=settings.batch,
            n_epochs=settings.epochs,
            clip_range=settings.clip,
            ent_coef=settings.entropy,
            gamma=settings.gamma,
            seed=SeedStream(seed, "adversary", "training").seed % 2**31,
            policy_kwargs={"net_arch": [64, 64], "log_std_init": -0.5},
            device="cpu",
        )

    def learn(self, steps: int, progress: Callable[[int], None] | None = None) -> None:
        """Go on for at least ``steps`` environment steps; ``progress`` hears the steps so far."""

        def tell(locals_: dict[str, Any], globals_: dict[str, Any]) -> bool:
            if progress is not None:
                progress(int(locals_["self"].num_timesteps))
            return True

        self._model.learn(steps, callback=tell, reset_num_timesteps=False)

    def face(self, victim: Policy) -> None:
        """Turn on another victim, from the next step on."""
        self._world.face(victim)

    def method(self) -> Method:
        """Return the adversary as it is now, deterministic; it does not follow further training."""
        network = actor_network(self._model.policy)
        victim, space = self._world.victim, self._world.space
        return (
            PAAD(victim, network, space) if self._kind == "pa-ad" else LearnedMethod(victim, network, space, self._kind)
        )

    def close(self) -> None:
        """Close the environments."""
        self._venv.close()


class _Perturbing:
    """The adversary's world: its actions are perturbations, its reward is the victim's misfortune. All rows at once."""

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        victim: Policy,
        kind: str,
        ball: Ball,
        space: Space,
        objective: Objective,
        rows: int,
        seed: int,
    ) -> None:
        self.kind, self.ball, self.space, self.objective, self.rows = kind, ball, space, objective, rows
        self.face(victim)
        width = int(np.prod((victim.action_space if kind == "pa-ad" else victim.observation_space).shape or ()))
        self.envs = [make() for _ in range(rows)]
        self.seeds = map(SeedStream(seed, "adversary", "episode").__getitem__, itertools.count())
        self.rng = SeedStream(seed, "adversary", "noise").generator()
        self.observation_space = spaces.Box(-np.inf, np.inf, victim.observation_space.shape, np.float32)
        # Half as wide again as what has an effect: at the bounds of the ball the clip still has a gradient.
        self.action_space = spaces.Box(-1.5, 1.5, (width,), np.float32)
        self.true: Array = np.zeros((rows, self.observation_space.shape[0]))

    def face(self, victim: Policy) -> None:
        self.victim, self.player = victim, Rollouts(victim, self.rows)
        self.director = PAAD(victim, victim.policy, self.space) if self.kind == "pa-ad" else None
        self.mean: Array | float = 0.0
        self.scale: Array | float = 1.0
        check_space(victim, self.space)
        if self.space == "normalised" and victim.normaliser is not None:
            self.mean, self.scale = victim.normaliser.mean, victim.normaliser.scale

    def reset(self) -> Array:
        self.true = np.stack([env.reset(seed=next(self.seeds))[0] for env in self.envs])
        self.player.restart()
        return self.shown(self.true)

    def shown(self, true: Array) -> Array:
        return np.asarray(self.victim.normalise(true), dtype=np.float32)

    def step(self, actions: Array) -> tuple[Array, Array, NDArray[np.bool_], list[dict[str, Any]]]:
        z = (self.true.astype(np.float64) - self.mean) / self.scale
        if self.director is None:
            delta = scaled(actions, self.ball)
        else:
            noise = np.stack([self.director.draw(self.rng, self.ball, z.shape[1]) for _ in self.envs])
            director = self.director.with_history(self.player, np.arange(self.rows))
            delta = director.step(z, noise, director.towards(z, actions), self.ball)
        seen, _ = enforce(self.true, delta, self.ball, self.scale)
        paid, rewards, done = np.zeros(self.rows), np.zeros(self.rows), np.zeros(self.rows, dtype=np.bool_)
        infos: list[dict[str, Any]] = []
        following = np.empty_like(self.true)
        executed = self.player.act(seen)
        for i, (env, action) in enumerate(zip(self.envs, executed, strict=True)):
            following[i], paid[i], terminated, truncated, info = env.step(action)
            rewards[i] = -paid[i] if self.objective == "return" else _target(info)
            done[i] = terminated or truncated
            told: dict[str, Any] = {"TimeLimit.truncated": truncated and not terminated}
            if done[i]:
                told["terminal_observation"] = self.shown(following[i][None])[0]
                following[i] = env.reset(seed=next(self.seeds))[0]
            infos.append(told)
        self.player.did(executed, paid)
        self.player.restart(np.flatnonzero(done))
        self.true = following
        return self.shown(following), rewards, done, infos

    def close(self) -> None:
        for env in self.envs:
            env.close()


def _target(info: dict[str, Any]) -> float:
    if "attacker_reward" not in info:
        raise EnvironmentFault("objective 'target' needs an environment that reports info['attacker_reward']")
    return float(info["attacker_reward"])


def as_venv(world: Any, wrappers: Any) -> Any:
    """Show a world that steps all its rows at once to Stable-Baselines3 as one of its vector environments.

    Args:
        world: Has ``envs``, both spaces, ``reset()``, ``step(actions)`` and ``close()``.
        wrappers: ``stable_baselines3.common.vec_env``.
    """

    class Venv(wrappers.VecEnv):  # type: ignore[misc]
        def __init__(self) -> None:
            self._actions: Any = None
            self.render_mode = None
            super().__init__(len(world.envs), world.observation_space, world.action_space)

        def reset(self) -> Any:
            return world.reset()

        def step_async(self, actions: Any) -> None:
            self._actions = actions

        def step_wait(self) -> Any:
            return world.step(self._actions)

        def close(self) -> None:
            world.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [None] * self.num_envs

        # Stable-Baselines3 demands these two of every VecEnv; what is trained here never calls them.
        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError(f"this world has no attribute {attr_name!r} to set")

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            raise NotImplementedError(f"this world has no method {method_name!r}")

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

    return Venv()
