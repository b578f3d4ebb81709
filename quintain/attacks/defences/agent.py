"""An agent in adversarial training: Stable-Baselines3's PPO with an additional loss, evaluated clean and attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.budget import Ball
from quintain.attacks.defences.perturbed_envs import PerturbedEnvs
from quintain.attacks.defences.settings import Checkpoint, DefenceSettings, Defended, Progress
from quintain.attacks.divergence import MAD
from quintain.attacks.observation import Method, ObservationPerturbation
from quintain.attacks.schedule import ALWAYS
from quintain.attacks.venv import as_venv
from quintain.attacks.wrappers import apply_attack
from quintain.errors import require
from quintain.seeding import SeedStream
from quintain.training.control import Episode, play_episodes
from quintain.training.control.ppo import make_ppo, success_rate
from quintain.training.control.threads import one_thread

__all__ = ["Opponent", "Penalty", "RobustAgent"]

#: A term of the loss, shape ``(n,)``, from the network of the action's mean, the action's standard deviations, and
#: normalised observations, ``(n, d)``.
Penalty = Callable[[Any, Any, Any], Any]


class Opponent(Protocol):
    """An adversary that trains in turn with the agent."""

    def method(self) -> Method:
        """Return the current attack."""
        ...

    def update(self, policy: Policy) -> None:
        """Train against the agent's current policy, for as many steps as the agent has just made."""
        ...

    def close(self) -> None:
        """Close its environments."""
        ...


