"""The defended agent: Stable-Baselines3's PPO with room for a further term, and a memory for its best checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.budget import Ball
from quintain.attacks.defences.settings import Checkpoint, DefenceSettings, Defended, Progress
from quintain.attacks.defences.world import AgentWorld
from quintain.attacks.divergence import MAD
from quintain.attacks.observation import Method, ObservationPerturbation
from quintain.attacks.schedule import ALWAYS
from quintain.attacks.venv import as_venv
from quintain.attacks.wrappers import apply_attack
from quintain.errors import require
from quintain.seeding import SeedStream
from quintain.training.control import Episode, play_episodes

__all__ = ["Penalty", "RobustAgent"]

#: From the mean network, its standard deviations and normalised observations to a term of the loss, shape ``(n,)``.
Penalty = Callable[[Any, Any, Any], Any]


class RobustAgent:
    """An agent in training, one PPO iteration at a time.

    Args:
        make: Makes an environment.
        epsilon: Budget, >= 0, in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        normaliser: Statistics of observations; ``None`` for running ones.
        seed: Root seed.
        name: Of the victim that comes out.
        progress: Hears of every iteration.

    Attributes:
        penalty: Added to PPO's loss, averaged over the batch; ``None`` for nothing.
        before_update: Called between gathering a rollout and learning from it.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        *,
        epsilon: float,
        space: Space,
        settings: DefenceSettings,
        normaliser: Normaliser | None,
        seed: int,
        name: str,
        progress: Progress | None,
    ) -> None:
        sb3 = require("stable_baselines3", "rl", "defences")
        wrappers = require("stable_baselines3.common.vec_env", "rl", "defences")
        self.torch = require("torch", "rl", "defences")
        self.torch.set_num_threads(1)
        seeds = SeedStream(seed, "defence")
        self.make, self.settings, self.name, self.progress = make, settings, name, progress
        self.full = Ball(epsilon)
        self.world = AgentWorld(make, settings.envs, space, normaliser, seeds)
        self.generator = self.torch.Generator().manual_seed(seeds.child("torch").seed)
        self.penalty: Penalty | None = None
        self.before_update: Callable[[], None] | None = None
        self.venv = wrappers.VecNormalize(as_venv(self.world), norm_obs=False, gamma=settings.gamma)
        self.model: Any = None
        self.model = self._algorithm(sb3)(
            self._policy(),
            self.venv,
            learning_rate=self._rate,
            n_steps=settings.rollout,
            batch_size=settings.batch,
            n_epochs=settings.epochs,
            ent_coef=1.0,  # the policy hands over minus the penalty where PPO expects the entropy
            gamma=settings.gamma,
            seed=seeds.child("training").seed % 2**31,
            policy_kwargs={"net_arch": [64, 64]},
            device="cpu",
        )
        self._chosen_on = [seeds.child("evaluation")[i] for i in range(settings.episodes)]
        self._curve: list[Checkpoint] = []
        self._best: tuple[tuple[bool, tuple[float, float]], Checkpoint, Policy] | None = None

    def _algorithm(self, sb3: Any) -> Any:
        agent = self

        class PPO(sb3.PPO):  # type: ignore[misc]
            def train(self) -> None:
                if agent.before_update is not None:
                    agent.before_update()
                super().train()

        return PPO

    def _policy(self) -> Any:
        from stable_baselines3.common.policies import ActorCriticPolicy

        agent = self

        class Policy(ActorCriticPolicy):  # type: ignore[misc]
            def evaluate_actions(self, obs: Any, actions: Any) -> tuple[Any, Any, Any]:
                values, log_prob, entropy = super().evaluate_actions(obs, actions)
                return values, log_prob, -agent.penalty_at(obs, agent.torch.zeros_like(entropy))

        return Policy

    def _rate(self, _: float) -> float:
        s = self.settings
        before = 0 if self.model is None else self.steps - s.envs * s.rollout  # the last iteration shall learn, too
        return s.learning_rate * (1 - before / s.steps)

    def penalty_at(self, x: Any, nothing: Any) -> Any:
        """Return the further term of the loss on a batch."""
        if self.penalty is None or self.world.ball.epsilon == 0:
            return nothing
        return self.penalty(self.mean_network, self.model.policy.log_std.exp(), x)

    @property
    def mean_network(self) -> Any:
        """The policy's mean as one ``torch.nn.Sequential``; it follows training."""
        policy = self.model.policy
        return self.torch.nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return int(self.model.num_timesteps)

    @property
    def going(self) -> bool:
        """Whether there are steps left."""
        return self.steps < self.settings.steps

    def victim(self) -> Policy:
        """Return the agent as it is now; it does not follow further training."""
        made = Policy.from_sb3(self.model, normaliser=self.world.normaliser, name=self.name)
        made.observation_space = self.world.true_space
        return made

    def prepare(self) -> float:
        """Set the budget of the next iteration, and return it."""
        epsilon = self.settings.budget(self.steps, self.full.epsilon)
        if epsilon > 0:
            self.world.freeze()
        self.world.ball = Ball(epsilon)
        return epsilon

    def iterate(self, attack: Method | None = None) -> None:
        """Gather one rollout under ``attack`` and learn from what was seen in it."""
        self.world.attack = attack
        self.model.learn(self.settings.envs * self.settings.rollout, reset_num_timesteps=False)
        if self.progress is not None:
            self.progress("agent", self.steps)

    def consider(self, attacks: Sequence[Method] = ()) -> None:
        """Evaluate, if it is time to, clean and under MAD and ``attacks``; keep the checkpoint if it is the best."""
        every = self.settings.evaluate_every
        if self.going and self.steps // every == (self.steps - self.settings.envs * self.settings.rollout) // every:
            return
        victim = self.victim()
        clean = self._play(victim, None)
        worst = min((self._play(victim, method) for method in (MAD(victim, self.world.space), *attacks)), key=_returns)
        point = Checkpoint(self.steps, _returns(clean), _returns(worst), _successes(clean), _successes(worst))
        self._curve.append(point)
        # A checkpoint from before the full budget stands back, however good its score.
        rank = (self.world.ball.epsilon >= self.full.epsilon, point.score)
        if self._best is None or rank > self._best[0]:
            self._best = rank, point, victim

    def train(self) -> Defended:
        """Train without an attacker, to the end, and return the best checkpoint."""
        try:
            while self.going:
                self.prepare()
                self.iterate()
                self.consider()
            return self.result()
        finally:
            self.close()

    def result(self) -> Defended:
        """Return the best checkpoint."""
        assert self._best is not None
        _, chosen, victim = self._best
        return Defended(victim, chosen, tuple(self._curve))

    def close(self) -> None:
        """Close the environments."""
        self.venv.close()

    def _play(self, victim: Policy, method: Method | None) -> list[Episode]:
        if method is None:
            return play_episodes(self.make, victim, self._chosen_on)
        arguments = (self.full.epsilon, self.full.norm, self.world.space, ALWAYS, "")
        return play_episodes(
            self.make,
            victim,
            self._chosen_on,
            wrap=lambda env: apply_attack(env, ObservationPerturbation.on(victim, method, *arguments)),
        )


def _returns(episodes: Sequence[Episode]) -> float:
    return float(np.mean([e.reward for e in episodes]))


def _successes(episodes: Sequence[Episode]) -> float | None:
    flags = [e.success for e in episodes if e.success is not None]
    return float(np.mean(flags)) if flags else None
