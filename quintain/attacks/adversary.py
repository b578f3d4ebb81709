"""Training of adversaries by PPO: SA-RL, and the director of PA-AD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import gymnasium as gym

from quintain.agents.policies import Policy, Space
from quintain.attacks.adversary_envs import AdversaryEnvs, AdversaryKind, Objective
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.learned import LearnedMethod, actor_network
from quintain.attacks.observation import Method
from quintain.attacks.pa_ad import PAAD
from quintain.attacks.venv import as_venv
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.control.ppo import make_ppo
from quintain.training.control.settings import PPOSettings
from quintain.training.control.threads import one_thread

__all__ = ["ADVERSARY_PPO", "AdversaryLearner", "AdversarySettings", "train_adversary"]


#: PPO of the adversary. Chosen for short runs on one core; what is not named has Stable-Baselines3's default.
ADVERSARY_PPO = PPOSettings(n_envs=16, n_steps=128, batch_size=256, log_std_init=-0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarySettings:
    """Hyper-parameters of the adversary's training.

    The published attack trains with 216 combinations of hyper-parameters and keeps the strongest adversary; these
    defaults are one combination, chosen for short runs on one core.

    Attributes:
        steps: Environment steps in total, >= 1. The learning rate falls linearly to 0 over these. Default: 200,000.
        ppo: Hyper-parameters of PPO. Default: :data:`ADVERSARY_PPO`.
    """

    steps: int = 200_000
    ppo: PPOSettings = ADVERSARY_PPO


def train_adversary(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    kind: AdversaryKind = "sa-rl",
    epsilon: float,
    norm: Norm = "linf",
    space: Space = "raw",
    objective: Objective = "return",
    settings: AdversarySettings = AdversarySettings(),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Method:
    """Train an adversary of a frozen policy.

    For a frozen policy, perturbing its observations is a Markov decision process whose actions are the perturbations
    (Zhang et al. 2021, lemma 1), which PPO optimises. ``sa-rl`` perturbs directly, as a black box; ``pa-ad`` outputs
    directions of the policy's action and needs its gradient (Sun et al. 2022).

    Differences: the published attacks search many hyper-parameters and keep the strongest adversary.

    Args:
        make_env: Makes one environment, not under attack.
        victim: The policy under attack; may be history-dependent.
        kind: Action space of the adversary: ``"sa-rl"`` (perturbations) or ``"pa-ad"`` (directions of the policy's
            action). Default: ``"sa-rl"``.
        epsilon: Budget, >= 0, in units of ``space``.
        norm: Norm of the budget, ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations. Default: ``"raw"``.
        objective: Reward of the adversary: ``"return"`` for minus the environment's reward, ``"target"`` for
            ``info["attacker_reward"]``. Default: ``"return"``.
        settings: PPO hyper-parameters of the adversary.
        seed: Root seed; equal seeds give equal adversaries. Default: 0.
        progress: Called with the number of environment steps so far, after each step of all environments.

    Returns:
        The attack, deterministic; apply it with :func:`~quintain.attacks.learned.LearnedAttack`.

    Raises:
        CapabilityError: If the policy lacks what the attack needs.
        ConfigurationError: If an argument is unknown, or budget, space and environment do not fit.
        EnvironmentFault: If the objective is ``"target"`` and the environment reports no ``info["attacker_reward"]``.
    """
    learner = AdversaryLearner(
        make_env, victim, kind=kind, epsilon=epsilon, norm=norm, space=space, objective=objective, settings=settings,
        seed=seed,
    )  # fmt: skip
    try:
        learner.learn(settings.steps, progress)
        return learner.method()
    finally:
        learner.close()


class AdversaryLearner:
    """An adversary in training, which can be continued, also against a changed policy.

    Arguments and errors are those of :func:`train_adversary`.
    """

    @one_thread()
    def __init__(
        self,
        make_env: Callable[[], gym.Env[Any, Any]],
        victim: Policy,
        *,
        kind: AdversaryKind = "sa-rl",
        epsilon: float,
        norm: Norm = "linf",
        space: Space = "raw",
        objective: Objective = "return",
        settings: AdversarySettings = AdversarySettings(),
        seed: int = 0,
    ) -> None:
        if kind not in get_args(AdversaryKind) or objective not in get_args(Objective):
            raise ConfigurationError(
                f"kind must be 'sa-rl' or 'pa-ad' and objective 'return' or 'target', got {kind!r} and {objective!r}"
            )
        vec_env = require("stable_baselines3.common.vec_env", "rl", "learned attacks")
        ppo = settings.ppo
        self._kind = kind
        self._envs = AdversaryEnvs(make_env, victim, kind, Ball(epsilon, norm), space, objective, ppo.n_envs, seed)
        self._venv = vec_env.VecNormalize(as_venv(self._envs), norm_obs=False, gamma=ppo.gamma)
        self._model: Any = None

        def learning_rate(_: float) -> float:
            done = 0 if self._model is None else self._model.num_timesteps
            return ppo.learning_rate * max(0.0, 1 - done / settings.steps)

        model_seed = SeedStream(seed, "adversary", "training").seed
        self._model = make_ppo(self._venv, ppo, seed=model_seed, learning_rate=learning_rate)

    @one_thread()
    def learn(self, steps: int, progress: Callable[[int], None] | None = None) -> None:
        """Train for at least ``steps`` further environment steps; ``progress`` is called with the steps so far."""

        def callback(locals_: dict[str, Any], globals_: dict[str, Any]) -> bool:
            if progress is not None:
                progress(int(locals_["self"].num_timesteps))
            return True

        self._model.learn(steps, callback=callback, reset_num_timesteps=False)

    def set_policy(self, victim: Policy) -> None:
        """Attack ``victim`` from the next step on."""
        self._envs.set_policy(victim)

    def method(self) -> Method:
        """Return the adversary as it is now, deterministic; further training does not change what was returned."""
        network = actor_network(self._model.policy)
        victim, space = self._envs.victim, self._envs.space
        return PAAD(victim, network, space) if self._kind == "pa-ad" else LearnedMethod(victim, network, space)

    def close(self) -> None:
        """Close the environments."""
        self._venv.close()
