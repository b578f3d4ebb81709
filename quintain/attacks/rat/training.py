"""RAT training: a reward model from preferences, an intention policy that optimises it, and the adversary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, ActionValue, Layer, Policy, Space
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.rat.gaussian import VictimGaussian
from quintain.attacks.rat.learners import Adversary, IntentionPolicy, Perturb
from quintain.attacks.rat.preferences import RewardEnsemble, query_teacher
from quintain.attacks.rat.replay_buffer import ReplayBuffer
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.view import check_space
from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows, RowStep

__all__ = ["PolicyUpdate", "TrainedRAT", "train_rat"]

Array = NDArray[np.floating[Any]]
#: Called with the number of steps so far and a function that returns the current attack; returns the policy to attack
#: from then on, or ``None`` for the same one.
PolicyUpdate = Callable[[int, Callable[[], LearnedMethod]], Policy | None]


@dataclass(frozen=True, slots=True)
class TrainedRAT:
    """Result of :func:`train_rat`.

    Attributes:
        method: The attack, for :func:`~quintain.attacks.learned.LearnedAttack` or ``RATAttack``.
        intention: The intention policy, which shows the preferred behaviour; ``None`` if there is none.
        labels: Number of comparisons that the teacher answered.
        accuracy: Share of them that the reward ensemble predicts, in [0, 1]; NaN if learners get the true reward.
        inner_loss: Mean inner loss (weighted divergence, in nats) of the last hundred updates; NaN without an intention
            policy.
    """

    method: LearnedMethod
    intention: Policy | None
    labels: int
    accuracy: float
    inner_loss: float


def train_rat(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    epsilon: float,
    space: Space = "raw",
    settings: RATSettings = RATSettings(),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    policy_update: PolicyUpdate | None = None,
) -> TrainedRAT:
    """Train RAT (Bai et al. 2025, algorithm 1) against a frozen policy, whose gradients it reads. The norm is l_inf.

    The environment has to report ``info["attacker_reward"]``, by which a scripted teacher compares segments; the
    learners receive only its answers (unless ``settings.oracle``).

    Differences: small networks; the weighting function has one hidden layer; standard deviations of actions have a
    floor; PEBBLE's random steps before the exploration are left out; the perturbed policy acts without noise while data
    are collected; queries are uniform in even rounds and chosen by disagreement in odd ones. Without
    ``settings.intention`` this is SA-RL on the learned reward, by soft actor-critic;
    :func:`~quintain.attacks.rat.baseline.train_on_preferences` is the same by PPO.

    Args:
        make_env: Makes one environment, not under attack, with a step limit.
        victim: The policy under attack, with gradients and continuous, bounded actions.
        epsilon: Budget, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` or ``"normalised"``. Default: ``"raw"``.
        settings: Hyper-parameters of RAT's three learners.
        seed: Root seed; equal seeds give equal attacks. Default: 0.
        progress: Called with the number of environment steps so far, after each step of all environments.
        policy_update: Callback that may replace the policy under attack during training, as defences do that alternate
            with RAT; the new policy has to have the same normaliser.

    Raises:
        CapabilityError: If the policy lacks what the attack needs.
        ConfigurationError: If budget, settings and environment do not fit.
        EnvironmentFault: If the environment reports no ``info["attacker_reward"]``.
    """
    training = _Training(make_env, victim, Ball(epsilon), space, settings, SeedStream(seed, "rat"))
    try:
        return training.run(progress, policy_update)
    finally:
        training.rows.close()


def _perturbation(victim: Policy, epsilon: float, space: Space) -> Perturb:
    """Return how a perturbation in [-1, 1], times epsilon, changes what the networks of ``victim`` read."""
    normaliser = victim.normaliser
    step: Any = epsilon
    if normaliser is not None and space == "raw":
        step = (epsilon / normaliser.scale).astype(np.float32)
    clip = np.inf if normaliser is None else normaliser.clip

    def perturb(z: Array, delta: Array | float) -> tuple[Array, Array]:
        perturbed = z + step * delta
        return np.clip(perturbed, -clip, clip), step * (np.abs(perturbed) < clip)

    return perturb


class _Training:
    def __init__(
        self, make_env: Any, victim: Policy, ball: Ball, space: Space, settings: RATSettings, seeds: SeedStream
    ) -> None:
        self.victim, self.ball, self.settings = victim, ball, settings
        distribution = VictimGaussian(victim)
        check_space(victim, space)
        self.rows = EnvRows(make_env, settings.n_envs, seeds.child("episode"))
        self.horizon = getattr(self.rows.spec, "max_episode_steps", None) or 0
        if self.horizon < settings.segment_length:
            self.rows.close()
            raise ConfigurationError(
                f"episodes are limited to {self.horizon} steps, segments have {settings.segment_length}; "
                "wrap the environment in TimeLimit, or choose a shorter segment"
            )
        self.rng = seeds.child("queries").generator()
        learning = seeds.child("learning").generator()
        self.state_size = int(np.prod(victim.observation_space.shape or ()))
        self.action_size = int(np.prod(victim.action_space.shape or ()))
        self.space: Space = space
        normalised = victim.normaliser is not None and space == "normalised"
        self.scale: Any = victim.normaliser.scale if normalised and victim.normaliser is not None else 1.0
        perturb = _perturbation(victim, ball.epsilon, space)
        self.adversary = Adversary(self.state_size, distribution, perturb, settings, learning)
        # Without an intention policy the same learner chooses perturbations in [-1, 1] in place of actions.
        outputs = self.action_size if settings.intention else self.state_size
        self.actor = IntentionPolicy(self.state_size, outputs, settings, learning)
        self.rewards = RewardEnsemble(self.state_size + self.action_size, settings, learning)
        length = settings.steps // settings.n_envs + 1
        self.buffer = ReplayBuffer(
            length, settings.n_envs, self.state_size, self.action_size, store_perturbations=not settings.intention
        )
        self.accuracy = float("nan")
        self.adversary_updates, self.losses = 0, list[float]()

    def run(self, progress: Callable[[int], None] | None, policy_update: PolicyUpdate | None) -> TrainedRAT:
        """Collect data and learn, to the end."""
        s, n = self.settings, self.settings.n_envs
        true_state = self.rows.reset()
        # The perturbed policy acts up to step h ~ U{0..H} of an episode, the intention policy from there on.
        time, switch = np.zeros(n, np.int64), self.rng.integers(0, self.horizon + 1, n)
        episode, next_episode = np.arange(n), n
        next_feedback = s.exploration_steps
        for steps in range(0, s.steps, n):
            exploring = steps < s.exploration_steps
            x = np.asarray(self.victim.normalise(true_state), np.float32)
            by_victim = np.ones(n, np.bool_)
            if s.intention:
                by_victim = ((time < switch) | (not s.mixed)) & (not exploring)
            action, delta = self.act(true_state, x, by_victim)
            step, true_reward = self.step(action)
            reward = true_reward if s.oracle else self.learned_reward(x, action)
            next_x = np.asarray(self.victim.normalise(step.final_observations), np.float32)
            z = true_state if self.victim.normaliser is None else self.victim.normaliser.standardise(true_state)
            self.buffer.add(x, action, next_x, 1.0 - step.terminated, reward, true_reward, episode, delta, z)
            time += 1
            for i in np.flatnonzero(step.done).tolist():
                time[i], switch[i] = 0, self.rng.integers(0, self.horizon + 1)
                episode[i], next_episode = next_episode, next_episode + 1
            true_state = step.observations
            if steps >= next_feedback and not s.oracle:
                round_ = (next_feedback - s.exploration_steps) // s.feedback_every
                self.accuracy = query_teacher(self.buffer, self.rewards, s, round_, self.rng)
                self.relabel()
                if round_ == 0 and s.reset_updates:
                    self.reset_critics()
                next_feedback += s.feedback_every
            if self.buffer.size * n >= s.batch_size:
                self.set_learning_rates(1 - steps / s.steps)
                for _ in range(s.gradient_steps):
                    self.learn(exploring)
            if progress is not None:
                progress(steps + n)
            if policy_update is not None:
                self.set_policy(policy_update(steps + n, self.method))
        return self.result()

    def result(self) -> TrainedRAT:
        intention = self.intention_policy() if self.settings.intention else None
        loss = float(np.mean(self.losses[-100:])) if self.losses else float("nan")
        return TrainedRAT(self.method(), intention, len(self.rewards), self.accuracy, loss)

    def method(self) -> LearnedMethod:
        """Return the current attack; it does not follow further training."""
        if self.settings.intention:
            return LearnedMethod(self.victim, self.adversary.network.frozen(), self.space, "rat")
        *hidden, last = self.actor.actor.frozen(self.state_size).layers
        adversary = MLP([*hidden, Layer(last.weight, last.bias, "tanh")])
        return LearnedMethod(self.victim, adversary, self.space, "sa-rl")

    def set_policy(self, victim: Policy | None) -> None:
        """Attack ``victim`` from the next step on; ``None`` changes nothing."""
        if victim is not None:
            self.victim = victim
            self.adversary.set_policy(VictimGaussian(victim))

    def act(self, true_state: Array, x: Array, by_victim: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Return executed actions and perturbations, both in [-1, 1].

        Args:
            true_state: Observations of the environments, ``(n, d)``.
            x: The same observations as the networks read them: normalised and clipped, ``(n, d)``.
            by_victim: Rows in which the perturbed policy acts; in the others it is the intention policy.
        """
        space = self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        action, _ = self.actor.sample(x)
        delta = self.adversary.network(x)[0] if self.settings.intention else action
        if by_victim.any():
            perturbed, _ = enforce(true_state, self.ball.epsilon * delta, self.ball, self.scale)
            executed = 2 * (self.victim.act_batch(perturbed) - space.low) / (space.high - space.low) - 1
            action = np.where(by_victim[:, None], executed, action) if self.settings.intention else executed
        return action, delta

    def step(self, action: Array) -> tuple[RowStep, Array]:
        """Execute actions in [-1, 1]; return the step and the attacker's true rewards, ``(n,)``."""
        space = self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        executed = np.clip(space.low + (action + 1) / 2 * (space.high - space.low), space.low, space.high)
        step = self.rows.step(executed.astype(space.dtype))
        if "attacker_reward" not in step.infos[0]:
            raise EnvironmentFault("RAT needs an environment that reports info['attacker_reward'] to its teacher")
        return step, np.array([float(info["attacker_reward"]) for info in step.infos])

    def learned_reward(self, x: Array, action: Array) -> Array:
        return self.rewards(np.concatenate([x, action], 1).astype(np.float32))

    def sample(self, state_entropy: bool = False) -> tuple[Array, ...]:
        """Draw a batch; ``state_entropy`` replaces its rewards by PEBBLE's bonus for exploration.

        The bonus is log(1 + distance to the 5th nearest neighbour), which estimates the entropy of the states.
        """
        x, chosen, reward, next_x, not_terminated = self.buffer.sample(self.settings.batch_size, self.rng)
        if state_entropy:
            distances = np.linalg.norm(x[:, None] - next_x, axis=2)
            reward = np.log(1 + np.partition(distances, 4, axis=0)[4])
        return x, chosen, reward, next_x, not_terminated

    def relabel(self) -> None:
        """Replace all rewards in the buffer by those of the refitted ensemble."""
        size = self.buffer.size
        x, action = (part[:size].reshape(-1, part.shape[2]) for part in (self.buffer.x, self.buffer.action))
        self.buffer.reward[:size] = self.learned_reward(x, action).reshape(size, -1)

    def reset_critics(self) -> None:
        """Replace the critics that learned to explore, which then learn the new reward."""
        self.actor.reset_critics()
        for _ in range(self.settings.reset_updates):
            self.actor.update(*self.sample())

    def set_learning_rates(self, left: float) -> None:
        """Anneal the learning rates.

        Args:
            left: Share of the steps that is left, in (0, 1].
        """
        s = self.settings
        rate = s.learning_rate * (min(1.0, left / s.anneal) if s.anneal else 1.0)
        for network in (*self.actor.networks, self.adversary.network):
            network.learning_rate = rate
        self.adversary.weights.learning_rate = s.outer_rate * rate

    def learn(self, exploring: bool) -> None:
        """Take one gradient step of every learner; only the intention policy learns while exploring."""
        s = self.settings
        self.actor.update(*self.sample(state_entropy=exploring))
        if exploring or not s.intention:
            return
        states = self.buffer.sample_states(s.batch_size, self.rng)
        self.losses.append(self.adversary.update(states, self.actor))
        self.adversary_updates += 1
        if s.weighting and self.adversary_updates % s.outer_every == 0:
            fresh = self.buffer.sample_states(s.batch_size, self.rng)
            self.adversary.update_weights(states, fresh, self.actor)

    def intention_policy(self) -> Policy:
        """Return the intention policy as a policy of its own, with the first of its critics."""
        victim = self.victim
        return Policy(
            self.actor.actor.frozen(self.action_size),
            victim.observation_space,
            victim.action_space,
            head="squashed",
            action_value=ActionValue([self.actor.critics.frozen()]),
            normaliser=victim.normaliser,
            name="intention",
        )