class RobustAgent:
    """PPO on perturbed observations, one iteration (rollout and update) at a time.

    Args:
        make_env: Makes one environment, not under attack.
        epsilon: Full budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` or ``"normalised"``.
        settings: Hyper-parameters of PPO and of the defence.
        normaliser: Statistics of observations; ``None`` for running ones, frozen after the warm-up.
        seed: Root seed; equal seeds give equal agents.
        name: Name of the policy in reports.
        progress: Called after each update.

    Attributes:
        envs: The environments of the rollouts.
        penalty: Additional term of PPO's loss, averaged over the batch; ``None`` for none.
        before_update: Called between a rollout and the update; ``None`` for nothing.

    Raises:
        ConfigurationError: If the environment's spaces do not fit; actions have to be continuous.
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """

    @one_thread()
    def __init__(
        self,
        make_env: Callable[[], gym.Env[Any, Any]],
        *,
        epsilon: float,
        space: Space,
        settings: DefenceSettings,
        normaliser: Normaliser | None,
        seed: int,
        name: str,
        progress: Progress | None,
    ) -> None:
        vec_env = require("stable_baselines3.common.vec_env", "rl", "defences")
        self.torch = require("torch", "rl", "defences")
        seeds = SeedStream(seed, "defence")
        self.make_env, self.settings, self.name, self.progress = make_env, settings, name, progress
        self.full = Ball(epsilon)
        self.envs = PerturbedEnvs(make_env, settings.ppo.n_envs, space, normaliser, seeds)
        self.generator = self.torch.Generator().manual_seed(seeds.child("torch").seed)
        self.penalty: Penalty | None = None
        self.before_update: Callable[[], None] | None = None
        self.venv = vec_env.VecNormalize(as_venv(self.envs), norm_obs=False, gamma=settings.ppo.gamma)
        self.model: Any = None
        self.model = make_ppo(
            self.venv,
            replace(settings.ppo, ent_coef=1.0),  # PPO subtracts ent_coef times what _policy_class returns as entropy
            seed=seeds.child("training").seed,
            policy=self._policy_class(),
            learning_rate=self._learning_rate,
            algorithm=self._algorithm(),
        )
        self._eval_seeds = [seeds.child("evaluation")[i] for i in range(settings.n_eval_episodes)]
        self._curve: list[Checkpoint] = []
        self._best: tuple[tuple[bool, tuple[float, float]], Checkpoint, Policy] | None = None

    def _algorithm(self) -> Any:
        from stable_baselines3 import PPO

        agent = self

        class PPOWithHook(PPO):  # type: ignore[misc]
            def train(self) -> None:
                if agent.before_update is not None:
                    agent.before_update()
                super().train()

        return PPOWithHook

    def _policy_class(self) -> Any:
        from stable_baselines3.common.policies import ActorCriticPolicy

        agent = self

        class PolicyWithPenalty(ActorCriticPolicy):  # type: ignore[misc]
            def evaluate_actions(self, obs: Any, actions: Any) -> tuple[Any, Any, Any]:
                values, log_prob, entropy = super().evaluate_actions(obs, actions)
                bonus = -agent.penalty_at(obs, agent.torch.zeros_like(entropy))
                if agent.settings.ppo.ent_coef:
                    bonus = bonus + agent.settings.ppo.ent_coef * entropy
                return values, log_prob, bonus

        return PolicyWithPenalty

    def _learning_rate(self, _: float) -> float:
        # Stable-Baselines3 asks after the rollout; without its steps the last iteration still has a rate above 0.
        before = 0 if self.model is None else self.steps - self.settings.ppo.rollout_size
        return self.settings.ppo.learning_rate * (1 - before / self.settings.steps)

    def penalty_at(self, x: Any, zeros: Any) -> Any:
        """Return the additional term of the loss on a batch, ``(n,)``; ``zeros`` where there is none."""
        if self.penalty is None or self.envs.ball.epsilon == 0:
            return zeros
        return self.penalty(self.mean_network, self.model.policy.log_std.exp(), x)

    @property
    def mean_network(self) -> Any:
        """The network of the action's mean as a ``torch.nn.Sequential`` that shares its weights with the agent."""
        policy = self.model.policy
        return self.torch.nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return int(self.model.num_timesteps)

    @property
    def is_done(self) -> bool:
        """Whether all steps are made."""
        return self.steps >= self.settings.steps

    def policy(self) -> Policy:
        """Return the current policy; further training does not change it."""
        policy = Policy.from_sb3(self.model, normaliser=self.envs.normaliser, name=self.name)
        policy.observation_space = self.envs.true_space
        return policy

    def set_budget(self) -> float:
        """Set the budget of the next iteration, and return it. Above 0, statistics of observations are frozen."""
        epsilon = self.settings.budget(self.steps, self.full.epsilon)
        if epsilon > 0:
            self.envs.freeze()
        self.envs.ball = Ball(epsilon)
        return epsilon

    @one_thread()
    def iterate(self, attack: Method | None = None, opponent: Opponent | None = None) -> None:
        """Collect a rollout, update the agent, update the opponent, and evaluate every ``eval_freq`` steps.

        Args:
            attack: The attack during the rollout and in the evaluation. Default: the opponent's.
            opponent: Adversary that trains in turn with the agent; the evaluation uses its attack after its update.
        """
        self.envs.attack = attack if opponent is None else opponent.method()
        self.model.learn(self.settings.ppo.rollout_size, reset_num_timesteps=False)
        if self.progress is not None:
            self.progress("agent", self.steps)
        if opponent is not None:
            opponent.update(self.policy())
            attack = opponent.method()
        every = self.settings.eval_freq
        if self.is_done or self.steps // every > (self.steps - self.settings.ppo.rollout_size) // every:
            self._evaluate(() if attack is None else (attack,))

    def train(self, make_opponent: Callable[[], Opponent] | None = None) -> Defended:
        """Train to the end, and return the best checkpoint.

        Args:
            make_opponent: Makes the adversary, when the budget is above 0 for the first time. Default: none.
        """
        opponent: Opponent | None = None
        try:
            while not self.is_done:
                if self.set_budget() > 0 and opponent is None and make_opponent is not None:
                    opponent = make_opponent()
                self.iterate(opponent=opponent)
            return self.result()
        finally:
            self.close()
            if opponent is not None:
                opponent.close()

    def result(self) -> Defended:
        """Return the best checkpoint so far."""
        assert self._best is not None
        _, chosen, policy = self._best
        return Defended(policy, chosen, tuple(self._curve))

    def close(self) -> None:
        """Close the environments."""
        self.venv.close()

    def _evaluate(self, attacks: Sequence[Method]) -> None:
        """Evaluate without an attack, under MAD and under ``attacks``; keep the checkpoint if it is the best so far."""
        policy = self.policy()
        clean = self._play(policy, None)
        worst = min((self._play(policy, method) for method in (MAD(policy, self.envs.space), *attacks)), key=_return)
        point = Checkpoint(self.steps, _return(clean), _return(worst), success_rate(clean), success_rate(worst))
        self._curve.append(point)
        # Any checkpoint of the full budget ranks above those from before it.
        rank = (self.envs.ball.epsilon >= self.full.epsilon, point.score)
        if self._best is None or rank > self._best[0]:
            self._best = rank, point, policy

    def _play(self, policy: Policy, method: Method | None) -> list[Episode]:
        if method is None:
            return play_episodes(self.make_env, policy, self._eval_seeds)
        arguments = (self.full.epsilon, self.full.norm, self.envs.space, ALWAYS, "")
        return play_episodes(
            self.make_env,
            policy,
            self._eval_seeds,
            wrap=lambda env: apply_attack(env, ObservationPerturbation.on(policy, method, *arguments)),
        )


def _return(episodes: Sequence[Episode]) -> float:
    return float(np.mean([e.reward for e in episodes]))
