"""RAT: learn from preferences what the attacker wants, then a policy that does it, then the lies that cause it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.victims import Space, Victim, as_network
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.learned import Learned
from quintain.attacks.rat.learners import Adversary, IntentionPolicy
from quintain.attacks.rat.memory import Memory
from quintain.attacks.rat.networks import gaussian_of
from quintain.attacks.rat.preferences import RewardEnsemble, scripted_label
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.view import View
from quintain.errors import ConfigurationError, EnvironmentFault, require
from quintain.seeding import SeedStream

__all__ = ["TrainedRAT", "train_rat"]

Array = NDArray[np.floating[Any]]
_DEFAULTS = RATSettings()


@dataclass(frozen=True, slots=True)
class TrainedRAT:
    """What training gives.

    Attributes:
        method: The attack, for :func:`~quintain.attacks.catalogue.LearnedAttack` or ``RATAttack``.
        intention: The policy that shows what the attacker wants, as a victim of its own.
        labels: Comparisons the teacher answered.
        accuracy: Share of them that the reward ensemble predicts; NaN with the oracle's reward.
        inner_loss: Mean weighted divergence over the last hundred updates.
    """

    method: Learned
    intention: Victim
    labels: int
    accuracy: float
    inner_loss: float


def train_rat(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Victim,
    *,
    epsilon: float,
    space: Space = "raw",
    settings: RATSettings = _DEFAULTS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> TrainedRAT:
    """Train RAT (Bai et al. 2025, algorithm 1) against a frozen victim. White-box in training, l_inf.

    The environment has to report ``info["attacker_reward"]``, which a scripted teacher uses to compare segments; the
    learners see only its answers (unless ``settings.oracle``).

    Differences: small networks; the perturbed victim acts without noise while data are gathered; queries are uniform in
    even rounds and by disagreement in odd ones.

    Args:
        make: Makes an environment as the victim knows it, with a step limit.
        victim: The victim, with gradients and continuous, bounded actions.
        epsilon: Budget, >= 0, in l_inf.
        space: Where the budget is measured.
        settings: How.
        seed: Root seed; equal seeds give equal attacks.
        progress: Called with the steps so far.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If budget, settings and environment do not fit.
        EnvironmentFault: If the environment does not say what the attacker wants.
    """
    torch = require("torch", "rl", "RAT")
    torch.set_num_threads(1)
    run = _Run(torch, make, victim, Ball(epsilon), space, settings, SeedStream(seed, "rat"))
    try:
        return run.train(progress)
    finally:
        for env in run.envs:
            env.close()


class _Run:
    def __init__(
        self, torch: Any, make: Any, victim: Victim, ball: Ball, space: Space, settings: RATSettings, seeds: SeedStream
    ) -> None:
        self.torch, self.victim, self.ball, self.settings = torch, victim, ball, settings
        distribution = gaussian_of(torch, victim)
        self.envs = [make() for _ in range(settings.envs)]
        self.horizon = getattr(self.envs[0].spec, "max_episode_steps", None) or 0
        if self.horizon < settings.segment:
            raise ConfigurationError(
                f"episodes are limited to {self.horizon} steps, segments have {settings.segment}; "
                "wrap the environment in TimeLimit, or choose a shorter segment"
            )
        generator = torch.Generator().manual_seed(seeds.child("torch").seed)
        self.rng = seeds.child("numpy").generator()
        self.seeds = iter(seeds.child("episode"))
        self.states = int(np.prod(victim.observation_space.shape or ()))
        self.actions = int(np.prod(victim.action_space.shape or ()))
        self.view, self.space = View(victim, space), space
        normaliser = victim.normaliser
        self.mean: Any = normaliser.mean if normaliser is not None and space == "normalised" else 0.0
        self.scale: Any = normaliser.scale if normaliser is not None and space == "normalised" else 1.0
        raw_slope = normaliser is not None and space == "raw"
        step = torch.tensor(1 / normaliser.scale if raw_slope and normaliser else np.ones(1), dtype=torch.float32)
        clip = np.inf if normaliser is None else normaliser.clip

        def see(x: Any, lie: Any) -> Any:
            return (x + ball.epsilon * lie * step).clamp(-clip, clip)

        self.adversary = Adversary(torch, self.states, distribution, see, settings, generator)
        self.intention = IntentionPolicy(torch, self.states, self.actions, settings, generator)
        self.rewards = RewardEnsemble(
            torch, self.states + self.actions, settings.hidden, settings.ensemble, settings.learning_rate, generator
        )
        self.memory = Memory(settings.steps // settings.envs + 1, settings.envs, self.states, self.actions)
        self.accuracy = float("nan")

    def train(self, progress: Callable[[int], None] | None) -> TrainedRAT:
        s, rows = self.settings, self.settings.envs
        true = np.stack([env.reset(seed=next(self.seeds))[0] for env in self.envs])
        time, switch = np.zeros(rows, np.int64), self.rng.integers(0, self.horizon + 1, rows)
        episode, next_episode = np.arange(rows), rows
        next_feedback, adversary_updates, losses = s.explore, 0, [0.0]
        for done_steps in range(0, s.steps, rows):
            exploring = done_steps < s.explore
            x = np.asarray(self.victim.normalise(true), np.float32)
            by_victim = (time < switch) if s.mixed else np.ones(rows, np.bool_)
            unit = self.act(true, x, by_victim & (not exploring))
            following, true_reward, ended, over = self.step(unit)
            reward = true_reward if s.oracle else self.judge(x, unit)
            shown = np.asarray(self.victim.normalise(following), np.float32)
            self.memory.add(x, unit, shown, 1.0 - ended, reward, true_reward, episode)
            time += 1
            for i in np.flatnonzero(over).tolist():
                following[i] = self.envs[i].reset(seed=next(self.seeds))[0]
                time[i], switch[i] = 0, self.rng.integers(0, self.horizon + 1)
                episode[i], next_episode = next_episode, next_episode + 1
            true = following
            if done_steps >= next_feedback and not s.oracle:
                self.ask(round_=(next_feedback - s.explore) // s.feedback_every)
                next_feedback += s.feedback_every
            if self.memory.size * rows >= s.batch:
                for _ in range(s.updates):
                    self.intention.update(*self.batch(curious=exploring))
                    if not exploring:
                        states = self.batch()[0]
                        losses.append(self.adversary.update(states, self.intention))
                        adversary_updates += 1
                        if s.weighting and adversary_updates % s.outer_every == 0:
                            self.adversary.update_weights(states, self.batch()[0], self.intention)
            if progress is not None:
                progress(done_steps + rows)
        method = Learned(self.victim, as_network(self.adversary.network), self.space, "rat")
        return TrainedRAT(
            method, self.intention_policy(), len(self.rewards), self.accuracy, float(np.mean(losses[-100:]))
        )

    def act(self, true: Array, x: Array, by_victim: NDArray[np.bool_]) -> Array:
        """Return executed actions in [-1, 1]: of the deceived victim, or of the intention policy."""
        torch, space = self.torch, self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        with torch.no_grad():
            tensor = torch.from_numpy(x)
            unit: Array = self.intention.sample(tensor)[0].numpy()
            lie: Array = self.adversary.network(tensor).numpy()
        if by_victim.any():
            seen, _ = enforce(true, self.ball.epsilon * lie, self.ball, self.scale)
            executed = 2 * (self.victim.act_batch(seen) - space.low) / (space.high - space.low) - 1
            unit = np.where(by_victim[:, None], executed, unit)
        return unit

    def step(self, unit: Array) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.bool_]]:
        space = self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        actions = np.clip(space.low + (unit + 1) / 2 * (space.high - space.low), space.low, space.high)
        steps = [env.step(a) for env, a in zip(self.envs, actions.astype(space.dtype), strict=True)]
        if "attacker_reward" not in steps[0][4]:
            raise EnvironmentFault("RAT needs an environment that reports info['attacker_reward'] to its teacher")
        rewards = np.array([float(step[4]["attacker_reward"]) for step in steps])
        ended, cut = (np.array([bool(step[i]) for step in steps]) for i in (2, 3))
        return np.stack([step[0] for step in steps]), rewards, ended, ended | cut

    def judge(self, x: Array, unit: Array) -> Array:
        joined = self.torch.as_tensor(np.concatenate([x, unit], 1), dtype=self.torch.float32)
        rewards: Array = self.rewards(joined).numpy()
        return rewards

    def batch(self, curious: bool = False) -> tuple[Any, ...]:
        parts = [self.torch.from_numpy(p) for p in self.memory.batch(self.settings.batch, self.rng)]
        if curious:  # the logarithm of the distance to the 5th nearest neighbour stands for the state's entropy
            near = self.torch.cdist(parts[0], parts[3]).kthvalue(5, dim=0).values
            parts[2] = self.torch.log(1 + near)
        return tuple(parts)

    def ask(self, round_: int) -> None:
        """Let the teacher compare segments, refit the reward, and relabel everything."""
        s = self.settings
        for _ in range(min(s.queries, s.labels - len(self.rewards))):
            best: tuple[float, Any, Any] | None = None
            for _ in range(1 if round_ % 2 == 0 else 5):
                pair = self.memory.segment(s.segment, self.rng), self.memory.segment(s.segment, self.rng)
                if pair[0] is None or pair[1] is None:
                    continue
                doubt = self.rewards.disagreement(pair[0][0], pair[1][0]) if round_ % 2 else 0.0
                if best is None or doubt > best[0]:
                    best = doubt, pair[0], pair[1]
            if best is not None:
                self.rewards.add(best[1][0], best[2][0], scripted_label(best[1][1], best[2][1]))
        if len(self.rewards):
            self.accuracy = self.rewards.fit(s.reward_epochs)
            size = self.memory.size
            x, a = (part[:size].reshape(-1, part.shape[2]) for part in (self.memory.x, self.memory.action))
            self.memory.reward[:size] = self.judge(x, a).reshape(size, -1)

    def intention_policy(self) -> Victim:
        """Return the intention policy as a victim: the first half of its outputs is the mean before the tanh."""
        torch = self.torch
        last = self.intention.actor[-2]
        mean = torch.nn.utils.skip_init(torch.nn.Linear, last.in_features, self.actions)
        with torch.no_grad():
            mean.weight.copy_(last.weight[: self.actions])
            mean.bias.copy_(last.bias[: self.actions])
        policy = as_network(*list(self.intention.actor)[:-2], mean)
        victim = self.victim
        return Victim(
            policy,
            victim.observation_space,
            victim.action_space,
            head="squashed",
            normaliser=victim.normaliser,
            name="intention",
        )
